// What a client of OAUTHBEARER (RFC 7628) or of Google's XOAUTH2 says. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pabal::identity {

struct BearerMessage {
  std::string name;   // whom it wants to be; empty: whoever the token is of
  std::string token;  // of "Bearer"
};

// n,a=user@example.com,^Ahost=...^Aauth=Bearer token^A^A. Nothing: malformed.
std::optional<BearerMessage> parse_oauthbearer(std::string_view message);
// user=someuser@example.com^Aauth=Bearer token^A^A
std::optional<BearerMessage> parse_xoauth2(std::string_view message);

// RFC 5801 §4, RFC 5802 §5.1: saslname, where "," and "=" are "=2C" and "=3D".
std::optional<std::string> sasl_name(std::string_view text);

}  // namespace pabal::identity
