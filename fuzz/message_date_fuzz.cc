// room: message
// A date that is read is written so that it reads the same.
#include <string>

#include "base/check.h"
#include "message/date.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)m::parse_date_zone(bytes);
  const auto t = m::parse_date(bytes);
  if (!t) return 0;
  const std::string written = m::format_date(*t);
  // A zone can carry the last day of 9999 over its end.
  if (const auto again = m::parse_date(written))
    PABAL_CHECK(*again == *t);
  else
    PABAL_CHECK(written.find(" 10000 ") != written.npos || written.find(" 1899 ") != written.npos);
  return 0;
}
