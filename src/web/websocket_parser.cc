#include "web/websocket_parser.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pabal::web {
namespace {

constexpr uint8_t kFin = 0x80, kReserved = 0x70, kOpcode = 0x0F, kMasked = 0x80, kLength = 0x7F;
constexpr uint8_t kContinuation = 0;
constexpr size_t kMask = 4;  // octets of the masking key
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// RFC 6455 §7.4: what may stand in a Close frame.
bool is_close_code(uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

// Octets of the head, as far as can be said yet.
size_t WebSocketParser::head_needed() const {
  if (head_size_ < 2) return 2;
  const uint8_t length = head_[1] & kLength;
  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + kMask;
}

std::optional<SocketEvent> WebSocketParser::next(std::string_view& in) {
  while (failed_ == CloseCode::kNormal) {
    while (!in_payload_ && !in.empty()) {
      head_[head_size_++] = static_cast<uint8_t>(in.front());
      in.remove_prefix(1);
      if (head_size_ == head_needed()) begin_frame();
      if (failed_ != CloseCode::kNormal) return {};
    }
    if (!in_payload_) return {};
    std::string& out = control() ? control_ : message_;
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, in.size())), from = out.size();
    out += in.substr(0, n);
    const uint8_t* const mask = head_.data() + head_size_ - kMask;
    for (size_t i = 0; i < n; ++i) out[from + i] ^= static_cast<char>(mask[(taken_ + i) % kMask]);
    in.remove_prefix(n);
    left_ -= n;
    taken_ += n;
    if (left_ > 0) return {};
    in_payload_ = false;
    head_size_ = 0;
    if (std::optional<SocketEvent> event = end_frame()) return event;
  }
  return {};
}

// RFC 6455 §5.2, once the head is whole.
void WebSocketParser::begin_frame() {
  const uint8_t opcode = head_[0] & kOpcode, length = head_[1] & kLength;
  const bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
  if (head_[0] & kReserved || !known || !(head_[1] & kMasked)) return void(fail(CloseCode::kProtocol));
  if (control() && (!(head_[0] & kFin) || length > kMaxControl)) return void(fail(CloseCode::kProtocol));
  const bool under_way = message_kind_ != FrameKind::kClose;
  if (!control() && (opcode == kContinuation) != under_way) return void(fail(CloseCode::kProtocol));
  left_ = 0;
  for (size_t i = 2; i + kMask < head_size_; ++i) left_ = left_ << 8 | head_[i];
  if (length < 126)
    left_ = length;
  else if (left_ < 126 || (length == 127 && (left_ <= UINT16_MAX || left_ >> 63)))
    return void(fail(CloseCode::kProtocol));  // not the shortest way to say it
  if (!control() && (left_ > max_message_ || message_.size() + left_ > max_message_))
    return void(fail(CloseCode::kTooLarge));
  if (!control() && !under_way) message_kind_ = static_cast<FrameKind>(opcode);
  taken_ = 0;
  in_payload_ = true;
}

std::optional<SocketEvent> WebSocketParser::end_frame() {
  if (control()) {
    const auto kind = static_cast<FrameKind>(head_[0] & kOpcode);
    if (kind == FrameKind::kClose) return end_close();
    return SocketEvent{kind, std::exchange(control_, {}), 0};
  }
  if (!(head_[0] & kFin)) return {};
  const FrameKind kind = std::exchange(message_kind_, FrameKind::kClose);
  if (kind == FrameKind::kText && !text::is_utf8(message_)) return fail(CloseCode::kNotUtf8);  // RFC 6455 §8.1
  return SocketEvent{kind, std::exchange(message_, {}), 0};
}

// RFC 6455 §5.5.1.
std::optional<SocketEvent> WebSocketParser::end_close() {
  const std::string body = std::exchange(control_, {});
  if (body.empty()) return SocketEvent{FrameKind::kClose, "", static_cast<uint16_t>(CloseCode::kNone)};
  if (body.size() == 1) return fail(CloseCode::kProtocol);
  const auto code = static_cast<uint16_t>(static_cast<uint8_t>(body[0]) << 8 | static_cast<uint8_t>(body[1]));
  if (!is_close_code(code)) return fail(CloseCode::kProtocol);
  if (!text::is_utf8(std::string_view(body).substr(2))) return fail(CloseCode::kNotUtf8);
  return SocketEvent{FrameKind::kClose, body.substr(2), code};
}

std::string socket_frame(FrameKind kind, std::string_view payload) {
  std::string out(1, static_cast<char>(kFin | static_cast<uint8_t>(kind)));
  const uint64_t size = payload.size();
  const auto number = [&](int octets) {
    for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xFF);
  };
  if (size < 126) {
    number(1);
  } else {
    out += size <= UINT16_MAX ? '\x7e' : '\x7f';
    number(size <= UINT16_MAX ? 2 : 8);
  }
  return out.append(payload);
}

std::string close_frame(CloseCode code, std::string_view reason) {
  reason = reason.substr(0, kMaxControl - 2);
  while (!text::is_utf8(reason)) reason.remove_suffix(1);  // not within a character
  const auto number = static_cast<uint16_t>(code);
  std::string body{static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
  return socket_frame(FrameKind::kClose, body.append(reason));
}

std::optional<std::string> socket_accept(std::string_view key) {
  const std::optional<std::string> octets = text::unbase64(key);
  if (!octets || octets->size() != 16) return {};
  const std::string both = std::string(key).append(kGuid);
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(both.data(), both.size(), hash, &size, EVP_sha1(), nullptr);
  return text::base64({reinterpret_cast<const char*>(hash), size});
}

}  // namespace pabal::web
