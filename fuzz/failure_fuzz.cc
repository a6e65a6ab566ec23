// room: trust
// A mail with a report, of any kind.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "trust/incoming.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string wrapped =
      "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n" +
      std::string(bytes) + "\r\n--b--\r\n";
  for (const std::string_view mail : {bytes, std::string_view(wrapped)}) {
    const auto report = t::read_report(mail, pabal::message::parse(mail));
    if (!report) continue;
    PABAL_CHECK(report->aggregate.has_value() != report->failure.has_value());
    if (!report->failure) continue;
    PABAL_CHECK(!report->failure->feedback_type.empty() && !report->failure->reported_domain.empty());
    for (const std::string* text : {&report->failure->subject, &report->failure->header_from})
      PABAL_CHECK(pabal::text::is_utf8(*text) && text->size() <= 1'000);
  }
  return 0;
}
