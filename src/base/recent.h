// What was made at some cost and may be wanted again soon: a map of bounded size that forgets what has not been asked
// for lately. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace pabal {

// Two generations: what is found in the old one moves to the young one; when that has `limit` entries it becomes the
// old one. So between `limit` and twice as many of the last used entries are kept, without a list to maintain.
template <typename Value>
class Recent {
 public:
  explicit Recent(size_t limit) : limit_(limit) {}

  std::optional<Value> find(const std::string& key) {
    std::lock_guard lock(mutex_);
    if (const auto young = young_.find(key); young != young_.end()) return young->second;
    auto old = old_.extract(key);
    if (old.empty()) return {};
    Value found = old.mapped();
    make_room();
    young_.insert(std::move(old));
    return found;
  }
  void put(std::string key, Value value) {
    std::lock_guard lock(mutex_);
    old_.erase(key);
    make_room();
    young_.insert_or_assign(std::move(key), std::move(value));
  }

 private:
  void make_room() {
    if (young_.size() < limit_) return;
    old_ = std::move(young_);
    young_.clear();
  }

  const size_t limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, Value> young_, old_;
};

}  // namespace pabal
