// api: what the APIs share: who calls, JSON. The APIs themselves are rooms of their own (gmail/, jmap/, oauth/).
//
// Callers: from a request to the account that it is made for, by bearer token (RFC 6750).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/login.h"
#include "web/http.h"

namespace pabal::api {

struct Caller {
  identity::Account account;
  identity::Token token;
  bool may(std::string_view need) const { return token.covers(need); }
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

 private:
  Task<Admission> bearer(const web::Request& request) const;

  identity::Login& login_;
  const std::string realm_;
};

// RFC 9457, with the challenge.
web::Response refusal(const Admission& admission);

}  // namespace pabal::api
