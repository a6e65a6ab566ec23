// room: web
// Whatever a client sends over HTTP/1.1, in whatever pieces: each answer is whole, bodies stay within their limits, the
// session ends; and the pure pieces agree with themselves however the octets are cut. The first octet chooses the cut.
#include <string>

#include "base/check.h"
#include "net/sim.h"
#include "web/http1_parser.h"
#include "web/router.h"
#include "web/server.h"
#include "web/target.h"

namespace web = pabal::web;
namespace net = pabal::net;
using pabal::Result;
using pabal::Task;

namespace {

constexpr size_t kLimit = 300;
constexpr std::string_view kWords[] = {"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                                       "POST /whole HTTP/1.1\r\nHost: h\r\n",
                                       "POST /pieces HTTP/1.1\r\nHost: h\r\n",
                                       "GET /none/..%2f HTTP/1.1\r\n",
                                       "HTTP/1.0\r\n",
                                       "Content-Length: ",
                                       "Transfer-Encoding: chunked\r\n\r\n",
                                       "5\r\nhello\r\n",
                                       "\r\n0\r\n\r\n",
                                       "Expect: 100-continue\r\n",
                                       "Connection: close\r\n",
                                       "Host: a.example:80\r\n",
                                       "\r\n",
                                       "Accept-Encoding: gzip, br;q=0.5, *;q=0\r\n",
                                       "If-None-Match: *\r\n",
                                       "Forwarded: for=\"[::1]:4\";proto=https, for=_x\r\n",
                                       "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n"};

Task<web::Response> whole(web::Request request) {
  PABAL_CHECK(request.body.size() <= kLimit);
  PABAL_CHECK(request.path.find('\0') == std::string::npos && request.path.find("/../") == std::string::npos);
  web::Response response = web::with_etag(web::with_body("text/plain", request.body + std::string(1'100, 'a')));
  response.compress = true;
  response.headers.add("X-Echo", request.target + "\r\nInjected: 1");
  co_return response;
}
Task<web::Response> pieces(web::Request request) {
  size_t n = 0;
  for (;;) {
    Task<Result<std::string>> reading = request.stream->next();
    const Result<std::string> some = co_await reading;
    if (!some || some->empty()) break;
    n += some->size();
    PABAL_CHECK(n <= kLimit);
  }
  co_return web::with_body("text/plain", std::to_string(n));
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
Task<void> hear(std::shared_ptr<net::Stream> stream, std::shared_ptr<std::string> heard) {
  std::string block(4096, '\0');
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + pabal::hours(24));
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
    heard->append(block.data(), *got);
  }
}
Task<void> serve(net::Stream* stream, web::Services* services, bool* ended) {
  Task<void> serving = web::serve_http1(*stream, *services);
  co_await serving;
  *ended = true;
}

void check_pieces(std::string_view input) {
  size_t line = 0;
  const web::HeadEnd end = web::find_head_end(input, line);
  if (!end.refusal.status && end.size > 0) {
    const web::ParsedHead parsed = web::parse_head(input.substr(0, end.size));
    PABAL_CHECK(parsed.refusal.status != 0 || !(parsed.head.chunked && parsed.head.length > 0));
  }
  std::string one, other;
  web::ChunkDecoder at_once, by_octets;
  const size_t used = at_once.feed(input, one);
  for (const char& c : input) by_octets.feed({&c, 1}, other);
  PABAL_CHECK(one == other && at_once.done() == by_octets.done() && at_once.bad() == by_octets.bad());
  PABAL_CHECK(used == input.size() || at_once.done() || at_once.bad());
  if (const auto target = web::parse_target(input))
    for (const std::string& segment : target->segments) PABAL_CHECK(segment != ".." && segment != ".");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  check_pieces(input);
  std::string octets;
  for (const char raw : input) {
    const auto c = static_cast<unsigned char>(raw);
    if (c >= 0x80 && c - 0x80u < std::size(kWords))
      octets += kWords[c - 0x80u];
    else
      octets += raw;
  }

  net::SimLoop loop;
  web::Router router;
  router.add("GET", "/", whole);
  router.add("POST", "/whole", whole, {kLimit, false});
  router.add("POST", "/pieces", pieces, {kLimit, true});
  web::Connections connections;
  web::Services services{router, connections, {*web::parse_network("127.0.0.0/8")}};
  net::StreamPair pair = net::make_stream_pair(loop);
  const std::shared_ptr<net::Stream> client = std::move(pair.client);
  const auto heard = std::make_shared<std::string>();
  bool ended = false;
  loop.spawn(serve(pair.server.get(), &services, &ended));
  loop.spawn(send(client, octets, 1 + data[0] % 64));
  loop.spawn(hear(client, heard));
  loop.run_for(pabal::seconds(10));
  if (data[0] >= 0x80) client->close();
  loop.run_for(pabal::hours(2));
  PABAL_CHECK(ended);
  PABAL_CHECK(heard->empty() || heard->starts_with("HTTP/1.1 "));
  PABAL_CHECK(heard->find("\r\nInjected:") == heard->npos);
  return 0;
}
