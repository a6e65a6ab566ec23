// room: sieve
// Octets that claim to be mail settings are none, or come back as they were, and are refused or compile.
#include "base/check.h"
#include "sieve/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace s = pabal::sieve;
  const auto settings = s::decode_settings(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!settings) return 0;
  PABAL_CHECK(s::decode_settings(s::encode(*settings)) == settings);
  const auto ready = s::make_ready(
      *settings, [](pabal::mailbox::MailboxId id) { return std::optional<std::string>("box" + std::to_string(id)); },
      pabal::from_unix(1'800'000'000));
  if (ready) PABAL_CHECK(ready->script.empty() == (ready->program == nullptr));
  return 0;
}
