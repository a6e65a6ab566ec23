// A WebSocket between the two wires and its handler: octets that come from a BodyReader, and go as a BodySource.
#pragma once

#include "net/bell.h"
#include "web/budget.h"
#include "web/websocket.h"

namespace pabal::web {

class Socket final : public WebSocket, public BodySource, public std::enable_shared_from_this<Socket> {
 public:
  // `drop` breaks the connection off, so that `in` ends. It is not called after run() has ended.
  Socket(net::Loop& loop, std::shared_ptr<BodyReader> in, const Upgrade& upgrade, Budget& budget,
         std::function<void()> drop)
      : loop_(loop),
        in_(std::move(in)),
        talk_(upgrade.talk),
        drop_(std::move(drop)),
        parser_(upgrade.max_message),
        share_(budget) {}

  Task<void> run();  // the handler and the closing handshake; next() ends after it

  Task<Result<SocketMessage>> receive() override;
  bool send(std::string_view text) override;
  Task<bool> drained() override;
  void close(CloseCode code, std::string_view reason) override;
  net::Loop& loop() override { return loop_; }

  Task<Result<std::string>> next() override;
  void cancel() override;

 private:
  Task<bool> more();
  bool may_go_on();
  void put(std::string frame);
  void arm(Duration patience);
  void tick();

  net::Loop& loop_;
  std::shared_ptr<BodyReader> in_;
  Talk talk_;
  std::function<void()> drop_;
  WebSocketParser parser_;
  Budget::Share share_;  // the message under way, or that the handler has
  Time begun_{};         // when the message under way began; never: there is none
  std::string arrived_, out_;
  size_t at_ = 0;  // in arrived_
  net::Bell to_write_, room_;
  bool writing_ = false;      // what next() gave is on its way
  bool pinged_ = false;       // and nothing has been heard since
  bool said_close_ = false;   // nothing but that is to be sent any more
  bool heard_close_ = false;  // nothing more is to be read
  bool gone_ = false;         // the connection is
  bool finished_ = false;     // run() is
  std::unique_ptr<net::Loop::Timer> timer_;
};

}  // namespace pabal::web
