// WebSocket frames (RFC 6455 §5), without I/O: what a client sends becomes messages and signals, what we send becomes
// frames. Extensions are not spoken: permessage-deflate would cost each idle socket two windows, and what is
// secret would be compressed beside what strangers chose.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pabal::web {

enum class CloseCode : uint16_t {  // RFC 6455 §7.4.1
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocol = 1002,
  kUnsupported = 1003,
  kNone = 1005,  // never on the wire: the Close frame had no code
  kNotUtf8 = 1007,
  kPolicy = 1008,
  kTooLarge = 1009,
  kInternal = 1011,
  kTryLater = 1013
};

enum class FrameKind : uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };  // RFC 6455 §11.8

constexpr size_t kMaxControl = 125;  // octets of a control frame: RFC 6455 §5.5

// A whole message, its fragments joined, or a control frame. kClose: `data` is the reason.
struct SocketEvent {
  FrameKind kind = FrameKind::kText;
  std::string data;
  uint16_t code = 0;  // kClose
};

class WebSocketParser {
 public:
  explicit WebSocketParser(size_t max_message) : max_message_(max_message) {}

  // Takes octets from the front of `in` until an event is whole. Nothing: more is needed, or failed().
  std::optional<SocketEvent> next(std::string_view& in);
  size_t held() const { return message_.size(); }  // octets of a message that is not whole
  // Why nothing more can be understood: the code of the Close frame that is due. kNormal: it has not failed.
  CloseCode failed() const { return failed_; }

 private:
  size_t head_needed() const;
  void begin_frame();
  std::optional<SocketEvent> end_frame();
  std::optional<SocketEvent> end_close();
  bool control() const { return head_[0] & 8; }
  std::nullopt_t fail(CloseCode code) {
    failed_ = code;
    return std::nullopt;
  }

  const size_t max_message_;
  std::array<uint8_t, 14> head_{};  // of the frame under way
  uint8_t head_size_ = 0;
  bool in_payload_ = false;
  FrameKind message_kind_ = FrameKind::kClose;  // kClose: no message is under way
  CloseCode failed_ = CloseCode::kNormal;
  uint64_t left_ = 0, taken_ = 0;  // octets of the payload
  std::string message_, control_;
};

// As a server sends it: whole and not masked.
std::string socket_frame(FrameKind kind, std::string_view payload);
// A reason that is too long is cut.
std::string close_frame(CloseCode code, std::string_view reason);

// RFC 6455 §4.2.2: the answer to a key; nothing where the key is not 16 octets in base64.
std::optional<std::string> socket_accept(std::string_view key);

}  // namespace pabal::web
