// room: extract
// Attached files: any octets give bounded text in UTF-8, whichever reader takes them.
#include "base/check.h"
#include "base/text.h"
#include "extract/extract.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace e = pabal::extract;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  for (const auto reader : {e::text_of, e::text_of_pdf, e::text_of_office, e::text_of_rtf})
    PABAL_CHECK(reader(file).size() <= e::kMaxText);
  return 0;
}
