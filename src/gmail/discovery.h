// The discovery document: what of the API there is, for Google's tools that build their calls from it (Python, Go,
// Java). At /$discovery/rest?version=v1 and /discovery/v1/apis/gmail/v1/rest.
#pragma once

#include <string_view>

#include "api/json.h"
#include "web/router.h"

namespace pabal::gmail {

// `origin`: "https://mail.example.com".
api::json::object discovery_document(std::string_view origin, uint64_t max_message_size);

void add_discovery(web::Router& router, uint64_t max_message_size);

}  // namespace pabal::gmail
