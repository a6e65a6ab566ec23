#include "access/imap/names.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::access::imap {
namespace {

bool is_printable(char c) { return c >= 0x20 && c < 0x7F; }

// The character at `i` of UTF-8, and `i` moved behind it. What is no UTF-8 is taken octet by octet.
char32_t next_character(std::string_view s, size_t& i) {
  const auto octet = [&](size_t at) { return static_cast<unsigned char>(s[at]); };
  const unsigned char c = octet(i);
  const size_t length = c < 0xC2 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 1;
  if (length == 1 || i + length > s.size()) return ++i, c;
  char32_t point = c & (0xFF >> (length + 1));
  for (size_t k = 1; k < length; ++k) point = point << 6 | (octet(i + k) & 0x3F);
  i += length;
  return point;
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80)
    out += static_cast<char>(c);
  else if (c < 0x800)
    out += static_cast<char>(0xC0 | c >> 6), tail(0);
  else if (c < 0x10000)
    out += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
  else
    out += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
}

// UTF-16, big-endian, to UTF-8; nothing when surrogates do not pair.
bool append_utf16(std::string& out, std::string_view wide) {
  if (wide.size() % 2) return false;
  const auto unit = [&](size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(wide[at]) << 8 | static_cast<unsigned char>(wide[at + 1]));
  };
  for (size_t k = 0; k < wide.size(); k += 2) {
    char32_t c = unit(k);
    if (c >= 0xD800 && c < 0xDC00) {
      if (k + 3 >= wide.size() || unit(k + 2) < 0xDC00 || unit(k + 2) > 0xDFFF) return false;
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(k + 2) - 0xDC00);
      k += 2;
    } else if (c >= 0xDC00 && c < 0xE000) {
      return false;
    }
    append_utf8(out, c);
  }
  return true;
}

}  // namespace

std::string to_modified_utf7(std::string_view utf8) {
  std::string out, wide;
  const auto put = [&](char32_t unit) { (wide += static_cast<char>(unit >> 8)) += static_cast<char>(unit); };
  const auto flush = [&] {
    if (wide.empty()) return;
    std::string coded = text::base64(wide);
    while (coded.ends_with('=')) coded.pop_back();
    std::replace(coded.begin(), coded.end(), '/', ',');
    out += "&" + coded + "-";
    wide.clear();
  };
  for (size_t i = 0; i < utf8.size();) {
    if (is_printable(utf8[i])) {
      flush();
      out += utf8[i];
      if (utf8[i++] == '&') out += '-';
      continue;
    }
    const char32_t c = next_character(utf8, i);
    if (c >= 0x10000) {
      put(0xD800 | (c - 0x10000) >> 10);
      put(0xDC00 | ((c - 0x10000) & 0x3FF));
    } else {
      put(c);
    }
  }
  flush();
  return out;
}

std::optional<std::string> from_modified_utf7(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (!is_printable(s[i])) return {};
    if (s[i] != '&') {
      out += s[i];
      continue;
    }
    const size_t end = s.find('-', i);
    if (end == s.npos) return {};
    std::string coded(s.substr(i + 1, end - i - 1));
    i = end;
    if (coded.empty()) {
      out += '&';
      continue;
    }
    std::replace(coded.begin(), coded.end(), ',', '/');
    while (coded.size() % 4) coded += '=';
    const auto wide = text::unbase64(coded);
    if (!wide || !append_utf16(out, *wide)) return {};
  }
  if (to_modified_utf7(out) != s) return {};
  return out;
}

namespace {

// Each wildcard takes as little as it can. When the rest does not fit, the last one takes one character more: '%' until
// a separator, then the last '*'. What stands before a '*' need never be tried again.
bool matches(std::string_view pattern, std::string_view name) {
  constexpr size_t kNone = std::string_view::npos;
  size_t p = 0, n = 0;
  size_t star = kNone, star_n = 0, percent = kNone, percent_n = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
      percent = kNone;
    } else if (p < pattern.size() && pattern[p] == '%') {
      percent = p++;
      percent_n = n;
    } else if (p < pattern.size() && n < name.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (p == pattern.size() && n == name.size()) {
      return true;
    } else if (percent != kNone && percent_n < name.size() && name[percent_n] != '/') {
      p = percent + 1;
      n = ++percent_n;
    } else if (star != kNone && star_n < name.size()) {
      p = star + 1;
      n = ++star_n;
      percent = kNone;
    } else {
      return false;
    }
  }
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
  if (name == "INBOX") return matches(text::uppered(pattern), name);
  if (name.starts_with("INBOX/") && text::istarts_with(pattern, "INBOX/"))
    return matches("INBOX" + std::string(pattern.substr(5)), name);
  return matches(pattern, name);
}

}  // namespace pabal::access::imap
