#include "access/imap/names.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace pabal::access::imap {
namespace {

TEST(ModifiedUtf7, WritesTheExamplesOfTheRfc) {
  // RFC 3501 §5.1.3
  EXPECT_EQ(to_modified_utf7("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
  EXPECT_EQ(to_modified_utf7("R&D"), "R&-D");
  EXPECT_EQ(to_modified_utf7("받은편지함"), "&vBvHQNO4ycDVaA-");
  EXPECT_EQ(to_modified_utf7("😀"), "&2D3eAA-");
}

TEST(ModifiedUtf7, ReadsWhatItWrites) {
  for (const std::string name :
       {"", "INBOX", "R&D", "&", "a/&b", "Entwürfe", "받은편지함/보관", "😀x😀", "日本語&台北"})
    EXPECT_EQ(from_modified_utf7(to_modified_utf7(name)), name);
}

TEST(ModifiedUtf7, EveryNameHasOneSpelling) {
  for (const std::string_view bad : {"&", "a&b", "&AGE-", "&U,BTFw", "&U,BTFw=-", "&====-", "&2D0-", "&3gA-", "&U-",
                                     "é", "&U,BTFw-&ZeVnLIqe-", "a\tb", "&AAA-&AAA-"})
    EXPECT_FALSE(from_modified_utf7(bad)) << bad;
}

TEST(Patterns, AStarTakesAnythingAPercentOneLevel) {
  EXPECT_TRUE(matches_pattern("*", "a/b/c"));
  EXPECT_TRUE(matches_pattern("%", "a"));
  EXPECT_FALSE(matches_pattern("%", "a/b"));
  EXPECT_TRUE(matches_pattern("%/%", "a/b"));
  EXPECT_TRUE(matches_pattern("a/%", "a/b"));
  EXPECT_FALSE(matches_pattern("a/%", "a/b/c"));
  EXPECT_FALSE(matches_pattern("a/%", "a"));
  EXPECT_TRUE(matches_pattern("a*", "a"));
  EXPECT_TRUE(matches_pattern("*c", "a/b/c"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_TRUE(matches_pattern("a%d", "abcd"));
  EXPECT_FALSE(matches_pattern("A", "a"));
}

TEST(Patterns, APercentThatCannotGoOnLetsAnEarlierStarGoOn) {
  EXPECT_TRUE(matches_pattern("*%x", "a/b/x"));
  EXPECT_TRUE(matches_pattern("*/%x", "a/b/cx"));
  EXPECT_TRUE(matches_pattern("*b%c", "b/b/bxc"));
  EXPECT_FALSE(matches_pattern("*b%c", "b/c"));
}

TEST(Patterns, InboxIsInboxInAnyCase) {
  EXPECT_TRUE(matches_pattern("inbox", "INBOX"));
  EXPECT_TRUE(matches_pattern("In%", "INBOX"));
  EXPECT_TRUE(matches_pattern("inbox/%", "INBOX/a"));
  EXPECT_FALSE(matches_pattern("inbox/A", "INBOX/a"));
  EXPECT_FALSE(matches_pattern("sent", "Sent"));
}

bool slow_match(std::string_view p, std::string_view n) {
  if (p.empty()) return n.empty();
  if (p[0] == '*' || p[0] == '%') {
    if (slow_match(p.substr(1), n)) return true;
    return !n.empty() && (p[0] == '*' || n[0] != '/') && slow_match(p, n.substr(1));
  }
  return !n.empty() && p[0] == n[0] && slow_match(p.substr(1), n.substr(1));
}

TEST(Patterns, AgreeWithTheirDefinition) {
  SeededRandom random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern, name;
    for (uint64_t k = random.below(7); k > 0; --k) pattern += "ab/*%"[random.below(5)];
    for (uint64_t k = random.below(8); k > 0; --k) name += "ab/"[random.below(3)];
    ASSERT_EQ(matches_pattern(pattern, name), slow_match(pattern, name)) << pattern << " on " << name;
  }
}

TEST(Patterns, ManyWildcardsAreQuick) {
  std::string pattern, name(255, 'a');
  for (int i = 0; i < 400; ++i) pattern += "*%";
  EXPECT_FALSE(matches_pattern(pattern + "b", name));
}

}  // namespace
}  // namespace pabal::access::imap
