// An authorisation request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1), read and judged.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "oauth/book.h"
#include "oauth/form.h"

namespace pabal::oauth {

constexpr size_t kMaxState = 4'000;  // octets
constexpr size_t kMaxNonce = 1'000;

struct Asked {
  Client client;
  std::string redirect, state, nonce, challenge, login_hint;
  std::vector<std::string> scopes;                    // those that there are, of those asked for
  bool refresh = true;                                // access_type=online: no refresh token
  bool none = false, login = false, consent = false;  // prompt
  std::optional<seconds> max_age;
};

// What is wrong with it. It is told to the client only where its redirect URI is known to be good.
struct Wrong {
  std::string error, why;
  std::string redirect, state;  // redirect empty: tell the user
};

Result<std::variant<Asked, Wrong>> read_request(const store::Reader& r, const Book& book, const Form& form);

// As a path of ours that asks for the same again, without `prompt=login` and `max_age`, once the user has signed in.
std::string asked_again(const Form& form);

}  // namespace pabal::oauth
