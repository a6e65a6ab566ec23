// The discovery document: what of the API there is, for Google's tools that build their calls from it (Python, Go,
// Java). At /$discovery/rest?version=v1 and /discovery/v1/apis/gmail/v1/rest.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/json.h"
#include "web/router.h"

namespace pabal::gmail {

// One method, in short. A test compares the table with the routes.
struct Method {
  std::string_view id;  // behind "gmail.users."
  std::string_view verb;
  std::string_view path;    // behind "gmail/v1/users/{userId}"
  std::string_view query;   // parameters: "name:type"; "*" behind one that repeats
  std::string_view takes;   // schema of the body; "": none
  std::string_view gives;   // schema of the answer; "": none
  std::string_view scopes;  // Google's, behind ".../gmail."; all of Gmail is always one
  bool upload = false;      // also under /upload
};
std::span<const Method> methods();

// `origin`: "https://mail.example.com".
api::json::object discovery_document(std::string_view origin, uint64_t max_message_size);

void add_discovery(web::Router& router, uint64_t max_message_size);

}  // namespace pabal::gmail
