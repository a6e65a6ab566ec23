// A message as its author thinks of it, and its octets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "message/address.h"

namespace pabal::message {

struct Attachment {
  std::string file_name;  // UTF-8; may be empty
  std::string type = "application/octet-stream";
  std::string content;
  std::string content_id;  // without brackets; set: belongs to the HTML text, which shows it as "cid:..." (RFC 2392)
};

// Text is UTF-8 everywhere; the displays of addresses too (not encoded words).
struct Draft {
  std::vector<AddressItem> from, sender, reply_to, to, cc;  // no Bcc: it is the envelope's
  std::string subject;
  Time date;
  std::string message_id;   // with brackets; empty: none
  std::string in_reply_to;  // ids with brackets
  std::vector<std::string> references;
  std::vector<std::pair<std::string, std::string>> more;  // further fields: name, text
  std::string text, html;                                 // either may be empty; any line ends
  std::vector<Attachment> attachments;
};

// The message with CRLF line ends, 7-bit unless an address or an attached message is not. Structure (RFC 2046 §5.1, RFC
// 2387): mixed(alternative(text, related(html, inline...)), attached...), where a multipart of one is left out.
// kInvalid: no author, or a value that does not fit a header field.
Result<std::string> build(const Draft& draft, Random& random);

}  // namespace pabal::message
