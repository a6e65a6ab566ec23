// room: message
// Whatever comes in, UTF-8 comes out; what is encoded comes back.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "message/build.h"
#include "message/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace m = pabal::message;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  PABAL_CHECK(pabal::text::is_utf8(m::decode_words(bytes)));
  const size_t end_of_name = std::min(bytes.find('\n'), bytes.size());
  PABAL_CHECK(pabal::text::is_utf8(m::to_utf8(bytes.substr(end_of_name), bytes.substr(0, end_of_name))));
  PABAL_CHECK(pabal::text::is_utf8(m::html_to_text(m::clean_utf8(bytes))));
  std::string line = m::clean_utf8(bytes);
  std::erase_if(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  while (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);  // a byte order mark is no text
  const std::string coded = m::encode_word(line, size % 80);
  PABAL_CHECK(pabal::text::is_ascii(coded) && m::decode_words(coded) == line);
  PABAL_CHECK(m::decode_body(m::encode_quoted_printable(bytes), "quoted-printable") == bytes);
  PABAL_CHECK(m::decode_body(m::encode_base64_lines(bytes), "base64") == bytes);
  return 0;
}
