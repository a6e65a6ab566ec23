#include "access/imap/message_url.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::access::imap {
namespace {

// RFC 3986 §2.1. Nothing: a "%" that two digits do not follow, or a control character.
std::optional<std::string> percent_decoded(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%') {
      const auto octet = text::unhex(s.substr(i + 1, 2));
      if (!octet || octet->size() != 1) return {};
      out += *octet;
      i += 2;
    } else {
      out += s[i];
    }
    if (static_cast<unsigned char>(out.back()) < 0x20 || out.back() == 0x7F) return {};
  }
  return out;
}

// nz-number of RFC 9051 §9.
std::optional<uint32_t> nz_number(std::string_view s) {
  const auto n = text::parse_u64(s);
  if (!n || *n == 0 || *n > UINT32_MAX) return {};
  return static_cast<uint32_t>(*n);
}

// Cuts `url` at a keyword such as ";UID=", any case: what stands behind it is given and taken away.
std::optional<std::string_view> cut_at(std::string_view& url, std::string_view keyword) {
  for (size_t at = 0; at + keyword.size() <= url.size(); ++at) {
    if (!text::istarts_with(url.substr(at), keyword)) continue;
    const std::string_view behind = url.substr(at + keyword.size());
    url = url.substr(0, at);
    return behind;
  }
  return {};
}

// partial-range: number ["." nz-number]
bool parse_partial(std::string_view s, Section& section) {
  const size_t dot = std::min(s.find('.'), s.size());
  const auto offset = text::parse_u64(s.substr(0, dot));
  const auto count = dot < s.size() ? text::parse_u64(s.substr(dot + 1)) : INT64_MAX;
  if (!offset || !count || *offset > INT64_MAX || *count > INT64_MAX || *count == 0) return false;
  section.partial = true;
  section.offset = *offset;
  section.count = *count;
  return true;
}

}  // namespace

std::optional<MessageUrl> parse_message_url(std::string_view url) {
  if (url.size() > kMaxUrl || url.find('?') != url.npos || url.starts_with("//") || text::istarts_with(url, "imap:"))
    return {};
  MessageUrl out;
  auto message = cut_at(url, ";UID=");
  if (!message) return {};
  const auto partial = cut_at(*message, "/;PARTIAL=");
  const auto section = cut_at(*message, "/;SECTION=");
  const auto uid = nz_number(*message);
  if (!uid) return {};
  out.uid = *uid;
  if (section) {
    const auto text = percent_decoded(*section);
    const auto parsed = text && !text->empty() ? parse_section(*text) : std::nullopt;
    if (!parsed) return {};
    out.section = *parsed;
  }
  if (partial && !parse_partial(*partial, out.section)) return {};
  if (url.empty()) return out;

  // imailbox-ref, between slashes.
  if (!url.ends_with('/')) return {};
  url.remove_suffix(1);
  if (url.starts_with('/')) url.remove_prefix(1);
  if (const auto validity = cut_at(url, ";UIDVALIDITY=")) {
    const auto number = nz_number(*validity);
    if (!number) return {};
    out.uid_validity = *number;
  }
  const auto name = percent_decoded(url);
  if (!name || name->empty()) return {};
  out.mailbox = *name;
  return out;
}

}  // namespace pabal::access::imap
