#include "access/imap/sequence_set.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

mailbox::UidMap uids(std::initializer_list<mailbox::Uid> list) {
  mailbox::UidMap map;
  for (const mailbox::Uid uid : list) map.add(uid);
  return map;
}

std::string text(const std::vector<Target>& targets) {
  std::string out;
  for (const Target& t : targets)
    out += (out.empty() ? "" : " ") + std::to_string(t.sequence) + "/" + std::to_string(t.uid);
  return out;
}
std::string by_uid(std::string_view set, const mailbox::UidMap& map, const mailbox::UidMap& saved = {}) {
  return text(targets_by_uid(*parse_set(set), map, saved));
}
std::string by_sequence(std::string_view set, const mailbox::UidMap& map, const mailbox::UidMap& saved = {}) {
  const auto found = targets_by_sequence(*parse_set(set), map, saved);
  return found ? text(*found) : "none";
}

TEST(SequenceSet, WhatIsNoSetIsRefused) {
  for (const std::string_view bad :
       {"", "0", "1,", ",1", "1:", ":1", "1:2:3", "a", "-1", "1.5", "0:5", "4294967296", "$,1", "1,$", "**"})
    EXPECT_FALSE(parse_set(bad)) << bad;
  for (const std::string_view good : {"1", "*", "1:*", "*:1", "1,2,3:5,*", "$", "4294967295"})
    EXPECT_TRUE(parse_set(good)) << good;
}

TEST(SequenceSet, SequenceNumbersNameMessagesInOrderAndOnce) {
  const auto map = uids({10, 11, 12, 20, 30});
  EXPECT_EQ(by_sequence("1", map), "1/10");
  EXPECT_EQ(by_sequence("4:2", map), "2/11 3/12 4/20");
  EXPECT_EQ(by_sequence("5,1,1:2", map), "1/10 2/11 5/30");
  EXPECT_EQ(by_sequence("*", map), "5/30");
  EXPECT_EQ(by_sequence("1:*,*:1", map), "1/10 2/11 3/12 4/20 5/30");
  EXPECT_EQ(by_sequence("9:*", map), "5/30");  // the range from 5 to 9 holds the last
}

TEST(SequenceSet, ANumberOverTheCountIsAFault) {
  const auto map = uids({10, 11});
  EXPECT_EQ(by_sequence("3", map), "none");
  EXPECT_EQ(by_sequence("1:3", map), "none");
  EXPECT_EQ(by_sequence("1", uids({})), "none");
  EXPECT_EQ(by_sequence("1:*", uids({})), "");
}

TEST(SequenceSet, UidsThatAreNotThereArePassedOver) {
  const auto map = uids({10, 11, 12, 20, 30});
  EXPECT_EQ(by_uid("1:11,15,30:40", map), "1/10 2/11 5/30");
  EXPECT_EQ(by_uid("12:20", map), "3/12 4/20");
  EXPECT_EQ(by_uid("*", map), "5/30");
  EXPECT_EQ(by_uid("100:*", map), "5/30");
  EXPECT_EQ(by_uid("1:4294967295", map), "1/10 2/11 3/12 4/20 5/30");
  EXPECT_EQ(by_uid("13:19", map), "");
  EXPECT_EQ(by_uid("1:*", uids({})), "");
}

TEST(SequenceSet, ADollarIsTheSavedResultWithoutWhatIsGone) {
  const auto map = uids({10, 11, 12, 20, 30});
  EXPECT_EQ(by_uid("$", map, uids({11, 13, 30})), "2/11 5/30");
  EXPECT_EQ(by_sequence("$", map, uids({11, 13, 30})), "2/11 5/30");
  EXPECT_EQ(by_uid("$", map), "");
}

TEST(SequenceSet, MillionsInARangeCostNothing) {
  mailbox::UidMap map;
  map.append({1, 5});
  map.append({4'000'000'000, 4'294'967'294});
  EXPECT_EQ(by_uid("3:3999999999", map), "3/3 4/4 5/5");
}

TEST(SetText, JoinsNumbersInARow) {
  EXPECT_EQ(set_text({}), "");
  EXPECT_EQ(set_text({7}), "7");
  EXPECT_EQ(set_text({1, 2, 3, 7, 8, 10}), "1:3,7:8,10");
  EXPECT_EQ(set_text({5, 4, 3}), "5,4,3");  // COPYUID: the order says which became which
}

}  // namespace
}  // namespace pabal::access::imap
