#include "access/managesieve/reader.h"

#include <gmock/gmock.h>

namespace pabal::access::managesieve {
namespace {

using State = Reader::State;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(const std::vector<Word>& words) {
  std::vector<std::string> out;
  for (const Word& word : words) out.push_back(word.text);
  return out;
}

// The words of one whole command.
std::vector<Word> words_of(const std::string& octets) {
  Reader reader;
  reader.feed(octets);
  EXPECT_EQ(reader.next(), State::kCommand) << octets << ": " << reader.fault();
  return reader.take();
}

std::string fault_of(const std::string& octets) {
  Reader reader;
  reader.feed(octets);
  EXPECT_EQ(reader.next(), State::kBad) << octets;
  std::string fault(reader.fault());
  reader.take();
  reader.feed("NOOP\r\n");
  EXPECT_EQ(reader.next(), State::kCommand) << "after " << octets;
  return fault;
}

TEST(ManageSieveReader, TakesAtomsNumbersAndStrings) {
  const auto words = words_of("HAVESPACE \"my \\\"script\\\\\" 435\r\n");
  EXPECT_THAT(texts(words), ElementsAre("HAVESPACE", "my \"script\\", "435"));
  EXPECT_EQ(words[0].kind, Word::Kind::kAtom);
  EXPECT_EQ(words[1].kind, Word::Kind::kString);
  EXPECT_EQ(words[2].kind, Word::Kind::kNumber);
}

TEST(ManageSieveReader, TakesLiteralsWithPlusAndWithout) {
  EXPECT_THAT(texts(words_of("PUTSCRIPT {4+}\r\nmain {6+}\r\nkeep;\n\r\n")),
              ElementsAre("PUTSCRIPT", "main", "keep;\n"));
  EXPECT_THAT(texts(words_of("CHECKSCRIPT {5}\r\nkeep;\r\n")), ElementsAre("CHECKSCRIPT", "keep;"));
  EXPECT_THAT(texts(words_of("CHECKSCRIPT {0+}\r\n\r\n")), ElementsAre("CHECKSCRIPT", ""));
  EXPECT_THAT(texts(words_of("NOOP \"{3+}\"\r\n")), ElementsAre("NOOP", "{3+}"));
}

TEST(ManageSieveReader, WaitsForWholeCommandsOctetByOctet) {
  const std::string all = "PUTSCRIPT \"a\" {7+}\r\nkeep;\r\n\r\nNOOP\r\n";
  Reader reader;
  std::vector<std::vector<std::string>> commands;
  for (const char c : all) {
    reader.feed(std::string(1, c));
    while (reader.next() == State::kCommand) commands.push_back(texts(reader.take()));
  }
  EXPECT_THAT(commands, ElementsAre(ElementsAre("PUTSCRIPT", "a", "keep;\r\n"), ElementsAre("NOOP")));
}

TEST(ManageSieveReader, SaysWhatIsWrongAndFindsTheNextCommand) {
  EXPECT_THAT(fault_of("NOOP \"open\r\n"), HasSubstr("does not end"));
  EXPECT_THAT(fault_of("NOOP \"a\"\"b\"\r\n"), HasSubstr("blank"));
  EXPECT_THAT(fault_of("NOOP (a)\r\n"), HasSubstr("expected"));
  EXPECT_THAT(fault_of("NOOP \"\xFF\"\r\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(fault_of("A b c d e f g h i j k l\r\n"), HasSubstr("too many"));
  EXPECT_THAT(fault_of("PUTSCRIPT (a {3+}\r\nabc\r\n"), HasSubstr("expected"));
  EXPECT_THAT(fault_of("NOOP{3+}\r\nabc\r\n"), HasSubstr("blank"));
  EXPECT_THAT(fault_of("PUTSCRIPT {3+}\r\nabc\"b\"\r\n"), HasSubstr("blank"));
}

TEST(ManageSieveReader, DropsLiteralsOverTheLimit) {
  Reader reader;
  reader.limit(100, 10);
  reader.feed("CHECKSCRIPT {11+}\r\n0123456789a\r\nNOOP\r\n");
  EXPECT_EQ(reader.next(), State::kTooBig);
  reader.take();
  EXPECT_EQ(reader.next(), State::kCommand);
  EXPECT_THAT(texts(reader.take()), ElementsAre("NOOP"));
  reader.feed("CHECKSCRIPT {4000000000+}\r\n");
  EXPECT_EQ(reader.next(), State::kTooLong);
}

TEST(ManageSieveReader, HoldsNoLineWithoutEnd) {
  Reader reader;
  reader.limit(100, 10);
  reader.feed(std::string(101, 'a'));
  EXPECT_EQ(reader.next(), State::kTooLong);
}

TEST(ManageSieveReader, AnEmptyLineIsACommandWithoutWords) { EXPECT_THAT(words_of("\r\n"), IsEmpty()); }

}  // namespace
}  // namespace pabal::access::managesieve
