// identity: domains, accounts, aliases, credentials. Who is local, who may log in, and to whom an address leads.
// It sends and files nothing. Passwords are kept as Argon2id (RFC 9106) and SCRAM-SHA-256 secrets (RFC 5802), access
// tokens as hashes, never in clear.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "identity/password.h"
#include "identity/tokens.h"
#include "store/store.h"

namespace pabal::identity {

using AccountId = uint32_t;  // the same number as mailbox::AccountId

// One key that a domain signs with. Its life: published until DNS shows it, active, retired, gone
// (app/dkim_rotation.h).
struct DkimKey {
  std::string selector, private_pem;  // PKCS#8; RSA or Ed25519
  enum class State : uint8_t {
    kPublished,  // to be put into DNS; signs nothing yet
    kActive,     // signs
    kRetired     // signs no more, but stays in DNS for a while: mail on its way must verify
  } state = State::kActive;
  Time since{};               // of this state; 1970 for keys made before states were kept
  std::optional<Time> shown;  // kPublished: since when DNS shows it, as far as we looked
  bool operator==(const DkimKey&) const = default;
};

struct Domain {
  std::string name;       // A-labels, lower case
  std::string catch_all;  // address, or empty: unknown users are refused
  bool enabled = true;
  std::vector<DkimKey> dkim_keys;  // in every state; those in kActive sign
};

struct Account {
  AccountId id = 0;
  std::string name;  // the login name and main address: alice@example.com
  std::string display_name;
  bool enabled = true;
  bool admin = false;
  uint64_t quota_octets = 0;  // 0: none
  Time created;
};

struct Alias {  // an address that leads to others; several targets make a group
  std::string address;
  std::vector<std::string> targets;  // local or outside addresses
  bool send_as = true;               // local targets may use it as sender
};

// Where one address leads: aliases followed to the end, loops cut, duplicates joined.
struct Resolution {
  enum class Kind : uint8_t { kNotLocal, kUnknown, kKnown } kind = Kind::kNotLocal;
  std::string address;  // as asked for, in the form addresses are compared in; empty when not local
  struct Target {
    AccountId account = 0;
    std::string address;
  };  // the account's main address
  std::vector<Target> accounts;
  std::vector<std::string> outside;  // forwards; local parts as written (RFC 5321 §2.4)
  std::vector<std::string> dead;     // members of a group that lead nowhere
  std::string detail;                // what stood after '+' (RFC 5233), or empty
};
constexpr int kMaxAliasDepth = 10;          // aliases behind each other; longer chains are kLimit, not cut in silence
constexpr size_t kMaxAliasTargets = 1'000;  // of one alias
constexpr size_t kMaxResolved = 10'000;     // addresses looked at for one, groups in groups; beyond it is kLimit

// Keys to watch: one is written when tokens of the account are revoked, or its password or what else lets it in is
// changed; that of account 0 when that may be so for many, or who is in a group has changed.
std::string standing_key(AccountId account);

// Local parts are compared in lower case (RFC 6532 §3.1 NFC where they are not ASCII): exactly, then without "+detail",
// then the catch-all of the domain. postmaster is always answered: by the administrators where nobody has that name
// (RFC 5321 §4.5.1). Nobody of a domain that is switched off gets mail or logs in. Thread-safe.
class Directory {
 public:
  Directory(store::Store& store, const Clock& clock, Random& random);

  Result<void> add_domain(store::Transaction& t, const Domain& domain);      // kExists, kInvalid
  Result<void> update_domain(store::Transaction& t, const Domain& domain);   // kNotFound, kInvalid
  Result<void> remove_domain(store::Transaction& t, std::string_view name);  // kDenied while accounts or aliases remain
  // A secret of this server for one purpose, ever the same. kNotFound: there is no domain yet.
  Result<std::string> secret(const store::Reader& r, std::string_view purpose) const;
  Result<std::vector<Domain>> domains(const store::Reader& r) const;
  Result<std::optional<Domain>> domain(const store::Reader& r, std::string_view name) const;  // U- or A-labels

  // Hashing takes tens of milliseconds: make secrets on a pool, then write them.
  struct Secrets {
    std::string argon2;
    ScramSecret scram;
  };
  Result<Secrets> make_secrets(std::string_view password) const;  // kInvalid: shorter than 8, or not UTF-8
  Result<Account> add_account(store::Transaction& t, Account account, const Secrets& secrets);  // assigns the id
  Result<void> update_account(store::Transaction& t, const Account& account) const;
  Result<void> set_secrets(store::Transaction& t, AccountId id,
                           const Secrets& secrets);  // kNotFound. Ends browser sessions
  Result<void> remove_account(store::Transaction& t, AccountId id);
  Result<std::vector<Account>> accounts(const store::Reader& r, std::string_view domain) const;  // empty: all
  Result<std::optional<Account>> account(const store::Reader& r, AccountId id) const;
  Result<std::optional<Account>> account(const store::Reader& r, std::string_view name) const;

  Result<void> put_alias(store::Transaction& t, const Alias& alias);  // replaces; kExists: an account has that name
  Result<void> remove_alias(store::Transaction& t, std::string_view address);
  Result<std::optional<Alias>> alias(const store::Reader& r, std::string_view address) const;
  Result<std::vector<Alias>> aliases(const store::Reader& r, std::string_view domain) const;

  Result<Resolution> resolve(const store::Reader& r, std::string_view address) const;
  // May the account write this in MAIL FROM and From: its own name, +detail forms, aliases with send_as, catch-all
  // domains.
  Result<bool> may_send_as(const store::Reader& r, AccountId id, std::string_view address) const;

  // Slow (Argon2id) and the same for unknown names: run it on a pool. kDenied without saying which was wrong.
  Result<Account> check_password(std::string_view name, std::string_view password) const;
  // The account of a login name, if it may log in.
  Result<std::optional<Account>> find_enabled(std::string_view name) const;
  // For SCRAM. Unknown names give a stable made-up salt, so that names cannot be probed; its proof never verifies.
  Result<ScramSecret> scram_secret(std::string_view name) const;

  // Tokens (tokens.cc). make_token() makes up what is given to the owner; issue_token() keeps its hash until
  // `token.expires`, with the scopes and the label of `token`. kNotFound, kInvalid, kLimit.
  std::string make_token(AccountId account) const;
  Result<Token> issue_token(store::Transaction& t, AccountId account, std::string_view secret, Token token) const;
  Result<std::vector<Token>> tokens(const store::Reader& r, AccountId account) const;  // oldest first
  Result<bool> has_token(const store::Reader& r, std::string_view id) const;           // it is good still
  Result<void> revoke_token(store::Transaction& t, std::string_view id) const;         // kNotFound
  // All of them, or those that `which` chooses.
  Result<void> revoke_tokens(store::Transaction& t, AccountId account,
                             const std::function<bool(const Token&)>& which = nullptr) const;
  // Whose token it is, if he may log in. kDenied without saying why. What it is good for is the caller's to look at.
  struct Bearer {
    Account account;
    Token token;
  };
  Result<Bearer> check_token(std::string_view secret, Token::Kind kind = Token::Kind::kAccess) const;
  // The same of a ticket, which is good no more then. A transaction that fails has not taken it.
  Result<Bearer> take_ticket(store::Transaction& t, std::string_view secret) const;
  store::Store& store() const { return store_; }

 private:
  struct Known {
    std::string password_hmac, argon2;
    Time until;
  };
  Result<std::optional<Account>> first_admin(const store::Reader& r, std::string_view domain) const;
  Result<std::optional<Account>> by_login(std::string_view name) const;
  Result<bool> may_log_in(const Account& account) const;
  Result<Bearer> check_token(const store::Reader& r, std::string_view secret, Token::Kind kind) const;
  bool recently_verified(AccountId id, const std::string& argon2, std::string_view password) const;

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const std::string nobody_;  // a hash without a password: unknown names cost what known ones do
  // Passwords verified in the last minutes, as HMACs under a key of this process: a mail program that opens ten
  // connections costs one Argon2id, not ten.
  const std::string cache_key_;
  mutable std::mutex cache_mutex_;
  mutable std::map<AccountId, Known> cache_;
};

}  // namespace pabal::identity
