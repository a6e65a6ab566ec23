#include "oauth/request.h"

#include <algorithm>

#include "base/text.h"
#include "identity/tokens.h"
#include "oauth/redirect.h"

namespace pabal::oauth {
namespace {

// RFC 7636 §4.2: base64url of a SHA-256.
bool is_challenge(std::string_view s) {
  const auto octets = text::unbase64url(s);
  return s.size() == 43 && octets && octets->size() == 32;
}

}  // namespace

Result<std::variant<Asked, Wrong>> read_request(const store::Reader& r, const Book& book, const Form& form) {
  using Out = std::variant<Asked, Wrong>;
  // RFC 6749 §4.1.2.1: nothing is sent to an address that may be anybody's.
  const std::string repeated = form.repeated();
  if (repeated == "client_id" || repeated == "redirect_uri")
    return Out(Wrong{"invalid_request", repeated + " comes twice", "", ""});
  auto client = book.client(r, form.get("client_id"));
  if (!client) return client.error();
  if (!*client) return Out(Wrong{"invalid_client", "there is no client with this client_id", "", ""});
  const std::string& redirect = form.get("redirect_uri");
  const auto& registered = (*client)->redirects;
  if (!check_redirect(redirect) || std::none_of(registered.begin(), registered.end(),
                                                [&](const std::string& one) { return same_redirect(one, redirect); }))
    return Out(Wrong{"invalid_request", "redirect_uri is missing, or not one that the client has registered", "", ""});

  Asked asked;
  asked.client = std::move(**client);
  asked.redirect = redirect;
  asked.state = form.get("state");
  const auto wrong = [&](std::string_view error, std::string_view why) {
    return Out(Wrong{std::string(error), std::string(why), asked.redirect, asked.state});
  };
  if (asked.state.size() > kMaxState) {
    asked.state.clear();
    return wrong("invalid_request", "state has more than 4,000 octets");
  }
  if (!repeated.empty()) return wrong("invalid_request", repeated + " comes twice");
  if (form.has("request")) return wrong("request_not_supported", "request objects are not read here");
  if (form.has("request_uri")) return wrong("request_uri_not_supported", "request objects are not read here");
  if (form.get("response_type") != "code") return wrong("unsupported_response_type", "response_type is to be code");
  if (form.has("response_mode") && form.get("response_mode") != "query")
    return wrong("invalid_request", "response_mode is to be query");

  for (const std::string& scope : scope_list(form.get("scope")))
    if (identity::is_scope(scope)) asked.scopes.push_back(scope);
  if (asked.scopes.empty()) return wrong("invalid_scope", "scope names nothing that there is here");

  asked.challenge = form.get("code_challenge");
  const std::string& method = form.get("code_challenge_method");
  if (asked.challenge.empty() && asked.client.is_public())
    return wrong("invalid_request", "code_challenge is needed (PKCE), with code_challenge_method=S256");
  if (!method.empty() && asked.challenge.empty()) return wrong("invalid_request", "code_challenge is missing");
  if (!asked.challenge.empty() && (method != "S256" || !is_challenge(asked.challenge)))
    return wrong("invalid_request", "code_challenge is to be made with code_challenge_method=S256");

  asked.nonce = form.get("nonce");
  if (asked.nonce.size() > kMaxNonce) return wrong("invalid_request", "nonce has more than 1,000 octets");
  asked.login_hint = form.get("login_hint").substr(0, 255);
  asked.refresh = form.get("access_type") != "online";
  const std::vector<std::string> prompts = scope_list(form.get("prompt"));
  for (const std::string& prompt : prompts) {
    if (prompt == "none") asked.none = true;
    if (prompt == "login" || prompt == "select_account") asked.login = true;
    if (prompt == "consent") asked.consent = true;
  }
  if (asked.none && prompts.size() > 1) return wrong("invalid_request", "prompt=none goes with no other");
  if (form.has("max_age")) {
    const auto age = text::parse_u64(form.get("max_age"));
    if (!age || *age > 1'000'000'000) return wrong("invalid_request", "max_age is a number of seconds");
    asked.max_age = seconds(*age);
  }
  return Out(std::move(asked));
}

std::string asked_again(const Form& form) {
  Pairs pairs;
  for (const auto& [name, value] : form.pairs()) {
    if (name == "max_age") continue;
    if (name != "prompt") {
      pairs.emplace_back(name, value);
      continue;
    }
    std::vector<std::string> rest = scope_list(value);
    std::erase_if(rest, [](const std::string& one) { return one == "login" || one == "select_account"; });
    if (!rest.empty()) pairs.emplace_back(name, text::join(rest, " "));
  }
  return with_parameters("/oauth/authorize", pairs);
}

}  // namespace pabal::oauth
