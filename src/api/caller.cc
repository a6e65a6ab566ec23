#include "api/caller.h"

#include "base/text.h"

namespace pabal::api {

Task<Admission> Callers::admit(const web::Request& request, std::string_view scope) const {
  Admission out;
  const std::string challenge = "Bearer realm=\"" + realm_ + "\"";
  const auto refuse = [&](int status, std::string_view error, std::string why) {
    out.status = status;
    out.why = std::move(why);
    out.challenge = challenge;
    if (!error.empty()) out.challenge += ", error=\"" + std::string(error) + "\"";
    if (error == "insufficient_scope") out.challenge += ", scope=\"" + std::string(scope) + "\"";
  };
  const std::string* field = request.headers.get("authorization");
  if (!field || request.headers.count("authorization") > 1 || !text::istarts_with(*field, "bearer ")) {
    // RFC 6750 §3.1: nothing is said of an error where there was no token.
    refuse(401, "", "an access token is needed: Authorization: Bearer TOKEN");
    co_return out;
  }
  const std::string token(text::trim(std::string_view(*field).substr(7)));
  Task<Result<identity::Directory::Bearer>> checking = login_.bearer(*request.loop, "", token, request.client.ip);
  Result<identity::Directory::Bearer> found = co_await checking;
  if (!found) {
    if (found.code() == Code::kDenied)
      refuse(401, "invalid_token", "the access token is wrong, has expired or was revoked");
    else {
      out.status = found.code() == Code::kLimit ? 429 : 503;
      out.why = found.error().message;
    }
    co_return out;
  }
  if (!found->token.covers(scope)) {
    refuse(403, "insufficient_scope", "the access token is not for this; it needs the scope " + std::string(scope));
    co_return out;
  }
  out.caller = Caller{std::move(found->account), std::move(found->token)};
  co_return out;
}

web::Response refusal(const Admission& admission) {
  web::Response response = web::problem(admission.status, admission.why);
  if (!admission.challenge.empty()) response.headers.set("WWW-Authenticate", admission.challenge);
  return response;
}

}  // namespace pabal::api
