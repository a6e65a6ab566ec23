#include "store/watches.h"

#include <exception>

#include "base/log.h"

namespace pabal::store {

// It holds the registry, so that a watch dropped after its store is harmless.
class Watches::Entry final : public Store::Watch {
 public:
  Entry(std::shared_ptr<Watches> registry, std::string k, std::function<void()> f)
      : key(std::move(k)), changed(std::move(f)), registry_(std::move(registry)) {}
  ~Entry() override { registry_->drop(*this); }

  const std::string key;
  const std::function<void()> changed;

 private:
  const std::shared_ptr<Watches> registry_;
};

std::unique_ptr<Store::Watch> Watches::add(std::string key, std::function<void()> changed) {
  auto made = std::make_unique<Entry>(shared_from_this(), std::move(key), std::move(changed));
  std::lock_guard lock(mutex_);
  entries_.emplace(made->key, made.get());
  return made;
}

void Watches::drop(Entry& entry) {
  std::lock_guard lock(mutex_);
  auto [first, last] = entries_.equal_range(entry.key);
  while (first != last && first->second != &entry) ++first;
  if (first != last) entries_.erase(first);
}

void Watches::call(const std::string& key) {
  const auto [first, last] = entries_.equal_range(key);
  for (auto it = first; it != last; ++it) try {
      it->second->changed();
    } catch (const std::exception& failure) {
      log::error("store", std::string("a fault of ours: a watch has thrown: ") + failure.what());
    }
}

}  // namespace pabal::store
