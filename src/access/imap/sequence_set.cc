#include "access/imap/sequence_set.h"

#include <algorithm>
#include <utility>

#include "access/imap/limits.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Uid;
using mailbox::UidMap;

std::optional<SequenceSet> parse_set(std::string_view text) {
  SequenceSet set;
  if (text == "$") {
    set.saved = true;
    return set;
  }
  const auto value = [](std::string_view s) -> std::optional<uint32_t> {
    if (s == "*") return SequenceSet::kStar;
    const auto n = text::parse_u64(s);
    if (!n || *n == 0 || *n > UINT32_MAX) return {};
    return static_cast<uint32_t>(*n);
  };
  for (const std::string_view part : text::split(text, ',')) {
    const size_t colon = part.find(':');
    const auto first = value(part.substr(0, colon));
    const auto last = colon == part.npos ? first : value(part.substr(colon + 1));
    if (!first || !last || set.ranges.size() >= kMaxSetRanges) return {};
    set.ranges.push_back({*first, *last});
  }
  return set;
}

std::vector<SequenceSet::Range> SequenceSet::resolve(uint32_t max) const {
  std::vector<Range> out;
  if (max == 0) return out;
  for (Range r : ranges) {
    if (r.first == kStar) r.first = max;
    if (r.last == kStar) r.last = max;
    if (r.first > r.last) std::swap(r.first, r.last);
    out.push_back(r);
  }
  std::sort(out.begin(), out.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> joined;
  for (const Range& r : out) {
    if (!joined.empty() && r.first <= joined.back().last)
      joined.back().last = std::max(joined.back().last, r.last);
    else
      joined.push_back(r);
  }
  return joined;
}

namespace {

std::vector<Target> those_in(const std::vector<SequenceSet::Range>& wanted, const UidMap& uids) {
  std::vector<Target> out;
  auto want = wanted.begin();
  uint32_t before = 0;  // messages before the range `live`
  for (const UidMap::Range& live : uids.ranges()) {
    while (want != wanted.end() && want->last < live.first) ++want;
    for (auto w = want; w != wanted.end() && w->first <= live.last; ++w) {
      const Uid last = std::min(live.last, w->last);
      for (uint64_t uid = std::max(live.first, w->first); uid <= last; ++uid)
        out.push_back({before + (static_cast<Uid>(uid) - live.first) + 1, static_cast<Uid>(uid)});
    }
    before += live.last - live.first + 1;
  }
  return out;
}

std::vector<Target> saved_in(const UidMap& saved, const UidMap& uids) {
  std::vector<SequenceSet::Range> wanted;
  for (const UidMap::Range& r : saved.ranges()) wanted.push_back({r.first, r.last});
  return those_in(wanted, uids);
}

}  // namespace

std::vector<Target> targets_by_uid(const SequenceSet& set, const UidMap& uids, const UidMap& saved) {
  if (set.saved) return saved_in(saved, uids);
  return those_in(set.resolve(uids.at(uids.count())), uids);
}

std::optional<std::vector<Target>> targets_by_sequence(const SequenceSet& set, const UidMap& uids,
                                                       const UidMap& saved) {
  if (set.saved) return saved_in(saved, uids);
  const uint32_t count = uids.count();
  for (const SequenceSet::Range& r : set.ranges) {
    const bool open = r.first == SequenceSet::kStar || r.last == SequenceSet::kStar;
    if (!open && std::max(r.first, r.last) > count) return {};
  }
  std::vector<Target> out;
  for (const SequenceSet::Range& r : set.resolve(count))
    for (uint32_t n = r.first; n <= std::min(r.last, count); ++n) out.push_back({n, uids.at(n)});
  return out;
}

void SetText::close() {
  if (first_ == 0) return;
  if (!text_.empty()) text_ += ',';
  text_ += std::to_string(first_);
  if (last_ > first_) text_ += ":" + std::to_string(last_);
}

void SetText::add(uint32_t first, uint32_t last) {
  if (first_ == 0 || first != last_ + 1) {
    close();
    first_ = first;
  }
  last_ = last;
}

std::string SetText::take() {
  close();
  first_ = last_ = 0;
  return std::exchange(text_, {});
}

std::string set_text(const std::vector<Uid>& numbers) {
  SetText out;
  for (const Uid n : numbers) out.add(n);
  return out.take();
}

}  // namespace pabal::access::imap
