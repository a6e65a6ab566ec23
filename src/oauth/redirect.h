// Where an answer may be sent: redirect URIs of clients (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pabal::oauth {

constexpr size_t kMaxRedirect = 1'000;  // octets

// Whether a client may register it: https anywhere; http on the loopback only; a private scheme with a dot in it, such
// as com.example.app:/callback. Absolute, without a fragment. kInvalid says why not.
Result<void> check_redirect(std::string_view uri);

// The same text (RFC 9700 §4.1.3); on the loopback the port is free (RFC 8252 §7.3).
bool same_redirect(std::string_view registered, std::string_view asked);

// With these parameters behind its query; their values are percent-encoded.
std::string with_parameters(std::string_view uri, const std::vector<std::pair<std::string, std::string>>& parameters);

// Its source expression for Content-Security-Policy: form-action, which browsers apply to redirects, too.
std::string csp_source(std::string_view uri);

std::string percent_encoded(std::string_view text);  // all but RFC 3986's unreserved

}  // namespace pabal::oauth
