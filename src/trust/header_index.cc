#include "trust/header_index.h"

#include <algorithm>

#include "base/text.h"
#include "message/limits.h"

namespace pabal::trust {
namespace {

// Any order of names will do, as long as case does not matter.
int compare(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    if (const int difference = text::lower(a[i]) - text::lower(b[i]); difference != 0) return difference;
  return 0;
}

}  // namespace

HeaderIndex::HeaderIndex(std::string_view message) : message_(message) {
  const size_t size = message::header_size(message);
  body_ = message.substr(size);
  fields_ = message::header_fields(message.substr(0, size));
  whole_ = size <= message::kMaxHeaderBytes && fields_.size() < message::kMaxHeaderFields;
  by_name_.resize(fields_.size());
  for (size_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
  std::sort(by_name_.begin(), by_name_.end(), [&](size_t a, size_t b) {
    const int order = compare(fields_[a].name, fields_[b].name);
    return order != 0 ? order < 0 : a > b;
  });
  for (size_t i = 0; i < by_name_.size(); ++i) {
    if (i == 0 || compare(fields_[by_name_[i - 1]].name, fields_[by_name_[i]].name) != 0) groups_.push_back({i, i});
    groups_.back().end = i + 1;
  }
}

std::string_view HeaderIndex::text(size_t field) const {
  return message_.substr(fields_[field].offset, fields_[field].size);
}

const HeaderIndex::Group* HeaderIndex::group(std::string_view name) const {
  const auto at = std::lower_bound(groups_.begin(), groups_.end(), name, [&](const Group& g, std::string_view wanted) {
    return compare(fields_[by_name_[g.begin]].name, wanted) < 0;
  });
  return at != groups_.end() && compare(fields_[by_name_[at->begin]].name, name) == 0 ? &*at : nullptr;
}

std::vector<size_t> HeaderIndex::named(std::string_view name) const {
  const Group* found = group(name);
  if (!found) return {};
  std::vector<size_t> out(by_name_.begin() + static_cast<ptrdiff_t>(found->begin),
                          by_name_.begin() + static_cast<ptrdiff_t>(found->end));
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<size_t> HeaderIndex::choose(const std::vector<std::string_view>& names, size_t without) const {
  std::vector<size_t> taken(groups_.size()), out;
  for (const std::string_view name : names) {
    const Group* found = group(name);
    if (!found) continue;
    size_t& next = taken[static_cast<size_t>(found - groups_.data())];
    if (found->begin + next < found->end && by_name_[found->begin + next] == without) ++next;
    if (found->begin + next < found->end) out.push_back(by_name_[found->begin + next++]);
  }
  return out;
}

}  // namespace pabal::trust
