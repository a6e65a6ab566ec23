#include "oauth/redirect.h"

#include <algorithm>

#include "base/text.h"
#include "web/target.h"

namespace pabal::oauth {
namespace {

struct Parts {
  std::string_view scheme, authority, rest;  // rest: from the path on
  bool slashes = false;
};

Parts parts_of(std::string_view uri) {
  Parts out;
  const size_t colon = uri.find(':');
  if (colon == uri.npos) return out;
  out.scheme = uri.substr(0, colon);
  out.rest = uri.substr(colon + 1);
  out.slashes = out.rest.starts_with("//");
  if (!out.slashes) return out;
  const size_t end = std::min(out.rest.find_first_of("/?", 2), out.rest.size());
  out.authority = out.rest.substr(2, end - 2);
  out.rest = out.rest.substr(end);
  return out;
}

// The host without its port, where that is the loopback; else "".
std::string_view loopback_host(std::string_view authority) {
  for (const std::string_view host : {"127.0.0.1", "[::1]", "localhost"}) {
    if (!authority.starts_with(host)) continue;
    const std::string_view port = authority.substr(host.size());
    if (port.empty()) return host;
    const auto number = port.front() == ':' ? text::parse_u64(port.substr(1)) : std::nullopt;
    if (number && *number > 0 && *number <= 65'535) return host;
  }
  return "";
}

bool is_scheme(std::string_view s) {  // RFC 3986 §3.1
  return !s.empty() && text::is_alpha(s.front()) &&
         std::all_of(s.begin(), s.end(), [](char c) { return text::is_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

}  // namespace

Result<void> check_redirect(std::string_view uri) {
  if (uri.size() > kMaxRedirect) return Error{Code::kInvalid, "a redirect URI has up to 1,000 octets"};
  // What RFC 3986 has no place for, and what browsers read in ways of their own.
  const bool plain = std::all_of(uri.begin(), uri.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7F && std::string_view("\"<>\\^`{|}").find(static_cast<char>(c)) == std::string_view::npos;
  });
  if (!plain) return Error{Code::kInvalid, "a redirect URI is ASCII without blanks: percent-encode the rest"};
  if (uri.find('#') != uri.npos) return Error{Code::kInvalid, "a redirect URI has no fragment"};  // RFC 6749 §3.1.2
  const Parts parts = parts_of(uri);
  if (!is_scheme(parts.scheme))
    return Error{Code::kInvalid, "a redirect URI is absolute: https://app.example.com/callback"};
  if (parts.scheme == "https") {
    if (parts.authority.empty() || web::parse_authority(parts.authority) != parts.authority)
      return Error{Code::kInvalid, "the host of the redirect URI is not one, or not in lower case"};
    return {};
  }
  if (parts.scheme == "http") {
    if (loopback_host(parts.authority).empty())
      return Error{Code::kInvalid, "a redirect URI with http is for programs on the same machine: http://127.0.0.1/"};
    return {};
  }
  // RFC 8252 §7.1: a name of the app's own, turned round; so neither javascript: nor data: nor another's.
  if (parts.scheme.find('.') == parts.scheme.npos || text::lowered(parts.scheme) != parts.scheme)
    return Error{Code::kInvalid,
                 "the scheme of the redirect URI is to be https, or the app's own such as com.example.app"};
  if (parts.slashes && parts.authority.empty() && parts.rest.empty())
    return Error{Code::kInvalid, "the redirect URI has nothing behind its scheme"};
  return {};
}

bool same_redirect(std::string_view registered, std::string_view asked) {
  if (registered == asked) return true;
  const Parts ours = parts_of(registered), theirs = parts_of(asked);
  if (ours.scheme != "http" || theirs.scheme != "http" || ours.rest != theirs.rest) return false;
  const std::string_view host = loopback_host(ours.authority);
  return !host.empty() && host == loopback_host(theirs.authority);
}

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (text::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    ((out += '%') += kHex[octet >> 4]) += kHex[octet & 15];
  }
  return out;
}

std::string with_parameters(std::string_view uri, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out(uri);
  char before = uri.find('?') == uri.npos ? '?' : '&';
  for (const auto& [name, value] : parameters) {
    ((((out += before) += percent_encoded(name)) += '=') += percent_encoded(value));
    before = '&';
  }
  return out;
}

std::string csp_source(std::string_view uri) {
  const Parts parts = parts_of(uri);
  // A host in brackets is none that the policy could name.
  if ((parts.scheme == "https" || parts.scheme == "http") && !parts.authority.starts_with('['))
    return std::string(parts.scheme) + "://" + std::string(parts.authority);
  return std::string(parts.scheme) + ":";
}

}  // namespace pabal::oauth
