// room: trust
// What can be read is found again when it is written by the rules; nothing that claims to be ours is left.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "message/header.h"
#include "trust/results.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto read = t::parse_results(bytes)) {
    PABAL_CHECK(!read->authserv_id.empty());
    for (const auto& method : read->methods) PABAL_CHECK(!method.method.empty() && !method.result.empty());
  }

  const std::string left = t::without_results(bytes, "mx.example.net");
  PABAL_CHECK(left.size() <= bytes.size());
  PABAL_CHECK(t::without_results(left, "mx.example.net") == left);

  t::Verdict verdict;
  verdict.mail_from.result = t::Outcome::kFail;
  verdict.mail_from.sender = verdict.mail_from.problem = bytes;
  verdict.dmarc.from_domain = bytes;
  const std::string field = t::results_field("mx.example.net", t::results_text(verdict));
  PABAL_CHECK(pabal::message::header_fields(field).size() == 1);
  const auto again = t::parse_results(std::string_view(field).substr(field.find(':') + 1));
  PABAL_CHECK(again && again->methods.size() == (size == 0 ? 1U : 2U));
  PABAL_CHECK(t::without_results(field, "mx.example.net").empty());
  return 0;
}
