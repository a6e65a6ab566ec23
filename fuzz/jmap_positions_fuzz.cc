// room: jmap
// What clients give back as the state they know: parsed, written and parsed again it is the same.
#include "base/check.h"
#include "jmap/positions.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto positions = pabal::jmap::parse_positions(text)) {
    PABAL_CHECK(positions->size() <= pabal::jmap::kMaxFollowed);
    PABAL_CHECK(pabal::jmap::parse_positions(pabal::jmap::positions_text(*positions)) == positions);
  }
  return 0;
}
