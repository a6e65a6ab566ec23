// The octets of one connection, under the protocol's line rules. It knows line ends and deadlines and no command:
// server.cc reads commands and content through it. Only for this room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/task.h"
#include "net/stream.h"

namespace pabal::smtp {

struct Line {
  enum class Kind : uint8_t {
    kLine,      // whole, without its CRLF
    kTooLong,   // over the limit; its end was found, its text was not kept
    kControls,  // a CR alone, a NUL or another control character in it
    kBareLf,  // an LF without its CR: where the line ends is anybody's guess (RFC 5321 §2.3.8), so nothing behind it is
              // read
    kEndless,  // far over the limit, and no end in sight
    kTimeout,
    kEnd,  // the connection is gone
  } kind = Kind::kEnd;
  std::string text;
};

class Wire {
 public:
  explicit Wire(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

  // The whole line must be there at `deadline`: one octet a minute holds nobody.
  Task<Line> read_line(size_t limit, Time deadline);

  // What has been received and not yet used; a view until the next call of another function.
  std::string_view pending() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(size_t octets) { begin_ += octets; }
  void drop_pending() { begin_ = end_ = 0; }

  // Sends what waits to be sent, then waits for at most `block` octets more behind the pending ones.
  enum class Got : uint8_t { kOctets, kTimeout, kEnd };
  Task<Got> fill(size_t block, Time deadline);

  // Replies wait here until the client has to be waited for: pipelined commands are answered together (RFC 2920 §3.2).
  void send(std::string_view octets) { out_ += octets; }
  Task<bool> flush();

  net::Stream& stream() { return *stream_; }
  const net::Stream& stream() const { return *stream_; }

 private:
  void make_room(size_t block);

  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<char[]> buffer_;  // never zeroed: 32 KiB a read would be
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::string out_;
};

}  // namespace pabal::smtp
