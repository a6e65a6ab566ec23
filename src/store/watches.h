// The watches of a store, for engines: who waits for a change of which key.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/store.h"

namespace pabal::store {

class Watches : public std::enable_shared_from_this<Watches> {
 public:
  std::unique_ptr<Store::Watch> add(std::string key, std::function<void()> changed);

  // Calls whoever watches one of `keys`, a map whose keys are those written. One call for a watch and a key.
  template <typename Map>
  void notify(const Map& keys) {
    std::lock_guard lock(mutex_);
    if (entries_.empty()) return;
    for (const auto& [key, written] : keys) call(key);
  }

 private:
  class Entry;
  void call(const std::string& key);  // mutex_ is held
  void drop(Entry& entry);

  // Held while callbacks run: whoever drops a watch gets it only when none runs, and after that none finds the watch.
  std::mutex mutex_;
  std::unordered_multimap<std::string, Entry*> entries_;
};

}  // namespace pabal::store
