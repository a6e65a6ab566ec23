// Logging in, for every protocol: SASL exchanges (RFC 4422) PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, with
// access tokens OAUTHBEARER (RFC 7628) and XOAUTH2, and passwords given plainly (IMAP LOGIN). Argon2id runs on a pool;
// those who fail wait longer each time, by address and by account.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "identity/directory.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pabal::identity {

constexpr size_t kMaxGuarded = 100'000;  // addresses and names remembered; then the oldest is forgotten
constexpr int kFreeFailures = 3;         // then each failure doubles the wait
constexpr seconds kMaxLoginDelay{30};
constexpr minutes kMaxLoginWait{2};  // who would wait longer for a turn is sent away
constexpr minutes kGuardMemory{15};

// Counts failures by key (an IP or a name). Thread-safe.
class LoginGuard {
 public:
  explicit LoginGuard(const Clock& clock) : clock_(clock) {}
  Duration delay(const std::string& key);  // to wait before the next try
  // The same, in a queue: those who try at once wait behind each other, so that many connections guess no faster than
  // one. Nothing when the queue is longer than kMaxLoginWait.
  std::optional<Duration> take_turn(const std::string& key);
  void failed(const std::string& key);
  void succeeded(const std::string& key);
  size_t size() const;  // keys remembered

 private:
  struct Count {
    std::string key;
    int failures = 0;
    Time last, next_turn;
  };
  Duration step(const Count& count) const;
  Count* find(const std::string& key);  // nullptr: nothing counts (any more)

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::list<Count> counts_;  // the longest ago first
  std::unordered_map<std::string_view, std::list<Count>::iterator> by_key_;
};

class Login {
 public:
  Login(const Directory& directory, net::Pool& pool, LoginGuard& guard, Random& random)
      : directory_(directory), pool_(pool), guard_(guard), random_(random) {}

  // Waits as the guard says, then checks on the pool. kDenied; kLimit: busy, or too many tries are waiting.
  Task<Result<Account>> password(net::Loop& loop, std::string name, std::string password, std::string ip);

  // The same with an access token. `name` may be empty, else the token must be that account's. It is the caller's to
  // see whether the token covers what is wanted.
  Task<Result<Directory::Bearer>> bearer(net::Loop& loop, std::string name, std::string token, std::string ip);

  // The same with a ticket, which nobody can use after. Nobody waits: nobody guesses 32 octets within its minute.
  Task<Result<Directory::Bearer>> ticket(net::Loop& loop, std::string ticket);

  // For exchanges that prove a password otherwise: before and after the proof is looked at.
  Task<Result<void>> wait_turn(net::Loop& loop, std::string name, std::string ip);
  void settle(const std::string& name, const std::string& ip, bool good);

  const Directory& directory() const { return directory_; }
  Random& random() { return random_; }

 private:
  const Directory& directory_;
  net::Pool& pool_;
  LoginGuard& guard_;
  Random& random_;
};

struct SaslStep {
  enum class Kind { kChallenge, kSuccess, kFailure } kind = Kind::kFailure;
  std::string data;   // raw octets of the challenge
  bool last = false;  // a challenge that is the server's last word: it may go with the success instead (RFC 4422 §3.6)
  Account account;    // kSuccess
  Error error{};      // kFailure
};

// Mechanisms to offer: -PLUS only where there is a channel to bind to.
std::vector<std::string> sasl_mechanisms(const net::TlsInfo* tls);

// One exchange of at most four messages. Names and passwords that are wrong, messages that are malformed and mechanisms
// that are not offered all end it; nothing can be tried twice.
class SaslExchange {
 public:
  // `tls` may be null and must outlive the exchange. `need`: what an access token must cover here (tokens.h).
  SaslExchange(Login& login, net::Loop& loop, std::string ip, const net::TlsInfo* tls,
               std::string_view need = kMailboxes)
      : login_(login), loop_(loop), ip_(std::move(ip)), tls_(tls), need_(need) {}

  Task<SaslStep> start(std::string mechanism, std::optional<std::string> initial);
  Task<SaslStep> next(std::string data);

 private:
  Task<SaslStep> plain(std::string data);
  Task<SaslStep> check(std::string name, std::string password);
  SaslStep scram_first(std::string_view data);
  Task<SaslStep> scram_final(std::string data);
  Task<SaslStep> bearer(std::string data);

  Login& login_;
  net::Loop& loop_;
  const std::string ip_;
  const net::TlsInfo* tls_;
  const std::string_view need_;
  enum class State {
    kPlain,
    kLoginUser,
    kLoginPassword,
    kScramFirst,
    kScramFinal,
    kScramDone,
    kBearer,
    kBearerFailed,
    kOver
  } state_ = State::kOver;
  bool plus_ = false, xoauth2_ = false;
  std::string user_, gs2_, client_first_bare_, server_first_, nonce_, binding_;
  ScramSecret secret_;
  std::optional<Account> proven_;
  Error refused_{};  // of a token; the client hears it after it has answered to the details
};

}  // namespace pabal::identity
