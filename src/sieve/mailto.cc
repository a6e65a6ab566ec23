#include <algorithm>
#include <array>

#include "base/text.h"
#include "message/decode.h"
#include "sieve/sieve.h"
#include "sieve/values.h"

namespace pabal::sieve {
namespace {

constexpr size_t kMaxUri = 8'192;
constexpr size_t kMaxRecipients = 20;

// RFC 3986 §2.1. Nothing when a % is not followed by two digits, or what comes out is no UTF-8 text.
std::optional<std::string> percent_decoded(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '%') {
      out += s[i];
      continue;
    }
    if (i + 2 >= s.size()) return std::nullopt;
    const int high = message::hex_digit(s[i + 1]), low = message::hex_digit(s[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (!text::is_utf8(out) || out.find('\0') != out.npos) return std::nullopt;
  return out;
}

bool add_recipients(std::vector<std::string>& to, std::string_view list) {
  if (list.empty()) return true;
  for (const std::string_view one : text::split(list, ',')) {
    const auto address = single_address(one);
    if (!address || to.size() == kMaxRecipients) return false;
    to.push_back(*address);
  }
  return true;
}

// RFC 6068 §4, RFC 5436 §2.3: fields that a notification has of its own, or that would change what it is.
bool is_safe(std::string_view name) {
  constexpr std::array<std::string_view, 8> kUnsafe = {"date",           "from",     "sender",     "bcc",
                                                       "auto-submitted", "received", "message-id", "mime-version"};
  return is_header_name(name) && !text::istarts_with(name, "content-") && !text::istarts_with(name, "resent-") &&
         std::none_of(kUnsafe.begin(), kUnsafe.end(), [&](std::string_view n) { return text::iequals(n, name); });
}

}  // namespace

std::optional<Mailto> parse_mailto(std::string_view uri) {
  if (uri.size() > kMaxUri || !text::istarts_with(uri, "mailto:")) return std::nullopt;
  uri.remove_prefix(7);
  uri = uri.substr(0, uri.find('#'));
  const size_t question = uri.find('?');
  Mailto out;
  const auto path = percent_decoded(uri.substr(0, question));
  if (!path || !add_recipients(out.to, *path)) return std::nullopt;
  for (const std::string_view field :
       question == uri.npos ? std::vector<std::string_view>() : text::split(uri.substr(question + 1), '&')) {
    if (field.empty()) continue;
    const size_t equals = field.find('=');
    if (equals == field.npos) return std::nullopt;
    const auto name = percent_decoded(field.substr(0, equals));
    auto value = percent_decoded(field.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    if (text::iequals(*name, "to") || text::iequals(*name, "cc")) {
      if (!add_recipients(out.to, *value)) return std::nullopt;
    } else if (text::iequals(*name, "body")) {
      out.body = std::move(*value);
    } else if (value->find_first_of("\r\n") != value->npos) {
      return std::nullopt;  // would write more fields than one
    } else if (text::iequals(*name, "subject")) {
      out.subject = std::move(*value);
    } else if (is_safe(*name)) {
      out.headers.emplace_back(std::move(*name), std::move(*value));
    }
  }
  if (out.to.empty()) return std::nullopt;
  return out;
}

}  // namespace pabal::sieve
