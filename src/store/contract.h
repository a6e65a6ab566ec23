// The contract of store::Store as tests (contract_test.cc), the same for every engine. An engine's own test runs it:
//
//   INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, testing::Values(EngineUnderTest{"", [] { return make_my_place();
//   }}));
//
// Included by tests only.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"

namespace pabal::store {

// Where a store of the engine lives between being closed and opened again. Destroying it removes everything.
class Place {
 public:
  virtual ~Place() = default;
  virtual Result<std::unique_ptr<Store>> open(const Clock& clock, size_t max_waiting) = 0;
};

struct EngineUnderTest {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};
inline void PrintTo(const EngineUnderTest& engine, std::ostream* out) { *out << engine.name; }

class StoreContract : public testing::TestWithParam<EngineUnderTest> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    open();
  }
  void open(size_t max_waiting = 10'000) {
    auto opened = place_->open(clock_, max_waiting);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  void reopen(size_t max_waiting = 10'000) {
    store_.reset();
    open(max_waiting);
  }

  Result<void> run(Work work) { return store_->transact_and_wait(std::move(work)); }
  void put(std::string_view key, std::string_view value, Space space = Space::kIndex) {
    const Result<void> done = run([&](Transaction& t) { return t.put(key, value, space), Result<void>(); });
    ASSERT_TRUE(done) << done.error().message;
  }
  void erase(std::string_view key, Space space = Space::kIndex) {
    ASSERT_TRUE(run([&](Transaction& t) { return t.erase(key, space), Result<void>(); }));
  }

  static std::optional<std::string> get(const Reader& r, std::string_view key, Space space = Space::kIndex) {
    auto found = r.get(key, space);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::nullopt;
  }
  std::optional<std::string> get(std::string_view key, Space space = Space::kIndex) { return get(*store_, key, space); }

  // The entries of a range as "key=value key=value".
  static std::string listed(const Reader& r, const Range& range) {
    const auto entries = r.list(range);
    if (!entries) return entries.error().message;
    std::string out;
    for (const Entry& entry : *entries) out += (out.empty() ? "" : " ") + entry.key + "=" + entry.value;
    return out;
  }

  ManualClock clock_;
  std::unique_ptr<Place> place_;
  std::unique_ptr<Store> store_;
};

// Holds the committer inside a transaction until released, so that what is queued meanwhile becomes one group.
class Barrier {
 public:
  explicit Barrier(Store& store) {
    std::promise<void> inside;
    auto reached = inside.get_future();
    store.transact(
        [&inside, gate = release_.get_future().share()](Transaction&) -> Result<void> {
          inside.set_value();
          gate.wait();
          return {};
        },
        [](Result<void>) {});
    reached.wait();
  }
  ~Barrier() { release(); }
  void release() {
    if (!released_) release_.set_value();
    released_ = true;
  }

 private:
  std::promise<void> release_;
  bool released_ = false;
};

}  // namespace pabal::store
