// Failures in Google's form: {"error":{"code":404,"message":"...","errors":[{"domain":"global","reason":"notFound",
// "message":"..."}],"status":"NOT_FOUND"}}.
#pragma once

#include <string>
#include <string_view>

#include "api/caller.h"
#include "web/http.h"

namespace pabal::gmail {

// What methods fail with, in Google's words: 404; 400 with what is wrong.
inline Error missing() { return {Code::kNotFound, "Requested entity was not found."}; }
inline Error invalid(std::string why) { return {Code::kInvalid, std::move(why)}; }

// `reason` is one of Google's: "badRequest", "invalidArgument", "notFound", "failedPrecondition"...
web::Response failure(int status, std::string_view reason, std::string_view message);
web::Response failure(const Error& error);
web::Response failure(const api::Admission& refused);  // with its challenge

}  // namespace pabal::gmail
