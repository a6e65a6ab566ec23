// api: what the APIs share: who calls, JSON. The APIs themselves are rooms of their own (gmail/, jmap/, oauth/).
//
// Callers: from a request to the account that it is made for. Three ways in, the first that is there:
//   Authorization: Bearer TOKEN   RFC 6750; programs
//   ?ticket=TICKET                good once, within a minute: WebSocket and EventSource of other origins, which cannot
//                                 send a header. POST /oauth/ticket gives one
//   the session's cookie          pages of this server: requests of its own origin only
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/login.h"
#include "web/http.h"

namespace pabal::api {

constexpr std::string_view kSessionCookie = "__Host-pabal-session";  // RFC 6265; the prefix makes it this host's alone

struct Caller {
  identity::Account account;
  identity::Token token;
  bool may(std::string_view need) const { return token.covers(need); }
  bool in_browser() const { return token.kind == identity::Token::Kind::kSession; }
};

// Either a caller, or why there is none: in words that each API puts into its own shape.
struct Admission {
  std::optional<Caller> caller;
  int status = 401;
  std::string challenge;  // the value of WWW-Authenticate (RFC 6750 §3); empty: none is due
  std::string why;        // for people
};

class Callers {
 public:
  Callers(identity::Login& login, std::string realm) : login_(login), realm_(std::move(realm)) {}

  // `need`: what the token must cover (identity/tokens.h); else 403, insufficient_scope. Without a token, or with one
  // that is not good: 401. Who guesses waits longer each time (identity::LoginGuard); 429 when too many wait.
  // `request.loop` is the calling one; the request outlives the task.
  Task<Admission> admit(const web::Request& request, std::string_view need) const;
  // One of these needs is enough; of none, any good token is.
  Task<Admission> admit(const web::Request& request, std::vector<std::string_view> needs) const;

  // Who has signed in with this browser, wherever the request comes from: for pages, which only show, and for what has
  // looked at same_origin() itself. kDenied: nobody.
  Result<Caller> signed_in(const web::Request& request) const;

 private:
  Task<Admission> identify(const web::Request& request) const;
  Task<Admission> bearer(const web::Request& request) const;
  Admission cookie(const web::Request& request) const;
  Admission told(Result<identity::Directory::Bearer> found) const;
  std::string challenge() const { return "Bearer realm=\"" + realm_ + "\""; }

  identity::Login& login_;
  const std::string realm_;
};

// The value of the session's cookie; "": there is none, or more than one.
std::string session_secret(const web::Request& request);
// Whether a page of this very origin has sent it, as browsers tell by Origin and Sec-Fetch-Site; for methods that
// change nothing also the user himself, by the address bar.
bool same_origin(const web::Request& request);

// Whether an account has granted that to a program still: oauth/ knows.
using HasGrant = std::function<Result<bool>(identity::AccountId, uint64_t grant)>;
// Whether what was made with a token may go on: its root (identity::Token::root) is there still, or it has none. True
// where the store fails for a moment: nobody is sent away for that.
bool stands(const identity::Directory& directory, const HasGrant& has_grant, identity::AccountId account,
            std::string_view root);

// RFC 9457, with the challenge.
web::Response refusal(const Admission& admission);

}  // namespace pabal::api
