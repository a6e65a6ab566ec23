// A part of a transaction that may fail by itself: it sees all that the transaction sees, and what it writes goes into
// the transaction by keep(), as a whole, or not at all. For one call that changes many things, each of them or none.
#pragma once

#include <array>
#include <map>

#include "store/store.h"

namespace pabal::store {

class Attempt final : public Transaction {
 public:
  explicit Attempt(Transaction& whole) : whole_(whole) {}
  void keep();

  Result<std::optional<std::string>> get(std::string_view key, Space space = Space::kIndex) const override;
  Result<void> scan(const Range& range, const Visit& visit) const override;
  void put(std::string_view key, std::string_view value, Space space = Space::kIndex) override;
  void put_until(std::string_view key, std::string_view value, Time expires) override;
  void erase(std::string_view key, Space space = Space::kIndex) override;

 private:
  struct Write {
    std::optional<std::string> value;  // nothing: erased
    std::optional<Time> expires;
  };
  using Writes = std::map<std::string, Write, std::less<>>;
  Writes& of(Space space) { return writes_[static_cast<size_t>(space)]; }

  Transaction& whole_;
  std::array<Writes, 2> writes_;
};

}  // namespace pabal::store
