// WebSockets (RFC 6455; over HTTP/2 by RFC 8441) as a handler sees them: it answers a request with upgrade(), and what
// it gives there talks over the socket. Pings, pongs, the closing handshake and clients that do not take what they are
// sent are seen to here. An idle socket holds next to nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "web/http.h"
#include "web/websocket_parser.h"

namespace pabal::web {

struct SocketMessage {
  bool text = true;  // valid UTF-8
  std::string data;
};

// Loop thread only.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  // The next message, whole. kClosed: there will be none; it is time to return.
  virtual Task<Result<SocketMessage>> receive() = 0;
  // Queues a text message; may be called while receive() waits. A client that leaves more than kSocketBacklog untaken
  // is dropped. False: the socket is closed, or closing.
  virtual bool send(std::string_view text) = 0;
  // Waits until all has been written. One waits at a time. False: it will not be.
  virtual Task<bool> drained() = 0;
  // Begins the closing handshake: receive() ends with the client's answer, or soon without.
  virtual void close(CloseCode code, std::string_view reason) = 0;
  virtual net::Loop& loop() = 0;
};

// Talks until it returns; then the socket is closed. What it throws is logged.
using Talk = std::function<Task<void>(std::shared_ptr<WebSocket>)>;

struct Upgrade {
  Talk talk;
  size_t max_message = kMaxSocketMessage;  // octets of one message of the client; 1009 above
};

// The answer to a request for a WebSocket. 426 where it is none, or of another version; 400 where it is broken.
// `subprotocol`: one of those the client asked for (RFC 6455 §1.9), or empty. Whether the page that asks may do so (its
// Origin) is for the handler to see.
Response upgrade(const Request& request, Talk talk, std::string subprotocol = "",
                 size_t max_message = kMaxSocketMessage);

}  // namespace pabal::web
