// message/: RFC 5322 and MIME. Parses any bytes into a tree with offsets, decodes what the tree points at, builds
// outgoing messages. No I/O, no state, no exceptions; everything is a pure function of its arguments and may run on any
// thread.
//
// parse() never fails: bytes that are no message at all give a text/plain part over them. It looks once at each octet
// (at most one pass for all levels of nesting), copies only structured values, and keeps within limits.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "message/address.h"
#include "message/date.h"
#include "message/header.h"
#include "message/limits.h"
#include "message/words.h"

namespace pabal::message {

// What IMAP calls the envelope, and what threading needs.
struct Summary {
  std::string date_raw;  // unfolded; empty: none
  std::optional<Time> date;
  std::string subject;                                           // raw (not decoded), unfolded
  std::vector<AddressItem> from, sender, reply_to, to, cc, bcc;  // as written: no defaults filled in
  std::string in_reply_to;                                       // raw, unfolded
  std::string message_id;                                        // with its angle brackets; empty: none
  std::vector<std::string> references;  // ids with brackets: of References, then the new ones of In-Reply-To
};

// A MIME entity. Offsets are absolute into the bytes of the whole message; header_offset + header_size == body_offset.
struct Part {
  uint32_t header_offset = 0;
  uint32_t header_size = 0;  // the blank line included
  uint32_t body_offset = 0;
  uint32_t body_size = 0;   // encoded octets, without the line end that belongs to the next boundary
  uint32_t body_lines = 0;  // line ends in the body, plus one for a last line without its end

  std::string type = "text";      // lower case
  std::string subtype = "plain";  // lower case
  Params params;                  // of Content-Type: lower-case names, values in UTF-8 (RFC 2231 decoded)
  std::string id;                 // Content-ID with its angle brackets
  std::string description;        // raw, unfolded
  std::string encoding = "7bit";  // lower case; unknown ones as written
  std::string md5;
  std::string disposition;  // lower case; empty: none
  Params disposition_params;
  std::vector<std::string> languages;
  std::string location;

  // Of a multipart its parts (none when no boundary line of it was found, or a limit keeps it closed); of
  // message/rfc822 and message/global exactly one: the embedded message (its header_offset is this part's body_offset),
  // unless a limit or a base64 encoding keeps it closed: then none.
  std::vector<Part> children;
  // Set on the root of an embedded message (the only child of a message/rfc822 part), for its ENVELOPE. Null otherwise.
  std::shared_ptr<const Summary> summary;

  bool is_multipart() const { return type == "multipart"; }
  bool is_message() const { return type == "message" && (subtype == "rfc822" || subtype == "global"); }
  bool is_text() const { return type == "text"; }
  bool is_attachment() const;  // disposition attachment, or has a file name and is not inline text
  const std::string* param(std::string_view name) const;
  std::string charset() const;   // the parameter, or ""
  std::string filename() const;  // of Content-Disposition, else `name` of Content-Type; decoded, no path; "" when none

  std::string_view header(std::string_view bytes) const;
  std::string_view body(std::string_view bytes) const;  // still encoded
};

struct Message {
  Summary summary;
  Part root;
  bool truncated = false;  // a limit of limits.h was reached: something is missing from the tree or the summary
  bool has_8bit = false;
  bool has_nul = false;
  bool bare_lf = false;       // an LF without a CR before it
  bool bare_cr = false;       // a CR without an LF after it
  bool utf8_headers = false;  // a header of any part has 8-bit octets: needs SMTPUTF8 (RFC 6531) to be relayed
};

Message parse(std::string_view bytes);

// The domain of the first address in From, as ascii_domain() gives it; "" when there is none.
std::string author_domain(const Summary& summary);

// Undoes a Content-Transfer-Encoding (RFC 2045 §6), leniently: bad characters are skipped, missing padding is supplied.
// Also uuencode, under its various names. Unknown encodings, 7bit, 8bit and binary give the bytes as they are.
std::string decode_body(std::string_view encoded, std::string_view encoding);

// Number of parts of the tree, the part itself included.
size_t part_count(const Part& part);

// --- text: for search, previews and rules; always valid UTF-8 ---

// Decoded text of a text/* part: transfer encoding and charset undone, HTML stripped, line ends as LF. "" for others.
std::string part_text(std::string_view bytes, const Part& part);
// Decoded octets of a part's body (a file as it was attached).
std::string part_content(std::string_view bytes, const Part& part);
// Visible text of HTML: tags, comments, scripts and styles removed, entities decoded, blocks as lines. `html` is UTF-8.
std::string html_to_text(std::string_view html);
// Subject, addresses, file names and the text of all text parts and embedded messages, newline-separated, cut at
// `limit` octets. Of multipart/alternative with a plain part only that is taken.
std::string all_text(std::string_view bytes, const Message& message, size_t limit = 1 << 20);
// The first characters of the first readable text, blanks folded: what a list shows under the subject (RFC 8970).
std::string preview(std::string_view bytes, const Message& message, size_t max_characters = 200);

// --- the parsed structure as a record of the store ---

// Compact; begins with a version byte. Offsets and everything of Message are kept; the message bytes are not.
std::string encode(const Message& message);
// Nothing when the record is of another version, cut, or hostile (counts and depth are checked against limits.h).
std::optional<Message> decode(std::string_view record);
// Its summary alone, without looking at the rest.
std::optional<Summary> decode_summary(std::string_view record);

}  // namespace pabal::message
