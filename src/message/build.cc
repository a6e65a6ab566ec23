#include "message/build.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "message/words.h"

namespace pabal::message {

std::string new_message_id(Random& random, Time now, std::string_view domain) {
  return "<" + text::hex(Encoder().u64(static_cast<uint64_t>(to_micros(now))).take()).substr(2) + "." +
         text::hex(random.bytes(8)) + "@" + std::string(domain) + ">";
}

namespace {

constexpr size_t kLine = 78;  // RFC 5322 §2.1.1

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 76 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
}

bool breaks_line(std::string_view s) { return s.find_first_of(std::string_view("\r\n\0", 3)) != s.npos; }

// "Name: value", folded at blanks.
std::string folded(std::string_view name, std::string_view value) {
  std::string out(name);
  out += ':';
  size_t line = out.size();
  for (const std::string_view word : text::split(value, ' ')) {
    // Not before an empty word (of two blanks): a line of blanks only is an obsolete form (RFC 5322 §3.2.2).
    if (!word.empty() && line + 1 + word.size() > kLine && line > name.size() + 1) {
      out += "\r\n";
      line = 0;
    }
    out += ' ';
    out += word;
    line += 1 + word.size();
  }
  return out + "\r\n";
}

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// RFC 5322 §3.2.5.
std::string phrase(std::string_view display) {
  const std::string coded = encode_word(display);
  if (coded != display) return coded;
  const bool atoms = std::all_of(display.begin(), display.end(), [](char c) {
    return text::is_alnum(c) || std::string_view(" !#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
  return atoms && display.find("  ") == display.npos ? coded : quoted(display);
}

}  // namespace

Result<std::string> header_line(std::string_view name, std::string_view text) {
  if (!is_field_name(name)) return Error{Code::kInvalid, "that is not the name of a header field"};
  if (breaks_line(text)) return Error{Code::kInvalid, "a header field holds no line ends"};
  return folded(name, encode_word(text, name.size() + 2 < kLine ? kLine - name.size() - 2 : 0));
}

Result<std::string> address_line(std::string_view name, const std::vector<AddressItem>& list) {
  if (!is_field_name(name)) return Error{Code::kInvalid, "that is not the name of a header field"};
  std::string value;
  bool first = true;  // of the list or of a group
  for (const AddressItem& item : list) {
    if (breaks_line(item.display) || breaks_line(item.local) || breaks_line(item.domain))
      return Error{Code::kInvalid, "an address holds no line ends"};
    if (item.kind == AddressItem::kGroupEnd) {
      value += ';';
      first = false;
      continue;
    }
    if (!first)
      value += ", ";
    else if (!value.empty())
      value += ' ';
    first = item.kind == AddressItem::kGroupStart;
    if (first) {
      value += phrase(item.display) + ':';
      continue;
    }
    AddressItem written = item;
    if (text::is_ascii(item.local))
      if (std::string ascii = ascii_domain(item.domain); !ascii.empty()) written.domain = std::move(ascii);
    value += item.display.empty() ? written.address() : phrase(item.display) + " <" + written.address() + ">";
  }
  return folded(name, value);
}

std::string parameter(std::string_view name, std::string_view utf8) {
  const std::string clean = clean_utf8(utf8);
  const bool plain =
      clean.size() <= 60 && std::all_of(clean.begin(), clean.end(), [](char c) { return c >= ' ' && c < 0x7F; });
  const bool token = !clean.empty() && std::all_of(clean.begin(), clean.end(), [](char c) {
    return text::is_alnum(c) || std::string_view("!#$&+-.^_`{|}~").find(c) != std::string_view::npos;
  });
  const std::string key(name);
  if (plain) return ";\r\n " + key + "=" + (token ? clean : quoted(clean));

  // RFC 2231 §3, §4. What is not alphanumeric is always coded, which its attribute-char allows.
  std::vector<std::string> sections(1);
  constexpr size_t kRoom = 40;
  for (unsigned char c : clean) {
    if (sections.back().size() + 3 > kRoom) sections.emplace_back();
    if (text::is_alnum(static_cast<char>(c)) || c == '.' || c == '-' || c == '_')
      sections.back() += static_cast<char>(c);
    else
      sections.back() += "%" + text::uppered(text::hex({reinterpret_cast<const char*>(&c), 1}));
  }
  if (sections.size() == 1) return ";\r\n " + key + "*=utf-8''" + sections.front();
  std::string out;
  for (size_t i = 0; i < sections.size(); ++i)
    out += ";\r\n " + key + "*" + std::to_string(i) + "*=" + (i == 0 ? "utf-8''" : "") + sections[i];
  return out;
}

std::string encode_quoted_printable(std::string_view s) {
  std::string out;
  size_t line = 0;
  const auto put = [&](std::string_view piece) {
    if (line + piece.size() > 75) {
      out += "=\r\n";
      line = 0;
    }
    out += piece;
    line += piece.size();
  };
  for (size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (c == '\r' && i + 1 < s.size() && s[i + 1] == '\n') {
      out += "\r\n";
      line = 0;
      ++i;
      continue;
    }
    const bool at_end = i + 1 == s.size() || s[i + 1] == '\r';
    if ((c > ' ' && c < 0x7F && c != '=') || (text::is_wsp(c) && !at_end))
      put({&c, 1});
    else
      put("=" + text::uppered(text::hex({&c, 1})));
  }
  return out;
}

std::string encode_base64_lines(std::string_view bytes) {
  const std::string all = text::base64(bytes);
  std::string out;
  for (size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
  return out;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\n') out += '\r';
    out += text[i];
  }
  return out;
}

bool is_7bit(std::string_view s) {
  size_t line = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\r' && i + 1 < s.size() && s[i + 1] == '\n') {
      ++i;
      line = 0;
    } else if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0' || static_cast<unsigned char>(s[i]) >= 0x80 || ++line > 998)
      return false;
  }
  return true;
}

bool is_media_type(std::string_view type) {
  const size_t slash = type.find('/');
  const auto token = [](std::string_view s) {
    return !s.empty() && s.size() <= 127 && std::all_of(s.begin(), s.end(), [](char c) {
      return text::is_alnum(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  return slash != type.npos && token(type.substr(0, slash)) && token(type.substr(slash + 1));
}

Coded code_text(std::string_view text) {
  if (is_7bit(text)) return {"7bit", std::string(text)};
  std::string quoted = encode_quoted_printable(text);
  const bool base64 = text.size() / 57 * 78 + 78 < quoted.size();  // mostly not ASCII
  if (base64) return {"base64", encode_base64_lines(text)};
  return {"quoted-printable", std::move(quoted)};
}

std::string new_boundary(Random& random) { return "=_" + text::hex(random.bytes(15)); }

}  // namespace pabal::message
