// Randomness is passed in, so that a test replays from a seed.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace pabal {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<uint8_t> out) = 0;  // thread-safe

  uint64_t next_u64();
  uint64_t below(uint64_t bound);  // 0 <= x < bound; bound > 0
  std::string bytes(size_t count);
};

// The kernel's random numbers: for secrets and identifiers.
class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> out) override;
};

// Deterministic (splitmix64): for tests and simulations, never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  void fill(std::span<uint8_t> out) override;

 private:
  std::mutex mutex_;
  uint64_t state_;
};

}  // namespace pabal
