// room: sieve
// Octets that claim to be a program are none, or run within the limits.
#include "base/check.h"
#include "sieve/test_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace s = pabal::sieve;
  const auto program = s::decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!program) return 0;
  s::Input input;
  input.bytes = s::kLetter;
  s::TestHost host;
  s::Limits limits;
  limits.steps = 20'000;
  limits.regex_ticks = 5;
  PABAL_CHECK(!s::run(*program, input, host, limits).actions.empty());
  return 0;
}
