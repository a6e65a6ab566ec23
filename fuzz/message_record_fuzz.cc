// room: message
// A record that decodes survives being written and read again, and its offsets harm nobody.
#include <string>

#include "base/check.h"
#include "message/tree_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto message = m::decode(bytes)) {
    const auto again = m::decode(m::encode(*message));
    PABAL_CHECK(again && m::same(*again, *message));
    (void)m::all_text(bytes, *message);
    (void)m::preview(bytes, *message);
  }
  return 0;
}
