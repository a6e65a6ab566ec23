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

Task<Admission> Callers::bearer(const web::Request& request) const {
  const std::string challenge = "Bearer realm=\"" + realm_ + "\"";
  const std::string* field = request.headers.get("authorization");
  // RFC 6750 §3.1: nothing is said of an error where there was no token.
  if (!field || !text::istarts_with(*field, "bearer"))
    co_return refused(401, challenge, "an access token is needed: Authorization: Bearer TOKEN");
  const std::string token(text::trim(std::string_view(*field).substr(6)));
  if (request.headers.count("authorization") > 1 || field->size() == 6 || (*field)[6] != ' ' || !is_token(token))
    co_return refused(400, challenge + ", error=\"invalid_request\"",
                      "the Authorization field is malformed; it is to be one: Bearer TOKEN");
  Task<Result<identity::Directory::Bearer>> checking = login_.bearer(*request.loop, "", token, request.client.ip);
  Result<identity::Directory::Bearer> found = co_await checking;
  if (!found && found.code() == Code::kDenied)
    co_return refused(401, challenge + ", error=\"invalid_token\"",
                      "the access token is wrong, has expired or was revoked");
  if (!found) co_return refused(found.code() == Code::kLimit ? 429 : 503, "", found.error().message);
  Admission out;
  out.caller = Caller{std::move(found->account), std::move(found->token)};
  co_return out;
}

Task<Admission> Callers::admit(const web::Request& request, std::vector<std::string_view> needs) const {
  Task<Admission> admitting = bearer(request);
  Admission out = co_await admitting;
  if (!out.caller || needs.empty()) co_return out;
  if (std::any_of(needs.begin(), needs.end(), [&](std::string_view need) { return out.caller->may(need); }))
    co_return out;
  const std::string scope(identity::scope_to_ask(needs.front()));
  co_return refused(403, "Bearer realm=\"" + realm_ + "\", error=\"insufficient_scope\", scope=\"" + scope + "\"",
                    "the access token is not for this; it needs the scope " + scope);
}

Task<Admission> Callers::admit(const web::Request& request, std::string_view need) const {
  return admit(request, std::vector<std::string_view>{need});
}

web::Response refusal(const Admission& admission) {
  web::Response response = web::problem(admission.status, admission.why);
  if (!admission.challenge.empty()) response.headers.set("WWW-Authenticate", admission.challenge);
  return response;
}

}  // namespace pabal::api
