// Authentication-Results (RFC 8601): written from a verdict, read, and taken out of messages where it claims to be
// ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/verdict.h"

namespace pabal::trust {

constexpr size_t kMaxResultsBytes = 64 << 10;  // of one field that is read
constexpr size_t kMaxMethods = 1'000;          // in one field: a message with 500 signatures has that many

// "spf=pass smtp.mailfrom=alice@example.com; dkim=fail reason="..." header.d=example.com ...": what stands behind the
// authserv-id, also in ARC-Authentication-Results. Methods that found nothing are left out; "none" when that are all
// (RFC 8601 §2.2). Values are quoted where they need it, cut at 255 octets, and hold no control characters.
std::string results_text(const Verdict& verdict);
// The whole header field, folded, with its CRLF.
std::string results_field(std::string_view authserv_id, std::string_view results_text);

struct AuthenticationResults {
  struct Property {
    std::string ptype, name, value;  // header.d=example.com
  };
  struct Method {
    std::string method;  // lower case, as are result, ptype and name
    unsigned version = 1;
    std::string result;
    std::string reason;
    std::vector<Property> properties;
    const std::string* find(std::string_view ptype, std::string_view name) const;
  };
  std::string authserv_id;
  unsigned version = 1;
  std::vector<Method> methods;  // empty: "none"
};
// A field's value as it lies in the message, with folds and comments. Lenient where others are: a semicolon at the end,
// values with characters that should be quoted, no result at all. kInvalid, kLimit.
Result<AuthenticationResults> parse_results(std::string_view raw_value);

// The message without the Authentication-Results fields that a reader could take for ours (RFC 8601 §5): our id in any
// case, A-label or U-label form, folded, in quotes or among comments, with any version; and those whose id cannot be
// told.
std::string without_results(std::string_view message, std::string_view authserv_id);

}  // namespace pabal::trust
