#include "gmail/error.h"

#include "api/json.h"
#include "message/words.h"

namespace pabal::gmail {
namespace {

using api::json::array;
using api::json::object;

// google.rpc.Code, as Google pairs it with HTTP's.
std::string_view status_name(int status) {
  switch (status) {
    case 400:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 409:
      return "ABORTED";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 501:
      return "UNIMPLEMENTED";
    case 503:
      return "UNAVAILABLE";
    default:
      return status < 500 ? "FAILED_PRECONDITION" : "INTERNAL";
  }
}

}  // namespace

web::Response failure(int status, std::string_view reason, std::string_view message) {
  const std::string clean = message::clean_utf8(message);
  object one;
  one["domain"] = "global";
  one["reason"] = reason;
  one["message"] = clean;
  object error;
  error["code"] = status;
  error["message"] = clean;
  error["errors"] = array{std::move(one)};
  error["status"] = reason == "failedPrecondition" ? "FAILED_PRECONDITION" : status_name(status);
  object whole;
  whole["error"] = std::move(error);
  return web::with_body("application/json; charset=UTF-8", api::to_text(whole), status);
}

web::Response failure(const Error& error) {
  switch (error.code) {
    case Code::kInvalid:
      return failure(400, "invalidArgument", error.message);
    case Code::kNotFound:
      return failure(404, "notFound", error.message);
    case Code::kExists:
    case Code::kConflict:
      return failure(409, "aborted", error.message);
    case Code::kLimit:
      return failure(403, "limitExceeded", error.message);
    case Code::kDenied:
      return failure(403, "forbidden", error.message);
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kClosed:
      return failure(503, "backendError", error.message);
    case Code::kUnsupported:
      return failure(501, "notImplemented", error.message);
    case Code::kCorrupt:
    case Code::kIo:
    case Code::kInternal:
      break;
  }
  return failure(500, "backendError", error.message);
}

web::Response failure(const api::Admission& refused) {
  const std::string_view reason = refused.status == 401   ? "authError"
                                  : refused.status == 403 ? "insufficientPermissions"
                                  : refused.status == 429 ? "rateLimitExceeded"
                                                          : "backendError";
  web::Response response = failure(refused.status, reason, refused.why);
  if (!refused.challenge.empty()) response.headers.set("WWW-Authenticate", refused.challenge);
  return response;
}

}  // namespace pabal::gmail
