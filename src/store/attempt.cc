#include "store/attempt.h"

#include <vector>

namespace pabal::store {

void Attempt::keep() {
  for (const Space space : {Space::kIndex, Space::kBody}) {
    for (const auto& [key, write] : of(space))
      if (!write.value)
        whole_.erase(key, space);
      else if (write.expires)
        whole_.put_until(key, *write.value, *write.expires);
      else
        whole_.put(key, *write.value, space);
    of(space).clear();
  }
}

Result<std::optional<std::string>> Attempt::get(std::string_view key, Space space) const {
  const Writes& writes = writes_[static_cast<size_t>(space)];
  if (const auto written = writes.find(key); written != writes.end()) return written->second.value;
  return whole_.get(key, space);
}

Result<void> Attempt::scan(const Range& range, const Visit& visit) const {
  const Writes& writes = writes_[0];
  auto next = writes.lower_bound(range.begin);
  auto end = range.end.empty() ? writes.end() : writes.lower_bound(range.end);
  if (range.limit == 0 || (!range.end.empty() && range.begin >= range.end)) return {};
  if (next == end) return whole_.scan(range, visit);
  // In the order of the scan, those of ours that come before `key`; false: enough.
  std::vector<Writes::const_iterator> ours;
  for (; next != end; ++next) ours.push_back(next);
  if (range.reverse) std::reverse(ours.begin(), ours.end());
  size_t left = range.limit, at = 0;
  bool going = true;
  const auto give = [&](std::string_view key, std::string_view value) {
    going = visit(key, value) && --left > 0;
    return going;
  };
  const auto before = [&](std::string_view a, std::string_view b) { return range.reverse ? a > b : a < b; };
  Range all = range;
  all.limit = SIZE_MAX;
  const auto scanned = whole_.scan(all, [&](std::string_view key, std::string_view value) {
    for (; at < ours.size() && before(ours[at]->first, key); ++at)
      if (ours[at]->second.value && !give(ours[at]->first, *ours[at]->second.value)) return false;
    if (at == ours.size() || ours[at]->first != key) return give(key, value);
    const auto& mine = ours[at++]->second.value;
    return !mine || give(key, *mine);
  });
  if (!scanned) return scanned;
  for (; going && at < ours.size(); ++at)
    if (ours[at]->second.value) give(ours[at]->first, *ours[at]->second.value);
  return {};
}

void Attempt::put(std::string_view key, std::string_view value, Space space) {
  of(space)[std::string(key)] = {std::string(value), {}};
}
void Attempt::put_until(std::string_view key, std::string_view value, Time expires) {
  of(Space::kIndex)[std::string(key)] = {std::string(value), expires};
}
void Attempt::erase(std::string_view key, Space space) { of(space)[std::string(key)] = {{}, {}}; }

}  // namespace pabal::store
