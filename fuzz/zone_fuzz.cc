// room: dns
// Any text is taken or refused, and a zone that was taken answers for every name in the text without a crash.
#include <optional>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "dns/resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pabal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dns::ZoneResolver zones;
  if (!zones.load("example.com", text)) return 0;
  size_t asked = 0;
  for (const std::string_view line : text::split(text, '\n')) {
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    for (const dns::Type type : {dns::Type::kA, dns::Type::kMx, dns::Type::kTxt}) {
      int answers = 0;
      zones.query(std::string(word) + ".example.com", type, [&](Result<dns::Answer> answer) {
        ++answers;
        if (answer && answer->status == dns::Answer::Status::kFound) PABAL_CHECK(!answer->records.empty());
      });
      PABAL_CHECK(answers == 1);
    }
    if (++asked == 20) break;
  }
  return 0;
}
