// Pieces of outgoing messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "message/address.h"

namespace pabal::message {

// "<time.random@domain>", unique by 64 random bits.
std::string new_message_id(Random& random, Time now, std::string_view domain);

// One header field, folded at 78 octets, with its CRLF. Text is UTF-8; encoded words are used when it is not ASCII.
// kInvalid when the name is not an RFC 5322 field name or the text holds CR, LF or NUL (injection).
Result<std::string> header_line(std::string_view name, std::string_view text);

// The same for a list of addresses; `display` holds UTF-8 text here, not encoded words. A domain is written in
// A-labels, unless the local part is not ASCII: then both are UTF-8, and the message needs SMTPUTF8 (RFC 6532).
Result<std::string> address_line(std::string_view name, const std::vector<AddressItem>& list);

// "; name=value" as RFC 2045 §5.1 and RFC 2231 write it: a token, a quoted string, or percent-encoded UTF-8 in
// sections. Each begins on a line of its own.
std::string parameter(std::string_view name, std::string_view utf8);

std::string encode_quoted_printable(std::string_view text_crlf);  // RFC 2045 §6.7, lines of at most 76
std::string encode_base64_lines(std::string_view bytes);          // RFC 2045 §6.8, lines of 76 with CRLF

}  // namespace pabal::message
