// HTTP/1.1 messages (RFC 9112), without I/O: the head of a request and chunked bodies. Where the grammar leaves room
// for two readers to see two messages, the request is refused: a proxy in front may be the other reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "web/http.h"

namespace pabal::web {

struct Refusal {
  int status = 0;  // 0: none
  std::string why;
};

// Where a head ends. `line` is where the line begins that has not been seen whole, 0 at first: no octet is looked at
// often.
struct HeadEnd {
  size_t size = 0;  // octets with the empty line; 0: more is needed
  Refusal refusal;
};
HeadEnd find_head_end(std::string_view in, size_t& line);

struct Head {
  std::string method, target, host;  // target in origin form, or "*"
  Fields fields;
  bool http10 = false;
  bool keep_alive = true;
  bool chunked = false;
  uint64_t length = 0;  // Content-Length
  bool expects_continue = false;
  bool has_body() const { return chunked || length > 0; }
};
struct ParsedHead {
  Head head;
  Refusal refusal;
};
ParsedHead parse_head(std::string_view head);  // as find_head_end() found it

bool is_token(std::string_view s);        // RFC 9110 §5.6.2
bool is_field_value(std::string_view s);  // no control characters but HTAB

class ChunkDecoder {
 public:
  // Takes octets up to the end of the body, appends those of the body to `out`, and says how many it took: all, unless
  // done() or bad().
  size_t feed(std::string_view in, std::string& out);
  bool done() const { return state_ == State::kDone; }
  bool bad() const { return state_ == State::kBad; }

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kEndLf,
    kDone,
    kBad
  };
  State step(char c);

  State state_ = State::kSize;
  uint64_t left_ = 0;  // octets of this chunk
  size_t digits_ = 0, line_ = 0, trailers_ = 0;
};

}  // namespace pabal::web
