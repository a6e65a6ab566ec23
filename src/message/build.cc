#include "message/build.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "message/words.h"

namespace pabal::message {

std::string new_message_id(Random& random, Time now, std::string_view domain) {
  return "<" + text::hex(Encoder().u64(static_cast<uint64_t>(to_micros(now))).take()).substr(2) + "." + text::hex(random.bytes(8)) + "@" +
         std::string(domain) + ">";
}

Result<std::string> header_line(std::string_view name, std::string_view text) {
  const bool good_name = !name.empty() && name.size() <= 76 &&
                         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
  if (!good_name) return Error{Code::kInvalid, "that is not the name of a header field"};
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos) return Error{Code::kInvalid, "a header field holds no line ends"};
  const std::string value = encode_word(text);
  std::string out(name);
  out += ':';
  size_t line = out.size();
  for (const std::string_view word : text::split(value, ' ')) {
    if (line + 1 + word.size() > 78 && line > name.size() + 1) {
      out += "\r\n";
      line = 0;
    }
    out += ' ';
    out += word;
    line += 1 + word.size();
  }
  return out + "\r\n";
}

std::string encode_quoted_printable(std::string_view s) {
  std::string out;
  size_t line = 0;
  const auto put = [&](std::string_view piece) {
    if (line + piece.size() > 75) {
      out += "=\r\n";
      line = 0;
    }
    out += piece;
    line += piece.size();
  };
  for (size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (c == '\r' && i + 1 < s.size() && s[i + 1] == '\n') {
      out += "\r\n";
      line = 0;
      ++i;
      continue;
    }
    const bool at_end = i + 1 == s.size() || s[i + 1] == '\r';
    if ((c > ' ' && c < 0x7F && c != '=') || (text::is_wsp(c) && !at_end)) put({&c, 1});
    else put("=" + text::uppered(text::hex({&c, 1})));
  }
  return out;
}

std::string encode_base64_lines(std::string_view bytes) {
  const std::string all = text::base64(bytes);
  std::string out;
  for (size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
  return out;
}

}  // namespace pabal::message
