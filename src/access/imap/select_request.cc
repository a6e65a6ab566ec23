#include "access/imap/select_request.h"

#include <algorithm>

namespace pabal::access::imap {
namespace {

using mailbox::Uid;
using mailbox::UidMap;

// A set without '*' and "$", ascending. Nothing: it is not such.
std::optional<SequenceSet> known_set(Words& words) {
  auto set = parse_set(words.set());
  if (!set || set->saved) return words.fail(), std::nullopt;
  uint32_t before = 0;
  for (SequenceSet::Range& r : set->ranges) {
    if (r.first == SequenceSet::kStar || r.last == SequenceSet::kStar) return words.fail(), std::nullopt;
    if (r.first > r.last) std::swap(r.first, r.last);
    if (r.first <= before) return words.fail(), std::nullopt;
    before = r.last;
  }
  return set;
}

uint64_t size_of(const SequenceSet& set) {
  uint64_t size = 0;
  for (const SequenceSet::Range& r : set.ranges) size += uint64_t{r.last} - r.first + 1;
  return size;
}

Qresync parse_qresync(Words& words) {
  Qresync out;
  words.space();
  words.expect('(');
  out.uid_validity = words.number();
  words.space();
  out.modseq = words.number64();
  if (out.uid_validity == 0 || out.modseq == 0) words.fail();
  bool more = words.accept(' ');
  if (more && words.peek() != '(') {
    // The order of these is free, and they may overlap.
    out.known = parse_set(words.set());
    if (!out.known || out.known->saved) words.fail();
    more = words.accept(' ');
  }
  if (more) {
    words.expect('(');
    const auto numbers = known_set(words);
    words.space();
    const auto uids = known_set(words);
    words.expect(')');
    if (!numbers || !uids || size_of(*numbers) != size_of(*uids)) return words.fail(), out;
    out.match_numbers = *numbers;
    out.match_uids = *uids;
  }
  words.expect(')');
  return out;
}

}  // namespace

std::optional<SelectRequest> parse_select(Words& words) {
  SelectRequest request;
  if (words.accept(' ')) {
    parenthesised(words, [&] {
      const std::string name = words.name();
      if (name == "CONDSTORE")
        request.condstore = true;
      else if (name == "QRESYNC" && !request.qresync)
        request.qresync = parse_qresync(words);
      else
        words.fail();
    });
  }
  if (!words.done()) return {};
  return request;
}

Uid agreed_up_to(const Qresync& qresync, const UidMap& uids) {
  Uid agreed = 0;
  auto of_uids = qresync.match_uids.ranges.begin();
  uint64_t taken = 0;  // of *of_uids
  for (const SequenceSet::Range& numbers : qresync.match_numbers.ranges)
    for (uint64_t n = numbers.first; n <= std::min(numbers.last, uids.count()); ++n) {
      const uint64_t uid = of_uids->first + taken;
      if (uids.at(static_cast<uint32_t>(n)) == uid) agreed = static_cast<Uid>(uid);
      if (uid < of_uids->last)
        ++taken;
      else
        ++of_uids, taken = 0;
    }
  return agreed;
}

UidMap missing(const std::vector<SequenceSet::Range>& wanted, const UidMap& uids, Uid above, Uid last) {
  UidMap out;
  auto live = uids.ranges().begin();
  for (const SequenceSet::Range& r : wanted) {
    uint64_t at = std::max<uint64_t>(r.first, uint64_t{above} + 1);
    const uint64_t end = std::min(r.last, last);
    while (at <= end) {
      while (live != uids.ranges().end() && live->last < at) ++live;
      if (live != uids.ranges().end() && live->first <= at) {
        at = uint64_t{live->last} + 1;
        continue;
      }
      const uint64_t stop = live == uids.ranges().end() ? end : std::min<uint64_t>(end, live->first - 1);
      out.append({static_cast<Uid>(at), static_cast<Uid>(stop)});
      at = stop + 1;
    }
  }
  return out;
}

}  // namespace pabal::access::imap
