// Pieces of outgoing messages.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace pabal::message {

// "<time.random@domain>", unique by 64 random bits.
std::string new_message_id(Random& random, Time now, std::string_view domain);

// One header field, folded at 78 octets, with its CRLF. Text is UTF-8; encoded words are used when it is not ASCII.
// kInvalid when the name is not an RFC 5322 field name or the text holds CR, LF or NUL (injection).
Result<std::string> header_line(std::string_view name, std::string_view text);

std::string encode_quoted_printable(std::string_view text_crlf);  // RFC 2045 §6.7, lines of at most 76
std::string encode_base64_lines(std::string_view bytes);          // RFC 2045 §6.8, lines of 76 with CRLF

}  // namespace pabal::message
