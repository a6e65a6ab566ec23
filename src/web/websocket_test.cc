// WebSockets: frames as RFC 6455 has them, and a socket from its handshake to its end.
#include <gmock/gmock.h>

#include "base/text.h"
#include "web/test_server.h"
#include "web/websocket_parser.h"

namespace pabal::web {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string octets(std::string_view hex) { return text::unhex(hex).value(); }

// What the parser makes of `in`, as "kind:data" in a row, and the code it fails with.
std::string parsed(std::string_view in, size_t limit = 1 << 20, size_t piece = SIZE_MAX) {
  WebSocketParser parser(limit);
  std::string out;
  while (!in.empty() && parser.failed() == CloseCode::kNormal) {
    std::string_view part = in.substr(0, piece);
    in.remove_prefix(part.size());
    while (const auto event = parser.next(part)) {
      out += std::to_string(static_cast<int>(event->kind)) + ":" + event->data;
      if (event->kind == FrameKind::kClose) out += "(" + std::to_string(event->code) + ")";
      out += " ";
    }
  }
  if (parser.failed() != CloseCode::kNormal) out += "!" + std::to_string(static_cast<int>(parser.failed()));
  return out;
}

// RFC 6455 §5.7, and what the rules of §5.2 to §5.5 and §8.1 forbid.
TEST(WebSocketFrames, AreTakenAsTheStandardHasThem) {
  const std::string hello = octets("818537fa213d7f9f4d5158");
  const std::string zeros(4, '\0');
  const std::pair<std::string, std::string> cases[] = {
      {hello, "1:Hello "},
      {masked_frame(0x89, "Hello"), "9:Hello "},
      {masked_frame(0x01, "Hel") + masked_frame(0x80, "lo"), "1:Hello "},
      {masked_frame(0x01, "Hel") + masked_frame(0x89, "x") + masked_frame(0x80, "lo"), "9:x 1:Hello "},
      {masked_frame(0x82, std::string(256, 'b')), "2:" + std::string(256, 'b') + " "},
      {octets("82ff0000000000010000") + zeros + std::string(65536, 'c'), "2:" + std::string(65536, 'c') + " "},
      {masked_frame(0x81, ""), "1: "},
      {masked_frame(0x01, "\xec") + masked_frame(0x80, "\xa0\x9c"), "1:\xec\xa0\x9c "},
      {masked_frame(0x88, ""), "8:(1005) "},
      {masked_frame(0x88, "\x03\xe8gone"), "8:gone(1000) "},
      {masked_frame(0x88, "\x0f\xa0"), "8:(4000) "},
      // Broken.
      {octets("810548656c6c6f"), "!1002"},  // not masked
      {masked_frame(0xC1, "x"), "!1002"},
      {masked_frame(0x83, "x"), "!1002"},
      {masked_frame(0x8B, "x"), "!1002"},
      {masked_frame(0x09, "x"), "!1002"},                    // a ping in fragments
      {masked_frame(0x89, std::string(126, 'x')), "!1002"},  // a long ping
      {masked_frame(0x80, "x"), "!1002"},                    // goes on with nothing
      {masked_frame(0x01, "x") + masked_frame(0x81, "y"), "!1002"},
      {octets("81fe0005") + zeros + "Hello", "!1002"},  // a short length said long
      {octets("81ff0000000000000005") + zeros + "Hello", "!1002"},
      {octets("81ff8000000000000005") + zeros, "!1002"},
      {masked_frame(0x81, "\xff"), "!1007"},
      {masked_frame(0x81, "\xed\xa0\x80"), "!1007"},
      {masked_frame(0x88, "\x03"), "!1002"},
      {masked_frame(0x88, "\x03\xed"), "!1002"},  // 1005
      {masked_frame(0x88, "\x0b\xb7"), "!1002"},  // 2999
      {masked_frame(0x88, "\x03\xe8\xff"), "!1007"},
  };
  for (const auto& [wire, expected] : cases) {
    EXPECT_EQ(parsed(wire), expected) << text::hex(wire.substr(0, 40));
    EXPECT_EQ(parsed(wire, 1 << 20, 1), expected) << "octet by octet " << text::hex(wire.substr(0, 40));
  }
}

TEST(WebSocketFrames, MessagesHaveALimitHoweverTheyAreCut) {
  EXPECT_EQ(parsed(masked_frame(0x81, std::string(10, 'x')), 10), "1:xxxxxxxxxx ");
  EXPECT_EQ(parsed(masked_frame(0x81, std::string(11, 'x')), 10), "!1009");
  EXPECT_EQ(parsed(masked_frame(0x01, std::string(6, 'x')) + masked_frame(0x80, std::string(5, 'x')), 10), "!1009");
  EXPECT_EQ(parsed(octets("82ff7fffffffffffffff00000000"), 10), "!1009");  // before a single octet of it
}

TEST(WebSocketFrames, AreSentWholeAndNotMasked) {
  EXPECT_EQ(socket_frame(FrameKind::kText, "Hello"), octets("810548656c6c6f"));
  EXPECT_EQ(socket_frame(FrameKind::kPing, "Hello"), octets("890548656c6c6f"));
  EXPECT_THAT(socket_frame(FrameKind::kBinary, std::string(256, 'b')), StartsWith(octets("827e0100")));
  EXPECT_THAT(socket_frame(FrameKind::kBinary, std::string(65536, 'b')), StartsWith(octets("827f0000000000010000")));
  EXPECT_EQ(close_frame(CloseCode::kGoingAway, "bye"), octets("880503e9627965"));
  std::string korean;
  while (korean.size() < 200) korean += "제";
  const std::string cut = close_frame(CloseCode::kPolicy, korean);
  EXPECT_LE(cut.size(), 2 + kMaxControl);
  EXPECT_TRUE(text::is_utf8(std::string_view(cut).substr(4)));
  EXPECT_EQ(socket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 §1.3
  EXPECT_FALSE(socket_accept("c2hvcnQ="));
}

const std::string kHandshake =
    "GET /socket HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

TEST(WebSocket, BeginsWithAHandshake) {
  TestServer server;
  // The first frame may come with the request.
  const std::string said = server.ask(kHandshake + masked_frame(0x81, "Hello"));
  EXPECT_THAT(said, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(said, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(said, HasSubstr("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
  EXPECT_THAT(said, HasSubstr("\r\nSec-WebSocket-Protocol: echo\r\n"));
  EXPECT_THAT(said, EndsWith("\r\n\r\n\x81\x05Hello"));
  EXPECT_EQ(said.find("Content-Length"), said.npos);
  EXPECT_EQ(server.ask(masked_frame(0x82, "x")),
            "\x81\x08"
            "binary x");
  EXPECT_EQ(server.ask(masked_frame(0x89, "p")), "\x8a\x01p");
  EXPECT_TRUE(server.echo.open->send("of its own accord"));
  EXPECT_THAT(server.heard(), EndsWith("of its own accord"));
  EXPECT_EQ(server.ask(masked_frame(0x88, "\x0f\xa1why")), "\x88\x02\x0f\xa1");
  EXPECT_TRUE(server.closed);
  EXPECT_EQ(server.echo.handled, 1);
}

TEST(WebSocket, IsRefusedWhereTheRequestIsNotOne) {
  const auto without = [](const std::string& line) {
    std::string out = kHandshake;
    const size_t at = out.find(line);
    return out.erase(at, out.find("\r\n", at) + 2 - at);
  };
  TestServer server;
  for (const char* line : {"Upgrade: ", "Connection: ", "Sec-WebSocket-Version"}) {
    const std::string said = server.ask(without(line));
    EXPECT_THAT(said, StartsWith("HTTP/1.1 426 Upgrade Required\r\n"));
    EXPECT_THAT(said, HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
    EXPECT_THAT(said, HasSubstr("\r\nUpgrade: websocket\r\n"));
  }
  EXPECT_THAT(server.ask(without("Sec-WebSocket-Key")), StartsWith("HTTP/1.1 400 "));
  // Elsewhere the wish is not heard, and the connection goes on.
  std::string page = kHandshake;
  page.replace(page.find("/socket"), 7, "/hello/");
  EXPECT_THAT(server.ask(page), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(server.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST(WebSocket, WhoBreaksTheRulesHearsWhyAndIsGone) {
  for (const auto& [wire, code] :
       {std::pair(std::string("\x81\x01x"), "\x03\xea"), std::pair(masked_frame(0x81, "\xff"), "\x03\xef"),
        std::pair(masked_frame(0x81, std::string(1'001, 'x')), "\x03\xf1")}) {
    TestServer server;
    server.ask(kHandshake);
    EXPECT_EQ(server.ask(wire + masked_frame(0x81, "after")), "\x88\x02" + std::string(code));
    EXPECT_TRUE(server.closed && server.ended);
  }
}

TEST(WebSocket, HandlersEndItAndMayFail) {
  {
    TestServer server;
    server.ask(kHandshake);
    EXPECT_EQ(server.ask(masked_frame(0x81, "bye")), std::string("\x88\x02\x03\xe8"));
    EXPECT_FALSE(server.closed);  // until the client has answered
    EXPECT_EQ(server.ask(masked_frame(0x81, "not heard") + masked_frame(0x88, "\x03\xe8")), "");
    EXPECT_TRUE(server.closed && server.ended);
  }
  {
    TestServer server;  // the client does not answer
    EXPECT_THAT(server.ask(kHandshake + masked_frame(0x81, "throw")), EndsWith("the server failed"));
    server.loop.run_for(kSocketCloseTime + seconds(1));
    EXPECT_TRUE(server.closed && server.ended);
  }
  {
    TestServer server;
    server.ask(kHandshake);
    server.connections.drain();
    EXPECT_EQ(server.heard(), "\x88\x12\x03\xe9the server stops");
    server.send(masked_frame(0x88, "\x03\xe9"));
    EXPECT_TRUE(server.closed && server.ended);
    EXPECT_EQ(server.echo.handled, 1);
  }
}

TEST(WebSocket, PingsWhoIsSilentAndDropsWhoIsDead) {
  TestServer server;
  server.ask(kHandshake);
  for (int i = 0; i < 5; ++i) {
    server.loop.run_for(kSocketPing);
    EXPECT_EQ(server.heard(), std::string("\x89\0", 2));
    server.send(masked_frame(0x8A, ""));
  }
  EXPECT_FALSE(server.closed);
  server.loop.run_for(kSocketPing * 2);
  EXPECT_TRUE(server.closed && server.ended);
  EXPECT_EQ(server.echo.open, nullptr);
}

TEST(WebSocket, DropsWhoDoesNotTakeWhatItIsSent) {
  TestServer server;
  server.ask(kHandshake);
  server.listening = false;
  server.send(masked_frame(0x81, "x"));
  const std::string piece(100'000, 'y');
  int sent = 0;
  while (sent < 1'000 && server.echo.open->send(piece)) ++sent;
  EXPECT_LT(sent, 40);                           // the backlog, and what the stream in memory takes
  server.loop.run_for(kWriteTime + seconds(1));  // the stream in memory does not end a write at its close
  EXPECT_TRUE(server.ended);
  EXPECT_EQ(server.echo.open, nullptr);
}

TEST(WebSocket, HalfMessagesOfAllHaveABudget) {
  std::string large = kHandshake;
  large.replace(large.find("/socket"), 7, "/large-socket");
  const std::string message =
      masked_frame(0x01, std::string(60'000, 'x')) + masked_frame(0x80, std::string(40'000, 'x'));
  const std::string half = message.substr(0, 90'000);
  {
    TestServer server;
    Budget::Share others(server.connections.budget());
    ASSERT_TRUE(others.hold(kMaxGathered - 100'000));
    server.ask(large);
    EXPECT_EQ(server.ask(half), "");
    EXPECT_EQ(server.connections.budget().held(), kMaxGathered - 100'000 + half.size() - 16);
    EXPECT_EQ(server.ask(message.substr(90'000)).size(), 10 + 100'000u);
    server.ask(masked_frame(0x81, "small"));
    EXPECT_EQ(server.connections.budget().held(), kMaxGathered - 100'000) << "answered";
    ASSERT_TRUE(others.hold(kMaxGathered - 80'000));
    EXPECT_EQ(server.ask(masked_frame(0x81, "small counts for nothing")).substr(2), "small counts for nothing");
    EXPECT_THAT(server.ask(half), HasSubstr("\x03\xf5the server holds"));
    EXPECT_TRUE(server.closed && server.ended);
    EXPECT_EQ(server.connections.budget().held(), kMaxGathered - 80'000);
  }
  TestServer server;  // a message that does not end, by one who answers pings
  server.ask(large);
  server.send(half);
  for (int i = 0; i < 3; ++i) {
    server.loop.run_for(seconds(40));
    server.send(masked_frame(0x8A, ""));
  }
  EXPECT_THAT(server.heard(), HasSubstr("\x03\xf0the message did not come in time"));
  EXPECT_TRUE(server.closed && server.ended);
}

TEST(WebSocket, LargeAnswersWait) {
  TestServer server;
  server.ask(kHandshake);
  const std::string said = server.ask(masked_frame(0x81, "large 3000000") + masked_frame(0x81, "next"));
  EXPECT_EQ(said.size(), 10 + 3'000'000u + 6);
  EXPECT_THAT(said, EndsWith("\x81\x04next"));
}

}  // namespace
}  // namespace pabal::web
