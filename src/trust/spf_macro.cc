#include "trust/spf_macro.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace pabal::trust {
namespace {

constexpr size_t kMaxExpanded = 4'096;
constexpr size_t kMaxName = 253;
constexpr std::string_view kDelimiters = ".-+,/_=";

// RFC 7208 §7.1: "%{" macro-letter transformers *delimiter "}", "%%", "%_" and "%-".
struct Macro {
  char letter = 0;      // 0: a literal, in `literal`
  bool escape = false;  // written in upper case: URL-escaped
  size_t parts = 0;     // to keep from the right; 0: all
  bool reverse = false;
  std::string_view delimiters;
  std::string_view literal;
  size_t size = 0;  // octets of the text
};

// The macro at the start of `text`, which begins with '%'; size 0: it is none.
Macro read_macro(std::string_view text) {
  Macro macro;
  if (text.size() < 2) return macro;
  if (text[1] == '%' || text[1] == '_' || text[1] == '-') {
    macro.literal = text[1] == '%' ? "%" : text[1] == '_' ? " " : "%20";
    macro.size = 2;
    return macro;
  }
  if (text[1] != '{' || text.size() < 4) return macro;
  macro.letter = text::lower(text[2]);
  macro.escape = macro.letter != text[2];
  if (std::string_view("slodiphcrtv").find(macro.letter) == std::string_view::npos) return macro;
  size_t at = 3;
  const size_t digits = at;
  for (; at < text.size() && text::is_digit(text[at]); ++at)
    macro.parts = std::min<size_t>(macro.parts * 10 + static_cast<size_t>(text[at] - '0'), 1'000);
  if (at > digits && macro.parts == 0) return macro;  // §7.3: the number must not be zero
  if (at < text.size() && text::lower(text[at]) == 'r') {
    macro.reverse = true;
    ++at;
  }
  const size_t delimiters = at;
  while (at < text.size() && kDelimiters.find(text[at]) != kDelimiters.npos) ++at;
  if (at >= text.size() || text[at] != '}') return macro;
  macro.delimiters = text.substr(delimiters, at - delimiters);
  macro.size = at + 1;
  return macro;
}

bool uses(std::string_view text, std::string_view letters) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at)) {
    const Macro macro = read_macro(text.substr(at));
    if (macro.letter && letters.find(macro.letter) != letters.npos) return true;
    at += std::max<size_t>(macro.size, 1);
  }
  return false;
}

// RFC 7208 §7.1: toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
bool is_top_label(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return text::is_alnum(c) || c == '-'; }) &&
         !std::all_of(label.begin(), label.end(), text::is_digit);
}

// domain-end = ( "." toplabel [ "." ] ) / macro-expand; `end` is where the last macro of the text ends.
bool has_domain_end(std::string_view spec, size_t end) {
  if (end > 0 && end == spec.size()) return true;
  if (spec.ends_with('.')) spec.remove_suffix(1);
  const size_t dot = spec.rfind('.');
  return dot != spec.npos && dot >= end && is_top_label(spec.substr(dot + 1));
}

std::string transformed(const std::string& value, const Macro& macro) {
  if (macro.parts == 0 && !macro.reverse && macro.delimiters.empty()) return value;
  const std::string_view delimiters = macro.delimiters.empty() ? "." : macro.delimiters;
  std::vector<std::string_view> parts;
  const std::string_view whole = value;
  for (size_t at = 0;;) {
    const size_t end = std::min(whole.find_first_of(delimiters, at), whole.size());
    parts.push_back(whole.substr(at, end - at));
    if (end == whole.size()) break;
    at = end + 1;
  }
  if (macro.reverse) std::reverse(parts.begin(), parts.end());
  const size_t first = macro.parts && macro.parts < parts.size() ? parts.size() - macro.parts : 0;
  std::string out;
  for (size_t i = first; i < parts.size(); ++i) {
    if (i > first) out += '.';
    out += parts[i];
  }
  return out;
}

std::string url_escaped(std::string_view value) {  // §7.3: all but the unreserved characters of RFC 3986
  std::string out;
  for (char c : value) {
    if (text::is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else
      out += "%" + text::uppered(text::hex({&c, 1}));
  }
  return out;
}

std::string value_of(char letter, const MacroValues& v) {
  switch (letter) {
    case 's':
      return v.local + "@" + v.sender_domain;
    case 'l':
      return v.local;
    case 'o':
      return v.sender_domain;
    case 'd':
      return v.domain;
    case 'i':
      return v.ip;
    case 'p':
      return v.validated;
    case 'v':
      return v.v6 ? "ip6" : "in-addr";
    case 'h':
      return v.helo;
    case 'c':
      return v.readable_ip;
    case 'r':
      return v.receiver.empty() ? "unknown" : v.receiver;
    default:
      return std::to_string(v.now);  // t
  }
}

}  // namespace

std::string check_macros(std::string_view spec, MacroUse use) {
  if (spec.empty() && use == MacroUse::kDomain) return "a domain is missing";
  size_t macro_end = 0;
  for (size_t at = 0; at < spec.size();) {
    const char c = spec[at];
    if (c == '%') {
      const Macro macro = read_macro(spec.substr(at));
      if (macro.size == 0)
        return "\"" + text::printable(spec.substr(at, 12)) + "\" is no macro; a plain percent sign is written %%";
      if (use != MacroUse::kExplanation && macro.letter &&
          std::string_view("crt").find(macro.letter) != std::string_view::npos)
        return std::string("the macro %{") + macro.letter + "} is for explanations only";
      at += macro.size;
      macro_end = at;
    } else {
      const bool blank = c == ' ' && use == MacroUse::kExplanation;
      if ((c < '!' || c > '~') && !blank) return "only visible ASCII characters are allowed";
      ++at;
    }
  }
  if (use != MacroUse::kDomain || has_domain_end(spec, macro_end)) return {};
  if (const std::string_view last = spec.substr(spec.rfind('.') + 1);
      std::all_of(last.begin(), last.end(), text::is_digit) && std::count(spec.begin(), spec.end(), '.') == 3)
    return "a domain is wanted here; an address is written ip4:" + text::printable(spec, 40);
  return "\"" + text::printable(spec, 80) + "\" is not a domain";
}

bool uses_validated_name(std::string_view text) { return uses(text, "p"); }
bool uses_local_part(std::string_view text) { return uses(text, "sl"); }

Result<std::string> expand_macros(std::string_view spec, const MacroValues& values) {
  std::string out;
  for (size_t at = 0; at < spec.size() && out.size() <= kMaxExpanded;) {
    if (spec[at] != '%') {
      const size_t end = std::min(spec.find('%', at), spec.size());
      out += spec.substr(at, end - at);
      at = end;
      continue;
    }
    const Macro macro = read_macro(spec.substr(at));
    if (macro.letter == 0) {
      out += macro.literal;
    } else {
      const std::string value = transformed(value_of(macro.letter, values), macro);
      out += macro.escape ? url_escaped(value) : value;
    }
    at += std::max<size_t>(macro.size, 1);
  }
  if (out.size() > kMaxExpanded) return Error{Code::kLimit, "the macros of this text expand to too much"};
  return out;
}

std::string target_name(std::string expanded) {
  if (expanded.ends_with('.')) expanded.pop_back();
  std::string_view name = expanded;
  while (name.size() > kMaxName) {
    const size_t dot = name.find('.');
    if (dot == name.npos) return {};
    name.remove_prefix(dot + 1);
  }
  if (name.empty() || !text::is_ascii(name)) return {};
  for (const std::string_view label : text::split(name, '.'))
    if (label.empty() || label.size() > 63) return {};
  return text::lowered(name);
}

}  // namespace pabal::trust
