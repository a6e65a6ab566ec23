#include "sieve/values.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "message/address.h"
#include "message/decode.h"
#include "sieve/lexer.h"

namespace pabal::sieve {
namespace {

constexpr std::array<std::string_view, 5> kSystemFlags = {"\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"};
constexpr size_t kMaxFlagOctets = 128;  // mailbox::kMaxKeywordOctets
constexpr size_t kMaxFlags = 64;        // mailbox::kMaxKeywords

// The numbers of "hex:40 41" or "unicode:..." as text. Nothing: it is not of this form, and stands for itself.
std::optional<std::string> numbers(std::string_view body, bool unicode, bool& invalid) {
  std::string out;
  size_t at = 0;
  bool any = false;
  while (at < body.size()) {
    if (body[at] == ' ' || body[at] == '\t' || body[at] == '\r' || body[at] == '\n') {
      ++at;
      continue;
    }
    uint32_t value = 0;
    size_t digits = 0;
    bool over = false;
    for (; at < body.size() && message::hex_digit(body[at]) >= 0; ++at, ++digits) {
      over = over || value > 0x0fff'ffff;
      value = value << 4 | static_cast<uint32_t>(message::hex_digit(body[at]));
    }
    if (digits == 0 || (!unicode && digits > 2)) return std::nullopt;
    any = true;
    if (!unicode) {
      out += static_cast<char>(value);
    } else if (over || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
      invalid = true;  // RFC 5228 §2.4.2.4: outside of Unicode is an error
    } else {
      message::append_utf8(out, value);
    }
  }
  if (!any) return std::nullopt;
  return out;
}

}  // namespace

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127 && c != ':'; });
}

bool is_address_header(std::string_view name) {
  const std::string lower = text::lowered(name);
  const std::string_view last = std::string_view(lower).substr(lower.rfind('-') + 1);
  for (const std::string_view known : {"from", "to", "cc", "bcc", "sender", "path"})
    if (last == known) return true;
  return false;
}

std::optional<std::string> single_address(std::string_view text) {
  std::optional<message::Address> found;
  for (const message::AddressItem& item : message::parse_address_list(text)) {
    if (item.kind != message::AddressItem::kMailbox || found) return std::nullopt;
    found = message::parse_addr_spec(item.address(), true);
    if (!found) return std::nullopt;
  }
  if (!found) return std::nullopt;
  return found->text();
}

std::optional<std::string> canonical_flag(std::string_view flag) {
  if (flag.starts_with('\\')) {
    for (const std::string_view known : kSystemFlags)
      if (text::iequals(flag, known)) return std::string(known);
    return std::nullopt;
  }
  // RFC 9051 §9 atom.
  constexpr std::string_view kSpecial = "(){%*\"\\]";
  const bool good = !flag.empty() && flag.size() <= kMaxFlagOctets &&
                    std::all_of(flag.begin(), flag.end(),
                                [&](char c) { return c > 32 && c < 127 && kSpecial.find(c) == kSpecial.npos; });
  if (!good) return std::nullopt;
  return std::string(flag);
}

std::vector<std::string> flag_list(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    for (const std::string_view word : text::split(text, ' ')) {
      const auto flag = canonical_flag(text::trim(word));
      if (!flag || out.size() == kMaxFlags) continue;
      if (std::none_of(out.begin(), out.end(), [&](const std::string& f) { return text::iequals(f, *flag); }))
        out.push_back(*flag);
    }
  }
  return out;
}

bool is_mailbox_name(std::string_view name) {
  return !name.empty() && name.size() <= 1'000 && text::is_utf8(name) &&
         std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < 32) || c == 127; });
}

std::optional<Relation> parse_relation(std::string_view text) {
  constexpr std::array<std::string_view, 6> kNames = {"gt", "ge", "lt", "le", "eq", "ne"};
  for (size_t i = 0; i < kNames.size(); ++i)
    if (text::iequals(text, kNames[i])) return static_cast<Relation>(i);
  return std::nullopt;
}

bool holds(Relation relation, int order) {
  switch (relation) {
    case Relation::kGt:
      return order > 0;
    case Relation::kGe:
      return order >= 0;
    case Relation::kLt:
      return order < 0;
    case Relation::kLe:
      return order <= 0;
    case Relation::kEq:
      return order == 0;
    case Relation::kNe:
      return order != 0;
  }
  return false;
}

std::optional<Reference> next_reference(std::string_view text, size_t from) {
  for (size_t begin = text.find("${", from); begin != text.npos; begin = text.find("${", begin + 1)) {
    size_t at = begin + 2;
    while (at < text.size() && (text::is_alnum(text[at]) || text[at] == '_' || text[at] == '.')) ++at;
    if (at >= text.size() || text[at] != '}') continue;
    const std::string_view inside = text.substr(begin + 2, at - begin - 2);
    Reference out;
    out.begin = begin;
    out.end = at + 1;
    if (!inside.empty() && std::all_of(inside.begin(), inside.end(), text::is_digit)) {
      for (char c : inside) out.number = std::min(1'000'000u, out.number * 10 + (c - '0'));
      return out;
    }
    const size_t dot = inside.rfind('.');
    const std::string_view name = dot == inside.npos ? inside : inside.substr(dot + 1);
    if (!is_identifier(name)) continue;
    if (dot != inside.npos) {
      bool good = true;
      for (const std::string_view level : text::split(inside.substr(0, dot), '.')) good = good && is_identifier(level);
      if (!good) continue;
      out.space = text::lowered(inside.substr(0, dot));
    }
    out.name = text::lowered(name);
    return out;
  }
  return std::nullopt;
}

std::optional<std::string> decode_characters(std::string_view text) {
  std::string out;
  bool invalid = false;
  size_t done = 0;
  for (size_t begin = text.find("${"); begin != text.npos; begin = text.find("${", begin + 1)) {
    const std::string_view rest = text.substr(begin + 2);
    const bool hex = text::istarts_with(rest, "hex:"), unicode = text::istarts_with(rest, "unicode:");
    if (!hex && !unicode) continue;
    const size_t start = hex ? 4 : 8;
    const size_t end = rest.find_first_not_of("0123456789abcdefABCDEF \t\r\n", start);
    if (end == rest.npos || rest[end] != '}') continue;
    const auto characters = numbers(rest.substr(start, end - start), unicode, invalid);
    if (!characters) continue;
    out += text.substr(done, begin - done);
    out += *characters;
    done = begin + 2 + end + 1;
    begin = done - 1;
  }
  if (invalid) return std::nullopt;
  out += text.substr(done);
  return out;
}

}  // namespace pabal::sieve
