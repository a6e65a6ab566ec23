#include "base/id.h"

#include <algorithm>

#include "base/text.h"

namespace pabal {
namespace {
constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr int64_t kEpochMs = 1'577'836'800'000;  // 2020-01-01
}  // namespace

std::string id_text(uint64_t id) {
  std::string out(13, '0');
  for (size_t i = 13; i-- > 0; id >>= 5) out[i] = kDigits[id & 31];
  return out;
}

std::optional<uint64_t> id_from_text(std::string_view s) {
  if (s.size() != 13) return {};
  uint64_t id = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    const size_t digit = kDigits.find(text::upper(s[i]));
    if (digit == kDigits.npos || (i == 0 && digit > 15)) return {};
    id = id << 5 | digit;
  }
  return id;
}

uint64_t IdSource::next() {
  const int64_t ms = std::max<int64_t>(0, to_micros(clock_.now()) / 1000 - kEpochMs);
  const uint64_t fresh = static_cast<uint64_t>(ms) << 22 | random_.below(1u << 20);
  std::lock_guard lock(mutex_);
  last_ = std::max(last_ + 1, fresh);
  return last_;
}

}  // namespace pabal
