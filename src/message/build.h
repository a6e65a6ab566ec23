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

std::string with_crlf(std::string_view text);  // each line end, CRLF or LF, as CRLF
bool is_7bit(std::string_view s);  // RFC 2045 §2.7: ASCII without NUL, CR and LF in pairs only, lines of at most 998
bool is_media_type(std::string_view type);  // "type/subtype"

// Octets as they travel, and the Content-Transfer-Encoding that undoes it.
struct Coded {
  std::string encoding, octets;
};
Coded code_text(std::string_view text_crlf);  // 7bit, else the shorter of quoted-printable and base64

// Of a multipart (RFC 2046 §5.1.1): "=_" is in no quoted-printable or base64 line, its random octets in no other.
std::string new_boundary(Random& random);

}  // namespace pabal::message
