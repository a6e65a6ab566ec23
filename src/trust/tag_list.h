// Tag lists, "name=value; name=value" (RFC 6376 §3.2), as DKIM signatures, ARC fields and key records have them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pabal::trust {

inline constexpr size_t kMaxTags = 100;

struct Tag {
  std::string_view name, value;  // views into the text parsed; blanks around the value are left out
  size_t begin = 0, end = 0;     // in that text: all that stands between "=" and ";"
};

class TagList {
 public:
  // kInvalid: the text is no tag list, or has a name twice, or more than kMaxTags. UTF-8 in values is taken (RFC 8616).
  static Result<TagList> parse(std::string_view text);
  const Tag* find(std::string_view name) const;  // names are case-sensitive
  std::optional<std::string_view> value(std::string_view name) const;
  const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::vector<Tag> tags_;
};

// Without SP, HTAB, CR and LF: folding white space may stand anywhere in base64 and around names of a list.
std::string without_blanks(std::string_view value);
// Base64 with blanks in it and with or without padding (the ABNF of RFC 6376 §2.10 lets it be left out).
std::optional<std::string> folded_base64(std::string_view value);

}  // namespace pabal::trust
