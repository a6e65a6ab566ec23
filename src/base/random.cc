#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace pabal {

uint64_t Random::next_u64() {
  uint8_t raw[8];
  fill(raw);
  uint64_t value = 0;
  for (uint8_t b : raw) value = value << 8 | b;
  return value;
}

uint64_t Random::below(uint64_t bound) {
  PABAL_CHECK(bound > 0);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // reject the uneven tail
  for (;;) {
    const uint64_t value = next_u64();
    if (value < limit) return value % bound;
  }
}

std::string Random::bytes(size_t count) {
  std::string out(count, '\0');
  fill({reinterpret_cast<uint8_t*>(out.data()), count});
  return out;
}

void SystemRandom::fill(std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::getrandom(out.data() + done, out.size() - done, 0);
    if (n > 0) done += static_cast<size_t>(n);
  }
}

void SeededRandom::fill(std::span<uint8_t> out) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < out.size();) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    for (int k = 0; k < 8 && i < out.size(); ++k, ++i) out[i] = static_cast<uint8_t>(z >> (8 * k));
  }
}

}  // namespace pabal
