// room: web
// Whatever a client sends as WebSocket frames: the same events however the octets are cut, within the limit, and text
// is UTF-8; what we send is read back. The first octet chooses the cut.
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "web/websocket_parser.h"

namespace web = pabal::web;

namespace {

constexpr size_t kLimit = 300;

std::string events(std::string_view in, size_t piece) {
  web::WebSocketParser parser(kLimit);
  std::string out;
  while (!in.empty() && parser.failed() == web::CloseCode::kNormal) {
    std::string_view part = in.substr(0, piece);
    in.remove_prefix(part.size());
    while (const auto event = parser.next(part)) {
      PABAL_CHECK(event->data.size() <= kLimit);
      if (event->kind == web::FrameKind::kText || event->kind == web::FrameKind::kClose)
        PABAL_CHECK(pabal::text::is_utf8(event->data));
      else if (event->kind != web::FrameKind::kBinary)
        PABAL_CHECK(event->data.size() <= web::kMaxControl);
      out +=
          std::to_string(static_cast<int>(event->kind)) + "," + std::to_string(event->code) + "," + event->data + ";";
    }
    PABAL_CHECK(part.empty() || parser.failed() != web::CloseCode::kNormal);
  }
  return out + std::to_string(static_cast<int>(parser.failed()));
}

// Our frames with the mask that a client's have.
std::string masked(std::string frame) {
  frame[1] = static_cast<char>(frame[1] | 0x80);
  const auto length = static_cast<uint8_t>(frame[1] & 0x7F);
  frame.insert(length == 126 ? 4 : length == 127 ? 10 : 2, 4, '\0');
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string at_once = events(input, SIZE_MAX);
  PABAL_CHECK(at_once == events(input, 1));
  PABAL_CHECK(at_once == events(input, 1 + data[0] % 16));
  const std::string_view payload = input.substr(0, kLimit);
  PABAL_CHECK(events(masked(web::socket_frame(web::FrameKind::kBinary, payload)), 1) ==
              "2,0," + std::string(payload) + ";1000");
  if (pabal::text::is_utf8(payload))
    PABAL_CHECK(events(masked(web::close_frame(web::CloseCode::kPolicy, payload)), 1).starts_with("8,1008,"));
  static_cast<void>(web::socket_accept(input));
  return 0;
}
