// Answers in the form a request asks for: `fields`, `prettyPrint`, `alt`.
#pragma once

#include "api/json.h"
#include "web/http.h"

namespace pabal::gmail {

// A value as JSON; null: 204, without a body. 400 when `fields` is none, or `alt` is not "json".
web::Response respond(const web::Request& request, api::json::value value);

}  // namespace pabal::gmail
