#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "mailbox/mailbox.h"

namespace pabal::mailbox {
namespace {

void expect_same(const UidMap& map, const std::set<Uid>& model) {
  ASSERT_EQ(map.count(), model.size());
  uint32_t n = 0;
  Uid before = 0;
  for (const Uid uid : model) {
    ASSERT_EQ(map.at(++n), uid);
    ASSERT_EQ(map.sequence(uid), n);
    if (uid - before > 1) { ASSERT_EQ(map.sequence(uid - 1), 0u); }
    before = uid;
  }
  ASSERT_EQ(map.at(0), 0u);
  ASSERT_EQ(map.at(n + 1), 0u);
  ASSERT_EQ(map.sequence(before + 1), 0u);
  for (size_t i = 0; i < map.ranges().size(); ++i) {
    ASSERT_LE(map.ranges()[i].first, map.ranges()[i].last);
    if (i > 0) { ASSERT_GT(map.ranges()[i].first, map.ranges()[i - 1].last + 1) << "ranges that touch are one"; }
  }
}

TEST(UidMap, AnEmptyOneHasNothing) {
  const UidMap map;
  EXPECT_EQ(map.count(), 0u);
  EXPECT_EQ(map.at(1), 0u);
  EXPECT_EQ(map.sequence(1), 0u);
}

TEST(UidMap, IsWhatASetOfNumbersIsUnderRandomEdits) {
  SeededRandom random(11);
  for (int round = 0; round < 40; ++round) {
    UidMap map;
    std::set<Uid> model;
    Uid next = 1;
    for (int step = 0; step < 300; ++step) {
      switch (random.below(4)) {
        case 0:
        case 1: {
          next += static_cast<Uid>(random.below(3));
          map.add(next);
          model.insert(next++);
          break;
        }
        case 2: {
          const Uid uid = static_cast<Uid>(1 + random.below(next));
          map.add(uid);
          model.insert(uid);
          next = std::max(next, uid + 1);
          break;
        }
        default: {
          const Uid uid = static_cast<Uid>(1 + random.below(next));
          EXPECT_EQ(map.remove(uid), model.erase(uid) > 0);
        }
      }
    }
    expect_same(map, model);
  }
}

TEST(UidMap, AppendedRangesThatTouchBecomeOne) {
  UidMap map;
  map.append({1, 4});
  map.append({5, 9});
  map.append({20, 20});
  EXPECT_EQ(map.ranges().size(), 2u);
  EXPECT_EQ(map.count(), 10u);
  EXPECT_EQ(map.at(10), 20u);
  UidMap same;
  for (Uid uid = 1; uid <= 9; ++uid) same.add(uid);
  EXPECT_FALSE(map == same);
  same.add(20);
  EXPECT_TRUE(map == same);
}

TEST(UidMap, HoldsTheLargestUid) {
  UidMap map;
  map.add(UINT32_MAX - 1);
  map.add(UINT32_MAX);
  EXPECT_EQ(map.sequence(UINT32_MAX), 2u);
  EXPECT_TRUE(map.remove(UINT32_MAX));
  EXPECT_EQ(map.count(), 1u);
}

}  // namespace
}  // namespace pabal::mailbox
