#include <algorithm>
#include <array>

#include "base/text.h"
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
  for (unsigned char c : s) {
    if (c == '=') {  // padding ends a group; another may follow (several encoded runs in one body)
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

int hex_digit(char c) {
  if (text::is_digit(c)) return c - '0';
  c = text::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
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
      } else out += '=';
    }
    if (lf < s.size() && !soft) out += crlf ? "\r\n" : "\n";
    i = lf + 1;
  }
  return out;
}

struct Entity { std::string_view name; char32_t c; };
constexpr Entity kEntities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}, {"copy", 0xA9}, {"reg", 0xAE},
                                {"euro", 0x20AC}, {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201C},
                                {"rdquo", 0x201D}, {"hellip", 0x2026}, {"middot", 0xB7}, {"bull", 0x2022}, {"auml", 0xE4}, {"ouml", 0xF6},
                                {"uuml", 0xFC}, {"Auml", 0xC4}, {"Ouml", 0xD6}, {"Uuml", 0xDC}, {"szlig", 0xDF}, {"eacute", 0xE9}, {"egrave", 0xE8}};

void put_utf8(std::string& out, char32_t c) {
  if (c < 0x80) out += static_cast<char>(c);
  else if (c < 0x800) (out += static_cast<char>(0xC0 | c >> 6)) += static_cast<char>(0x80 | (c & 63));
  else if (c < 0x10000) ((out += static_cast<char>(0xE0 | c >> 12)) += static_cast<char>(0x80 | (c >> 6 & 63))) += static_cast<char>(0x80 | (c & 63));
  else (((out += static_cast<char>(0xF0 | c >> 18)) += static_cast<char>(0x80 | (c >> 12 & 63))) += static_cast<char>(0x80 | (c >> 6 & 63))) += static_cast<char>(0x80 | (c & 63));
}

// The entity at s ("&...;"); its length in octets, 0: none.
size_t entity(std::string_view s, std::string& out) {
  const size_t end = s.substr(0, 12).find(';');
  if (end == s.npos || end < 2) return 0;
  const std::string_view name = s.substr(1, end - 1);
  if (name[0] == '#') {
    uint64_t value = 0;
    const bool hex = name.size() > 2 && text::lower(name[1]) == 'x';
    for (char c : name.substr(hex ? 2 : 1)) {
      const char l = text::lower(c);
      const int digit = text::is_digit(c) ? c - '0' : hex && l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
      if (digit < 0) return 0;
      value = value * (hex ? 16 : 10) + static_cast<uint64_t>(digit);
    }
    put_utf8(out, value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000) ? 0xFFFD : static_cast<char32_t>(value));
    return end + 1;
  }
  for (const Entity& e : kEntities)
    if (e.name == name) {
      put_utf8(out, e.c);
      return end + 1;
    }
  return 0;
}

constexpr std::string_view kBlocks[] = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "hr", "title", "td"};
constexpr std::string_view kHidden[] = {"script", "style", "head", "template", "noscript"};

void gather(std::string_view bytes, const Part& part, std::string& out, size_t limit) {
  if (out.size() >= limit) return;
  if (!part.filename().empty()) out += part.filename() + "\n";
  if (part.summary) {
    out += decode_words(part.summary->subject) + "\n";
    for (const AddressItem& item : part.summary->from) out += item.display_text() + " " + to_utf8(item.address(), "") + "\n";
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
  return std::string(encoded);
}

std::string part_content(std::string_view bytes, const Part& part) { return decode_body(part.body(bytes), part.encoding); }

std::string part_text(std::string_view bytes, const Part& part) {
  if (!part.is_text()) return {};
  std::string text = to_utf8(part_content(bytes, part), part.charset());
  if (part.subtype == "html") return html_to_text(text);
  std::erase(text, '\r');
  return text;
}

std::string html_to_text(std::string_view html) {
  html = html.substr(0, kMaxHtmlBytes);
  std::string out;
  bool blank = true;
  std::array<bool, std::size(kHidden)> unclosed{};
  for (size_t i = 0; i < html.size();) {
    const char c = html[i];
    if (c == '<') {
      if (html.substr(i).starts_with("<!--")) {
        const size_t end = html.find("-->", i + 4);
        i = end == html.npos ? html.size() : end + 3;
        continue;
      }
      const size_t end = html.find('>', i);
      if (end == html.npos) break;
      const bool closing = i + 1 < end && html[i + 1] == '/';
      const size_t name_at = i + 1 + closing;
      size_t name_end = name_at;
      while (name_end < end && text::is_alnum(html[name_end])) ++name_end;
      const std::string name = text::lowered(html.substr(name_at, std::min<size_t>(name_end - name_at, 20)));
      i = end + 1;
      const auto hidden = std::find(std::begin(kHidden), std::end(kHidden), name);
      if (!closing && hidden != std::end(kHidden) && !unclosed[hidden - std::begin(kHidden)]) {
        // Everything up to its end tag. Scripts and styles without one hide the rest, as in browsers; a head without one hides
        // nothing, since the mail stands behind it. The search goes forward only, and in vain once for each name: linear.
        size_t close = i;
        for (const std::string wanted = "</" + name;; ++close) {
          close = html.find("</", close);
          if (close == html.npos || text::iequals(html.substr(close, wanted.size()), wanted)) break;
        }
        if (close != html.npos) i = close;
        else if (name == "script" || name == "style") break;
        else unclosed[hidden - std::begin(kHidden)] = true;
      }
      if (std::find(std::begin(kBlocks), std::end(kBlocks), name) != std::end(kBlocks) && !out.empty() && out.back() != '\n') {
        out += '\n';
        blank = true;
      }
      continue;
    }
    if (c == '&') {
      if (const size_t n = entity(html.substr(i), out)) {
        blank = false;
        i += n;
        continue;
      }
    }
    ++i;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (!blank) out += ' ';
      blank = true;
    } else {
      out += c;
      blank = false;
    }
  }
  return out;
}

std::string all_text(std::string_view bytes, const Message& message, size_t limit) {
  std::string out = decode_words(message.summary.subject) + "\n";
  for (const auto* list : {&message.summary.from, &message.summary.to, &message.summary.cc})
    for (const AddressItem& item : *list)
      if (item.kind == AddressItem::kMailbox && out.size() < limit) out += item.display_text() + " " + to_utf8(item.address(), "") + "\n";
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
