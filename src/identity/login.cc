#include "identity/login.h"

#include <algorithm>

#include "base/text.h"
#include "identity/bearer.h"

namespace pabal::identity {
namespace {

constexpr size_t kMaxSaslField = 1'000;

SaslStep failure(std::string why) {
  SaslStep step;
  step.error = {Code::kDenied, std::move(why)};
  return step;
}
SaslStep challenge(std::string data) {
  SaslStep step;
  step.kind = SaslStep::Kind::kChallenge;
  step.data = std::move(data);
  return step;
}

// RFC 5802 §7: printable ASCII without commas.
bool is_nonce(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c < 0x7F && c != ','; });
}

// The value of "x=value" when the attribute is that.
std::optional<std::string_view> attribute(std::string_view field, char name) {
  if (field.size() < 2 || field[0] != name || field[1] != '=') return {};
  return field.substr(2);
}

}  // namespace

// --- the guard ------------------------------------------------------------------------------------------------------

LoginGuard::Count* LoginGuard::find(const std::string& key) {
  while (!counts_.empty() && clock_.now() - counts_.front().last > kGuardMemory) {
    by_key_.erase(counts_.front().key);
    counts_.pop_front();
  }
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &*found->second;
}

Duration LoginGuard::step(const Count& count) const {
  if (count.failures < kFreeFailures) return Duration(0);
  return std::min<Duration>(kMaxLoginDelay, seconds(1ll << std::min(10, count.failures - kFreeFailures)));
}

Duration LoginGuard::delay(const std::string& key) {
  std::lock_guard lock(mutex_);
  const Count* count = find(key);
  return count ? step(*count) : Duration(0);
}

std::optional<Duration> LoginGuard::take_turn(const std::string& key) {
  std::lock_guard lock(mutex_);
  Count* count = find(key);
  if (!count || count->failures < kFreeFailures) return Duration(0);
  const Time now = clock_.now(), turn = std::max(now, count->next_turn) + step(*count);
  if (turn - now > kMaxLoginWait) return {};
  count->next_turn = turn;
  return turn - now;
}

void LoginGuard::failed(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (Count* known = find(key)) {
    counts_.splice(counts_.end(), counts_, by_key_.find(key)->second);
    ++known->failures;
    known->last = clock_.now();
    return;
  }
  if (counts_.size() >= kMaxGuarded) {
    by_key_.erase(counts_.front().key);
    counts_.pop_front();
  }
  counts_.push_back({key, 1, clock_.now(), Time()});
  by_key_.emplace(counts_.back().key, std::prev(counts_.end()));
}

void LoginGuard::succeeded(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto place = found->second;
  by_key_.erase(found);
  counts_.erase(place);
}

size_t LoginGuard::size() const {
  std::lock_guard lock(mutex_);
  return counts_.size();
}

// --- passwords ------------------------------------------------------------------------------------------------------

namespace {
std::string guarded_name(const std::string& name) { return "n" + text::lowered(name).substr(0, 255); }
}  // namespace

// By address in turns, by name only slower: else whoever fails on somebody's name from everywhere would keep him out.
Task<Result<void>> Login::wait_turn(net::Loop& loop, std::string name, std::string ip) {
  const std::optional<Duration> turn = guard_.take_turn("i" + ip);
  if (!turn) co_return Error{Code::kLimit, "too many failed logins from your address; try again in some minutes"};
  const Duration wait = name.empty() ? *turn : std::max(*turn, guard_.delay(guarded_name(name)));
  if (wait > Duration(0)) {
    Task<void> waiting = net::sleep(loop, wait);
    co_await waiting;
  }
  co_return Result<void>();
}

void Login::settle(const std::string& name, const std::string& ip, bool good) {
  // A success clears the name, not the address: else a guesser clears it with an account of his own.
  if (good) return guard_.succeeded(guarded_name(name));
  if (!name.empty()) guard_.failed(guarded_name(name));
  guard_.failed("i" + ip);
}

Task<Result<Account>> Login::password(net::Loop& loop, std::string name, std::string password, std::string ip) {
  Task<Result<void>> waiting = wait_turn(loop, name, ip);
  const Result<void> turn = co_await waiting;
  if (!turn) co_return turn.error();
  std::function<Result<Account>()> work = [this, name, password] { return directory_.check_password(name, password); };
  Task<Result<Account>> working = net::run_on<Account>(pool_, loop, work);
  Result<Account> account = co_await working;
  if (account || account.code() == Code::kDenied) settle(name, ip, account.ok());
  co_return account;
}

Task<Result<Directory::Bearer>> Login::bearer(net::Loop& loop, std::string name, std::string token, std::string ip) {
  Task<Result<void>> waiting = wait_turn(loop, name, ip);
  const Result<void> turn = co_await waiting;
  if (!turn) co_return turn.error();
  Result<Directory::Bearer> found = directory_.check_token(token);
  if (found && !name.empty()) {
    const auto named = directory_.find_enabled(name);
    if (!named) co_return named.error();
    if (!*named || (*named)->id != found->account.id) found = Error{Code::kDenied, "the token is not of that account"};
  }
  if (found || found.code() == Code::kDenied) settle(name, ip, found.ok());
  co_return found;
}

Task<Result<Directory::Bearer>> Login::ticket(net::Loop& loop, std::string ticket) {
  auto found = std::make_shared<Result<Directory::Bearer>>(Code::kDenied, "the ticket was not looked at");
  store::Work work = [this, found, ticket](store::Transaction& t) -> Result<void> {
    *found = directory_.take_ticket(t, ticket);
    return {};
  };
  std::function<void(std::function<void(Result<void>)>)> start = [this, work](std::function<void(Result<void>)> done) {
    directory_.store().transact(work, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop, start);
  const Result<void> done = co_await committing;
  if (!done) co_return done.error();
  co_return *found;
}

// --- SASL -----------------------------------------------------------------------------------------------------------

std::vector<std::string> sasl_mechanisms(const net::TlsInfo* tls) {
  std::vector<std::string> out;
  if (tls && !tls->channel_binding.empty()) out.emplace_back("SCRAM-SHA-256-PLUS");
  for (const char* name : {"SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "XOAUTH2", "LOGIN"}) out.emplace_back(name);
  return out;
}

Task<SaslStep> SaslExchange::start(std::string mechanism, std::optional<std::string> initial) {
  if (mechanism == "PLAIN")
    state_ = State::kPlain;
  else if (mechanism == "LOGIN")
    state_ = State::kLoginUser;
  else if (mechanism == "SCRAM-SHA-256")
    state_ = State::kScramFirst;
  else if (mechanism == "SCRAM-SHA-256-PLUS" && tls_ && !tls_->channel_binding.empty()) {
    state_ = State::kScramFirst;
    plus_ = true;
  } else if (mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2") {
    state_ = State::kBearer;
    xoauth2_ = mechanism == "XOAUTH2";
  } else
    co_return failure("that mechanism is not offered");
  if (initial) {
    Task<SaslStep> going = next(std::move(*initial));
    co_return co_await going;
  }
  co_return challenge(state_ == State::kLoginUser ? "Username:" : "");
}

Task<SaslStep> SaslExchange::next(std::string data) {
  switch (state_) {
    case State::kPlain: {
      state_ = State::kOver;
      Task<SaslStep> going = plain(std::move(data));
      co_return co_await going;
    }
    case State::kLoginUser:
      if (data.size() > kMaxSaslField) break;
      user_ = std::move(data);
      state_ = State::kLoginPassword;
      co_return challenge("Password:");
    case State::kLoginPassword: {
      state_ = State::kOver;
      Task<SaslStep> going = check(user_, std::move(data));
      co_return co_await going;
    }
    case State::kScramFirst:
      co_return scram_first(data);
    case State::kScramFinal: {
      Task<SaslStep> going = scram_final(std::move(data));
      co_return co_await going;
    }
    case State::kScramDone: {  // the client has taken our signature, and says so by nothing
      state_ = State::kOver;
      if (!data.empty()) break;
      SaslStep step;
      step.kind = SaslStep::Kind::kSuccess;
      step.account = *proven_;
      co_return step;
    }
    case State::kBearer: {
      Task<SaslStep> going = bearer(std::move(data));
      co_return co_await going;
    }
    case State::kBearerFailed: {  // RFC 7628 §3.2.3: whatever it answers
      state_ = State::kOver;
      SaslStep step;
      step.error = refused_;
      co_return step;
    }
    case State::kOver:
      break;
  }
  co_return failure("the exchange is malformed");
}

// RFC 4616: authzid NUL authcid NUL password.
Task<SaslStep> SaslExchange::plain(std::string data) {
  const auto parts = text::split(data, '\0');
  if (parts.size() != 3 || parts[1].empty() || parts[1].size() > kMaxSaslField)
    co_return failure("the PLAIN message is malformed");
  if (!parts[0].empty() && !text::iequals(parts[0], parts[1])) co_return failure("nobody may act for another here");
  Task<SaslStep> going = check(std::string(parts[1]), std::string(parts[2]));
  co_return co_await going;
}

Task<SaslStep> SaslExchange::check(std::string name, std::string password) {
  Task<Result<Account>> checking = login_.password(loop_, std::move(name), std::move(password), ip_);
  Result<Account> account = co_await checking;
  SaslStep step;
  if (account) {
    step.kind = SaslStep::Kind::kSuccess;
    step.account = std::move(*account);
  } else
    step.error = account.error();
  co_return step;
}

Task<SaslStep> SaslExchange::bearer(std::string data) {
  state_ = State::kOver;
  const auto message = xoauth2_ ? parse_xoauth2(data) : parse_oauthbearer(data);
  if (!message || message->name.size() > kMaxSaslField) co_return failure("the message with the token is malformed");
  Task<Result<Directory::Bearer>> checking = login_.bearer(loop_, message->name, message->token, ip_);
  Result<Directory::Bearer> bearer = co_await checking;
  SaslStep step;
  if (bearer && bearer->token.covers(need_)) {
    step.kind = SaslStep::Kind::kSuccess;
    step.account = std::move(bearer->account);
    co_return step;
  }
  const std::string wanted(scope_to_ask(need_));
  step.error =
      bearer ? Error{Code::kDenied, "the token is not for this; it wants the scope " + wanted} : bearer.error();
  if (step.error.code != Code::kDenied) co_return step;
  // RFC 7628 §3.2.2: what is wrong comes as a challenge, and the failure after the client has answered to it.
  state_ = State::kBearerFailed;
  refused_ = step.error;
  const std::string scope = "\"scope\":\"" + wanted + "\"}";
  if (xoauth2_) co_return challenge("{\"status\":\"401\",\"schemes\":\"bearer\"," + scope);
  co_return challenge("{\"status\":\"" + std::string(bearer ? "insufficient_scope" : "invalid_token") + "\"," + scope);
}

// RFC 5802 §7: gs2-header n=user,r=nonce
SaslStep SaslExchange::scram_first(std::string_view data) {
  state_ = State::kOver;
  const SaslStep bad = failure("the SCRAM message is malformed");
  if (data.size() > 4 * kMaxSaslField) return bad;
  const auto fields = text::split(data, ',');
  if (fields.size() < 4) return bad;

  // RFC 5802 §6: -PLUS binds, the other does not. "n": the client cannot. "y": it could, and thinks that we cannot.
  const std::string_view flag = fields[0];
  if (plus_) {
    if (flag == "p=tls-exporter")
      binding_ = tls_->channel_binding;
    else if (flag == "p=tls-server-end-point")
      binding_ = tls_->endpoint_binding;
    if (binding_.empty()) return failure("that channel binding is not offered");
  } else if (flag == "y") {
    // We do offer one: somebody took it out of the list.
    if (tls_ && !tls_->channel_binding.empty()) return failure("channel binding was stripped on the way");
  } else if (flag != "n")
    return failure("channel binding needs SCRAM-SHA-256-PLUS");

  const auto authzid = attribute(fields[1], 'a');
  const auto user = attribute(fields[2], 'n');  // "m=" here is an extension nobody knows: §5.1 wants it refused
  const auto nonce = attribute(fields[3], 'r');
  const auto name = user ? sasl_name(*user) : std::nullopt;
  if ((!fields[1].empty() && !authzid) || !name || name->empty() || !nonce || !is_nonce(*nonce)) return bad;
  if (authzid) {
    const auto acting = sasl_name(*authzid);
    if (!acting || !text::iequals(*acting, *name)) return failure("nobody may act for another here");
  }
  user_ = *name;
  gs2_ = std::string(fields[0]) + "," + std::string(fields[1]) + ",";
  client_first_bare_ = data.substr(gs2_.size());
  const auto secret = login_.directory().scram_secret(user_);
  if (!secret) {
    SaslStep step;
    step.error = secret.error();
    return step;
  }
  secret_ = *secret;
  nonce_ = std::string(*nonce) + text::base64(login_.random().bytes(18));
  server_first_ = "r=" + nonce_ + ",s=" + text::base64(secret_.salt) + ",i=" + std::to_string(secret_.iterations);
  state_ = State::kScramFinal;
  return challenge(server_first_);
}

// RFC 5802 §7: c=binding,r=nonce[,extensions],p=proof
Task<SaslStep> SaslExchange::scram_final(std::string data) {
  state_ = State::kOver;
  const size_t proof_at = data.rfind(",p=");
  if (data.size() > 4 * kMaxSaslField || proof_at == data.npos) co_return failure("the SCRAM message is malformed");
  Task<Result<void>> waiting = login_.wait_turn(loop_, user_, ip_);
  const Result<void> turn = co_await waiting;
  if (!turn) {
    SaslStep step;
    step.error = turn.error();
    co_return step;
  }
  const std::string without_proof = data.substr(0, proof_at);
  const auto proof = text::unbase64(std::string_view(data).substr(proof_at + 3));
  const auto fields = text::split(without_proof, ',');
  const auto bound = attribute(fields[0], 'c');
  const auto nonce = fields.size() > 1 ? attribute(fields[1], 'r') : std::nullopt;
  // The binding and the nonce prove that nobody stands between.
  const bool same = bound && text::unbase64(*bound) == gs2_ + binding_ && nonce && *nonce == nonce_;
  const std::string message = client_first_bare_ + "," + server_first_ + "," + without_proof;
  if (same && proof && scram_proves(secret_, message, *proof)) {
    const auto account = login_.directory().find_enabled(user_);
    if (account && *account) proven_ = **account;
  }
  login_.settle(user_, ip_, proven_.has_value());
  if (!proven_) co_return failure("the name or the password is wrong");
  state_ = State::kScramDone;
  SaslStep step = challenge("v=" + text::base64(hmac_sha256(secret_.server_key, message)));
  step.last = true;
  co_return step;
}

}  // namespace pabal::identity
