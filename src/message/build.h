// Builds outgoing messages: bounces, delay warnings, the demo's letter, web mail. Output has CRLF line ends, lines of at
// most 998 octets, ASCII headers (encoded words) unless utf8() was asked for.
#pragma once

#include <optional>
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

// One header field, folded at 78 octets, with its CRLF. Text is UTF-8; encoded words are used when it is not ASCII and
// `utf8` is false. kInvalid when the name is not an RFC 5322 field name or the text holds CR, LF or NUL (injection).
Result<std::string> header_line(std::string_view name, std::string_view text, bool utf8 = false);
// The same for an address list: "To: =?utf-8?...?= <bob@example.com>, ...". Domains go out as A-labels unless `utf8`.
Result<std::string> address_line(std::string_view name, const std::vector<AddressItem>& list, bool utf8 = false);
// The same for text that is already in wire form (Received:, Content-Type: ...): folded at blanks only, never encoded.
Result<std::string> structured_line(std::string_view name, std::string_view value);

// A mailbox with a decoded name, for address_line.
AddressItem mailbox(std::string_view name_utf8, const Address& address);

// A message under construction. Calls may come in any order; header fields go out in the order they were added, MIME
// fields after them. The first error sticks and is given by build(). One use: build once.
class Builder {
 public:
  explicit Builder(Random& random) : random_(random) {}

  Builder& utf8(bool allowed = true);  // raw UTF-8 headers (RFC 6532), only for peers with SMTPUTF8
  Builder& header(std::string_view name, std::string_view text_utf8);             // unstructured
  Builder& addresses(std::string_view name, const std::vector<AddressItem>& list);
  Builder& structured(std::string_view name, std::string_view value);             // wire form

  // The text body (UTF-8, any line ends): 7bit when it is short-lined ASCII, else quoted-printable or base64,
  // the shorter.
  Builder& text(std::string_view utf8);
  // An HTML form: with text() they become multipart/alternative.
  Builder& html(std::string_view utf8);
  // A file. `content_type` is wire form ("application/pdf"); the name is UTF-8 (RFC 2231 when it needs it).
  Builder& attach(std::string_view filename, std::string_view content_type, std::string_view content);
  // A part in wire form: header fields are built from content_type; the body goes out as it is when it is CRLF text within
  // 998 octets a line (7bit or 8bit), else encoded; message/* parts always go out as they are.
  Builder& part(std::string_view content_type, std::string_view body);
  // Makes it multipart/report (RFC 6522): text() first, then part("message/delivery-status", ...),
  // part("message/rfc822", ...).
  Builder& report(std::string_view report_type);

  Result<std::string> build();

 private:
  struct Piece {
    std::string fields;  // Content-* lines
    std::string body;    // encoded
  };
  void add_line(Result<std::string> line);
  Piece text_piece(std::string_view subtype, std::string_view utf8) const;
  std::string multipart(std::string_view content_type, const std::vector<Piece>& pieces);

  Random& random_;
  std::string headers_;
  std::optional<std::string> text_, html_;
  std::vector<Piece> pieces_;
  std::string report_type_;
  bool utf8_ = false;
  std::optional<Error> error_;
};

// The pieces encoders share with IMAP and tests.
std::string encode_quoted_printable(std::string_view text_crlf);  // RFC 2045 §6.7, lines of at most 76
std::string encode_base64_lines(std::string_view bytes);          // RFC 2045 §6.8, lines of 76 with CRLF

}  // namespace pabal::message
