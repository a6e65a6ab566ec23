#include "base/text.h"

#include <algorithm>
#include <array>

#include "message/decode.h"
#include "message/message.h"

namespace pabal::message {
namespace {

std::string decode_base64(std::string_view s) {
  static constexpr auto kTable = [] {
    std::array<int8_t, 256> table{};
    for (auto& slot : table) slot = -1;
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < kDigits.size(); ++i) table[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
    return table;
  }();
  std::string out;
  out.reserve(s.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  bool more = false;  // another encoded run follows the padding
  for (size_t i = 0; i < s.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(s[i]);
    if (c == '=') {
      // Padding ends the data (RFC 2045 §6.8). Some append another run, which counts; mailing lists append their
      // footer, which does not. Looked at once, so that this stays linear.
      if (!more && std::any_of(s.begin() + static_cast<long>(i), s.end(), [](char rest) {
            return kTable[static_cast<unsigned char>(rest)] < 0 &&
                   std::string_view("= \t\r\n").find(rest) == std::string_view::npos;
          }))
        break;
      more = true;
      bits = 0;
      count = 0;
      continue;
    }
    if (kTable[c] < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(kTable[c]);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8));
  }
  return out;
}

std::string decode_quoted_printable(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    const size_t lf = std::min(s.find('\n', i), s.size());
    std::string_view line = s.substr(i, lf - i);
    const bool crlf = line.ends_with('\r');
    if (crlf) line.remove_suffix(1);
    while (!line.empty() && text::is_wsp(line.back())) line.remove_suffix(1);  // RFC 2045 §6.7 (3)
    bool soft = false;
    for (size_t k = 0; k < line.size(); ++k) {
      if (line[k] != '=') {
        out += line[k];
        continue;
      }
      if (k + 1 == line.size()) {
        soft = true;
        break;
      }
      const int high = hex_digit(line[k + 1]), low = k + 2 < line.size() ? hex_digit(line[k + 2]) : -1;
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high << 4 | low);
        k += 2;
      } else
        out += '=';
    }
    if (lf < s.size() && !soft) out += crlf ? "\r\n" : "\n";
    i = lf + 1;
  }
  return out;
}

// The lines between "begin MODE NAME" and "end" (POSIX uuencode); the text as it is when there is no such frame.
std::string decode_uu(std::string_view s) {
  size_t at = s.starts_with("begin ") ? 0 : s.find("\nbegin ");
  if (at == s.npos) return std::string(s);
  at = std::min(s.find('\n', at + 1), s.size());
  std::string out;
  while (at < s.size()) {
    const size_t begin = at + 1;
    at = std::min(s.find('\n', begin), s.size());
    std::string_view line = s.substr(begin, at - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "end") break;
    if (line.empty()) continue;
    const auto digit = [&](size_t i) {
      return i < line.size() ? (static_cast<unsigned char>(line[i]) - 32u) & 63u : 0u;
    };
    size_t left = digit(0);
    for (size_t i = 1; left > 0 && i < line.size(); i += 4) {
      const uint32_t group = digit(i) << 18 | digit(i + 1) << 12 | digit(i + 2) << 6 | digit(i + 3);
      for (int shift = 16; shift >= 0 && left > 0; shift -= 8, --left) out += static_cast<char>(group >> shift);
    }
  }
  return out;
}

void gather(std::string_view bytes, const Part& part, std::string& out, size_t limit) {
  if (out.size() >= limit) return;
  if (!part.filename().empty()) out += part.filename() + "\n";
  if (part.summary) {
    out += decode_words(part.summary->subject) + "\n";
    for (const AddressItem& item : part.summary->from)
      out += item.display_text() + " " + to_utf8(item.address(), "") + "\n";
  }
  if (part.is_multipart() && part.subtype == "alternative") {
    for (const Part& child : part.children)
      if (child.is_text() && child.subtype == "plain" && child.body_size > 0) return gather(bytes, child, out, limit);
  }
  if (part.is_text() && part.children.empty()) (out += part_text(bytes, part)) += "\n";
  for (const Part& child : part.children) gather(bytes, child, out, limit);
}

const Part* first_text(const Part& part) {
  if (part.is_multipart() && part.subtype == "alternative")
    for (const Part& child : part.children)
      if (child.is_text() && child.subtype == "plain") return &child;
  if (part.is_text() && part.disposition != "attachment") return &part;
  for (const Part& child : part.children)
    if (const Part* found = first_text(child)) return found;
  return nullptr;
}

// Blanks folded, none at the ends.
std::string first_characters(std::string_view text, size_t limit) {
  std::string out;
  size_t characters = 0;
  bool blank = true;
  for (char c : text) {
    const bool start = (c & 0xC0) != 0x80;
    if (static_cast<unsigned char>(c) <= ' ') {
      if (!blank && ++characters <= limit) out += ' ';
      blank = true;
      continue;
    }
    if (start && ++characters > limit) break;
    out += c;
    blank = false;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::string decode_body(std::string_view encoded, std::string_view encoding) {
  if (text::iequals(encoding, "base64")) return decode_base64(encoded);
  if (text::iequals(encoding, "quoted-printable")) return decode_quoted_printable(encoded);
  if (text::iequals(encoding, "x-uuencode") || text::iequals(encoding, "uuencode") || text::iequals(encoding, "x-uue"))
    return decode_uu(encoded);
  return std::string(encoded);
}

std::string part_content(std::string_view bytes, const Part& part) {
  return decode_body(part.body(bytes), part.encoding);
}

std::string part_text(std::string_view bytes, const Part& part) {
  if (!part.is_text()) return {};
  std::string text = to_utf8(part_content(bytes, part), part.charset());
  if (part.subtype == "html") return html_to_text(text);
  std::erase(text, '\r');
  return text;
}

std::string all_text(std::string_view bytes, const Message& message, size_t limit) {
  std::string out = decode_words(message.summary.subject) + "\n";
  for (const auto* list : {&message.summary.from, &message.summary.to, &message.summary.cc})
    for (const AddressItem& item : *list)
      if (item.kind == AddressItem::kMailbox && out.size() < limit)
        out += item.display_text() + " " + to_utf8(item.address(), "") + "\n";
  gather(bytes, message.root, out, limit);
  return std::string(utf8_prefix(out, limit));
}

std::string preview(std::string_view bytes, const Message& message, size_t max_characters) {
  const Part* part = first_text(message.root);
  if (!part) return {};
  // A preview needs little: not all of a large part is decoded. HTML may begin with long styles: then once more.
  Part head = *part;
  head.children.clear();
  std::string out;
  for (const uint32_t size : {16u << 10, 256u << 10}) {
    head.body_size = std::min(part->body_size, size);
    out = first_characters(part_text(bytes, head), max_characters);
    if (!out.empty() || head.body_size == part->body_size) break;
  }
  return out;
}

}  // namespace pabal::message
