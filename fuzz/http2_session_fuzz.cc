// room: web
// Whatever a client sends over HTTP/2 behind the preface, in whatever pieces: nothing is read that is not there, bodies
// stay within their limits, and the session ends with all its requests.
#include <string>

#include "base/check.h"
#include "net/sim.h"
#include "web/router.h"
#include "web/server.h"

namespace web = pabal::web;
namespace net = pabal::net;
using pabal::Result;
using pabal::Task;

namespace {

constexpr size_t kLimit = 300;
constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
// Whole frames that random octets would not find: GET / and the beginning of POST /whole, of streams 1, 3 and 5.
const std::string kFrames[] = {
    std::string("\0\0\3\1\5\0\0\0\1\x82\x87\x84", 12),
    std::string("\0\0\3\1\5\0\0\0\3\x82\x87\x84", 12),
    std::string("\0\0\x0a\1\4\0\0\0\5\x83\x87\x04\6/whole", 19),
    std::string("\0\0\5\0\0\0\0\0\5hello", 14),
    std::string("\0\0\0\0\1\0\0\0\5", 9),
    std::string("\0\0\4\3\0\0\0\0\1\0\0\0\x08", 13),
    std::string("\0\0\4\3\0\0\0\0\5\0\0\0\x08", 13),
    std::string("\0\0\4\x08\0\0\0\0\0\0\0\1\0", 13),
    std::string("\0\0\x08\6\0\0\0\0\00012345678", 17),
};

class Ticks final : public web::BodySource {
 public:
  explicit Ticks(net::Loop& loop) : loop_(loop) {}
  Task<Result<std::string>> next() override {
    if (left_-- == 0) co_return std::string();
    Task<void> waiting = net::sleep(loop_, pabal::milliseconds(10));
    co_await waiting;
    co_return std::string(50'000, 'x');
  }

 private:
  net::Loop& loop_;
  int left_ = 4;
};

Task<web::Response> ticks(web::Request request) {
  web::Response response = web::with_body("text/plain", "");
  response.source = std::make_shared<Ticks>(*request.loop);
  co_return response;
}
Task<web::Response> whole(web::Request request) {
  PABAL_CHECK(request.body.size() <= kLimit);
  co_return web::with_body("text/plain", request.body);
}

Task<void> send(std::shared_ptr<net::Stream> stream, std::string octets, size_t piece) {
  for (size_t at = 0; at < octets.size(); at += piece) {
    const std::string part = octets.substr(at, piece);
    Task<Result<void>> writing = stream->write(part, stream->loop().now() + pabal::hours(1));
    if (const Result<void> done = co_await writing; !done) co_return;
    Task<void> pause = net::sleep(stream->loop(), pabal::milliseconds(1));
    co_await pause;
  }
}
Task<void> hear(std::shared_ptr<net::Stream> stream) {
  std::string block(4096, '\0');
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + pabal::hours(24));
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
  }
}
Task<void> serve(net::Stream* stream, web::Services* services, bool* ended) {
  Task<void> serving = web::serve_http2(*stream, *services);
  co_await serving;
  *ended = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  std::string octets(kPreface);
  for (size_t i = 1; i < size; ++i) {
    if (data[i] >= 0xE0 && data[i] - 0xE0u < std::size(kFrames))
      octets += kFrames[data[i] - 0xE0u];
    else
      octets += static_cast<char>(data[i]);
  }
  net::SimLoop loop;
  web::Router router;
  router.add("GET", "/", ticks);
  router.add("POST", "/whole", whole, {kLimit, false});
  web::Connections connections;
  web::Services services{router, connections, {}};
  net::StreamPair pair = net::make_stream_pair(loop);
  const std::shared_ptr<net::Stream> client = std::move(pair.client);
  bool ended = false;
  loop.spawn(serve(pair.server.get(), &services, &ended));
  loop.spawn(send(client, octets, 1 + data[0] % 64));
  loop.spawn(hear(client));
  loop.run_for(pabal::seconds(10));
  if (data[0] >= 0x80) client->close();
  if (data[0] % 2) connections.drain();
  loop.run_for(pabal::hours(2));
  PABAL_CHECK(ended);
  return 0;
}
