// Identifiers: 64 bits, time-ordered within a process, written as 13 digits of Crockford's base 32 (no I, L, O, U).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"

namespace pabal {

std::string id_text(uint64_t id);                          // always 13 characters
std::optional<uint64_t> id_from_text(std::string_view s);  // either case

// Ids that grow: 42 bits of milliseconds since 2020, then 22 random or counted bits. Thread-safe.
class IdSource {
 public:
  IdSource(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  uint64_t next();

 private:
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  uint64_t last_ = 0;
};

}  // namespace pabal
