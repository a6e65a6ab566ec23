#include "access/imap/append_request.h"

namespace pabal::access::imap {
namespace {

// utf8-literal = "UTF8" SP "(" literal8 ")"; its name has been read.
std::string_view utf8_literal(Words& words) {
  words.space();
  words.expect('(');
  bool eight = false;
  const std::string_view octets = words.literal(&eight);
  if (!eight) words.fail();
  words.expect(')');
  return octets;
}

// cat-part (RFC 4469 §5); a literal8 may be one (RFC 3516 §7).
AppendPart cat_part(Words& words) {
  AppendPart part;
  if (words.accept_word("URL")) {
    words.space();
    part.url = words.astring();
  } else if (words.accept_word("UTF8")) {
    part.text = utf8_literal(words);
  } else if (words.accept_word("TEXT")) {
    words.space();
    bool eight = false;
    part.text = words.literal(&eight);
  } else {
    words.fail();
  }
  return part;
}

// One message with the space before it; gives what is wrong.
std::string_view parse_message(Words& words, AppendMessage& message, size_t& urls) {
  words.space();
  if (words.peek() == '(') {
    const auto flags = parse_flags(words);
    if (!flags) return "those flags are malformed";
    message.flags = *flags;
    words.space();
  }
  if (words.peek() == '"') {
    message.date = parse_date_time(words.astring());
    if (!message.date) return "that is not a date-time";
    words.space();
  }
  if (words.accept_word("CATENATE")) {
    words.space();
    parenthesised(words, [&] {
      message.parts.push_back(cat_part(words));
      if (message.parts.back().url && ++urls > kMaxUrls) words.fail();
    });
  } else if (words.accept_word("UTF8")) {
    message.parts.push_back({utf8_literal(words)});
  } else {
    bool eight = false;
    message.parts.push_back({words.literal(&eight)});
  }
  return words.ok() ? "" : "the message is malformed; it comes as a literal or by CATENATE";
}

}  // namespace

AppendRequest parse_append(Words& words) {
  AppendRequest request;
  size_t urls = 0;
  do {
    if (request.messages.size() == kMaxAppends) {
      request.fault = "that are too many messages for one command";
      break;
    }
    request.fault = parse_message(words, request.messages.emplace_back(), urls);
  } while (request.fault.empty() && !words.done());
  return request;
}

}  // namespace pabal::access::imap
