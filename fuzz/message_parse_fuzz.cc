// room: message
// Any bytes give a tree that keeps its promises, a record that gives the same tree back, and text that is UTF-8.
#include <string>

#include "base/check.h"
#include "message/binary.h"
#include "message/tree_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const m::Message message = m::parse(bytes);
  PABAL_CHECK(m::broken_promise(bytes, message).empty());
  const auto again = m::decode(m::encode(message));
  PABAL_CHECK(again && m::same(*again, message));
  PABAL_CHECK(pabal::text::is_utf8(m::all_text(bytes, message)));
  PABAL_CHECK(pabal::text::is_utf8(m::preview(bytes, message)));
  if (message.has_nul)
    if (const auto text = m::encode_binary(bytes, message)) {
      PABAL_CHECK(text->find('\0') == std::string::npos);
      PABAL_CHECK(m::part_count(m::parse(*text).root) == m::part_count(message.root));
    }
  return 0;
}
