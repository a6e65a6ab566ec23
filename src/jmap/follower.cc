#include "jmap/follower.h"

#include "base/log.h"
#include "jmap/dispatch.h"

namespace pabal::jmap {

bool may_go_on(const Services& services, const api::Caller& caller, Time opened) {
  const auto account = services.directory.find_enabled(caller.account.name);
  if (!account) return true;  // the store fails for a moment; nobody is to be sent away for that
  if (!*account || (*account)->id != caller.account.id) return false;
  if (!api::stands(services.directory, services.has_grant, caller.account.id, caller.token.root())) return false;
  if (caller.token.kind == identity::Token::Kind::kTicket) return services.clock.now() < opened + kTicketListens;
  if (caller.token.expires <= services.clock.now()) return false;
  return api::stands(services.directory, services.has_grant, caller.account.id, caller.token.id);
}

Follower::Follower(Services& services, net::Loop& loop, api::Caller caller, std::function<void()> ring)
    : services_(services), loop_(loop), caller_(std::move(caller)), ring_(std::move(ring)), opened_(loop.now()) {}

std::shared_ptr<Follower> Follower::make(Services& services, net::Loop& loop, api::Caller caller,
                                         std::function<void()> ring) {
  const std::shared_ptr<Follower> made(new Follower(services, loop, std::move(caller), std::move(ring)));
  made->begin();
  return made;
}

void Follower::begin() {
  own_ = services_.hub.listen(
      loop_, caller_.account.id, [](const push::News&) {}, [this] { loop_.spawn(look_again(shared_from_this())); });
  arm();
}

Task<Result<void>> Follower::start(TypeSet types, Positions since) {
  stop();
  types_ = types;
  on_ = true;
  Task<Result<void>> following = follow(std::move(since), true);
  co_return co_await following;
}

void Follower::stop() {
  on_ = false;
  places_.clear();
}

Task<Result<void>> Follower::follow(Positions since, bool first) {
  using Accounts = std::map<std::string, Account>;
  const std::function<Result<Accounts>()> look = [this]() -> Result<Accounts> {
    const auto snapshot = services_.store.snapshot();
    return accounts_of(services_, *snapshot, caller_);
  };
  Result<Accounts> accounts = Accounts();
  uint64_t mine = 0;
  do {  // again where one that began later has been quicker
    mine = ++asked_;
    Task<Result<Accounts>> looking = net::run_on<Accounts>(services_.pool, loop_, look);
    accounts = co_await looking;
    if (!accounts) co_return accounts.error();
    if (!on_) co_return Result<void>();
  } while (mine < known_);
  known_ = mine;
  std::set<mailbox::AccountId> seen;
  const auto take = [&](Account account) {
    if (seen.size() >= kMaxFollowed || !seen.insert(account.id).second) return;
    const auto found = places_.find(account.id);
    if (found != places_.end()) {
      const bool same = found->second.account.shared == account.shared;
      found->second.account = std::move(account);
      if (!same) show(found->second);
      return;
    }
    const mailbox::AccountId id = account.id;
    Place& place = places_[id];
    place.account = std::move(account);
    place.listener = services_.hub.listen(loop_, id, [this](const push::News& news) { hear(news); });
    place.seen = place.listener->since;
    const auto known = since.find(id);
    if (known == since.end() && !first) show(place);
    if (known == since.end()) return;
    if (const auto news = push::read_news(services_.store, services_.mailboxes, id, known->second)) note(place, *news);
  };
  take(std::move((*accounts)[account_id(caller_.account.id)]));  // the own one is among them in any case
  for (auto& [id, account] : *accounts) take(std::move(account));
  std::erase_if(places_, [&](const auto& place) { return !seen.contains(place.first); });
  co_return Result<void>();
}

void Follower::hear(const push::News& news) {
  const auto place = places_.find(news.account);
  if (place != places_.end()) note(place->second, news);
}

void Follower::note(Place& place, const push::News& news) {
  place.seen = news.now;
  place.changed |= types_changed(news, place.account) & types_;
  if (place.changed) ring();
}

// The caller sees another part of it than before.
void Follower::show(Place& place) {
  place.changed |= kSeenTypes & types_;
  if (place.changed) ring();
}

void Follower::ring() {
  if (std::exchange(rung_, true)) return;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->rung_) self->ring_();
  });
}

std::optional<json::object> Follower::take() {
  rung_ = false;
  json::object changed;
  for (auto& [id, place] : places_)
    if (const TypeSet types = std::exchange(place.changed, 0)) changed[account_id(id)] = type_states(types, place.seen);
  if (changed.empty()) return {};
  json::object out;
  out["@type"] = "StateChange";
  out["changed"] = std::move(changed);
  return out;
}

Positions Follower::positions() const {
  Positions out;
  for (const auto& [id, place] : places_) out[id] = place.seen;
  return out;
}

void Follower::arm() {
  timer_ = loop_.at(loop_.now() + kLookAgain, [this] {
    // The timer that runs is not dropped within its own call.
    loop_.spawn(look_again(shared_from_this()));
  });
}

Task<void> Follower::look_again(std::shared_ptr<Follower> self) {
  Task<void> later = net::sleep(self->loop_, Duration(0));
  co_await later;
  if (self->over_) co_return;
  if (!may_go_on(self->services_, self->caller_, self->opened_)) {
    self->stop();
    self->timer_.reset();
    self->over_ = true;
    self->ring();
    co_return;
  }
  if (self->on_) {
    Task<Result<void>> following = self->follow({}, false);
    const Result<void> done = co_await following;
    if (!done) log::warn("jmap", done.error().message);
  }
  if (!self->over_) self->arm();
}

}  // namespace pabal::jmap
