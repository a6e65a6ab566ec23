#include "access/pop3/stuffing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pabal::access::pop3 {
namespace {

std::string stuffed(std::string_view message, size_t piece) {
  Stuffing stuffing;
  std::string out;
  for (size_t at = 0; at < message.size(); at += piece) {
    stuffing.feed(message.substr(at, piece));
    for (auto p = stuffing.next(); !p.octets.empty(); p = stuffing.next()) (out += p.dot) += p.octets;
  }
  return out += stuffing.end();
}

TEST(Pop3Stuffing, DotsAtLineBeginsAreDoubledWhereverThePiecesEnd) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ".\r\n"},
      {"\r\n", "\r\n.\r\n"},
      {"x\r\n", "x\r\n.\r\n"},
      {".\r\n", "..\r\n.\r\n"},
      {".", "..\r\n.\r\n"},
      {"..\r\n", "...\r\n.\r\n"},
      {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
      {"a\r\n.x\r\n..\r\n...", "a\r\n..x\r\n...\r\n....\r\n.\r\n"},
      {"a.\r\nb.c\r\n", "a.\r\nb.c\r\n.\r\n"},
      // Not lines of Internet mail, but a client may take them for such.
      {"a\n.\nb\n", "a\n..\nb\n\r\n.\r\n"},
      {"a\n.\r\nQUIT\r\n", "a\n..\r\nQUIT\r\n.\r\n"},
      {"a\r.\rb", "a\r.\rb\r\n.\r\n"},
      {"a\r", "a\r\r\n.\r\n"},
  };
  for (const auto& [message, wire] : cases)
    for (size_t piece = 1; piece <= message.size() + 1; ++piece) EXPECT_EQ(stuffed(message, piece), wire) << message;
}

TEST(Pop3Stuffing, GivesLongRunsAsTheyLie) {
  const std::string message = std::string(1 << 20, 'x') + "\r\n." + std::string(1 << 20, 'y');
  Stuffing stuffing;
  stuffing.feed(message);
  const auto first = stuffing.next();
  EXPECT_EQ(first.octets.data(), message.data());
  EXPECT_EQ(first.octets.size(), (1u << 20) + 2);
  EXPECT_EQ(first.dot, "");
  const auto second = stuffing.next();
  EXPECT_EQ(second.dot, ".");
  EXPECT_EQ(second.octets.size(), (1u << 20) + 1);
  EXPECT_TRUE(stuffing.next().octets.empty());
}

TEST(Pop3Top, IsTheHeaderAndSoManyLines) {
  const std::string message = "A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\nhalf";
  const auto top = [&](size_t lines) { return message.substr(0, top_size(message, lines)); };
  EXPECT_EQ(top(0), "A: b\r\nC: d\r\n\r\n");
  EXPECT_EQ(top(1), "A: b\r\nC: d\r\n\r\none\r\n");
  EXPECT_EQ(top(2), "A: b\r\nC: d\r\n\r\none\r\n\r\n");
  EXPECT_EQ(top(4), message);
  EXPECT_EQ(top(1'000'000'000), message);
  EXPECT_EQ(top_size("A: b\r\n", 0), 6u);
  EXPECT_EQ(top_size("", 3), 0u);
  EXPECT_EQ(top_size("\r\nbody\r\nmore\r\n", 1), 8u);
  EXPECT_EQ(top_size("A: b\n\nbody\nmore\n", 1), 11u);
}

}  // namespace
}  // namespace pabal::access::pop3
