// room: queue
// decode() never crashes, and what it accepts survives being written and read again.
#include <string>

#include "base/check.h"
#include "base/codec.h"
#include "queue/queue.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)pabal::queue::decode(input);
  // Past the hash, which the fuzzer would not guess.
  const std::string proven = pabal::Encoder().u8(1).u64(pabal::hash64(input)).raw(input).take();
  if (const auto entry = pabal::queue::decode(proven)) {
    const auto again = pabal::queue::decode(pabal::queue::encode(*entry));
    PABAL_CHECK(again && pabal::queue::encode(*again) == pabal::queue::encode(*entry));
  }
  return 0;
}
