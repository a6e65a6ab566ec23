// room: sieve
// Any octets are a script or have faults with a place; a program comes back from its octets.
#include "base/check.h"
#include "sieve/sieve.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace s = pabal::sieve;
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  const s::Compiled compiled = s::compile(script);
  PABAL_CHECK(compiled.ok() == compiled.faults.empty());
  for (const s::Fault& fault : compiled.faults) PABAL_CHECK(fault.line > 0 && !fault.message.empty());
  if (compiled.ok()) {
    const std::string octets = s::encode(*compiled.program);
    const auto again = s::decode(octets);
    PABAL_CHECK(again && s::encode(*again) == octets);
  }
  return 0;
}
