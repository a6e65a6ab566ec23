// room: message
// Fields are views inside of the block, in order; parameters and ids are within limits; what is downgraded is ASCII.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "message/downgrade.h"
#include "message/header.h"
#include "message/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t block = m::header_size(bytes);
  PABAL_CHECK(block <= size);
  size_t at = 0;
  for (const m::HeaderField& f : m::header_fields(bytes.substr(0, block))) {
    PABAL_CHECK(f.offset >= at && f.size > f.name.size() && f.offset + f.size <= block && !f.name.empty());
    PABAL_CHECK(f.raw_value.data() >= f.name.data() &&
                f.raw_value.data() + f.raw_value.size() <= bytes.data() + f.offset + f.size);
    at = f.offset + f.size;
    const std::string flat = m::unfold(f.raw_value);
    PABAL_CHECK(flat.find_first_of("\r\n") == flat.npos);
    const auto value = m::parse_parameterized(f.raw_value);
    PABAL_CHECK(value.params.size() <= m::kMaxParams);
    for (const auto& [name, text] : value.params) PABAL_CHECK(!name.empty() && pabal::text::is_utf8(text));
    for (const std::string& id : m::parse_message_ids(f.raw_value))
      PABAL_CHECK(id.size() > 2 && id.size() <= m::kMaxMessageIdBytes);
  }
  const std::string downgraded = m::downgraded_header(bytes.substr(0, block));
  PABAL_CHECK(pabal::text::is_ascii(downgraded) && m::downgraded_header(downgraded) == downgraded);
  return 0;
}
