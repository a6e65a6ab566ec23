#include "access/imap/partial.h"

#include <algorithm>

namespace pabal::access::imap {

PartialRange::Slice PartialRange::of(size_t count) const {
  const size_t begin = std::min<size_t>(first - 1, count), end = std::min<size_t>(last, count);
  return from_end ? Slice{count - end, count - begin} : Slice{begin, end};
}

std::optional<PartialRange> parse_partial(Words& words) {
  PartialRange out;
  out.from_end = words.accept('-');
  out.first = words.number();
  words.expect(':');
  if (out.from_end) words.expect('-');
  out.last = words.number();
  if (out.first == 0 || out.last == 0) words.fail();
  if (!words.ok()) return {};
  if (out.first > out.last) std::swap(out.first, out.last);
  const std::string sign = out.from_end ? "-" : "";
  out.text = sign + std::to_string(out.first) + ":" + sign + std::to_string(out.last);
  return out;
}

}  // namespace pabal::access::imap
