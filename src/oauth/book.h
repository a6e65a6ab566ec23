// What the provider keeps: clients, what was granted to them, and codes and refresh tokens under way, as hashes.
// Access tokens are identity's (identity/tokens.h), so that they open every protocol at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "identity/directory.h"

namespace pabal::oauth {

constexpr hours kAccessLife{1};
constexpr seconds kCodeLife{60};
constexpr hours kCodeMemory{24};   // a used code is known that long, so that its second use is noticed
constexpr days kRefreshLife{180};  // since it was last used
constexpr minutes kDeviceLife{10};
constexpr seconds kDeviceInterval{5};
constexpr size_t kMaxClients = 10'000;
constexpr size_t kMaxRedirects = 20;    // of one client
constexpr size_t kMaxClientName = 100;  // octets
constexpr size_t kMaxGrants = 500;      // of one account; then the one longest unused goes

struct Client {
  std::string id, name;
  std::string secret_hash;  // SHA-256; empty: a public client (RFC 6749 §2.1)
  std::vector<std::string> redirects;
  bool device = false;      // may use the device flow
  bool introspect = false;  // may ask about tokens that are not its own: a resource server
  bool registered = false;  // by itself (RFC 7591): nobody here has looked at it
  Time created;
  bool is_public() const { return secret_hash.empty(); }
};

// What an account has granted to a client: the family of its refresh tokens and access tokens.
struct Grant {
  uint32_t account = 0;
  uint64_t id = 0;
  std::string client;
  std::vector<std::string> scopes;
  Time created, used, expires;
  Time signed_in;            // when the account's owner proved who he is
  std::string family_hash;   // of what all refresh tokens of the grant have in common; empty: it has none
  std::string refresh_hash;  // of the one that is good now
};

struct AuthCode {
  std::string client, redirect;
  std::string challenge;  // PKCE, S256; empty: none
  std::string nonce;
  uint32_t account = 0;
  std::vector<std::string> scopes;
  bool refresh = true;  // a refresh token is wanted
  Time signed_in, expires;
  uint64_t grant = 0;  // what it was exchanged for; 0: nothing yet
};

struct Device {
  std::string client, user_code;
  std::vector<std::string> scopes;
  enum class State : uint8_t { kPending, kApproved, kDenied } state = State::kPending;
  uint32_t account = 0;  // who approved
  Time signed_in, expires;
};

// What a client gets; the secrets are shown once.
struct Issued {
  std::string access, refresh;  // refresh: empty where there is no (new) one
  Grant grant;
  std::vector<std::string> scopes;  // of the access token
  std::string nonce;
};
// RFC 6749 §5.2: the error and its description.
struct Refusal {
  std::string error, why;
};
using Outcome = std::variant<Issued, Refusal>;

// Made up before a transaction, which then only keeps hashes.
struct Fresh {
  std::string access;           // a whole token
  std::string family, refresh;  // random octets of a refresh token
  uint64_t grant = 0;           // the number of a new grant
};

// Functions of a transaction leave a Refusal as a value, since what they revoke must be written.
class Book {
 public:
  Book(const identity::Directory& directory, const Clock& clock, Random& random)
      : directory_(directory), clock_(clock), random_(random) {}

  // Clients. kInvalid, kExists, kLimit; kNotFound.
  Result<void> add_client(store::Transaction& t, Client client) const;
  Result<void> remove_client(store::Transaction& t, std::string_view id) const;  // with all that it was granted
  Result<std::optional<Client>> client(const store::Reader& r, std::string_view id) const;
  Result<std::vector<Client>> clients(const store::Reader& r) const;
  std::string make_client_id() const;
  std::string make_secret() const;

  // Whether clients may register themselves.
  Result<bool> registration(const store::Reader& r) const;
  void set_registration(store::Transaction& t, bool on) const;

  // Grants.
  Result<std::vector<Grant>> grants(const store::Reader& r, uint32_t account) const;  // oldest first
  Result<std::optional<Grant>> grant(const store::Reader& r, uint32_t account, uint64_t id) const;
  Result<void> revoke(store::Transaction& t, uint32_t account, uint64_t grant) const;  // with its tokens

  // Authorisation codes.
  void put_code(store::Transaction& t, std::string_view secret, const AuthCode& code) const;
  Result<std::optional<AuthCode>> code(const store::Reader& r, std::string_view secret) const;
  struct Exchange {
    std::string client, code, redirect, verifier;
  };
  Result<Outcome> redeem(store::Transaction& t, const Exchange& exchange, const Fresh& fresh) const;

  // Refresh tokens. Those of public clients are good once: the answer has the next one, and one that comes twice ends
  // the grant (RFC 9700 §4.14.2). Confidential clients prove who they are and keep theirs.
  struct Renewal {
    std::string refresh;
    std::vector<std::string> scopes;  // fewer than granted; empty: all
  };
  Result<Outcome> refresh(store::Transaction& t, const Client& client, const Renewal& renewal,
                          const Fresh& fresh) const;
  struct RefreshName {  // what a refresh token says of itself
    uint32_t account = 0;
    uint64_t grant = 0;
    std::string family;
  };
  static std::optional<RefreshName> parse_refresh(std::string_view token);
  // The grant whose refresh token this is: the good one, or any that ever was.
  enum class Which : uint8_t { kGood, kAnyOfFamily };
  Result<std::optional<Grant>> grant_of(const store::Reader& r, std::string_view refresh, Which which) const;

  // The device flow (RFC 8628).
  void put_device(store::Transaction& t, std::string_view secret, const Device& device) const;
  Result<std::optional<Device>> device(const store::Reader& r, std::string_view secret) const;
  Result<std::optional<Device>> device_by_code(const store::Reader& r, std::string_view user_code) const;
  // kNotFound: it has ended, or was answered before.
  Result<void> answer_device(store::Transaction& t, std::string_view user_code, bool yes, uint32_t account,
                             Time signed_in) const;
  Result<Outcome> redeem_device(store::Transaction& t, std::string_view client, std::string_view secret,
                                const Fresh& fresh) const;
  std::string make_user_code() const;                           // "WDJB-MJHT"
  static std::string normal_user_code(std::string_view typed);  // as kept: without what people add; "": none

  Fresh fresh(uint32_t account) const;

 private:
  Result<Issued> issue(store::Transaction& t, Grant grant, const Fresh& fresh, std::vector<std::string> scopes) const;
  Result<Issued> begin(store::Transaction& t, Grant grant, bool refresh, const Fresh& fresh) const;
  Result<void> make_room(store::Transaction& t, uint32_t account) const;

  const identity::Directory& directory_;
  const Clock& clock_;
  Random& random_;
};

// Each of `wanted` is in `granted`.
bool within(const std::vector<std::string>& wanted, const std::vector<std::string>& granted);

}  // namespace pabal::oauth
