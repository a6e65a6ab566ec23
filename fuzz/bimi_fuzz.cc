// room: trust
// A BIMI record: read, refused or broken; what it gives is safe to write down.
#include "base/check.h"
#include "trust/bimi.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const std::string& record :
       {std::string(text), "v=BIMI1;" + std::string(text), "v=BIMI1;l=https://" + std::string(text)})
    if (const auto parsed = pabal::trust::parse_bimi_record(record)) {
      PABAL_CHECK(parsed->location.empty() || parsed->location.size() > 8);
      for (const char c : parsed->location + parsed->authority)
        PABAL_CHECK(c > ' ' && c < 0x7F && c != '"' && c != '<');
    }
  return 0;
}
