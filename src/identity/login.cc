#include "identity/login.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"

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

// RFC 5802 §5.1: "=2C" and "=3D" in names.
std::optional<std::string> scram_name(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') out += text[i];
    else if (text.substr(i, 3) == "=2C") out += ',', i += 2;
    else if (text.substr(i, 3) == "=3D") out += '=', i += 2;
    else return {};
  }
  return out;
}

// The value of "x=value" when the attribute is that.
std::optional<std::string_view> attribute(std::string_view field, char name) {
  if (field.size() < 2 || field[0] != name || field[1] != '=') return {};
  return field.substr(2);
}

}  // namespace

Duration LoginGuard::delay(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto found = counts_.find(key);
  if (found == counts_.end() || found->second.failures < kFreeFailures) return Duration(0);
  if (clock_.now() - found->second.last > kGuardMemory) {
    counts_.erase(found);
    return Duration(0);
  }
  return std::min<Duration>(kMaxLoginDelay, seconds(1ll << std::min(10, found->second.failures - kFreeFailures)));
}

void LoginGuard::failed(const std::string& key) {
  std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  if (counts_.size() >= kMaxGuarded) std::erase_if(counts_, [&](const auto& c) { return now - c.second.last > kGuardMemory; });
  if (counts_.size() >= kMaxGuarded) counts_.erase(counts_.begin());
  Count& count = counts_[key];
  ++count.failures;
  count.last = now;
}

void LoginGuard::succeeded(const std::string& key) {
  std::lock_guard lock(mutex_);
  counts_.erase(key);
}

Task<Result<Account>> Login::password(net::Loop& loop, std::string name, std::string password, std::string ip) {
  const std::string by_name = "n" + text::lowered(name).substr(0, 255), by_ip = "i" + ip;
  const Duration wait = std::max(guard_.delay(by_name), guard_.delay(by_ip));
  if (wait > Duration(0)) {
    Task<void> waiting = net::sleep(loop, wait);
    co_await waiting;
  }
  std::function<Result<Account>()> work = [this, name, password] { return directory_.check_password(name, password); };
  Task<Result<Account>> working = net::run_on<Account>(pool_, loop, work);
  Result<Account> account = co_await working;
  if (account) guard_.succeeded(by_name);
  else if (account.code() == Code::kDenied) {
    guard_.failed(by_name);
    guard_.failed(by_ip);
  }
  co_return account;
}

std::vector<std::string> sasl_mechanisms(const net::TlsInfo* tls) {
  std::vector<std::string> out{"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  if (tls && !tls->channel_binding.empty()) out.insert(out.begin(), "SCRAM-SHA-256-PLUS");
  return out;
}

Task<SaslStep> SaslExchange::start(std::string mechanism, std::optional<std::string> initial) {
  if (mechanism == "PLAIN") state_ = State::kPlain;
  else if (mechanism == "LOGIN") state_ = State::kLoginUser;
  else if (mechanism == "SCRAM-SHA-256") state_ = State::kScramFirst;
  else if (mechanism == "SCRAM-SHA-256-PLUS" && tls_) {
    state_ = State::kScramFirst;
    plus_ = true;
  } else co_return failure("that mechanism is not offered");
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
    case State::kScramFirst: co_return scram_first(data);
    case State::kScramFinal: {
      Task<SaslStep> going = scram_final(std::move(data));
      co_return co_await going;
    }
    case State::kScramDone: {  // the client has taken our signature
      state_ = State::kOver;
      SaslStep step;
      step.kind = SaslStep::Kind::kSuccess;
      step.account = *proven_;
      co_return step;
    }
    case State::kOver: break;
  }
  co_return failure("the exchange is malformed");
}

// RFC 4616: authzid NUL authcid NUL password.
Task<SaslStep> SaslExchange::plain(std::string data) {
  const auto parts = text::split(data, '\0');
  if (parts.size() != 3 || parts[1].empty() || parts[1].size() > kMaxSaslField) co_return failure("the PLAIN message is malformed");
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
  } else step.error = account.error();
  co_return step;
}

// RFC 5802 §7: gs2-header n=user,r=nonce
SaslStep SaslExchange::scram_first(std::string_view data) {
  state_ = State::kOver;
  const Error bad{Code::kDenied, "the SCRAM message is malformed"};
  if (data.size() > 4 * kMaxSaslField) return failure(bad.message);
  const auto fields = text::split(data, ',');
  if (fields.size() < 4) return failure(bad.message);
  if (fields[0] == "p=tls-exporter" && plus_) binding_ = tls_->channel_binding;
  else if (fields[0] == "p=tls-server-end-point" && plus_) binding_ = tls_->endpoint_binding;
  else if (plus_ || (fields[0] != "n" && fields[0] != "y")) return failure("that channel binding is not offered");
  // RFC 5802 §6: "y" says the client thinks we offer no binding. We did: somebody took it out of the list.
  if (fields[0] == "y" && tls_ && !tls_->channel_binding.empty()) return failure("channel binding was stripped on the way");
  if (!plus_ && fields[0].starts_with("p=")) return failure(bad.message);
  const auto authzid = attribute(fields[1], 'a');
  const auto user = attribute(fields[2], 'n');
  const auto nonce = attribute(fields[3], 'r');
  const auto name = user ? scram_name(*user) : std::nullopt;
  if ((!fields[1].empty() && !authzid) || !name || name->empty() || !nonce || nonce->empty()) return failure(bad.message);
  user_ = *name;
  if (authzid && !authzid->empty() && !text::iequals(scram_name(*authzid).value_or(""), user_)) return failure("nobody may act for another here");
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

Task<SaslStep> SaslExchange::scram_final(std::string data) {
  state_ = State::kOver;
  const std::string by_name = "n" + text::lowered(user_).substr(0, 255), by_ip = "i" + ip_;
  const Duration wait = std::max(login_.guard().delay(by_name), login_.guard().delay(by_ip));
  if (wait > Duration(0)) {
    Task<void> waiting = net::sleep(loop_, wait);
    co_await waiting;
  }
  const size_t proof_at = data.rfind(",p=");
  if (data.size() > 4 * kMaxSaslField || proof_at == data.npos) co_return failure("the SCRAM message is malformed");
  const std::string without_proof = data.substr(0, proof_at);
  const auto proof = text::unbase64(std::string_view(data).substr(proof_at + 3));
  const auto fields = text::split(without_proof, ',');
  const auto bound = attribute(fields[0], 'c');
  const auto nonce = fields.size() > 1 ? attribute(fields[1], 'r') : std::nullopt;
  // The binding and the nonce prove that nobody stands between.
  const bool same = bound && text::unbase64(*bound) == gs2_ + binding_ && nonce && *nonce == nonce_;
  const std::string message = client_first_bare_ + "," + server_first_ + "," + without_proof;
  const std::string signature = hmac_sha256(secret_.stored_key, message);
  bool proven = same && proof && proof->size() == 32;
  if (proven) {
    std::string client_key = *proof;
    for (size_t i = 0; i < 32; ++i) client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
    proven = text::same_secret(sha256(client_key), secret_.stored_key);
  }
  if (proven) {
    const auto account = login_.directory().find_enabled(user_);
    if (account && *account) proven_ = **account;
  }
  if (!proven_) {
    login_.guard().failed(by_name);
    login_.guard().failed(by_ip);
    co_return failure("the name or the password is wrong");
  }
  login_.guard().succeeded(by_name);
  state_ = State::kScramDone;
  co_return challenge("v=" + text::base64(hmac_sha256(secret_.server_key, message)));
}

}  // namespace pabal::identity
