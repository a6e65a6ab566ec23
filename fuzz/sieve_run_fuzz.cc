// room: sieve
// A script and a message, with a NUL between them: the run ends with something to be done, the same from the program's
// octets, and with a keep when it failed.
#include "base/check.h"
#include "sieve/test_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace s = pabal::sieve;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t nul = all.find('\0');
  const std::string all_extensions = [] {
    std::string out = "require [\"fileinto\"";
    for (const std::string_view name : s::extensions())
      if (name != "ihave") out += ",\"" + std::string(name) + "\"";
    return out + "];";
  }();
  const s::Compiled compiled = s::compile(all_extensions + std::string(all.substr(0, nul)));
  if (!compiled.ok()) return 0;
  const std::string_view letter = nul == all.npos ? s::kLetter : all.substr(nul + 1);
  s::Input input;
  input.bytes = letter;
  input.from = "a@example.org";
  input.to = "b+c@example.org";
  s::TestHost host;
  host.scripts = {{"a", "require [\"include\", \"variables\"]; global \"x\"; set \"x\" \"${x}y\"; include \"b\";"},
                  {"b", "require \"fileinto\"; fileinto \"b\";"}};
  s::Limits limits;
  limits.steps = 20'000;
  limits.regex_ticks = 5;
  const s::Outcome outcome = s::run(*compiled.program, input, host, limits);
  PABAL_CHECK(!outcome.actions.empty());
  if (outcome.error) PABAL_CHECK(s::told(outcome).starts_with("implicit keep ERROR"));
  const s::Outcome again = s::run(*s::decode(s::encode(*compiled.program)), input, host, limits);
  PABAL_CHECK(s::told(outcome) == s::told(again));
  return 0;
}
