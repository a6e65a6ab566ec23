// room: trust
// Nothing unpacks beyond its limits; what is packed here unpacks to the same.
#include <string>

#include "base/check.h"
#include "trust/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto out = t::unpack(bytes);
  if (out) PABAL_CHECK(out->size() <= t::kMaxUnpacked);
  const auto back = t::unpack(t::gzip(bytes));
  PABAL_CHECK(back ? *back == bytes : size > t::kFreeOfRatio);
  return 0;
}
