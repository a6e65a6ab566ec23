// multipart/mixed and multipart/related as HTTP clients send them (RFC 2046 §5.1, RFC 2387): a batch, an upload. Views
// into the body, nothing decoded. Lines end with CRLF, or with LF alone as Python's clients write; behind the last
// boundary a line end may be missing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "web/http.h"

namespace pabal::gmail {

constexpr size_t kMaxBoundary = 70;          // octets; RFC 2046 §5.1.1
constexpr size_t kMaxPartHeader = 16 << 10;  // octets of the header of one part

struct Piece {
  web::Fields headers;
  std::string_view body;
};

// The boundary of a Content-Type that is multipart; "": none, or none that can be one.
std::string boundary_of(std::string_view content_type);
// kInvalid: no boundary line, no last one, or a header that is none. kLimit: more than `most` parts.
Result<std::vector<Piece>> split_multipart(std::string_view body, std::string_view boundary, size_t most);

// A block of header fields, without or up to its blank line; what is behind that is `rest`. kInvalid, kLimit.
struct Block {
  web::Fields headers;
  std::string_view rest;
};
Result<Block> read_fields(std::string_view text);

}  // namespace pabal::gmail
