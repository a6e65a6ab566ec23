#include "base/recent.h"

#include <gtest/gtest.h>

namespace pabal {
namespace {

TEST(Recent, KeepsWhatIsAskedForAndForgetsTheRest) {
  Recent<int> recent(10);
  recent.put("used", 1);
  recent.put("once", 2);
  for (int i = 0; i < 1'000; ++i) {
    recent.put("filler " + std::to_string(i), i);
    EXPECT_EQ(recent.find("used"), 1) << i;
  }
  EXPECT_FALSE(recent.find("once"));
  size_t left = 0;
  for (int i = 0; i < 1'000; ++i) left += recent.find("filler " + std::to_string(i)).has_value();
  EXPECT_LE(left, 20u);
  EXPECT_GE(left, 8u);
}

TEST(Recent, TheNewestValueCounts) {
  Recent<std::string> recent(1);
  recent.put("a", "old");
  recent.put("b", "other");  // "a" is of the old generation now
  recent.put("a", "new");
  EXPECT_EQ(recent.find("a"), "new");
  recent.put("a", "newer");
  EXPECT_EQ(recent.find("a"), "newer");
}

}  // namespace
}  // namespace pabal
