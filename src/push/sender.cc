#include "push/sender.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "push/keys.h"

namespace pabal::push {
namespace {

using mailbox::Change;

constexpr size_t kChangesAtOnce = 1'000;
constexpr int kMaxDoublings = 20;
constexpr hours kMaxRetryAfter{24};
constexpr minutes kKeepTold{1};  // how often what a subscription knows is written, where nothing else is

bool good(int status) { return status >= 200 && status < 300; }
std::string named(const Outlet& outlet) {
  const char* kinds[] = {"push subscription", "webhook", "watch"};
  return std::string(kinds[static_cast<int>(outlet.kind)]) + " " + std::to_string(outlet.id) + " of account " +
         std::to_string(outlet.account);
}

Position later(Position a, const Position& b) {
  if (b.mail >= a.mail) a.octets = b.octets, a.quota = b.quota;
  a.mail = std::max(a.mail, b.mail);
  a.scripts = std::max(a.scripts, b.scripts);
  for (size_t i = 0; i < a.collections.size(); ++i) a.collections[i] = std::max(a.collections[i], b.collections[i]);
  return a;
}

}  // namespace

struct Sender::Line {
  Outlet outlet;
  Position until;  // what is being tried again reaches up to here; nothing is where it is 0
  int failures = 0;
  bool busy = false, waiting = false, gone = false;
  Time not_before{}, written{};
  std::unique_ptr<net::Loop::Timer> timer;
};

struct Sender::Station {  // an account with outlets
  std::unique_ptr<Hub::Listener> listener;
  std::map<mailbox::AccountId, std::unique_ptr<Hub::Listener>> shared;  // with it, where it has subscriptions
  std::vector<std::shared_ptr<Line>> lines;
  size_t posting = 0;
};

struct Sender::Letter {
  web::Post post;
  Position told;
  std::map<mailbox::AccountId, Position> told_of_others;
  bool silent = false;  // nothing in it that this outlet wants to hear
};

Sender::Sender(net::Loop& loop, SenderServices services, EcKey vapid)
    : loop_(loop), services_(std::move(services)), vapid_(std::move(vapid)) {}

Sender::~Sender() { watch_.reset(); }

void Sender::start() {
  const std::function<void()> look = [this, weak = std::weak_ptr<bool>(alive_)] {
    loop_.post([this, weak] {
      if (!weak.expired()) reload();
    });
  };
  watch_ = services_.store.watch(std::string(keys::kChanged), look);
  look();
}

void Sender::stop() {
  loop_.post([this, weak = std::weak_ptr<bool>(alive_)] {
    if (weak.expired()) return;
    over_ = true;
    stations_.clear();
    waiting_.clear();
  });
}

// Takes over what has been added, changed and removed.
void Sender::reload() {
  if (over_) return;
  Result<std::vector<Outlet>> all = services_.outlets.all(services_.store);
  if (!all) return log::error("push", all.error().message);
  std::map<mailbox::AccountId, std::vector<Outlet>> fresh;
  for (Outlet& outlet : *all) fresh[outlet.account].push_back(std::move(outlet));
  std::erase_if(stations_, [&](const auto& one) {
    if (fresh.contains(one.first)) return false;
    for (const auto& line : one.second->lines) line->gone = true;
    return true;
  });
  std::vector<std::shared_ptr<Line>> lines;
  for (auto& [account, outlets] : fresh) {
    std::unique_ptr<Station>& station = stations_[account];
    if (!station) {
      station = std::make_unique<Station>();
      station->listener = services_.hub.listen(
          loop_, account, [this](const News& n) { news(n.account); }, [this, whose = account] { look_again(whose); });
    }
    std::vector<std::shared_ptr<Line>> before = std::exchange(station->lines, {});
    for (Outlet& outlet : outlets) {
      const auto known =
          std::find_if(before.begin(), before.end(), [&](const auto& line) { return line->outlet.id == outlet.id; });
      std::shared_ptr<Line> line = known == before.end() ? std::make_shared<Line>() : *known;
      if (known != before.end()) before.erase(known);
      // What has been told lately may not be written yet.
      outlet.told = later(outlet.told, line->outlet.told);
      for (const auto& [other, told] : line->outlet.told_of_others)
        outlet.told_of_others[other] = later(outlet.told_of_others[other], told);
      if (line->outlet.off && !outlet.off) line->not_before = Time(), line->failures = 0;
      line->outlet = std::move(outlet);
      station->lines.push_back(line);
      lines.push_back(std::move(line));
    }
    for (const auto& line : before) line->gone = true;
    listen_to_shared(account);
  }
  for (const auto& line : lines) consider(line);
}

void Sender::news(mailbox::AccountId account) {
  const auto station = stations_.find(account);
  if (over_ || station == stations_.end()) return;
  const std::vector<std::shared_ptr<Line>> lines = station->second->lines;
  for (const auto& line : lines) consider(line);
}

void Sender::look_again(mailbox::AccountId account) {
  if (over_) return;
  listen_to_shared(account);
  news(account);
}

void Sender::listen_to_shared(mailbox::AccountId account) {
  const auto found = stations_.find(account);
  if (found == stations_.end()) return;
  Station& station = *found->second;
  std::map<mailbox::AccountId, std::unique_ptr<Hub::Listener>> before = std::exchange(station.shared, {});
  if (std::none_of(station.lines.begin(), station.lines.end(),
                   [](const auto& line) { return line->outlet.kind == Outlet::Kind::kSubscription; }))
    return;
  for (const mailbox::AccountId other : services_.shared_with(account)) {
    std::unique_ptr<Hub::Listener>& listener = station.shared[other];
    if (const auto known = before.find(other); known != before.end())
      listener = std::move(known->second);
    else
      listener = services_.hub.listen(loop_, other, [this, account](const News&) { news(account); });
  }
}

bool Sender::has_news(const Outlet& outlet) const {
  const auto now = position_of(services_.store, services_.mailboxes, outlet.account);
  if (!now) return false;  // the store fails for a moment
  if (*now != outlet.told) return true;
  const auto station = stations_.find(outlet.account);
  if (outlet.kind != Outlet::Kind::kSubscription || station == stations_.end()) return false;
  const auto& shared = station->second->shared;
  return std::any_of(shared.begin(), shared.end(), [&](const auto& one) {
    const auto told = outlet.told_of_others.find(one.first);
    const auto of_it = position_of(services_.store, services_.mailboxes, one.first);
    return of_it && (told == outlet.told_of_others.end() || *of_it != told->second);
  });
}

// Begins to tell, now or when it may be told.
void Sender::consider(const std::shared_ptr<Line>& line) {
  const Outlet& outlet = line->outlet;
  if (over_ || line->gone || line->busy || line->waiting || outlet.off) return;
  if (outlet.expires && *outlet.expires <= loop_.now()) return;
  const auto station = stations_.find(outlet.account);
  if (station == stations_.end()) return;
  if (services_.name_of(outlet).empty()) {
    // tell_one() removes it
  } else if (outlet.kind == Outlet::Kind::kSubscription && !outlet.verified) {
    if (outlet.code_sent) return;
  } else if (!has_news(outlet)) {
    return;
  }
  if (loop_.now() < line->not_before) {
    // What runs then is not to drop this timer within its own call.
    const std::function<void()> again = [this, weak = std::weak_ptr<Line>(line), alive = std::weak_ptr<bool>(alive_)] {
      const auto held = weak.lock();
      if (held && !alive.expired()) consider(held);
    };
    line->timer = loop_.at(line->not_before, [this, again] { loop_.post(again); });
    return;
  }
  if (posting_ >= kPostsAtOnce || station->second->posting >= kPostsOfAccount) {
    line->waiting = true;
    waiting_.push_back(line);
    return;
  }
  line->busy = true;
  ++posting_;
  ++station->second->posting;
  loop_.spawn(tell(line));
}

Task<void> Sender::tell(std::shared_ptr<Line> line) {
  Task<void> telling = tell_one(line);
  co_await telling;
  line->busy = false;
  --posting_;
  if (const auto station = stations_.find(line->outlet.account); station != stations_.end() && station->second->posting)
    --station->second->posting;
  consider(line);
  std::deque<std::shared_ptr<Line>> waiting = std::exchange(waiting_, {});
  for (const auto& one : waiting) {
    one->waiting = false;
    consider(one);
  }
}

Task<void> Sender::tell_one(std::shared_ptr<Line> line) {
  if (services_.name_of(line->outlet).empty()) {
    Task<void> removing = remove(line, "its account or its access token is gone");
    co_return co_await removing;
  }
  std::optional<Letter> letter = letter_for(line->outlet, line->until);
  if (!letter) co_return;
  line->until = letter->told;
  if (letter->silent) {
    line->outlet.told = letter->told;
    line->outlet.told_of_others = std::move(letter->told_of_others);
    line->until = {};
    co_return;
  }
  Task<Result<web::Posted>> posting = services_.poster.post(loop_, std::move(letter->post));
  Result<web::Posted> answer = co_await posting;
  if (line->gone || over_) co_return;
  Task<void> settling = settle(line, std::move(*letter), std::move(answer));
  co_await settling;
}

// --- what is told ---------------------------------------------------------------------------------------------------

std::optional<Sender::Letter> Sender::letter_for(const Outlet& outlet, const Position& until) const {
  if (outlet.kind == Outlet::Kind::kSubscription) return subscription_letter(outlet);
  std::optional<News> news = read_news(services_.store, services_.mailboxes, outlet.account, outlet.told);
  if (!news) return {};
  // The same call again has to be the same (its id says so), whatever has happened since.
  if (until.mail > outlet.told.mail) news->now.mail = std::min(news->now.mail, until.mail);
  switch (outlet.kind) {
    case Outlet::Kind::kSubscription:
      break;
    case Outlet::Kind::kWebhook:
      return webhook_letter(outlet, *news);
    case Outlet::Kind::kWatch:
      return watch_letter(outlet, *news);
  }
  return {};
}

// What is new in the accounts shared with its own is added to `news`; up to which that is.
std::map<mailbox::AccountId, Position> Sender::read_shared(const Outlet& outlet, std::vector<News>& news) const {
  std::map<mailbox::AccountId, Position> told;
  const auto station = stations_.find(outlet.account);
  if (station == stations_.end()) return outlet.told_of_others;
  for (const auto& [other, listener] : station->second->shared) {
    const auto known = outlet.told_of_others.find(other);
    std::optional<News> fresh = known == outlet.told_of_others.end()
                                    ? all_is_news(services_.store, services_.mailboxes, other)
                                    : read_news(services_.store, services_.mailboxes, other, known->second);
    if (fresh)
      told[other] = fresh->now;
    else if (known != outlet.told_of_others.end())
      told[other] = known->second;
    if (fresh) news.push_back(std::move(*fresh));
  }
  return told;
}

// RFC 8620 §7.2, RFC 8030 §5.
std::optional<Sender::Letter> Sender::subscription_letter(const Outlet& outlet) const {
  Letter letter;
  letter.told = outlet.told;
  letter.told_of_others = outlet.told_of_others;
  std::vector<News> news;
  if (outlet.verified) {
    if (auto own = read_news(services_.store, services_.mailboxes, outlet.account, outlet.told)) {
      letter.told = own->now;
      news.push_back(std::move(*own));
    }
    letter.told_of_others = read_shared(outlet, news);
  }
  uint32_t kinds = 0;
  for (const News& one : news) kinds |= one.kinds;
  const std::string body = outlet.verified ? services_.state_change(outlet, news)
                                           : verification_body(services_.subscription_id(outlet.id), outlet.code);
  letter.silent = body.empty();
  if (letter.silent) return letter;
  letter.post.url = outlet.url;
  std::vector<std::string>& fields = letter.post.fields;
  if (outlet.keys.p256dh.empty()) {
    letter.post.body = body;
    fields.push_back("Content-Type: application/json");
  } else {
    Result<std::string> sealed = encrypt_push(body, outlet.keys, kPadTo, services_.random);
    if (!sealed) return {};  // keys are looked at before they are kept
    letter.post.body = std::move(*sealed);
    fields.push_back("Content-Type: application/octet-stream");
    fields.push_back("Content-Encoding: aes128gcm");
  }
  if (const auto origin = web::check_post_url(outlet.url, services_.anywhere))
    fields.push_back("Authorization: " + vapid(vapid_, *origin, services_.contact, loop_.now()));
  fields.push_back("TTL: " + std::to_string(kPushTtl.count()));
  fields.push_back(std::string("Urgency: ") +
                   (!outlet.verified || (kinds >> static_cast<int>(Change::Kind::kAdded) & 1) ? "normal" : "low"));
  // RFC 8030 §5.4: a newer message of the same types takes the place of an older one that was not fetched yet.
  if (outlet.verified)
    fields.push_back("Topic: " + text::base64url(sha256(outlet.code + std::to_string(kinds))).substr(0, 22));
  return letter;
}

std::optional<Sender::Letter> Sender::webhook_letter(const Outlet& outlet, const News& news) const {
  Letter letter;
  letter.told = news.now;
  Added added;
  std::set<mailbox::MessageId> seen;
  for (mailbox::ModSeq at = news.since.mail; at < news.now.mail && !added.more;) {
    const auto changes = services_.mailboxes.changes(services_.store, outlet.account, at, kChangesAtOnce);
    if (!changes || changes->empty()) {  // the feed does not reach back: who hears of it has to look at all anew
      added.more = true;
      break;
    }
    at = changes->back().modseq;
    for (const Change& change : *changes) {
      if (change.modseq > news.now.mail || change.kind != Change::Kind::kAdded) continue;
      if (!seen.insert(change.message).second) continue;
      const auto message = services_.mailboxes.message(services_.store, outlet.account, change.message);
      // One more label on an old message is no new message; one that is gone again need not be told of.
      if (!message || !*message || (*message)->created_modseq <= news.since.mail || (*message)->places.empty())
        continue;
      if (added.messages.size() == kMaxMessagesTold)
        added.more = true;
      else
        added.messages.emplace_back(change.message, (*message)->thread);
    }
  }
  letter.silent = added.messages.empty() && !added.more && !outlet.every_change;
  if (letter.silent) return letter;
  letter.post.url = outlet.url;
  letter.post.anywhere = outlet.anywhere;
  letter.post.body = webhook_body(services_.name_of(outlet), news, added);
  const std::string id = "msg_" + std::to_string(outlet.id) + "_" + std::to_string(news.now.mail);
  sign_post(letter.post, outlet.secret, id, loop_.now());
  return letter;
}

std::optional<Sender::Letter> Sender::watch_letter(const Outlet& outlet, const News& news) const {
  Letter letter;
  letter.told = news.now;
  letter.silent = true;
  const auto topic = services_.outlets.topic(services_.store, outlet.name);
  if (!topic) return {};
  if (!*topic) return letter;  // the administrator has taken it away
  const auto changes = services_.mailboxes.changes(services_.store, outlet.account, news.since.mail, SIZE_MAX);
  if (!changes) {
    letter.silent = false;
  } else {
    for (const Change& change : *changes) {
      const bool message = change.kind == Change::Kind::kAdded || change.kind == Change::Kind::kRemoved ||
                           change.kind == Change::Kind::kFlags;
      const bool named =
          std::find(outlet.mailboxes.begin(), outlet.mailboxes.end(), change.mailbox) != outlet.mailboxes.end();
      if (message && (outlet.mailboxes.empty() || named != outlet.all_but)) letter.silent = false;
    }
  }
  if (letter.silent) return letter;
  letter.post.url = (*topic)->url;
  letter.post.anywhere = (*topic)->anywhere;
  letter.post.body =
      watch_body(services_.name_of(outlet), news.now.mail, outlet.id ^ news.now.mail, outlet.name, loop_.now());
  const std::string id = "msg_" + std::to_string(outlet.id) + "_" + std::to_string(news.now.mail);
  sign_post(letter.post, (*topic)->secret, id, loop_.now());
  return letter;
}

// --- what comes of it -----------------------------------------------------------------------------------------------

Task<void> Sender::settle(std::shared_ptr<Line> line, Letter letter, Result<web::Posted> answer) {
  Outlet& outlet = line->outlet;
  const Outlet before = outlet;
  const bool subscription = outlet.kind == Outlet::Kind::kSubscription;
  const int status = answer ? answer->status : 0;
  const Time now = loop_.now();
  // RFC 8030 §7.3: the subscription is over.
  if (subscription && (status == 404 || status == 410)) {
    Task<void> removing = remove(line, "its push service says that it is over");
    co_return co_await removing;
  }
  const bool too_large = subscription && status == 413;  // it will not be smaller the next time
  if (good(status) || too_large) {
    outlet.told = letter.told;
    outlet.told_of_others = std::move(letter.told_of_others);
    outlet.code_sent = true;
    outlet.failing_since.reset();
    outlet.trouble = too_large ? "the push service finds the message too large" : "";
    line->until = {};
    line->failures = 0;
    line->not_before = now + (subscription ? kSubscriptionPause : kWebhookPause);
  } else {
    const std::string why = answer ? "it answers " + std::to_string(status) : answer.error().message;
    outlet.trouble = text::printable(why, kMaxTrouble);
    if (!outlet.failing_since) outlet.failing_since = now;
    line->failures = std::min(line->failures + 1, kMaxDoublings);
    Duration wait = std::min<Duration>(kFirstRetry * (1 << (line->failures - 1)), kLastRetry);
    wait += Duration(static_cast<int64_t>(services_.random.below(static_cast<uint64_t>(wait.count()) / 4 + 1)));
    if (answer)
      if (const auto told_to_wait = text::parse_u64(answer->retry_after))
        wait = std::max<Duration>(
            wait, std::min<Duration>(seconds(std::min<uint64_t>(*told_to_wait, 1 << 20)), kMaxRetryAfter));
    line->not_before = now + wait;
    const bool over = now - *outlet.failing_since >= kGiveUp || (!subscription && status == 410);
    if (over && subscription) {
      Task<void> removing = remove(line, "it has failed for days: " + outlet.trouble);
      co_return co_await removing;
    }
    outlet.off = over;
  }
  const bool only_told = outlet.trouble == before.trouble && outlet.code_sent == before.code_sent &&
                         outlet.failing_since == before.failing_since && outlet.off == before.off;
  if (subscription && only_told && now < line->written + kKeepTold) co_return;
  line->written = now;
  const store::Work work = [outlets = &services_.outlets, copy = outlet](store::Transaction& t) {
    return outlets->note(t, copy);
  };
  Task<Result<void>> writing = write(work);
  if (const Result<void> done = co_await writing; !done) log::error("push", done.error().message);
  if (outlet.off && !before.off)
    log::warn("push", named(outlet) + " is switched off, it has failed for too long: " + outlet.trouble);
}

Task<void> Sender::remove(std::shared_ptr<Line> line, std::string why) {
  log::info("push", named(line->outlet) + " is removed: " + why);
  line->gone = true;
  const store::Work work = [outlets = &services_.outlets, account = line->outlet.account,
                            id = line->outlet.id](store::Transaction& t) -> Result<void> {
    const auto done = outlets->remove(t, account, id);
    return done || done.code() == Code::kNotFound ? Result<void>() : done;
  };
  Task<Result<void>> writing = write(work);
  if (const Result<void> done = co_await writing; !done) log::error("push", done.error().message);
}

Task<Result<void>> Sender::write(store::Work work) {
  const std::function<void(std::function<void(Result<void>)>)> begin =
      [this, work](std::function<void(Result<void>)> done) { services_.store.transact(work, std::move(done)); };
  Task<Result<void>> waiting = net::from_callback<Result<void>>(loop_, begin);
  co_return co_await waiting;
}

}  // namespace pabal::push
