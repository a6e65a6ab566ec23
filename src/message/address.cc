#include "message/address.h"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>

#include "base/text.h"
#include "message/header.h"
#include "message/limits.h"
#include "message/words.h"

namespace pabal::message {
namespace {

constexpr size_t kMaxLocal = 64, kMaxDomain = 255;  // RFC 5321 §4.5.3.1.1, §4.5.3.1.2

bool is_atext(char c, bool utf8) {
  if (static_cast<unsigned char>(c) >= 0x80) return utf8;
  return text::is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view s, bool utf8) {
  bool after_dot = true;
  for (char c : s) {
    if (c == '.' ? after_dot : !is_atext(c, utf8)) return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

// RFC 5321 §4.1.3: [192.0.2.1] or [IPv6:2001:db8::1]; no other kind of literal was ever registered.
bool is_literal(std::string_view s) {
  if (s.size() < 3 || s.size() > 60 || s.front() != '[' || s.back() != ']') return false;
  const std::string address(s.substr(1, s.size() - 2));
  in6_addr parsed;
  if (text::istarts_with(address, "IPv6:")) return inet_pton(AF_INET6, address.c_str() + 5, &parsed) == 1;
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1;
}

// "\"a b\"" to "a b"; nothing when it is not one whole quoted string.
std::optional<std::string> unquote(std::string_view s, bool utf8) {
  if (s.size() < 2 || s.front() != '"' || s.back() != '"') return {};
  s = s.substr(1, s.size() - 2);
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\') {
      if (++i == s.size()) return {};
    } else if (s[i] == '"')
      return {};
    const unsigned char c = static_cast<unsigned char>(s[i]);
    if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8)) return {};
    out += s[i];
  }
  return out;
}

std::string quoted_local(std::string_view local) {
  if (is_dot_string(local, true)) return std::string(local);
  std::string out = "\"";
  for (char c : local) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string Address::text() const {
  return local.empty() && domain.empty() ? std::string() : quoted_local(local) + "@" + domain;
}

std::optional<Address> parse_addr_spec(std::string_view s, bool allow_utf8) {
  if (allow_utf8 ? !text::is_utf8(s) : !text::is_ascii(s)) return {};
  const size_t at = s.rfind('@');
  if (at == s.npos) return {};
  const std::string_view local = s.substr(0, at), domain = s.substr(at + 1);
  Address out;
  if (local.starts_with('"')) {
    auto plain = unquote(local, allow_utf8);
    if (!plain) return {};
    out.local = std::move(*plain);
  } else if (is_dot_string(local, allow_utf8))
    out.local = local;
  else
    return {};
  if (out.local.empty() || out.local.size() > kMaxLocal || domain.size() > kMaxDomain) return {};
  out.domain = text::lowered(domain);
  if (is_literal(domain)) return out;
  if (domain.ends_with('.') || ascii_domain(out.domain).empty()) return {};
  return out;
}

std::string ascii_domain(std::string_view domain) {
  if (is_literal(domain)) return std::string(domain);
  std::string name(domain);
  if (!name.empty() && name.back() == '.') name.pop_back();
  if (!text::is_ascii(name)) {
    if (name.find('\0') != name.npos || name.size() > 1000) return {};
    uint8_t* converted = nullptr;
    if (idn2_lookup_u8(reinterpret_cast<const uint8_t*>(name.c_str()), &converted,
                       IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
      return {};
    name = reinterpret_cast<char*>(converted);
    idn2_free(converted);
  }
  name = text::lowered(name);
  if (name.empty() || name.size() > 253) return {};
  for (const std::string_view label : text::split(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return {};
    for (char c : label)
      if (!text::is_alnum(c) && c != '-' && c != '_') return {};
  }
  return name;
}
std::string ascii_domain(const Address& address) { return ascii_domain(address.domain); }

std::string unicode_domain(std::string_view domain) {
  char* shown = nullptr;
  if (domain.find('\0') != domain.npos) return std::string(domain);  // would be cut there
  if (idn2_to_unicode_8z8z(std::string(domain).c_str(), &shown, IDN2_NONTRANSITIONAL) != IDN2_OK)
    return std::string(domain);
  std::string out(shown);
  idn2_free(shown);
  return out;
}

std::string AddressItem::display_text() const { return decode_words(display); }
std::string AddressItem::address() const {
  return domain.empty() ? quoted_local(local) : quoted_local(local) + "@" + domain;
}

std::optional<Address> first_address(const std::vector<AddressItem>& list) {
  for (const AddressItem& item : list)
    if (item.kind == AddressItem::kMailbox && !item.domain.empty())
      return Address{item.local, text::lowered(item.domain)};
  return {};
}

}  // namespace pabal::message
