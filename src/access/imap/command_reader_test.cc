#include "access/imap/command_reader.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

using State = CommandReader::State;

TEST(CommandReader, ALineIsACommandWhateverPiecesItComesIn) {
  CommandReader reader;
  for (const char c : std::string("a NOOP\r\n")) {
    EXPECT_EQ(reader.next(), State::kNeedMore);
    reader.feed(std::string_view(&c, 1));
  }
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a NOOP");
  EXPECT_EQ(reader.next(), State::kNeedMore);
}

TEST(CommandReader, PipelinedCommandsComeOneByOne) {
  CommandReader reader;
  reader.feed("a NOOP\r\nb NOOP\nc N");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a NOOP");
  EXPECT_TRUE(reader.pending());
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "b NOOP");
  EXPECT_EQ(reader.next(), State::kNeedMore);
  reader.feed("OOP\r\n");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "c NOOP");
  EXPECT_FALSE(reader.pending());
}

TEST(CommandReader, ASynchronisingLiteralAsksToGoOn) {
  CommandReader reader;
  reader.feed("a LOGIN {5}\r\n");
  ASSERT_EQ(reader.next(), State::kNeedContinue);
  EXPECT_EQ(reader.next(), State::kNeedMore);
  reader.feed("al\r\ne {2}\r\n");
  ASSERT_EQ(reader.next(), State::kNeedContinue);
  reader.feed("pw\r\n");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a LOGIN {5}\r\nal\r\ne {2}\r\npw");
}

TEST(CommandReader, ANonSynchronisingLiteralDoesNot) {
  CommandReader reader;
  reader.feed("a LOGIN {5+}\r\nalice {0+}\r\n\r\nb");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a LOGIN {5+}\r\nalice {0+}\r\n");
  EXPECT_TRUE(reader.pending());
}

TEST(CommandReader, AnEmptySynchronisingLiteralAsksToo) {
  CommandReader reader;
  reader.feed("a X {0}\r\n");
  ASSERT_EQ(reader.next(), State::kNeedContinue);
  EXPECT_EQ(reader.next(), State::kNeedMore);
  reader.feed("\r\n");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a X {0}\r\n");
}

TEST(CommandReader, ALiteral8IsALiteral) {
  CommandReader reader;
  reader.feed(std::string_view("a X ~{3+}\r\n\0\n\0\r\n", 16));
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), std::string_view("a X ~{3+}\r\n\0\n\0", 14));
}

TEST(CommandReader, BracesThatAnnounceNothingAreText) {
  for (const std::string line :
       {"a X {}", "a X {x}", "a X {5-}", "a X 5}", "a X {99999999999999999999}", "a X \"{5}\""}) {
    CommandReader reader;
    reader.feed(line + "\r\n");
    ASSERT_EQ(reader.next(), State::kCommand) << line;
    EXPECT_EQ(reader.take(), line);
  }
}

TEST(CommandReader, ATooLargeSynchronisingLiteralIsRefusedUnread) {
  CommandReader reader;
  reader.limit(1'000, 100);
  reader.feed("a APPEND x {101}\r\n");
  ASSERT_EQ(reader.next(), State::kTooBig);
  EXPECT_EQ(reader.take(), "a APPEND x {101}");
  reader.feed("b NOOP\r\n");  // the client was told NO and sends its next command
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "b NOOP");
}

TEST(CommandReader, ATooLargeNonSynchronisingLiteralIsReadAndDropped) {
  CommandReader reader;
  reader.limit(1'000, 100);
  reader.feed("a APPEND x {150+}\r\n");
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(reader.next(), State::kNeedMore);
    EXPECT_LT(reader.held(), 50u);
    reader.feed("0123456\r\n9");
  }
  reader.feed(" more {3+}\r\nabc)\r\nb NOOP\r\n");
  ASSERT_EQ(reader.next(), State::kTooBig);
  EXPECT_EQ(reader.take(), "a APPEND x {150+}");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "b NOOP");
}

TEST(CommandReader, LiteralsOfOneCommandCountTogether) {
  CommandReader reader;
  reader.limit(1'000, 10);
  reader.feed("a X {6+}\r\n123456 {5+}\r\n12345\r\n");
  EXPECT_EQ(reader.next(), State::kTooBig);
}

TEST(CommandReader, AnAbsurdLiteralEndsTheConversation) {
  CommandReader reader;
  reader.limit(1'000, 100);
  reader.feed("a APPEND x {18446744073709551615+}\r\n");
  EXPECT_EQ(reader.next(), State::kTooLong);
}

TEST(CommandReader, ALineOverTheLimitEndsTheConversationBeforeItIsWhole) {
  CommandReader reader;
  reader.limit(100, 100);
  reader.feed(std::string(100, 'x'));
  EXPECT_EQ(reader.next(), State::kNeedMore);
  reader.feed("x");
  EXPECT_EQ(reader.next(), State::kTooLong);
}

TEST(CommandReader, LinesBetweenLiteralsCountTogether) {
  CommandReader reader;
  reader.limit(50, 1'000);
  std::string command = "a X";
  for (int i = 0; i < 20; ++i) command += " {1+}\r\nx";
  reader.feed(command + "\r\n");
  EXPECT_EQ(reader.next(), State::kTooLong);
}

TEST(CommandReader, LinesThatAreNoCommandsAreReadBetween) {
  CommandReader reader;
  reader.feed("a IDLE\r\nDO");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "a IDLE");
  EXPECT_FALSE(reader.line());
  reader.feed("NE\r\nb NOOP\r\n");
  EXPECT_EQ(reader.line(), "DONE");
  ASSERT_EQ(reader.next(), State::kCommand);
  EXPECT_EQ(reader.take(), "b NOOP");
}

}  // namespace
}  // namespace pabal::access::imap
