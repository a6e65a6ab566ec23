// room: trust
// A report that is read is written so that it reads the same.
#include <string>

#include "base/check.h"
#include "trust/aggregate.h"
#include "trust/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  t::XmlReader xml(bytes);
  int depth = 0;
  while (true) {
    const auto token = xml.next();
    if (!token || token->kind == t::XmlReader::Token::kDone) break;
    depth += token->kind == t::XmlReader::Token::kStart ? 1 : token->kind == t::XmlReader::Token::kEnd ? -1 : 0;
    PABAL_CHECK(depth >= 0 && depth <= static_cast<int>(t::kMaxXmlDepth));
  }
  const auto report = t::parse_aggregate(bytes);
  if (!report) return 0;
  const std::string written = t::to_xml(*report);
  const auto again = t::parse_aggregate(written);
  PABAL_CHECK(again && again->rows.size() == report->rows.size());
  PABAL_CHECK(again->published.domain == report->published.domain && again->begin == report->begin);
  return 0;
}
