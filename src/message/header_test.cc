#include "message/header.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "message/limits.h"

namespace pabal::message {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Header, FieldsAreViewsWithTheirFoldsAndOffsets) {
  const std::string block = "Subject: one\r\n two\r\nX-Empty:\r\nTo :a@b\n\tc@d\n\r\nBody: no\r\n";
  const auto fields = header_fields(block);
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields[0].name, "Subject");
  EXPECT_EQ(fields[0].raw_value, " one\r\n two");
  EXPECT_EQ(fields[0].offset, 0u);
  EXPECT_EQ(fields[0].size, 20u);
  EXPECT_EQ(fields[1].raw_value, "");
  EXPECT_EQ(fields[2].name, "To");  // RFC 5322 §4.5: blanks before the colon
  EXPECT_EQ(unfold(fields[2].raw_value), "a@b\tc@d");
  EXPECT_EQ(header_size(block), block.find("Body"));
  EXPECT_EQ(find_field(block, "SUBJECT"), " one\r\n two");
  EXPECT_FALSE(find_field(block, "body"));
}

TEST(Header, MboxLinesAndBrokenLinesArePassedOver) {
  const std::string block =
      "From bob@example.com Tue Nov 24 09:15:00 2026\r\nSubject: x\r\nno field here\r\n its fold\r\n: nameless\r\n";
  EXPECT_EQ(header_size(block), block.find("no field"));  // two of them: the body
  const std::string one = block.substr(0, block.find(": nameless")) + "To: a@b\r\n\r\n";
  EXPECT_EQ(header_size(one), one.size());
  const auto fields = header_fields(one);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[0].raw_value, " x");  // the broken line's fold is not its
  EXPECT_EQ(fields[1].name, "To");
}

TEST(Header, AFoldOfNothingMayStandBeforeTheFirstField) {
  for (const std::string& block : {std::string("    \nSubject: x\n\n"), std::string(" \r\nSubject: x\r\n\r\n"),
                                   std::string(" From: a@b\nSubject: x\n\n")}) {
    EXPECT_EQ(header_size(block + "body"), block.size());
    EXPECT_EQ(header_fields(block).size(), 1u);
  }
  EXPECT_EQ(header_size("   \nno field\n"), 0u);
  EXPECT_EQ(header_size(" text\n\nSubject: x\n"), 0u);
}

TEST(Header, ALostBlankLineBeforeABoundaryIsSupplied) {
  const std::string_view bytes = "Content-Type: multipart/mixed; boundary=b\n \n--b\nContent-Type: text/html\n\n";
  EXPECT_EQ(header_size(bytes), bytes.find("--b"));
}

TEST(Header, UnfoldKeepsTheBlankAndDropsNuls) {
  EXPECT_EQ(unfold(" a\r\n b\n\tc "), "a b\tc");
  EXPECT_EQ(unfold(std::string_view("a\0b", 3)), "ab");
  EXPECT_EQ(unfold(""), "");
}

TEST(Parameters, AreReadAsRfc2045SaysAndAsProgramsWriteThem) {
  const struct {
    const char* raw;
    const char* value;
    Pairs params;
  } cases[] = {
      {"text/plain; charset=us-ascii (Plain text)", "text/plain", {{"charset", "us-ascii"}}},  // RFC 2045 §5.1
      {"text/plain; charset=\"us-ascii\"", "text/plain", {{"charset", "us-ascii"}}},
      {" Text / HTML ;CHARSET = UTF-8 ; ; x", "text/html", {{"charset", "UTF-8"}}},
      {"a/b; x=\"q\\\"u\\\\o\"; y=\"C:\\dir\\f\"", "a/b", {{"x", "q\"u\\o"}, {"y", "C:\\dir\\f"}}},
      {"a/b; x=1; X=2", "a/b", {{"x", "1"}}},
      {"multipart/mixed boundary=\"b\" charset=x",
       "multipart/mixed",
       {{"boundary", "b"}, {"charset", "x"}}},  // no semicolons
      {"attachment; filename=my file (1).txt; size=3", "attachment", {{"filename", "my file (1).txt"}, {"size", "3"}}},
      {"a/b; name=\"no end; size=3", "a/b", {{"name", "no end"}, {"size", "3"}}},
      {"a/b; x=; y", "a/b", {{"x", ""}}},
      {"filename=x.txt", "", {{"filename", "x.txt"}}},
      {"", "", {}},
      {";;;=;=", "", {}},
      // RFC 2231 §3, §4, §4.1
      {"message/external-body; access-type=URL; URL*0=\"ftp://\"; "
       "URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
       "message/external-body",
       {{"access-type", "URL"}, {"url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"}}},
      {"application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
       "application/x-stuff",
       {{"title", "This is ***fun***"}}},
      {"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; "
       "title*2=\"isn't it!\"",
       "application/x-stuff",
       {{"title", "This is even more ***fun*** isn't it!"}}},
      {"a/b; n*1=b; n*0=a; n*3=d", "a/b", {{"n", "ab"}}},       // out of order; a gap ends it
      {"a/b; n=plain; n*=utf-8''%C3%A9", "a/b", {{"n", "é"}}},  // the extended form wins
      {"a/b; n*=iso-8859-1''%e9%zz%", "a/b", {{"n", "é%zz%"}}},
      {"a/b; n*=%C3%A9", "a/b", {{"n", "é"}}},
      {"a/b; filename*0*=euc-kr''%C6%C4; filename*1*=%B9%DF", "a/b", {{"filename", "파발"}}},
      {"a/b; filename*0*=utf-8''%ED%8C; filename*1*=%8C.txt",
       "a/b",
       {{"filename", "파.txt"}}},  // cut inside a character
      {"a/b; name=\"=?utf-8?B?7YyM67Cc?=.txt\"", "a/b", {{"name", "파발.txt"}}},
      {"a/b; boundary=\"=?x?Q?y?=\"", "a/b", {{"boundary", "=?x?Q?y?="}}},  // words only in file names
      {"a/b; x=\xE9", "a/b", {{"x", "é"}}},
      {"a/b; x*0=a; x*0=b", "a/b", {{"x", "a"}}},
      {"a/b; x*99999999999999999999=a; *=b", "a/b", {{"x*99999999999999999999", "a"}}},
  };
  for (const auto& c : cases) {
    const ParameterizedValue parsed = parse_parameterized(c.raw);
    EXPECT_EQ(parsed.value, c.value) << c.raw;
    EXPECT_EQ(parsed.params, c.params) << c.raw;
  }
}

TEST(MessageIds, AreFoundBetweenWhateverSurroundsThem) {
  using Ids = std::vector<std::string>;
  EXPECT_EQ(parse_message_ids(" <a@b>\r\n <c d@e>, (x) <<f@g> <> < > <open"), (Ids{"<a@b>", "<cd@e>", "<f@g>"}));
  EXPECT_EQ(parse_message_ids("no id"), Ids{});
  EXPECT_EQ(parse_message_ids("<" + std::string(2'000, 'x') + "> <y@z>"), (Ids{"<y@z>"}));
}

}  // namespace
}  // namespace pabal::message
