// How often somebody may ask: so many times within a minute, by key. What is above is refused with 429; nothing waits.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "base/time.h"

namespace pabal::oauth {

constexpr size_t kMaxLimited = 100'000;  // keys remembered; then all are forgotten, which lets at worst a few more pass

// Thread-safe.
class Limiter {
 public:
  explicit Limiter(const Clock& clock) : clock_(clock) {}
  bool take(const std::string& key, int per_minute) {
    std::lock_guard lock(mutex_);
    if (seen_.size() >= kMaxLimited && !seen_.contains(key)) seen_.clear();
    Window& window = seen_[key];
    const Time now = clock_.now();
    if (now - window.since >= minutes(1) || now < window.since) window = {now, 0};
    return ++window.count <= per_minute;
  }

 private:
  struct Window {
    Time since{};
    int count = 0;
  };
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Window> seen_;
};

}  // namespace pabal::oauth
