#include <algorithm>
#include <array>

#include "base/text.h"
#include "message/decode.h"
#include "message/message.h"

namespace pabal::message {
namespace {

struct Entity {
  std::string_view name;
  char32_t c;
};
constexpr Entity kEntities[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},      {"apos", '\''},    {"nbsp", ' '},
    {"copy", 0xA9},    {"reg", 0xAE},     {"euro", 0x20AC},  {"ndash", 0x2013},  {"mdash", 0x2014}, {"lsquo", 0x2018},
    {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D}, {"hellip", 0x2026}, {"middot", 0xB7},  {"bull", 0x2022},
    {"auml", 0xE4},    {"ouml", 0xF6},    {"uuml", 0xFC},    {"Auml", 0xC4},     {"Ouml", 0xD6},    {"Uuml", 0xDC},
    {"szlig", 0xDF},   {"eacute", 0xE9},  {"egrave", 0xE8}};

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
    append_utf8(out, value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)
                         ? 0xFFFD
                         : static_cast<char32_t>(value));
    return end + 1;
  }
  for (const Entity& e : kEntities)
    if (e.name == name) {
      append_utf8(out, e.c);
      return end + 1;
    }
  return 0;
}

constexpr std::string_view kBlocks[] = {"p",  "div", "br",    "tr", "li", "h1",         "h2", "h3",    "h4",
                                        "h5", "h6",  "table", "ul", "ol", "blockquote", "hr", "title", "td"};
constexpr std::string_view kHidden[] = {"script", "style", "head", "template", "noscript"};

}  // namespace

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
        // Everything up to its end tag. Scripts and styles without one hide the rest, as in browsers; a head without
        // one hides nothing, since the mail stands behind it. The search goes forward only, and in vain once for each
        // name: linear.
        size_t close = i;
        for (const std::string wanted = "</" + name;; ++close) {
          close = html.find("</", close);
          if (close == html.npos || text::iequals(html.substr(close, wanted.size()), wanted)) break;
        }
        if (close != html.npos)
          i = close;
        else if (name == "script" || name == "style")
          break;
        else
          unclosed[hidden - std::begin(kHidden)] = true;
      }
      if (std::find(std::begin(kBlocks), std::end(kBlocks), name) != std::end(kBlocks) && !out.empty() &&
          out.back() != '\n') {
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

}  // namespace pabal::message
