// Header fields of RFC 5322 as they lie in the message: views into the caller's bytes, nothing copied or changed.
// Accepts CRLF and bare LF line ends. Lines that are no field (no colon, 8-bit names, mbox "From " lines) are skipped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pabal::message {

struct HeaderField {
  std::string_view name;       // as written, without blanks before the colon
  std::string_view raw_value;  // after the colon up to the final line end, folds included
  uint32_t offset = 0;         // of the name, in the block given
  uint32_t size = 0;           // whole field, final line end included
};

// Size of the header block at the start of `bytes`, with the blank line that ends it.
//
// A line that is no header field and has no field behind it ends the block too: the body begins with that line, so that
// text sent without header or blank line is not lost. With a field behind it, it is a broken header line, and passed
// over (unless it begins with "--": the line of a boundary whose blank line got lost). `ends_here` is asked about lines
// that begin with "--"; the block ends before the first for which it says yes.
size_t header_size(std::string_view bytes, const std::function<bool(std::string_view line)>& ends_here = nullptr);

// The fields of a block, in order; at most kMaxHeaderFields, of the first kMaxHeaderBytes. Stops at the blank line.
std::vector<HeaderField> header_fields(std::string_view header_block);

// Raw value of the first field of that name (any case), if any.
std::optional<std::string_view> find_field(const std::vector<HeaderField>& fields, std::string_view name);
std::optional<std::string_view> find_field(std::string_view header_block, std::string_view name);

// RFC 5322 §2.2.3: line ends removed (the blank after them stays), trimmed at both ends. NULs are removed too.
std::string unfold(std::string_view raw);

// Parameters: names in lower case, values in UTF-8.
using Params = std::vector<std::pair<std::string, std::string>>;

// `value; name=value; ...` of Content-Type and Content-Disposition. RFC 2045 §5.1, RFC 2231 continuations and charsets
// decoded to UTF-8; RFC 2047 words in file names (forbidden but common) too. Names in lower case, first one wins.
// Lenient: semicolons and closing quotes may be missing, file names may hold blanks without quotes.
struct ParameterizedValue {
  std::string value;  // lower case, comments and blanks removed
  Params params;
  const std::string* find(std::string_view name) const;
};
ParameterizedValue parse_parameterized(std::string_view raw);

// Ids `<...>` of a Message-ID, In-Reply-To or References field, angle brackets included, inner blanks removed.
std::vector<std::string> parse_message_ids(std::string_view raw);

}  // namespace pabal::message
