#include "access/imap/select_request.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

std::optional<SelectRequest> parse(std::string_view text) {
  Words words(text);
  return parse_select(words);
}
std::string text_of(const mailbox::UidMap& uids) {
  SetText out;
  for (const mailbox::UidMap::Range& r : uids.ranges()) out.add(r.first, r.last);
  return out.take();
}
mailbox::UidMap map_of(std::vector<mailbox::UidMap::Range> ranges) {
  mailbox::UidMap out;
  for (const auto& r : ranges) out.append(r);
  return out;
}

TEST(SelectRequest, TakesItsParameters) {
  EXPECT_FALSE(parse("")->condstore);
  EXPECT_TRUE(parse(" (CONDSTORE)")->condstore);
  const auto all = parse(" (condstore QRESYNC (67890007 90060115194045000 41,43:211,214:541 (5,7:8 50,70:71)))");
  ASSERT_TRUE(all && all->condstore && all->qresync);
  EXPECT_EQ(all->qresync->uid_validity, 67890007u);
  EXPECT_EQ(all->qresync->modseq, 90060115194045000u);
  EXPECT_EQ(all->qresync->known->ranges.size(), 3u);
  EXPECT_EQ(all->qresync->match_uids.ranges.back().last, 71u);
  EXPECT_FALSE(parse(" (QRESYNC (1 2))")->qresync->known);
  EXPECT_EQ(parse(" (QRESYNC (1 2 (3 4)))")->qresync->match_numbers.ranges.front().first, 3u);
}

TEST(SelectRequest, WhatIsMalformedIsRefused) {
  for (const std::string text : {" ",
                                 " ()",
                                 " (FOO)",
                                 " CONDSTORE",
                                 " (CONDSTORE",
                                 " (CONDSTORE) x",
                                 " (QRESYNC)",
                                 " (QRESYNC 1 2)",
                                 " (QRESYNC (1))",
                                 " (QRESYNC (0 2))",
                                 " (QRESYNC (1 0))",
                                 " (QRESYNC (1 2 $))",
                                 " (QRESYNC (1 2 ()))",
                                 " (QRESYNC (1 2 3 (4)))",
                                 " (QRESYNC (1 2 3 (4:5 6)))",
                                 " (QRESYNC (1 2 3 (* 6)))",
                                 " (QRESYNC (1 2 3 (5,4 6,7)))",
                                 " (QRESYNC (1 2 3 (4 6) 7))",
                                 " (QRESYNC (4294967296 2))",
                                 " (QRESYNC (1 2) QRESYNC (1 2))",
                                 " (QRESYNC (1 9223372036854775808))",
                                 " (QRESYNC (1 2 3 (1:4294967293 1:4294967294)))"})
    EXPECT_FALSE(parse(text)) << text;
}

TEST(SelectRequest, PairsThatAgreeSayWhatTheClientKnows) {
  const auto agreed = [](std::string_view pairs, const mailbox::UidMap& uids) {
    return agreed_up_to(*parse(" (QRESYNC (1 2 " + std::string(pairs) + "))")->qresync, uids);
  };
  // RFC 7162 §3.2.5.2: of a mailbox where only UIDs that three divides are left.
  mailbox::UidMap thirds;
  for (mailbox::Uid uid = 3; uid <= 300; uid += 3) thirds.append({uid, uid});
  EXPECT_EQ(agreed("(50,75,90,99:100 150,225,270,297,300)", thirds), 300u);
  EXPECT_EQ(agreed("(4,12 12,37)", thirds), 12u);
  EXPECT_EQ(agreed("(4 8)", thirds), 0u);
  EXPECT_EQ(agreed("(1:4294967294 1:4294967294)", thirds), 0u);
  EXPECT_EQ(agreed("(1:4294967294 1:4294967294)", map_of({{1, 9}, {11, 20}})), 9u);
}

TEST(SelectRequest, MissingIsWhatWasThereOnce) {
  const mailbox::UidMap uids = map_of({{3, 5}, {8, 8}, {10, 12}});
  const auto gone = [&](std::vector<SequenceSet::Range> wanted, mailbox::Uid above, mailbox::Uid last) {
    return text_of(missing(wanted, uids, above, last));
  };
  EXPECT_EQ(gone({{1, UINT32_MAX}}, 0, 15), "1:2,6:7,9,13:15");
  EXPECT_EQ(gone({{1, UINT32_MAX}}, 6, 12), "7,9");
  EXPECT_EQ(gone({{2, 2}, {4, 9}, {12, 13}}, 0, 15), "2,6:7,9,13");
  EXPECT_EQ(gone({{3, 5}}, 0, 15), "");
  EXPECT_EQ(gone({}, 0, 15), "");
  EXPECT_EQ(text_of(missing({{1, UINT32_MAX}}, {}, 0, UINT32_MAX)), "1:4294967295");
}

}  // namespace
}  // namespace pabal::access::imap
