#include "web/websocket.h"

#include "base/log.h"
#include "base/text.h"
#include "web/socket.h"

namespace pabal::web {

Response upgrade(const Request& request, Talk talk, std::string subprotocol, size_t max_message) {
  const std::string* version = request.headers.get("sec-websocket-version");
  if (!request.websocket || !version || *version != "13") {
    Response response = problem(426, "a WebSocket is served here; ask for one, of version 13");
    response.headers.set("Sec-WebSocket-Version", "13");  // RFC 6455 §4.4
    return response;
  }
  Response response;
  response.status = 200;  // RFC 8441 §5
  if (!request.http2) {
    const std::string* key = request.headers.get("sec-websocket-key");
    const auto accept = key && request.headers.count("sec-websocket-key") == 1 ? socket_accept(*key) : std::nullopt;
    if (!accept) return problem(400, "Sec-WebSocket-Key is to be 16 octets in base64");
    response.status = 101;
    response.headers.set("Sec-WebSocket-Accept", *accept);
  }
  if (!subprotocol.empty()) response.headers.set("Sec-WebSocket-Protocol", std::move(subprotocol));
  response.upgrade = std::make_shared<Upgrade>(Upgrade{std::move(talk), max_message});
  return response;
}

Task<void> Socket::run() {
  const std::shared_ptr<Socket> self = shared_from_this();
  arm(kSocketPing);
  std::string fault;
  {
    Task<void> talking = std::exchange(talk_, nullptr)(self);
    try {
      co_await talking;
    } catch (const std::exception& e) { fault = e.what(); } catch (...) {
      fault = "an exception of unknown kind";
    }
  }
  if (!fault.empty()) log::error("web", "a WebSocket failed: " + fault);
  if (fault.empty())
    close(CloseCode::kNormal, "");
  else
    close(CloseCode::kInternal, "the server failed");
  // RFC 6455 §7.1.1: the client's Close frame ends it; what else still comes is of no use.
  while (!heard_close_ && !gone_) {
    Task<Result<SocketMessage>> receiving = receive();
    static_cast<void>(co_await receiving);
  }
  timer_.reset();
  finished_ = true;
  to_write_.ring();
}

Task<Result<SocketMessage>> Socket::receive() {
  static_cast<void>(share_.hold(parser_.held()));  // the handler is done with the one before
  while (!heard_close_ && !gone_) {
    std::string_view left = std::string_view(arrived_).substr(at_);
    std::optional<SocketEvent> event = parser_.next(left);
    at_ = arrived_.size() - left.size();
    if (left.empty()) arrived_ = std::string(), at_ = 0;
    if (parser_.failed() != CloseCode::kNormal) {
      close(parser_.failed(), "");
      heard_close_ = true;
      break;
    }
    if (!event) {
      if (!may_go_on()) {
        heard_close_ = true;
        break;
      }
      Task<bool> waiting = more();
      static_cast<void>(co_await waiting);
      continue;
    }
    switch (event->kind) {
      case FrameKind::kPing:
        if (!said_close_) put(socket_frame(FrameKind::kPong, event->data));
        break;
      case FrameKind::kPong:
        break;
      case FrameKind::kClose:
        heard_close_ = true;
        if (std::exchange(said_close_, true)) break;
        put(event->code == static_cast<uint16_t>(CloseCode::kNone)
                ? socket_frame(FrameKind::kClose, "")
                : close_frame(static_cast<CloseCode>(event->code), ""));
        break;
      case FrameKind::kText:
      case FrameKind::kBinary:
        begun_ = {};
        // After a close of ours nobody is to act on what was on its way.
        if (!said_close_) co_return SocketMessage{event->kind == FrameKind::kText, std::move(event->data)};
    }
  }
  co_return Error{Code::kClosed, "the socket is closed"};
}

// Whether more may come of a message that is not whole yet.
bool Socket::may_go_on() {
  const size_t held = parser_.held();
  if (!share_.hold(held)) {
    close(CloseCode::kTryLater, "the server holds too many messages that are not whole");
    return false;
  }
  if (held == 0) return true;
  if (begun_ == Time()) begun_ = loop_.now();
  if (loop_.now() < begun_ + kBodyTime + seconds(static_cast<int64_t>(held / kBodyRate))) return true;
  close(CloseCode::kPolicy, "the message did not come in time");
  return false;
}

// Waits for octets. False: there will be none.
Task<bool> Socket::more() {
  Task<Result<std::string>> reading = in_->next();
  Result<std::string> some = co_await reading;
  if (!some || some->empty()) {
    cancel();
    co_return false;
  }
  pinged_ = false;
  arrived_ = std::move(*some);
  at_ = 0;
  co_return true;
}

bool Socket::send(std::string_view text) {
  if (said_close_ || gone_) return false;
  if (out_.size() > kSocketBacklog) {
    cancel();
    drop_();
    return false;
  }
  put(socket_frame(FrameKind::kText, text));
  return !gone_;
}

void Socket::put(std::string frame) {
  if (out_.empty())
    out_ = std::move(frame);
  else
    out_ += frame;
  to_write_.ring();
}

Task<bool> Socket::drained() {
  while (!gone_ && (writing_ || !out_.empty())) {
    net::Bell::Awaiter waiting = room_.wait();
    co_await waiting;
  }
  co_return !gone_;
}

void Socket::close(CloseCode code, std::string_view reason) {
  if (std::exchange(said_close_, true) || gone_) return;
  put(close_frame(code, reason));
  if (!heard_close_) arm(kSocketCloseTime);
}

// The pump of the wire: what it has taken is written when it asks again.
Task<Result<std::string>> Socket::next() {
  writing_ = false;
  while (out_.empty() && !gone_ && !finished_) {
    room_.ring();
    net::Bell::Awaiter waiting = to_write_.wait();
    co_await waiting;
  }
  if (gone_) co_return Error{Code::kClosed, "the socket is gone"};
  writing_ = !out_.empty();
  co_return std::exchange(out_, {});
}

void Socket::cancel() {
  if (std::exchange(gone_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->to_write_.ring();
    self->room_.ring();
  });
}

void Socket::arm(Duration patience) {
  timer_ = loop_.at(loop_.now() + patience, [this] {
    // The timer that runs is not dropped within its own call.
    loop_.post([self = shared_from_this()] { self->tick(); });
  });
}

void Socket::tick() {
  if (finished_) return;
  if (pinged_ || said_close_ || gone_) {
    drop_();
    return;
  }
  pinged_ = true;
  put(socket_frame(FrameKind::kPing, ""));
  arm(kSocketPing);
}

}  // namespace pabal::web
