#include "access/imap/search_key.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

std::optional<SearchRequest> parse(std::string_view text) {
  Words words(text);
  return parse_search(words).request;
}

TEST(Search, EveryKeyOfTheRfcIsKnown) {
  for (const std::string_view text : {"ALL",
                                      "ANSWERED",
                                      "BCC x",
                                      "BEFORE 1-Feb-1994",
                                      "BODY x",
                                      "CC x",
                                      "DELETED",
                                      "DRAFT",
                                      "FLAGGED",
                                      "FROM x",
                                      "HEADER X-A \"\"",
                                      "KEYWORD $Junk",
                                      "LARGER 0",
                                      "NEW",
                                      "NOT SEEN",
                                      "OLD",
                                      "ON 1-Feb-1994",
                                      "OR SEEN DRAFT",
                                      "RECENT",
                                      "SEEN",
                                      "SENTBEFORE 1-Feb-1994",
                                      "SENTON \"1-Feb-1994\"",
                                      "SENTSINCE 1-Feb-1994",
                                      "SINCE 1-Feb-1994",
                                      "SMALLER 9223372036854775807",
                                      "SUBJECT \"a b\"",
                                      "TEXT {3+}\r\na b",
                                      "TO x",
                                      "UID 1:*,5",
                                      "UNANSWERED",
                                      "UNDELETED",
                                      "UNDRAFT",
                                      "UNFLAGGED",
                                      "UNKEYWORD $Junk",
                                      "UNSEEN",
                                      "1:*",
                                      "*",
                                      "$",
                                      "UID $",
                                      "(SEEN DRAFT)",
                                      "OR (SEEN 1:5) NOT (NOT (UNSEEN))",
                                      "seen unseen",
                                      "CHARSET utf-8 TEXT x",
                                      "RETURN () ALL",
                                      "RETURN (MIN MAX ALL COUNT SAVE) ALL",
                                      "OLDER 1",
                                      "YOUNGER 4294967295",
                                      "RETURN (PARTIAL -1:-100 COUNT UPDATE CONTEXT) ALL",
                                      "RETURN (SAVE) CHARSET US-ASCII ALL"})
    EXPECT_TRUE(parse(text)) << text;
}

TEST(Search, WhatIsMalformedIsRefused) {
  for (const std::string_view text : {"",
                                      "FOO",
                                      "SEEN ",
                                      " SEEN",
                                      "NOT",
                                      "NOT ",
                                      "OR SEEN",
                                      "FROM",
                                      "HEADER X",
                                      "BEFORE x",
                                      "BEFORE 31-Feb-1994",
                                      "LARGER x",
                                      "LARGER -1",
                                      "UID",
                                      "UID x",
                                      "UID 0",
                                      "0",
                                      "()",
                                      "(SEEN",
                                      "SEEN)",
                                      "RETURN (FOO) ALL",
                                      "RETURN (MIN ALL",
                                      "RETURN ALL",
                                      "KEYWORD \"x\"",
                                      "CHARSET",
                                      "UNUNSEEN",
                                      "OLDER 0",
                                      "YOUNGER x",
                                      "RETURN (PARTIAL) ALL",
                                      "RETURN (PARTIAL 1:2 ALL) ALL",
                                      "RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
                                      "1:2:3"})
    EXPECT_FALSE(parse(text)) << text;
}

TEST(Search, UnknownCharsetsAreTold) {
  Words words("CHARSET x-klingon TEXT x");
  EXPECT_TRUE(parse_search(words).bad_charset);
}

TEST(Search, TextOfOtherCharsetsBecomesUtf8) {
  EXPECT_EQ(parse("CHARSET ISO-8859-1 SUBJECT {1+}\r\n\xE9")->key.children[0].text, "é");
}

TEST(Search, CheapKeysAreAskedFirst) {
  const auto request = parse("TEXT x SUBJECT y LARGER 5 OR SEEN TEXT z UNSEEN");
  ASSERT_TRUE(request);
  std::vector<int> costs;
  for (const SearchKey& key : request->key.children) costs.push_back(cost(key));
  EXPECT_EQ(costs, (std::vector<int>{0, 1, 2, 3, 3}));
}

TEST(Search, DepthAndNumberOfKeysAreBounded) {
  EXPECT_TRUE(parse(std::string(40, '(') + "SEEN" + std::string(40, ')')));
  EXPECT_FALSE(parse(std::string(60, '(') + "SEEN" + std::string(60, ')')));
  std::string nots, many = "SEEN";
  for (int i = 0; i < 100'000; ++i) nots += "NOT ";
  EXPECT_FALSE(parse(nots + "SEEN"));
  for (int i = 0; i < 2'000; ++i) many += " SEEN";
  EXPECT_FALSE(parse(many));
}

TEST(Search, AnswersComeInTheFormAskedFor) {
  const auto answer = [](std::string_view text, bool uid, bool extended, const std::vector<uint32_t>& numbers) {
    std::vector<Target> found;
    for (const uint32_t n : numbers) found.push_back({n, n, 100 - n});
    return search_answer(*parse(text), "t", uid, extended, found);
  };
  EXPECT_EQ(answer("ALL", false, false, {1, 2, 5}), "* SEARCH 1 2 5\r\n");
  EXPECT_EQ(answer("ALL", false, false, {}), "* SEARCH\r\n");
  EXPECT_EQ(answer("ALL", true, true, {1, 2, 5}), "* ESEARCH (TAG \"t\") UID ALL 1:2,5\r\n");
  EXPECT_EQ(answer("RETURN () ALL", false, true, {3}), "* ESEARCH (TAG \"t\") ALL 3\r\n");
  EXPECT_EQ(answer("RETURN (MIN COUNT) ALL", false, true, {2, 9}), "* ESEARCH (TAG \"t\") MIN 2 COUNT 2\r\n");
  EXPECT_EQ(answer("RETURN (MIN MAX ALL COUNT) ALL", false, true, {}), "* ESEARCH (TAG \"t\") COUNT 0\r\n");
  EXPECT_EQ(answer("RETURN (MAX) ALL", true, true, {2, 9}), "* ESEARCH (TAG \"t\") UID MAX 9\r\n");
  EXPECT_EQ(answer("RETURN (SAVE) ALL", true, true, {2, 9}), "");
  EXPECT_EQ(answer("RETURN (SAVE COUNT) ALL", true, true, {2, 9}), "* ESEARCH (TAG \"t\") UID COUNT 2\r\n");
  // RFC 7162 §3.1.6, RFC 4731 §3.2
  EXPECT_EQ(answer("OR SEEN NOT MODSEQ 5", false, false, {1, 2}), "* SEARCH 1 2 (MODSEQ 99)\r\n");
  EXPECT_EQ(answer("MODSEQ 5", false, false, {}), "* SEARCH\r\n");
  EXPECT_EQ(answer("RETURN (ALL) MODSEQ 5", false, true, {1, 2}), "* ESEARCH (TAG \"t\") ALL 1:2 MODSEQ 99\r\n");
  EXPECT_EQ(answer("RETURN (MAX) MODSEQ 5", false, true, {1, 2}), "* ESEARCH (TAG \"t\") MAX 2 MODSEQ 98\r\n");
  EXPECT_EQ(answer("RETURN (MAX COUNT) MODSEQ 5", false, true, {1, 2}),
            "* ESEARCH (TAG \"t\") MAX 2 COUNT 2 MODSEQ 99\r\n");
  EXPECT_EQ(answer("RETURN (COUNT) MODSEQ 5", false, true, {}), "* ESEARCH (TAG \"t\") COUNT 0\r\n");
}

TEST(Search, ModseqMayNameAnEntry) {
  EXPECT_EQ(parse("MODSEQ 620162338")->key.children[0].number, 620162338u);
  EXPECT_EQ(parse("MODSEQ \"/flags/\\\\draft\" all 620162338")->key.children[0].number, 620162338u);
  EXPECT_TRUE(parse("MODSEQ \"/flags/$Junk\" priv 0"));
  for (const std::string bad : {"MODSEQ", "MODSEQ x", "MODSEQ 1:2", "MODSEQ \"/flags/x\" 1",
                                "MODSEQ \"/flags/x\" some 1", "MODSEQ \"x\" all 1", "MODSEQ 9223372036854775808"})
    EXPECT_FALSE(parse(bad)) << bad;
}

TEST(Search, APartIsAnsweredAsItWasAskedFor) {
  const auto answer = [](std::string_view text) {
    return search_answer(*parse(text), "t", true, true, {{1, 11}, {2, 12}, {3, 20}, {4, 21}});
  };
  // RFC 9394 §3.1
  EXPECT_EQ(answer("RETURN (PARTIAL 1:2) ALL"), "* ESEARCH (TAG \"t\") UID PARTIAL (1:2 11:12)\r\n");
  EXPECT_EQ(answer("RETURN (PARTIAL -1:-3 COUNT) ALL"),
            "* ESEARCH (TAG \"t\") UID PARTIAL (-1:-3 12,20:21) COUNT 4\r\n");
  EXPECT_EQ(answer("RETURN (PARTIAL 5:9 MIN) ALL"), "* ESEARCH (TAG \"t\") UID MIN 11 PARTIAL (5:9 NIL)\r\n");
}

TEST(Search, SortAndThreadHaveTheirArguments) {
  const auto parsed = [](std::string_view text, Searching kind) {
    Words words(text);
    return parse_search(words, kind);
  };
  const auto sort = parsed("RETURN (MIN) (REVERSE DATE SUBJECT) UTF-8 UNSEEN", Searching::kSort).request;
  ASSERT_TRUE(sort);
  EXPECT_EQ(sort->sort.size(), 2u);
  EXPECT_TRUE(sort->returns && sort->min && !sort->all);
  EXPECT_TRUE(parsed("REFERENCES UTF-8 ALL", Searching::kThread).request->references);
  EXPECT_FALSE(parsed("orderedsubject \"us-ascii\" 1:9", Searching::kThread).request->references);
  EXPECT_TRUE(parsed("(DATE) X-KLINGON ALL", Searching::kSort).bad_charset);
  for (const std::string_view bad :
       {"(DATE) ALL", "(DATE) UTF-8", "DATE UTF-8 ALL", "UTF-8 ALL", "REFERENCES UTF-8 ALL"})
    EXPECT_FALSE(parsed(bad, Searching::kSort).request) << bad;
  for (const std::string_view bad : {"REFERENCES ALL", "REFS UTF-8 ALL", "UTF-8 ALL", "RETURN () REFERENCES UTF-8 ALL"})
    EXPECT_FALSE(parsed(bad, Searching::kThread).request) << bad;
}

TEST(Search, SaveKeepsWhatTheOptionsSay) {
  const std::vector<Target> found = {{1, 10}, {2, 20}, {3, 30}};
  const auto saved = [&](std::string_view text) {
    std::string out;
    for (const Target& t : saved_targets(*parse(text), found)) out += std::to_string(t.uid) + " ";
    return out;
  };
  // RFC 5182 §2.4
  EXPECT_EQ(saved("RETURN (SAVE) ALL"), "10 20 30 ");
  EXPECT_EQ(saved("RETURN (SAVE MIN) ALL"), "10 ");
  EXPECT_EQ(saved("RETURN (SAVE MAX) ALL"), "30 ");
  EXPECT_EQ(saved("RETURN (SAVE MIN MAX) ALL"), "10 30 ");
  EXPECT_EQ(saved("RETURN (SAVE MIN COUNT) ALL"), "10 20 30 ");
  EXPECT_EQ(saved("RETURN (SAVE MIN ALL) ALL"), "10 20 30 ");
  // RFC 9394 §3.2
  EXPECT_EQ(saved("RETURN (SAVE PARTIAL 2:2) ALL"), "20 ");
  EXPECT_EQ(saved("RETURN (SAVE PARTIAL 2:2 MAX) ALL"), "20 30 ");
  EXPECT_EQ(saved("RETURN (SAVE PARTIAL 2:2 COUNT) ALL"), "10 20 30 ");
}

}  // namespace
}  // namespace pabal::access::imap
