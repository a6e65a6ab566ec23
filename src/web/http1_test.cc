// HTTP/1.1 on the wire: what is one request, what is refused, what cannot hang.
#include <gmock/gmock.h>

#include "web/http1_parser.h"
#include "web/test_server.h"

namespace pabal::web {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

int status_of(const std::string& head) {
  size_t line = 0;
  const HeadEnd end = find_head_end(head, line);
  if (end.refusal.status) return end.refusal.status;
  if (end.size == 0) return -1;
  return parse_head(std::string_view(head).substr(0, end.size)).refusal.status;
}

TEST(Http1Parser, TakesWhatIsOneRequestAndRefusesTheRest) {
  const std::string host = "Host: a.example\r\n";
  const std::pair<std::string, int> cases[] = {
      {"GET / HTTP/1.1\r\n" + host + "\r\n", 0},
      {"GET /a?b HTTP/1.1\r\nhost:a.example:8443\r\n\r\n", 0},
      {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n", 0},
      {"GET / HTTP/1.0\r\n\r\n", 0},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
      {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 0},
      {"GET http://b.example/x HTTP/1.1\r\n" + host + "\r\n", 0},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n", 0},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: Chunked\r\n\r\n", 0},
      {"GET / HTTP/1.1\r\n" + host + "X: \xec\xa0\x9c\r\n\r\n", 0},
      {"GET / HTTP/1.1\r\n" + host, -1},
      // The request line.
      {"GET /\r\n" + host + "\r\n", 400},
      {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
      {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"G@T / HTTP/1.1\r\n" + host + "\r\n", 400},
      {" GET / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / http/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.10\r\n" + host + "\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET / HTTP/0.9\r\n" + host + "\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET /#x HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /\xe9 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET a HTTP/1.1\r\n" + host + "\r\n", 400},
      {"CONNECT a:25 HTTP/1.1\r\n" + host + "\r\n", 501},
      {"GET ftp://a/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET http:/// HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET http://u@a/ HTTP/1.1\r\n" + host + "\r\n", 400},
      // Host.
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.0\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
      // Fields.
      {"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n A: b\r\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\r\n\tc\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + std::string("A: b\0c\r\n\r\n", 10), 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\x7f\r\n\r\n", 400},
      {"GET / HTTP/1.1\n" + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A: b\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "\n", 400},
      // Framing: one clear length, or none.
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5, 5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551616\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\vchunked\r\n\r\n", 400},
      {"POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Expect: the unexpected\r\n\r\n", 417},
      // Limits.
      {"GET /" + std::string(8200, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET / HTTP/1.1\r\n" + host + "A: " + std::string(33'000, 'b') + "\r\n\r\n", 431},
      {std::string(8300, 'a'), 414},
  };
  for (const auto& [head, status] : cases) EXPECT_EQ(status_of(head), status) << head.substr(0, 200);
  std::string many = "GET / HTTP/1.1\r\n" + host;
  for (int i = 0; i < 100; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
}

TEST(Http1Parser, AnAbsoluteTargetSaysTheHost) {
  const ParsedHead parsed = parse_head("GET HTTP://B.example:80?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_EQ(parsed.refusal.status, 0);
  EXPECT_EQ(parsed.head.host, "b.example:80");
  EXPECT_EQ(parsed.head.target, "/?x=1");
}

TEST(Http1Parser, ChunksEndWhereTheyShould) {
  struct Case {
    std::string wire;
    bool done, bad;
    std::string body;
  };
  const Case cases[] = {
      {"5\r\nhello\r\n0\r\n\r\n", true, false, "hello"},
      {"5;a=b;c=\"d\"\r\nhello\r\n00\r\nTrailer: x\r\n\r\n", true, false, "hello"},
      {"A\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", true, false, "0123456789x"},
      {"5\r\nhello\r\n0\r\n", false, false, "hello"},
      {"\r\n", false, true, ""},
      {"g\r\n", false, true, ""},
      {"0x5\r\nhello\r\n0\r\n\r\n", false, true, ""},
      {"-1\r\n", false, true, ""},
      {" 5\r\nhello\r\n", false, true, ""},
      {"5 \r\nhello\r\n", false, true, ""},
      {"5\nhello\n0\n\n", false, true, ""},
      {"5\r\nhello0\r\n\r\n", false, true, "hello"},
      {"5\r\nhello\n0\r\n\r\n", false, true, "hello"},
      {"5;\n\r\nhello\r\n", false, true, ""},
      {"5;a\rb\r\nhello\r\n", false, true, ""},
      {"FFFFFFFFFFFFFFFFF\r\n", false, true, ""},
      {"0\r\n folded\r\n\r\n", false, true, ""},
      {"0\r\na\n\r\n", false, true, ""},
      {"5;" + std::string(300, 'x') + "\r\nhello\r\n", false, true, ""},
      {"0\r\nA: " + std::string(9'000, 'x') + "\r\n\r\n", false, true, ""},
  };
  for (const Case& c : cases)
    for (const size_t step : {size_t{1}, size_t{3}, c.wire.size()}) {
      ChunkDecoder decoder;
      std::string body;
      for (size_t at = 0; at < c.wire.size() && !decoder.done() && !decoder.bad(); at += step)
        decoder.feed(std::string_view(c.wire).substr(at, step), body);
      EXPECT_EQ(decoder.done(), c.done) << c.wire.substr(0, 40);
      EXPECT_EQ(decoder.bad(), c.bad) << c.wire.substr(0, 40);
      EXPECT_EQ(body, c.body) << c.wire.substr(0, 40);
    }
}

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

TEST(Http1, AnswersAndKeepsTheConnection) {
  TestServer server;
  for (int i = 0; i < 3; ++i) {
    const std::string said = server.ask(kGet);
    EXPECT_THAT(said, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(said, EndsWith("\r\n\r\nhello  127.0.0.1 http a.example"));
    EXPECT_THAT(said, HasSubstr("\r\nContent-Length: 31\r\n"));
    EXPECT_THAT(said, HasSubstr("\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n"));
    EXPECT_THAT(said, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(said, HasSubstr("\r\nContent-Security-Policy: default-src 'none'"));
    EXPECT_THAT(said, Not(HasSubstr("Strict-Transport-Security")));
    EXPECT_THAT(said, Not(HasSubstr("Connection:")));
  }
  EXPECT_FALSE(server.closed);
  EXPECT_THAT(server.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(server.closed);
}

TEST(Http1, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  std::string all = "\r\n";
  for (const char* name : {"a", "b", "c"})
    all += "GET /hello/" + std::string(name) +
           " HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n" + name;
  for (const char c : all) server.send(std::string(1, c));  // octet by octet
  const std::string said = server.heard();
  size_t at = 0;
  for (const char* body :
       {"\r\n\r\nhello a ", "\r\n\r\na", "\r\n\r\nhello b ", "\r\n\r\nb", "\r\n\r\nhello c ", "\r\n\r\nc"}) {
    at = said.find(body, at);
    ASSERT_NE(at, said.npos) << body;
  }
}

TEST(Http1, BodiesComeByLengthOrInChunks) {
  TestServer server;
  EXPECT_THAT(
      server.ask(
          "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
      EndsWith("\r\n\r\nabcde"));
  EXPECT_THAT(
      server.ask("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x')),
      EndsWith("\r\n\r\n300000"));
  EXPECT_THAT(server.ask(kGet), StartsWith("HTTP/1.1 200 "));
  const std::string large = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10001\r\n\r\n";
  EXPECT_THAT(server.ask(large), StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(server.closed);
}

TEST(Http1, ChunksBeyondTheLimitAre413AndBrokenOnes400) {
  for (const auto& [chunk, status] : {std::pair(std::string("2800\r\n") + std::string(0x2800, 'x') + "\r\n", "413"),
                                      std::pair(std::string("x\r\n"), "400")}) {
    TestServer server;
    EXPECT_THAT(server.ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk),
                StartsWith("HTTP/1.1 " + std::string(status)));
    EXPECT_TRUE(server.closed);
    EXPECT_EQ(server.echo.handled, 0);
  }
}

TEST(Http1, BodiesUnderWayOfAllHaveABudget) {
  TestServer server;
  Budget::Share others(server.connections.budget());
  ASSERT_TRUE(others.hold(kMaxGathered - 150'000));
  const std::string head = "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  EXPECT_THAT(server.ask(head + "100000\r\n\r\n" + std::string(100'000, 'x')), EndsWith("\r\n\r\n100000"));
  EXPECT_THAT(server.ask(head + "100000\r\n\r\n" + std::string(100'000, 'x')), EndsWith("\r\n\r\n100000"))
      << "what was answered is free again";
  EXPECT_THAT(server.ask(head + "200000\r\n\r\n" + std::string(200'000, 'x')), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(server.closed && server.ended);
  EXPECT_EQ(server.connections.budget().held(), kMaxGathered - 150'000);
}

TEST(Http1, ExpectationIsMetBeforeTheBodyComes) {
  TestServer server;
  EXPECT_EQ(server.ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(server.ask("ok"), EndsWith("\r\n\r\nok"));
  // Refused at once, without the body.
  EXPECT_THAT(server.ask("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(server.closed);
}

TEST(Http1, SmugglersAreRefusedAndWhatFollowsIsNotRead) {
  for (const std::string wire :
       {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: y\n\r\n"}) {
    TestServer server;
    const std::string said = server.ask(wire + kGet);
    EXPECT_THAT(said, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << wire;
    EXPECT_THAT(said, HasSubstr("application/problem+json"));
    EXPECT_EQ(said.find("HTTP/1.1 ", 1), said.npos) << wire;
    EXPECT_TRUE(server.closed);
  }
}

TEST(Http1, WhoIsSlowOrSilentIsSentAway) {
  {
    TestServer server;  // nothing at all
    server.loop.run_for(minutes(1));
    EXPECT_EQ(server.heard(), "");
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server;  // between requests
    server.ask(kGet);
    server.loop.run_for(kIdleTime - seconds(1));
    EXPECT_FALSE(server.closed);
    server.loop.run_for(seconds(2));
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server;  // a head that does not end
    for (int i = 0; i < 40 && !server.closed; ++i) {
      server.send("G");
      server.loop.run_for(seconds(1));
    }
    EXPECT_THAT(server.heard(), StartsWith("HTTP/1.1 408 "));
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server;  // a body octet by octet
    server.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 70 && !server.closed; ++i) {
      server.send("x");
      server.loop.run_for(seconds(1));
    }
    EXPECT_THAT(server.heard(), StartsWith("HTTP/1.1 408 "));
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server;  // takes no answers
    server.listening = false;
    server.ask("");
    for (int i = 0; i < 3; ++i) server.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    server.loop.run_for(minutes(2));
    EXPECT_TRUE(server.ended);
  }
}

TEST(Http1, StreamsAnswersAndNoticesWhoGoes) {
  TestServer server;
  server.send("GET /ticks HTTP/1.1\r\nHost: h\r\n\r\n");
  server.loop.run_for(seconds(5));
  const std::string said = server.heard();
  EXPECT_THAT(said, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(said, EndsWith("\r\n\r\na\r\nxxxxxxxxxx\r\na\r\nxxxxxxxxxx\r\na\r\nxxxxxxxxxx\r\n0\r\n\r\n"));
  server.send("GET /ticks?n=1000 HTTP/1.1\r\nHost: h\r\n\r\n");
  server.loop.run_for(seconds(3));
  EXPECT_FALSE(server.echo.ticker->cancelled);
  server.client->close();
  server.loop.run_for(seconds(3));
  EXPECT_TRUE(server.echo.ticker->cancelled);
  EXPECT_TRUE(server.ended);
}

TEST(Http1, AnAnswerThatBreaksOffIsNotTakenForWhole) {
  TestServer server;
  server.send("GET /ticks?n=-1 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(server.heard(), Not(HasSubstr("\r\n0\r\n")));
  EXPECT_TRUE(server.closed);
}

TEST(Http1, HeadHasTheFieldsAndNoBody) {
  TestServer server;
  const std::string said = server.ask("HEAD /large HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(said, HasSubstr("\r\nContent-Length: 1048576\r\n"));
  EXPECT_THAT(said, EndsWith("\r\n\r\n"));
  EXPECT_THAT(server.ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST(Http1, OldClientsAreAnsweredAndLeft) {
  TestServer server;
  const std::string said = server.ask("GET /ticks?n=0 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(said, Not(HasSubstr("chunked")));
  EXPECT_TRUE(server.closed);
}

TEST(Http1, HandlersThatThrowAre500) {
  TestServer server;
  EXPECT_THAT(server.ask("GET /throws HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
  EXPECT_FALSE(server.closed);
}

TEST(Http1, DrainingEndsIdleConnectionsAtOnceAndBusyOnesAfterTheAnswer) {
  TestServer idle, busy;
  idle.ask(kGet);
  idle.connections.drain();
  idle.heard();
  EXPECT_TRUE(idle.closed);
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  busy.connections.drain();
  busy.loop.run_for(seconds(30));
  EXPECT_THAT(busy.heard(), EndsWith("\r\n\r\nslow"));
  EXPECT_TRUE(busy.closed);
}

}  // namespace
}  // namespace pabal::web
