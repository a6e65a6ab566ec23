// A part of the results of a SEARCH or a UID FETCH: "1:500", or "-1:-100" from the last one (RFC 9394). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/imap/words.h"

namespace pabal::access::imap {

struct PartialRange {
  std::string text;  // for answers: the lower number first (RFC 5267 §4.4: 500:400 is 400:500)
  bool from_end = false;
  uint32_t first = 1, last = 1;

  struct Slice {
    size_t begin, end;
  };
  Slice of(size_t count) const;  // positions from 0, the end not included
  template <typename T>
  std::vector<T> of(const std::vector<T>& all) const {
    const Slice slice = of(all.size());
    return {all.begin() + static_cast<long>(slice.begin), all.begin() + static_cast<long>(slice.end)};
  }
};
// partial-range; nothing: malformed.
std::optional<PartialRange> parse_partial(Words& words);

}  // namespace pabal::access::imap
