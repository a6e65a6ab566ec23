#include "gmail/ids.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::gmail {

std::string id_text(uint64_t id) {
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; id >>= 4) out[i] = "0123456789abcdef"[id & 15];
  return out;
}

std::optional<uint64_t> parse_id(std::string_view text) {
  if (text.empty() || text.size() > 16) return {};
  uint64_t id = 0;
  for (const char c : text) {
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && !text::is_digit(c)) return {};
    id = id << 4 | static_cast<uint64_t>(letter ? c - 'a' + 10 : c - '0');
  }
  return id;
}

std::string draft_text(mailbox::MessageId first) { return "r" + id_text(first); }

std::optional<mailbox::MessageId> parse_draft(std::string_view text) {
  if (!text.starts_with('r')) return {};
  return parse_id(text.substr(1));
}

std::string octets_text(std::string_view octets) {
  std::string out = text::base64(octets);
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::optional<std::string> parse_octets(std::string_view text) {
  if (text.find_first_of("+/") == text.npos) return text::unbase64url(text);
  std::string url(text);
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text::unbase64url(url);
}

}  // namespace pabal::gmail
