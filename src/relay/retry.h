// When to try again.
#pragma once

#include <algorithm>

#include "base/random.h"
#include "base/time.h"

namespace pabal::relay {

constexpr minutes kFirstRetry{1};
constexpr hours kLongestRetry{4};  // RFC 5321 §4.5.4.1: retries may slow down
constexpr hours kDelayWarning{4};  // then the sender hears of it, once

// After `attempts` tries: 1, 2, 4 ... minutes up to 4 hours, each a fifth earlier or later by chance, so that what
// failed together does not come back together.
inline Duration retry_after(uint32_t attempts, Random& random) {
  const Duration base =
      std::min<Duration>(kLongestRetry, kFirstRetry * (1ll << std::min<uint32_t>(attempts > 0 ? attempts - 1 : 0, 16)));
  const int64_t fifth = base.count() / 5;
  return base - Duration(fifth) + Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(2 * fifth + 1))));
}

}  // namespace pabal::relay
