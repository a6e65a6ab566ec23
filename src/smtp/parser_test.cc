#include "smtp/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "smtp/limits.h"

namespace pabal::smtp {
namespace {

using testing::StartsWith;

TEST(ParseVerb, CutsAtTheFirstBlankAndRaisesCase) {
  EXPECT_EQ(parse_verb("mail FROM:<a@b>").name, "MAIL");
  EXPECT_EQ(parse_verb("mail  FROM:<a@b> ").arguments, "FROM:<a@b>");
  EXPECT_EQ(parse_verb("").name, "");
  EXPECT_EQ(parse_verb("QUIT").arguments, "");
}

TEST(ParseMail, TakesPathsAsTheyAreWritten) {
  const std::pair<const char*, const char*> cases[] = {
      {"FROM:<alice@example.com>", "alice@example.com"},
      {"FROM: <alice@example.com>", "alice@example.com"},  // as textbooks print it
      {"from :\t<alice@example.com>", "alice@example.com"},
      {"FROM:alice@example.com", "alice@example.com"},  // as people type it
      {"FROM:<>", ""},
      {"FROM:<@relay.example,@other.example:alice@example.com>", "alice@example.com"},  // RFC 5321 appendix C
      {"FROM:<\"a>b c\"@example.com>", "\"a>b c\"@example.com"},
      {"FROM:<\"a\\\">\"@example.com> SIZE=1", "\"a\\\">\"@example.com"},
      {"FROM:<앨리스@예.한국> SMTPUTF8", "앨리스@예.한국"},
  };
  for (const auto& [text, path] : cases) {
    const auto mail = parse_mail(text);
    ASSERT_TRUE(mail) << text;
    EXPECT_EQ(mail->reverse_path, path) << text;
  }
}

TEST(ParseMail, RefusesWhatIsNoPathOrNoParameter) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "501 5.5.4"},
      {"FROM", "501 5.5.4"},
      {"TO:<a@b>", "501 5.5.4"},
      {"FROM:", "501 5.1.7"},
      {"FROM:<a@b", "501 5.1.7"},
      {"FROM:<a@b>x", "501 5.1.7"},
      {"FROM:a@b>", "501 5.1.7"},
      {"FROM:<@a,@b>", "501 5.1.7"},
      {"FROM:<\"a@b>", "501 5.1.7"},
      {"FROM:<a@b>\tSIZE=1", "501 5.1.7"},
      {"FROM:<a@b> SIZE", "501 5.5.4"},
      {"FROM:<a@b> SIZE=-1", "501 5.5.4"},
      {"FROM:<a@b> SIZE=99999999999999999999", "501 5.5.4"},
      {"FROM:<a@b> SIZE=1 SIZE=2", "501 5.5.4"},
      {"FROM:<a@b> BODY=9BIT", "501 5.5.4"},
      {"FROM:<a@b> RET=ALL", "501 5.5.4"},
      {"FROM:<a@b> ENVID=a=b", "501 5.5.4"},
      {"FROM:<a@b> ENVID=+4", "501 5.5.4"},
      {"FROM:<a@b> ENVID=x+0D+0ABcc:y", "501 5.5.4"},
      {"FROM:<a@b> AUTH=+00", "501 5.5.4"},
      {"FROM:<a@b> SMTPUTF8=1", "555 5.5.4"},
      {"FROM:<a@b> HOLDFOR=", "501 5.5.4"},
      {"FROM:<a@b> HOLDFOR=1234567890", "501 5.5.4"},
      {"FROM:<a@b> HOLDUNTIL=tomorrow", "501 5.5.4"},
      {"FROM:<a@b> HOLDFOR=1 HOLDUNTIL=2026-11-24T09:15:00Z", "501 5.5.4"},
      {"FROM:<a@b> FUTURE=1", "555 5.5.4"},
      {"FROM:<a@b> A1 A2 A3 A4 A5 A6 A7 A8 A9 B1 B2 B3 B4 B5 B6 B7 B8 B9 C1 C2 C3", "501 5.5.4"},
  };
  for (const auto& [text, reply] : cases) {
    const auto mail = parse_mail(text);
    ASSERT_FALSE(mail) << text;
    EXPECT_THAT(mail.error().message, StartsWith(reply)) << text;
  }
}

TEST(ParseMail, ReadsEveryParameter) {
  const auto mail = parse_mail(
      "FROM:<a@b> SIZE=1234 BODY=8bitmime SMTPUTF8 REQUIRETLS RET=hdrs ENVID=QQ+2B31415 AUTH=e+3Dmc2@example.com");
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->size, 1234u);
  EXPECT_TRUE(mail->body_8bit && mail->smtputf8 && mail->requiretls && !mail->body_binary);
  EXPECT_EQ(mail->ret, "HDRS");
  EXPECT_EQ(mail->envid, "QQ+31415");
  EXPECT_EQ(mail->auth, "e=mc2@example.com");
  EXPECT_TRUE(parse_mail("FROM:<a@b> BODY=BINARYMIME")->body_binary);
  EXPECT_EQ(parse_mail("FROM:<a@b> AUTH=<>")->auth, "<>");                       // RFC 4954 §5
  EXPECT_EQ(parse_mail("FROM:<a@b> HOLDFOR=86400")->hold_for, seconds(86'400));  // RFC 4865 §4
  EXPECT_EQ(parse_mail("FROM:<a@b> HOLDUNTIL=2026-11-24T09:15:00Z")->hold_until, from_unix(1'795'511'700));
}

TEST(ParseRcpt, ReadsNotifyAndOrcpt) {
  const auto rcpt = parse_rcpt("TO:<bob@example.org> NOTIFY=success,Delay,FAILURE ORCPT=rfc822;Bob+40x@example.org");
  ASSERT_TRUE(rcpt);
  EXPECT_EQ(rcpt->address, "bob@example.org");
  EXPECT_EQ(rcpt->notify, kSuccess | kDelay | kFailure);
  EXPECT_EQ(rcpt->orcpt, "rfc822;Bob@x@example.org");
  EXPECT_EQ(parse_rcpt("TO:<Postmaster>")->address, "Postmaster");
  EXPECT_EQ(parse_rcpt("TO:<b@x> ORCPT=utf-8;밥@예.한국")->orcpt, "utf-8;밥@예.한국");  // RFC 6533 §3
  EXPECT_EQ(parse_rcpt("TO:<b@x> ORCPT=utf-8;\\x{BC25}@example")->orcpt, "utf-8;\\x{BC25}@example");
}

TEST(ParseRcpt, RefusesWhatContradictsItself) {
  const std::pair<const char*, const char*> cases[] = {
      {"TO:<>", "501 5.1.3"},
      {"FROM:<a@b>", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=NEVER,SUCCESS", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=SOMETIMES", "501 5.5.4"},
      {"TO:<a@b> ORCPT=bob", "501 5.5.4"},
      {"TO:<a@b> ORCPT=;bob", "501 5.5.4"},
      {"TO:<a@b> ORCPT=rfc822;a+0Ab", "501 5.5.4"},
      {"TO:<a@b> ORCPT=rfc822;밥", "501 5.5.4"},
      {"TO:<a@b> ORCPT=utf-8;\xFF", "501 5.5.4"},
      {"TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4"},
      {"TO:<a@b> SIZE=1", "555 5.5.4"},
  };
  for (const auto& [text, reply] : cases) {
    const auto rcpt = parse_rcpt(text);
    ASSERT_FALSE(rcpt) << text;
    EXPECT_THAT(rcpt.error().message, StartsWith(reply)) << text;
  }
}

TEST(Xtext, ComesBackAsItWas) {
  SeededRandom random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string octets = random.bytes(random.below(40));
    const std::string text = encode_xtext(octets);
    EXPECT_EQ(text.find_first_of(" =\r\n"), text.npos);
    EXPECT_EQ(decode_xtext(text), octets);
  }
  for (const char* bad : {"+", "+4", "+4G", "a b", "a=b", "\x80"}) EXPECT_FALSE(decode_xtext(bad)) << bad;
}

// --- the end of DATA ------------------------------------------------------------------------------------------------

struct Scanned {
  std::string content, rest;
  bool done = false, too_large = false, bare = false, nul = false, long_line = false;
  bool operator==(const Scanned&) const = default;
};

// Feeds `input` cut at the given places.
Scanned scan(std::string_view input, std::vector<size_t> cuts, uint64_t max_size = 1000) {
  DataScanner scanner(max_size);
  cuts.push_back(input.size());
  size_t at = 0, used = 0;
  for (const size_t cut : cuts) {
    used += scanner.feed(input.substr(at, cut - at));
    at = cut;
    if (scanner.done()) break;
  }
  Scanned out;
  out.done = scanner.done();
  out.too_large = scanner.too_large();
  out.bare = scanner.bare_line_end();
  out.nul = scanner.has_nul();
  out.long_line = scanner.line_too_long();
  out.rest = input.substr(used);
  out.content = scanner.take();
  return out;
}

TEST(DataScanner, EndsAtCrlfDotCrlfAndUndoesTheDots) {
  struct Case {
    std::string_view input, content;
    std::string_view rest = "";
  };
  const Case cases[] = {
      {".\r\n", ""},
      {"a\r\n.\r\n", "a\r\n"},
      {"a\r\n.\r\nMAIL", "a\r\n", "MAIL"},
      {"\r\n.\r\n", "\r\n"},
      {"..\r\n.\r\n", ".\r\n"},
      {"..a\r\n...\r\n.\r\n", ".a\r\n..\r\n"},
      {".a\r\n.\r\n", "a\r\n"},  // RFC 5321 §4.5.2: the first dot goes, whatever follows
      {"a.\r\n.b.\r\n.\r\n", "a.\r\nb.\r\n"},
      {"a\r\n.\r\n.\r\n", "a\r\n", ".\r\n"},
  };
  for (const auto& [input, content, rest] : cases) {
    const Scanned got = scan(input, {});
    EXPECT_TRUE(got.done) << input;
    EXPECT_FALSE(got.bare || got.nul || got.too_large || got.long_line) << input;
    EXPECT_EQ(got.content, content) << input;
    EXPECT_EQ(got.rest, rest) << input;
  }
}

using namespace std::literals;

// What has been published of smuggling: each of these ended a message somewhere.
const std::string_view kSmuggled[] = {
    "\n.\n"sv,       "\n.\r\n"sv,     "\n.\r"sv,         "\r.\r"sv,       "\r.\r\n"sv,   "\r.\n"sv,
    "\r\n.\n"sv,     "\r\n.\r"sv,     "\r\r\n.\r\r\n"sv, "\r\n.\r\r\n"sv, "\n\n.\n\n"sv, "\r\n\0.\r\n"sv,
    "\r\n.\0\r\n"sv, "\r\n.\r\0\n"sv, "\r\0\n.\r\n"sv,   "\n\0.\r\n"sv,
};
// Looks like an end to some; is text.
const std::string_view kText[] = {"\r\n\x85.\r\n"sv, "\r\n .\r\n"sv, "\r\n.\v\r\n"sv,
                                  "\r\n\v.\r\n"sv,   "\r\n. \r\n"sv, "\r\n..\r\n"sv};

TEST(DataScanner, NothingElseEndsAMessageAndBareLineEndsAreSeen) {
  const std::string hidden = "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nsmuggled";
  for (const std::string_view trick : kSmuggled) {
    EXPECT_FALSE(scan("text" + std::string(trick) + hidden, {}).done) << testing::PrintToString(trick);
    const Scanned whole = scan("text" + std::string(trick) + hidden + "\r\n.\r\nQUIT", {});
    EXPECT_TRUE(whole.done) << testing::PrintToString(trick);
    EXPECT_EQ(whole.rest, "QUIT");
    EXPECT_TRUE(whole.bare || whole.nul) << testing::PrintToString(trick);
    EXPECT_EQ(whole.content, "") << "refused content is not kept";
  }
  for (const std::string_view harmless : kText) {
    const Scanned whole = scan("text" + std::string(harmless) + hidden + "\r\n.\r\nQUIT", {});
    EXPECT_TRUE(whole.done && !whole.bare && !whole.nul) << testing::PrintToString(harmless);
    EXPECT_EQ(whole.rest, "QUIT");
  }
}

std::vector<std::string> torture() {
  std::vector<std::string> out{".\r\n",
                               "a\r\n.\r\n",
                               "..a\r\n...\r\n.\r\nrest",
                               "a\r\n\r\n.\r\n",
                               "a\rb\r\n.\r\n",
                               "a\nb\r\n.\r\n",
                               "a\r\r\n.\r\n",
                               ".\r.\r\n.\r\n",
                               ".\rx\r\n.\r\n",
                               ".\n.\r\n",
                               "\r\n\r\n..\r\n.\r\n",
                               "no end",
                               "no end\r",
                               "no end\r\n",
                               "no end\r\n.",
                               "no end\r\n.\r",
                               std::string(40, 'x') + "\r\n.\r\n",
                               "a\r\n.\r\n.\r\n",
                               "\r",
                               "\n",
                               "\r\n",
                               ".",
                               "..",
                               "...\r\n.\r\n"};
  for (const std::string_view trick : kSmuggled) out.push_back("a" + std::string(trick) + "b\r\n.\r\nrest");
  SeededRandom random(3);
  for (int i = 0; i < 300; ++i) {
    std::string one;
    for (uint64_t n = random.below(24); n > 0; --n) one += "\r\n.a\r\n\0."[random.below(8)];
    out.push_back(one + (random.below(2) ? "\r\n.\r\nX" : ""));
  }
  return out;
}

TEST(DataScanner, GivesTheSameInWhateverPiecesTheOctetsCome) {
  for (const std::string& input : torture()) {
    for (const uint64_t max_size : {10, 1000}) {
      const Scanned whole = scan(input, {}, max_size);
      std::vector<size_t> each;
      for (size_t i = 1; i < input.size(); ++i) each.push_back(i);
      EXPECT_EQ(scan(input, each, max_size), whole) << testing::PrintToString(input);
      for (size_t i = 0; i <= input.size(); ++i)
        for (size_t k = i; k <= input.size(); ++k)
          ASSERT_EQ(scan(input, {i, k}, max_size), whole) << testing::PrintToString(input) << i << ' ' << k;
    }
  }
}

TEST(DataScanner, KeepsToItsLimitsAndForgetsWhatIsRefused) {
  const std::string line(98, 'x');
  std::string input;
  for (int i = 0; i < 10; ++i) input += line + "\r\n";
  EXPECT_FALSE(scan(input + ".\r\n", {}, 1000).too_large);
  EXPECT_TRUE(scan(input + "y\r\n.\r\n", {}, 1000).too_large);

  DataScanner scanner(1000);
  for (int i = 0; i < 10'000; ++i) scanner.feed(input);
  EXPECT_TRUE(scanner.too_large());
  EXPECT_LT(scanner.held(), 2000u);
  scanner.feed(".\r\n");
  EXPECT_TRUE(scanner.done());

  DataScanner endless(100 << 20);
  const std::string piece(64 * 1024, 'x');
  for (size_t i = 0; i <= kMaxTextLine / piece.size(); ++i) endless.feed(piece);
  EXPECT_TRUE(endless.line_too_long());
  EXPECT_LT(endless.held(), 2000u);
}

}  // namespace
}  // namespace pabal::smtp
