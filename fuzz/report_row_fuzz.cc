// room: trust
// A row of the store that is read is written so that it reads the same.
#include <string>

#include "base/check.h"
#include "trust/report_row.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const auto row = t::decode_row({reinterpret_cast<const char*>(data), size});
  if (!row) return 0;
  const std::string written = t::encode_row(*row);
  const auto again = t::decode_row(written);
  PABAL_CHECK(again && t::encode_row(*again) == written);
  return 0;
}
