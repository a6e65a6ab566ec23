#include "access/pop3/command.h"

#include <gtest/gtest.h>

namespace pabal::access::pop3 {
namespace {

using State = LineReader::State;

TEST(Pop3LineReader, GivesLinesHoweverTheyComeInPieces) {
  const std::string input = "STAT\r\nRETR 1\nNOOP\r\n\r\nPASS a b \r\nhalf";
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    LineReader reader;
    std::vector<std::string> lines;
    for (size_t at = 0; at < input.size(); at += piece) {
      reader.feed(std::string_view(input).substr(at, piece));
      while (reader.next() == State::kLine) lines.push_back(reader.take());
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"STAT", "RETR 1", "NOOP", "", "PASS a b "})) << piece;
    EXPECT_TRUE(reader.pending());
  }
}

TEST(Pop3LineReader, LinesHaveALimit) {
  LineReader whole;
  whole.feed(std::string(kMaxLine, 'x') + "\r\nNOOP\r\n");
  ASSERT_EQ(whole.next(), State::kLine);
  EXPECT_EQ(whole.take().size(), kMaxLine);
  ASSERT_EQ(whole.next(), State::kLine);
  EXPECT_EQ(whole.take(), "NOOP");
  EXPECT_FALSE(whole.pending());
  LineReader longer;
  longer.feed(std::string(kMaxLine + 1, 'x') + "\r\n");
  EXPECT_EQ(longer.next(), State::kTooLong);
  LineReader endless;
  endless.feed(std::string(kMaxLine + 2, 'x'));
  EXPECT_EQ(endless.next(), State::kTooLong);
}

TEST(Pop3Command, IsAWordAndWhatFollows) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"STAT", "STAT", ""},
      {"stat", "STAT", ""},
      {"UTF8", "UTF8", ""},
      {"TOP 1 2", "TOP", "1 2"},
      {"PASS  a  b ", "PASS", " a  b "},
      {"PASS ", "PASS", ""},
      {"", "", ""},
      {" STAT", "", ""},
      {"STATS", "", ""},
      {"ST\tT", "", ""},
      {"\xff", "", ""},
      {std::string("\0", 1), "", ""},
  };
  for (const auto& [line, name, text] : cases) {
    const Command command = parse_command(line);
    EXPECT_EQ(command.name, name) << line;
    EXPECT_EQ(command.text, text) << line;
  }
}

TEST(Pop3Command, NumbersAreDecimalAndCounted) {
  EXPECT_EQ(parse_numbers("", 0, 1), std::vector<size_t>{});
  EXPECT_EQ(parse_numbers("1", 0, 1), std::vector<size_t>{1});
  EXPECT_EQ(parse_numbers(" 1  20 ", 2, 2), (std::vector<size_t>{1, 20}));
  for (const std::string bad : {"", "1 2 3", "x", "-1", "+1", "1x", "0x1", "1.", "1,2", "1000000001",
                                "99999999999999999999999", "1\t", "\xef\xbc\x91"})
    EXPECT_FALSE(parse_numbers(bad, 1, 2)) << bad;
}

}  // namespace
}  // namespace pabal::access::pop3
