// For the tests of this room: a server over streams in memory, with a handler that does as the path says, and a client
// that speaks octets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/sim.h"
#include "web/router.h"
#include "web/server.h"
#include "web/websocket.h"

namespace pabal::web {

// Pieces of a size with a pause before each; counts how often it was told to end.
class Ticker final : public BodySource {
 public:
  Ticker(net::Loop& loop, int pieces, size_t size, Duration pause)
      : loop_(loop), left_(pieces), size_(size), pause_(pause) {}
  Task<Result<std::string>> next() override {
    if (left_ < 0) co_return Error{Code::kIo, "broken on purpose"};
    if (left_-- == 0 || cancelled) co_return std::string();
    if (pause_ > Duration(0)) {
      Task<void> waiting = net::sleep(loop_, pause_);
      co_await waiting;
    }
    co_return std::string(size_, 'x');
  }
  void cancel() override { cancelled = true; }
  bool cancelled = false;

 private:
  net::Loop& loop_;
  int left_;
  size_t size_;
  Duration pause_;
};

class Echo {
 public:
  Echo() {
    router.add("GET", "/", [this](Request r) { return hello(std::move(r)); });
    router.add("GET", "/hello/{name}", [this](Request r) { return hello(std::move(r)); });
    router.add("POST", "/echo", [this](Request r) { return echo(std::move(r)); }, {10'000, false});
    router.add("POST", "/count", [this](Request r) { return count(std::move(r)); }, {1ull << 40, true});
    router.add("GET", "/large", [this](Request r) { return large(std::move(r)); });
    router.add("GET", "/ticks", [this](Request r) { return ticks(std::move(r)); });
    router.add("GET", "/slow", [this](Request r) { return slow(std::move(r)); });
    router.add("GET", "/socket", [this](Request r) { return socket(std::move(r), 1'000); });
    router.add("GET", "/large-socket", [this](Request r) { return socket(std::move(r), 10 << 20); });
    router.add("POST", "/large", [this](Request r) { return count_whole(std::move(r)); }, {10 << 20, false});
    router.add("GET", "/throws", [this](Request r) { return fails(std::move(r)); });
  }
  Router router;
  std::shared_ptr<Ticker> ticker;
  std::shared_ptr<WebSocket> open;  // the last socket, while it is talked over
  int handled = 0;

 private:
  Task<Response> hello(Request r) {
    ++handled;
    co_return with_body("text/plain", "hello " + r.params["name"] + " " + r.client.ip + " " + r.scheme + " " + r.host);
  }
  Task<Response> echo(Request r) {
    ++handled;
    co_return with_body("text/plain", r.body);
  }
  Task<Response> count(Request r) {
    size_t n = 0;
    for (;;) {
      Task<Result<std::string>> reading = r.stream->next();
      const Result<std::string> some = co_await reading;
      if (!some) co_return problem(400, some.error().message);
      if (some->empty()) break;
      n += some->size();
    }
    co_return with_body("text/plain", std::to_string(n));
  }
  Task<Response> large(Request) {
    Response response = with_etag(with_body("text/plain", std::string(1 << 20, 'y')));
    response.compress = true;
    co_return response;
  }
  Task<Response> ticks(Request r) {
    const std::string* pieces = r.query_value("n");
    ticker = std::make_shared<Ticker>(*r.loop, pieces ? std::stoi(*pieces) : 3, 10, seconds(1));
    Response response = with_body("text/plain", "");
    response.source = ticker;
    co_return response;
  }
  Task<Response> slow(Request r) {
    Task<void> waiting = net::sleep(*r.loop, seconds(20));
    co_await waiting;
    ++handled;
    co_return with_body("text/plain", "slow");
  }
  Task<Response> count_whole(Request r) { co_return with_body("text/plain", std::to_string(r.body.size())); }
  Task<Response> socket(Request r, size_t limit) {
    co_return upgrade(
        r, [this](std::shared_ptr<WebSocket> made) { return echo_messages(std::move(made)); }, "echo", limit);
  }
  // Sends back what comes; "large N" is answered with N octets, "throw" by failing, "bye" by ending.
  Task<void> echo_messages(std::shared_ptr<WebSocket> made) {
    open = made;
    for (;;) {
      Task<Result<SocketMessage>> receiving = made->receive();
      const Result<SocketMessage> got = co_await receiving;
      if (!got || got->data == "bye") break;
      if (got->data == "throw") throw std::runtime_error("on purpose");
      if (got->data.starts_with("large "))
        made->send(std::string(std::stoul(got->data.substr(6)), 'z'));
      else
        made->send((got->text ? "" : "binary ") + got->data);
      Task<bool> written = made->drained();
      if (!co_await written) break;
    }
    open.reset();
    ++handled;
  }
  Task<Response> fails(Request) {
    throw std::runtime_error("on purpose");
    co_return Response();
  }
};

// A frame as a client sends it; `first` is its first octet.
inline std::string masked_frame(int first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += '\xfe';
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xFF);
  }
  constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
  out += kMask;
  for (size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return out;
}

class TestServer {
 public:
  explicit TestServer(bool http2 = false) : services{echo.router, connections} { connect(http2); }
  ~TestServer() {
    listening = true;  // its task has to end
    client->close();
    loop.run_for(hours(1));
    EXPECT_TRUE(ended);
  }
  // A new connection in place of one that has ended.
  void again() {
    EXPECT_TRUE(ended && closed);
    ended = closed = false;
    connect(false);
  }
  void send(std::string octets) {
    loop.spawn(say(this, std::move(octets)));
    loop.run_until_idle();
  }
  std::string heard() {
    loop.run_until_idle();
    return std::exchange(received, {});
  }
  std::string ask(std::string octets) {
    send(std::move(octets));
    return heard();
  }

  net::SimLoop loop;
  Echo echo;
  Connections connections;
  Services services;
  std::unique_ptr<net::Stream> client, server;
  std::string received;
  bool closed = false;    // by the server
  bool ended = false;     // its task
  bool listening = true;  // the client takes what comes

 private:
  void connect(bool http2) {
    net::StreamPair pair = net::make_stream_pair(loop);
    client = std::move(pair.client);
    server = std::move(pair.server);
    loop.spawn(run(this, http2));
    loop.spawn(listen(this));
  }
  static Task<void> run(TestServer* self, bool http2) {
    Task<void> serving =
        http2 ? serve_http2(*self->server, self->services) : serve_http1(*self->server, self->services);
    co_await serving;
    self->ended = true;
  }
  static Task<void> say(TestServer* self, std::string octets) {
    Task<Result<void>> writing = self->client->write(octets, self->loop.now() + hours(1));
    static_cast<void>(co_await writing);
  }
  static Task<void> listen(TestServer* self) {
    std::string block(65536, '\0');
    for (;;) {
      while (!self->listening) {
        Task<void> waiting = net::sleep(self->loop, seconds(1));
        co_await waiting;
      }
      Task<Result<size_t>> reading = self->client->read(block, self->loop.now() + hours(24));
      const Result<size_t> got = co_await reading;
      if (!got || *got == 0) break;
      self->received.append(block.data(), *got);
    }
    self->closed = true;
  }
};

}  // namespace pabal::web
