// The target of a request (RFC 3986) taken apart, and refused where two readers could take it for two things.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pabal::web {

struct Target {
  std::string path;
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;
};

// Of an origin form, "/a%20b?c=d"; for what the parts are see Request. kInvalid: a percent sign without two hex digits,
// text that is no UTF-8, control characters, a segment "." or ".." in any encoding; kLimit: too many parts.
Result<Target> parse_target(std::string_view origin_form);

// A form or query: "a=1&b=%20+c".
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text);

// A host with perhaps a port, as in Host: not empty, no user, no blanks. Lower case; "" for anything else.
std::string parse_authority(std::string_view text);

}  // namespace pabal::web
