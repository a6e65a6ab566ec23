#include "identity/bearer.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::identity {
namespace {

constexpr char kSeparator = '\x01';
constexpr size_t kMaxMessage = 8'000;  // octets; our tokens have 54

// RFC 6750 §2.1, b64token, behind its scheme.
std::optional<std::string> bearer_token(std::string_view value) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!text::istarts_with(value, kScheme)) return {};
  value = text::trim(value.substr(kScheme.size()));
  const bool good = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return text::is_alnum(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
  });
  return good ? std::optional<std::string>(value) : std::nullopt;
}

// key=value^A ... ^A: those named are taken, others passed over (RFC 7628 §3.1).
std::optional<BearerMessage> parse_pairs(std::string_view pairs) {
  BearerMessage out;
  bool ended = false;
  for (const std::string_view pair : text::split(pairs, kSeparator)) {
    if (ended && !pair.empty()) return {};
    if (pair.empty()) {
      ended = true;
      continue;
    }
    const size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) return {};
    const std::string_view key = pair.substr(0, equals), value = pair.substr(equals + 1);
    if (key == "user") out.name = value;
    if (key != "auth") continue;
    const auto token = bearer_token(value);
    if (!token || !out.token.empty()) return {};
    out.token = *token;
  }
  if (out.token.empty()) return {};
  return out;
}

}  // namespace

std::optional<std::string> sasl_name(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=')
      out += text[i];
    else if (text.substr(i, 3) == "=2C")
      out += ',', i += 2;
    else if (text.substr(i, 3) == "=3D")
      out += '=', i += 2;
    else
      return {};
  }
  return out;
}

std::optional<BearerMessage> parse_oauthbearer(std::string_view message) {
  if (message.size() > kMaxMessage || !message.ends_with("\x01\x01")) return {};
  const size_t end = message.find(kSeparator);
  const auto header = text::split(message.substr(0, end), ',');
  // RFC 5801 §4: no channel is bound by this mechanism.
  if (header.size() != 3 || (header[0] != "n" && header[0] != "y") || !header[2].empty()) return {};
  std::optional<std::string> name = "";
  if (!header[1].empty()) name = header[1].starts_with("a=") ? sasl_name(header[1].substr(2)) : std::nullopt;
  if (!name) return {};
  auto out = parse_pairs(message.substr(end + 1));
  if (out) out->name = *name;
  return out;
}

std::optional<BearerMessage> parse_xoauth2(std::string_view message) {
  if (message.size() > kMaxMessage || !message.ends_with("\x01\x01")) return {};
  auto out = parse_pairs(message);
  if (!out || out->name.empty()) return {};
  return out;
}

}  // namespace pabal::identity
