#include <algorithm>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

bool operator==(const UidMap& a, const UidMap& b) {
  return std::equal(
      a.ranges_.begin(), a.ranges_.end(), b.ranges_.begin(), b.ranges_.end(),
      [](const UidMap::Range& x, const UidMap::Range& y) { return x.first == y.first && x.last == y.last; });
}

uint32_t UidMap::count() const {
  return ranges_.empty() ? 0 : before_.back() + (ranges_.back().last - ranges_.back().first + 1);
}

Uid UidMap::at(uint32_t sequence) const {
  if (sequence == 0 || sequence > count()) return 0;
  const auto after = std::upper_bound(before_.begin(), before_.end(), sequence - 1);
  const size_t i = static_cast<size_t>(after - before_.begin()) - 1;
  return ranges_[i].first + (sequence - 1 - before_[i]);
}

uint32_t UidMap::sequence(Uid uid) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), uid, [](Uid u, const Range& r) { return u < r.first; });
  if (after == ranges_.begin()) return 0;
  const size_t i = static_cast<size_t>(after - ranges_.begin()) - 1;
  return uid <= ranges_[i].last ? before_[i] + (uid - ranges_[i].first) + 1 : 0;
}

void UidMap::add(Uid uid) {
  if (!ranges_.empty() && uid > ranges_.back().last) {  // arrivals come at the end
    const uint32_t had = count();
    if (uid == ranges_.back().last + 1)
      ++ranges_.back().last;
    else {
      ranges_.push_back({uid, uid});
      before_.push_back(had);
    }
    return;
  }
  if (sequence(uid) > 0) return;
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), uid, [](Uid u, const Range& r) { return u < r.first; });
  const bool joins_left = after != ranges_.begin() && std::prev(after)->last + 1 == uid;
  const bool joins_right = after != ranges_.end() && after->first == uid + 1;
  if (joins_left && joins_right) {
    std::prev(after)->last = after->last;
    ranges_.erase(after);
  } else if (joins_left)
    ++std::prev(after)->last;
  else if (joins_right)
    --after->first;
  else
    ranges_.insert(after, {uid, uid});
  count_again();
}

void UidMap::append(Range range) {
  if (!ranges_.empty() && ranges_.back().last + 1 == range.first) {
    ranges_.back().last = range.last;
    return;
  }
  const uint32_t had = count();
  ranges_.push_back(range);
  before_.push_back(had);
}

bool UidMap::remove(Uid uid) {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), uid, [](Uid u, const Range& r) { return u < r.first; });
  if (after == ranges_.begin() || std::prev(after)->last < uid) return false;
  const auto range = std::prev(after);
  if (range->first == range->last)
    ranges_.erase(range);
  else if (uid == range->first)
    ++range->first;
  else if (uid == range->last)
    --range->last;
  else {
    const Range right{uid + 1, range->last};
    range->last = uid - 1;
    ranges_.insert(after, right);
  }
  count_again();
  return true;
}

void UidMap::count_again() {
  before_.resize(ranges_.size());
  uint32_t count = 0;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    before_[i] = count;
    count += ranges_[i].last - ranges_[i].first + 1;
  }
}

}  // namespace pabal::mailbox
