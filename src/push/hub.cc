#include "push/hub.h"

#include <atomic>
#include <vector>

#include "identity/directory.h"
#include "mailbox/sharing.h"
#include "sieve/scripts.h"

namespace pabal::push {
namespace {

constexpr size_t kChangesAtOnce = 1'000;
constexpr uint32_t kEveryKind = UINT32_MAX;

uint32_t bit(mailbox::Change::Kind kind) { return 1u << static_cast<int>(kind); }

void note(News& news, const mailbox::Change& change) {
  news.kinds |= bit(change.kind);
  if (news.any_box) return;
  for (auto& [box, kinds] : news.boxes)
    if (box == change.mailbox) {
      kinds |= bit(change.kind);
      return;
    }
  if (news.boxes.size() < kMaxBoxesNamed)
    news.boxes.emplace_back(change.mailbox, bit(change.kind));
  else
    news.any_box = true;
}

}  // namespace

Result<Position> position_of(const store::Reader& r, const mailbox::Mailboxes& mailboxes, mailbox::AccountId account) {
  const auto figures = mailboxes.figures(r, account);
  if (!figures) return figures.error();
  Position out;
  out.mail = figures->modseq;
  for (size_t i = 0; i < kCollections.size(); ++i) {
    const auto state = objects::state(r, account, kCollections[i]);
    if (!state) return state.error();
    out.collections[i] = state->modseq;
  }
  const auto scripts = sieve::scripts_state(r, account);
  if (!scripts) return scripts.error();
  out.scripts = *scripts;
  out.octets = figures->octets;
  out.quota = figures->quota_octets;
  return out;
}

std::optional<News> all_is_news(const store::Reader& r, const mailbox::Mailboxes& mailboxes,
                                mailbox::AccountId account) {
  const auto now = position_of(r, mailboxes, account);
  if (!now) return {};
  News news{account, {}, *now, kEveryKind & ~bit(mailbox::Change::Kind::kAdded)};
  news.any_box = true;
  return news;
}

std::optional<News> read_news(const store::Reader& r, const mailbox::Mailboxes& mailboxes, mailbox::AccountId account,
                              const Position& since) {
  const auto now = position_of(r, mailboxes, account);
  if (!now || *now == since) return {};
  News news{account, since, *now};
  // A position from a future that a restored backup does not have: all may be otherwise.
  bool known = since.mail <= now->mail;
  for (mailbox::ModSeq at = since.mail; known && at < now->mail;) {
    const auto changes = mailboxes.changes(r, account, at, kChangesAtOnce);
    known = changes && !changes->empty();  // else the feed does not reach back
    if (!known) break;
    for (const mailbox::Change& change : *changes) note(news, change);
    at = changes->back().modseq;
    news.now.mail = std::max(news.now.mail, at);
  }
  if (!known) news.kinds = kEveryKind, news.any_box = true;
  return news;
}

// One account on one loop. Its thread only, but for `posted`.
struct Hub::Channel : std::enable_shared_from_this<Channel> {
  Channel(Hub& h, net::Loop& l, mailbox::AccountId a) : hub(h), loop(l), account(a) {}

  struct Entry {
    Tell tell;
    std::function<void()> standing;
    bool gone = false;
  };

  struct Bell {  // rings at once, and while it is quiet at its end
    void (Channel::*act)();
    Time quiet_until{};
    std::unique_ptr<net::Loop::Timer> timer{};
    std::shared_ptr<std::atomic<bool>> posted = std::make_shared<std::atomic<bool>>(false);
  };

  void begin();
  // What the store calls.
  std::function<void()> ringing(Bell Channel::* which);
  void rung(Bell Channel::* which);
  void look();
  void look_at_standing();

  Hub& hub;
  net::Loop& loop;
  const mailbox::AccountId account;
  Position seen;
  Bell news{&Channel::look}, standing{&Channel::look_at_standing};
  std::vector<std::shared_ptr<Entry>> entries;
  std::vector<std::unique_ptr<store::Store::Watch>> watches;
};

struct Hub::Place final : Listener {
  Place(std::shared_ptr<Channel> c, Channel::Entry e)
      : channel(std::move(c)), entry(std::make_shared<Channel::Entry>(std::move(e))) {
    channel->entries.push_back(entry);
  }
  ~Place() override {
    entry->gone = true;
    std::erase(channel->entries, entry);
    if (!channel->entries.empty()) return;
    const auto watches = std::exchange(channel->watches, {});  // they end outside the lock
    std::lock_guard lock(channel->hub.mutex_);
    channel->hub.channels_.erase({&channel->loop, channel->account});
  }
  const std::shared_ptr<Channel> channel;
  const std::shared_ptr<Channel::Entry> entry;
};

std::unique_ptr<Hub::Listener> Hub::listen(net::Loop& loop, mailbox::AccountId account, Tell tell,
                                           std::function<void()> standing) {
  std::shared_ptr<Channel> channel;
  {
    std::lock_guard lock(mutex_);
    std::shared_ptr<Channel>& place = channels_[{&loop, account}];
    if (!place) place = std::make_shared<Channel>(*this, loop, account);
    channel = place;
  }
  if (channel->watches.empty()) channel->begin();
  auto place = std::make_unique<Place>(channel, Channel::Entry{std::move(tell), std::move(standing)});
  place->since = channel->seen;
  return place;
}

Hub::Seat Hub::take_seat(mailbox::AccountId who) {
  std::lock_guard lock(mutex_);
  size_t& taken = seats_[who];
  if (taken >= kMaxSeatsOfAccount || seats_taken_ >= kMaxSeats) {
    if (taken == 0) seats_.erase(who);
    return nullptr;
  }
  ++taken, ++seats_taken_;
  return {this, [who](Hub* hub) {
            std::lock_guard free(hub->mutex_);
            --hub->seats_taken_;
            if (--hub->seats_[who] == 0) hub->seats_.erase(who);
          }};
}

size_t Hub::channels() const {
  std::lock_guard lock(mutex_);
  return channels_.size();
}

void Hub::Channel::begin() {
  const std::function<void()> told = ringing(&Channel::news);
  watches.push_back(hub.mailboxes_.watch(account, told));
  for (const objects::Kind kind : kCollections)
    watches.push_back(hub.store_.watch(objects::watch_key(account, kind), told));
  const std::function<void()> doubted = ringing(&Channel::standing);
  for (const mailbox::AccountId whose : {account, mailbox::AccountId(0)}) {
    watches.push_back(hub.store_.watch(identity::standing_key(whose), doubted));
    watches.push_back(hub.store_.watch(mailbox::rights_key(whose), doubted));
  }
  watches.push_back(hub.store_.watch(sieve::scripts_watch_key(account), told));
  // The watches are there before the numbers are read: nothing falls between them.
  if (const auto now = position_of(hub.store_, hub.mailboxes_, account)) seen = *now;
}

// The store calls from its own thread, and may do so while this channel is being dropped.
std::function<void()> Hub::Channel::ringing(Bell Channel::* which) {
  return [weak = weak_from_this(), home = &loop, flag = (this->*which).posted, which] {
    if (flag->exchange(true)) return;
    home->post([weak, flag, which] {
      flag->store(false);
      if (const auto channel = weak.lock()) channel->rung(which);
    });
  };
}

void Hub::Channel::rung(Bell Channel::* which) {
  Bell& bell = this->*which;
  if (bell.timer) return;
  if (loop.now() >= bell.quiet_until) return (this->*bell.act)();
  bell.timer = loop.at(bell.quiet_until, [this, which] {
    // The timer that runs is not dropped within its own call.
    loop.post([weak = weak_from_this(), which] {
      const auto channel = weak.lock();
      if (!channel) return;
      Bell& rung_late = channel.get()->*which;
      rung_late.timer.reset();
      (channel.get()->*rung_late.act)();
    });
  });
}

void Hub::Channel::look_at_standing() {
  const auto self = shared_from_this();  // who looks may be the last one
  standing.quiet_until = loop.now() + kStandingPause;
  const std::vector<std::shared_ptr<Entry>> told = entries;
  for (const auto& entry : told)
    if (!entry->gone && entry->standing) entry->standing();
}

void Hub::Channel::look() {
  const auto self = shared_from_this();  // who is told may be the last one
  const std::optional<News> fresh = read_news(hub.store_, hub.mailboxes_, account, seen);
  if (!fresh) return;
  seen = fresh->now;
  news.quiet_until = loop.now() + kTogether;
  const std::vector<std::shared_ptr<Entry>> told = entries;
  for (const auto& entry : told)
    if (!entry->gone) entry->tell(*fresh);
}

}  // namespace pabal::push
