// room: watch
// Whatever peers said, neither the table nor the JSON of a trace holds anything that a terminal obeys, and the JSON is
// JSON.
#include <boost/json.hpp>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "watch/trace.h"

namespace {

void check_tame(const std::string& text) {
  PABAL_CHECK(pabal::text::is_utf8(text));
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    PABAL_CHECK((c >= 0x20 || c == '\n') && c != 0x7F);
    PABAL_CHECK(c != 0xC2 || static_cast<unsigned char>(text[i + 1]) >= 0xA0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pabal::watch::Event;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<Event> events(1);
  size_t field = 0;
  for (const auto word : pabal::text::split(input, '\xFE')) {
    Event& e = events.back();
    std::string* const fields[] = {&e.id,        &e.message_id, &e.station, &e.action, &e.reverse_path,
                                   &e.recipient, &e.peer,       &e.tls,     &e.reason};
    *fields[field] = word;
    if (++field < std::size(fields)) continue;
    field = 0;
    if (events.size() < 20) events.emplace_back();
  }
  check_tame(pabal::watch::to_text(events));
  const std::string json = pabal::watch::to_json(events);
  check_tame(json);
  boost::system::error_code failure;
  const auto parsed = boost::json::parse(json, failure);
  PABAL_CHECK(!failure && parsed.is_array() && parsed.get_array().size() == events.size());
  return 0;
}
