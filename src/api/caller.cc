#include "api/caller.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::api {
namespace {

Admission refused(int status, std::string challenge, std::string why) {
  Admission out;
  out.status = status;
  out.challenge = std::move(challenge);
  out.why = std::move(why);
  return out;
}

// RFC 6750 §2.1: b64token.
bool is_token(std::string_view s) {
  const size_t end = s.find_last_not_of('=');
  return end != s.npos && std::all_of(s.begin(), s.begin() + static_cast<long>(end) + 1, [](char c) {
           return text::is_alnum(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
         });
}

}  // namespace

std::string session_secret(const web::Request& request) {
  std::string out;
  for (const web::Fields::Field& field : request.headers) {
    if (!text::iequals(field.name, "cookie")) continue;
    for (const std::string_view part : text::split(field.value, ';')) {
      const std::string_view pair = text::trim(part);
      if (!pair.starts_with(kSessionCookie) || pair.substr(kSessionCookie.size(), 1) != "=") continue;
      if (!out.empty()) return "";
      out = pair.substr(kSessionCookie.size() + 1);
    }
  }
  return out;
}

bool same_origin(const web::Request& request) {
  const std::string* origin = request.headers.get("origin");
  const std::string* site = request.headers.get("sec-fetch-site");
  if (origin && *origin != request.scheme + "://" + request.host) return false;
  const bool safe = request.method == "GET" || request.method == "HEAD";
  if (!safe) return origin && (!site || *site == "same-origin");
  // EventSource and fetch() of the own origin send no Origin with GET; every browser of today sends Sec-Fetch-Site.
  if (!site) return origin != nullptr;
  return *site == "same-origin" || *site == "none";
}

Admission Callers::told(Result<identity::Directory::Bearer> found) const {
  Admission out;
  if (found)
    out.caller = Caller{std::move(found->account), std::move(found->token)};
  else if (found.code() == Code::kDenied)
    out = refused(401, challenge() + ", error=\"invalid_token\"",
                  "the access token is wrong, has expired or was revoked");
  else
    out = refused(found.code() == Code::kLimit ? 429 : 503, "", found.error().message);
  return out;
}

Task<Admission> Callers::bearer(const web::Request& request) const {
  const std::string& field = *request.headers.get("authorization");
  // RFC 6750 §3.1: nothing is said of an error where there was no token.
  if (!text::istarts_with(field, "bearer"))
    co_return refused(401, challenge(), "an access token is needed: Authorization: Bearer TOKEN");
  const std::string token(text::trim(std::string_view(field).substr(6)));
  if (request.headers.count("authorization") > 1 || field.size() == 6 || field[6] != ' ' || !is_token(token))
    co_return refused(400, challenge() + ", error=\"invalid_request\"",
                      "the Authorization field is malformed; it is to be one: Bearer TOKEN");
  Task<Result<identity::Directory::Bearer>> checking = login_.bearer(*request.loop, "", token, request.client.ip);
  Result<identity::Directory::Bearer> found = co_await checking;
  co_return told(std::move(found));
}

Result<Caller> Callers::signed_in(const web::Request& request) const {
  auto found = login_.directory().check_token(session_secret(request), identity::Token::Kind::kSession);
  if (!found) return found.error();
  return Caller{std::move(found->account), std::move(found->token)};
}

Admission Callers::cookie(const web::Request& request) const {
  if (!same_origin(request))
    return refused(403, "", "the session of a browser is for pages of this server; others need an access token");
  Result<Caller> caller = signed_in(request);
  Admission out;
  if (caller)
    out.caller = std::move(*caller);
  else if (caller.code() == Code::kDenied)
    out = refused(401, challenge(), "the session has ended; sign in again");
  else
    out = refused(503, "", caller.error().message);
  return out;
}

Task<Admission> Callers::identify(const web::Request& request) const {
  if (request.headers.get("authorization")) {
    Task<Admission> looking = bearer(request);
    co_return co_await looking;
  }
  if (const std::string* ticket = request.query_value("ticket")) {
    Task<Result<identity::Directory::Bearer>> taking = login_.ticket(*request.loop, *ticket);
    Result<identity::Directory::Bearer> found = co_await taking;
    co_return told(std::move(found));
  }
  if (!session_secret(request).empty()) co_return cookie(request);
  co_return refused(401, challenge(), "an access token is needed: Authorization: Bearer TOKEN");
}

Task<Admission> Callers::admit(const web::Request& request, std::vector<std::string_view> needs) const {
  Task<Admission> admitting = identify(request);
  Admission out = co_await admitting;
  if (!out.caller || needs.empty()) co_return out;
  if (std::any_of(needs.begin(), needs.end(), [&](std::string_view need) { return out.caller->may(need); }))
    co_return out;
  const std::string scope(identity::scope_to_ask(needs.front()));
  co_return refused(403, challenge() + ", error=\"insufficient_scope\", scope=\"" + scope + "\"",
                    "the access token is not for this; it needs the scope " + scope);
}

Task<Admission> Callers::admit(const web::Request& request, std::string_view need) const {
  return admit(request, std::vector<std::string_view>{need});
}

bool stands(const identity::Directory& directory, const HasGrant& has_grant, identity::AccountId account,
            std::string_view root) {
  if (root.empty()) return true;
  Result<bool> there = false;
  if (root.starts_with(identity::kGrantRoot)) {
    if (const auto grant = text::parse_u64(root.substr(identity::kGrantRoot.size())))
      there = has_grant(account, *grant);
  } else {
    there = directory.has_token(directory.store(), root);
  }
  return !there || *there;
}

web::Response refusal(const Admission& admission) {
  web::Response response = web::problem(admission.status, admission.why);
  if (!admission.challenge.empty()) response.headers.set("WWW-Authenticate", admission.challenge);
  return response;
}

}  // namespace pabal::api
