#include "trust/tag_list.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::trust {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_name(std::string_view s) {
  return !s.empty() && text::is_alpha(s[0]) &&
         std::all_of(s.begin(), s.end(), [](char c) { return text::is_alnum(c) || c == '_'; });
}

// What a value may hold: VALCHAR, UTF-8 and blanks.
bool is_value(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return is_blank(c) || (static_cast<unsigned char>(c) > 0x20 && c != 0x7f); });
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  const auto bad = [](std::string why) {
    return Error{Code::kInvalid, "the tag list is malformed: " + std::move(why)};
  };
  if (!text::is_utf8(text)) return bad("it is neither ASCII nor UTF-8");
  TagList list;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string_view spec = text.substr(at, end - at);
    const size_t equals = spec.find('=');
    if (equals == spec.npos) {
      // One semicolon may stand at the end.
      if (end == text.size() && !list.tags_.empty() && text::trim(spec).empty()) break;
      return bad("\"" + text::printable(text::trim(spec), 40) + "\" has no \"=\"");
    }
    const std::string_view name = text::trim(spec.substr(0, equals)), value = text::trim(spec.substr(equals + 1));
    if (!is_name(name)) return bad("\"" + text::printable(name, 40) + "\" is no name of a tag");
    if (!is_value(value)) return bad("the value of " + std::string(name) + "= has control characters");
    if (list.find(name)) return bad("it has " + std::string(name) + "= twice");
    if (list.tags_.size() == kMaxTags) return bad("it has too many tags");
    list.tags_.push_back({name, value, at + equals + 1, end});
    at = end + 1;
  }
  return list;
}

const Tag* TagList::find(std::string_view name) const {
  const auto found = std::find_if(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.name == name; });
  return found == tags_.end() ? nullptr : &*found;
}

std::optional<std::string_view> TagList::value(std::string_view name) const {
  const Tag* tag = find(name);
  return tag ? std::optional(tag->value) : std::nullopt;
}

std::string without_blanks(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  std::copy_if(value.begin(), value.end(), std::back_inserter(out), [](char c) { return !is_blank(c); });
  return out;
}

std::optional<std::string> folded_base64(std::string_view value) {
  std::string digits = without_blanks(value);
  for (int i = 0; i < 2 && digits.ends_with('='); ++i) digits.pop_back();
  digits.append((4 - digits.size() % 4) % 4, '=');
  return text::unbase64(digits);
}

}  // namespace pabal::trust
