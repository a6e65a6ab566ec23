#include "access/imap/words.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

std::optional<std::string> astring(std::string_view text) {
  Words words(text);
  std::string out = words.astring();
  if (!words.done()) return {};
  return out;
}

TEST(Words, AnAstringIsAnAtomAQuotedStringOrALiteral) {
  EXPECT_EQ(astring("INBOX"), "INBOX");
  EXPECT_EQ(astring("a]b"), "a]b");
  EXPECT_EQ(astring("\"a b\""), "a b");
  EXPECT_EQ(astring("\"\""), "");
  EXPECT_EQ(astring("\"a\\\"b\\\\c\""), "a\"b\\c");
  EXPECT_EQ(astring("\"받은편지함\""), "받은편지함");
  EXPECT_EQ(astring("{3}\r\na b"), "a b");
  EXPECT_EQ(astring("{3+}\r\n\r\n\""), "\r\n\"");
  EXPECT_EQ(astring("{0}\r\n"), "");
}

TEST(Words, BrokenStringsAreFaults) {
  for (const std::string_view text :
       {"", "\"a", "\"a\\", "\"a\\\"", "{4}\r\nabc", "{x}\r\nabc", "{3}abc", "{", "~{1}\r\na", "(", "\"a\rb\""})
    EXPECT_FALSE(astring(text)) << text;
  EXPECT_FALSE(astring(std::string_view("\"a\0b\"", 5)));
  EXPECT_FALSE(astring(std::string_view("{1}\r\n\0", 6)));
}

TEST(Words, AfterAFaultEverythingIsEmpty) {
  Words words("(a b c");
  words.space();
  EXPECT_FALSE(words.ok());
  EXPECT_EQ(words.astring(), "");
  EXPECT_EQ(words.number(), 0u);
  EXPECT_FALSE(words.accept('('));
  EXPECT_FALSE(words.done());
}

TEST(Words, NumbersHaveTheirBounds) {
  const auto number = [](std::string_view text) {
    Words w(text);
    const uint32_t n = w.number();
    return w.done() ? std::optional(n) : std::nullopt;
  };
  const auto number64 = [](std::string_view text) {
    Words w(text);
    const uint64_t n = w.number64();
    return w.done() ? std::optional(n) : std::nullopt;
  };
  EXPECT_EQ(number("0"), 0u);
  EXPECT_EQ(number("4294967295"), 4294967295u);
  EXPECT_FALSE(number("4294967296"));
  EXPECT_FALSE(number(""));
  EXPECT_FALSE(number("-1"));
  EXPECT_EQ(number64("9223372036854775807"), 9223372036854775807u);
  EXPECT_FALSE(number64("9223372036854775808"));
}

TEST(Words, AWordIsTakenOnlyWhole) {
  Words words("ALLOW");
  EXPECT_FALSE(words.accept_word("ALL"));
  EXPECT_TRUE(words.accept_word("allow"));
  EXPECT_TRUE(words.done());
}

TEST(Words, ALiteral8SaysSo) {
  bool eight = false;
  Words words(std::string_view("~{2}\r\n\0x", 8));
  EXPECT_EQ(words.literal(&eight), std::string_view("\0x", 2));
  EXPECT_TRUE(eight);
  Words plain("{2}\r\nxy");
  EXPECT_EQ(plain.literal(&eight), "xy");
  EXPECT_FALSE(eight);
}

std::optional<std::string> flags(std::string_view text) {
  Words words(text);
  const auto parsed = parse_flags(words);
  if (!parsed || !words.done()) return {};
  std::string out;
  add_flag_list(out, *parsed);
  return out;
}

TEST(Flags, AreReadWithAndWithoutParentheses) {
  EXPECT_EQ(flags("(\\Seen \\FLAGGED $Forwarded)"), "(\\Flagged \\Seen $Forwarded)");
  EXPECT_EQ(flags("\\seen \\Answered"), "(\\Answered \\Seen)");
  EXPECT_EQ(flags("()"), "()");
  EXPECT_EQ(flags("(\\Recent \\Draft)"), "(\\Draft)");
}

TEST(Flags, UnknownSystemFlagsAndBrokenListsAreFaults) {
  for (const std::string_view text :
       {"", "(", "(\\Seen", "(\\Seen  \\Draft)", "\\*", "(\\Foo)", "( \\Seen)", "(\"x\")", "(\\Seen )"})
    EXPECT_FALSE(flags(text)) << text;
  EXPECT_FALSE(flags(std::string(101, 'k')));
}

TEST(Dates, AreReadInTheirZone) {
  EXPECT_EQ(to_unix(*parse_date_time("17-Jul-1996 02:44:25 -0700")), 837596665);
  EXPECT_EQ(to_unix(*parse_date_time(" 1-Jan-1970 00:00:00 +0000")), 0);
  EXPECT_EQ(to_unix(*parse_date_time("01-Jan-1970 09:00:00 +0900")), 0);
  EXPECT_EQ(to_unix(*parse_date_time("29-feb-2024 23:59:60 +0000")), 1709251200);
}

TEST(Dates, ThatDoNotExistAreRefused) {
  for (const std::string_view text :
       {"", "31-Feb-2024 00:00:00 +0000", "1-Foo-2024 00:00:00 +0000", "1-Jan-24 00:00:00 +0000",
        "1-Jan-2024 24:00:00 +0000", "1-Jan-2024 00:60:00 +0000", "1-Jan-2024 00:00:00", "1-Jan-2024 00:00:00 0000",
        "1-Jan-2024 00:00:00 +00000", "1-Jan-2024 0:00:00 +0000", "1-Jan-2024  00:00:00 +0000",
        "1-Jan-2024 00:00:00 +0060"})
    EXPECT_FALSE(parse_date_time(text)) << text;
  EXPECT_TRUE(parse_day("1-Feb-1994"));
  EXPECT_TRUE(parse_day("01-FEB-1994"));
  for (const std::string_view text :
       {"", "1", "1-Feb", "0-Feb-1994", "001-Feb-1994", "1-Feb-94", "1-Feb-1994 ", "-Feb-1994"})
    EXPECT_FALSE(parse_day(text)) << text;
}

TEST(Dates, AreWrittenAsTheyAreRead) {
  for (const int64_t unix : {0ll, 837596665ll, 1709251199ll, 4102444800ll}) {
    const std::string text = format_date_time(from_unix(unix));
    EXPECT_EQ(text.size(), 28u);
    EXPECT_EQ(to_unix(*parse_date_time(std::string_view(text).substr(1, 26))), unix) << text;
  }
  EXPECT_EQ(format_date_time(from_unix(837596665)), "\"17-Jul-1996 09:44:25 +0000\"");
}

TEST(Strings, ThatCannotBeQuotedAreLiterals) {
  EXPECT_EQ(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quote("é"), "{2}\r\né");
  EXPECT_EQ(quote("a\r\nb"), "{4}\r\na\r\nb");
  EXPECT_EQ(quote_utf8("é\""), "\"é\\\"\"");
  EXPECT_EQ(nquote(""), "NIL");
  EXPECT_EQ(quote(std::string(1001, 'x')).substr(0, 8), "{1001}\r\n");
}

TEST(Strings, AreReadAsTheyWereWritten) {
  for (const std::string_view text : {"", "x", "a b", "\"", "\\", "é", "a\r\n"}) EXPECT_EQ(astring(quote(text)), text);
  const std::string long_one(2'000, 'x');
  EXPECT_EQ(astring(quote(long_one)), long_one);
}

}  // namespace
}  // namespace pabal::access::imap
