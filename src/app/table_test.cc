#include "app/table.h"

#include <gtest/gtest.h>

namespace pabal::app {
namespace {

TEST(Table, PadsByWhatATerminalShows) {
  EXPECT_EQ(table({"NAME", "N", ""}, {{"ä", "1", "x"}, {"관리자", "20", ""}}),
            "NAME    N\n"
            "ä       1   x\n"
            "관리자  20\n");
  EXPECT_EQ(table({"NAME"}, {}), "");
}

TEST(Table, WritesSizesAndSpansForPeople) {
  EXPECT_EQ(octets(0), "0 B");
  EXPECT_EQ(octets(1023), "1023 B");
  EXPECT_EQ(octets(8192), "8.0 KiB");
  EXPECT_EQ(octets(1'610'612'736), "1.5 GiB");
  EXPECT_EQ(octets(UINT64_MAX), "16384.0 PiB");
  EXPECT_EQ(span(seconds(-5)), "0 s");
  EXPECT_EQ(span(milliseconds(44'900)), "45 s");
  EXPECT_EQ(span(minutes(119)), "2 h");
  EXPECT_EQ(span(minutes(12)), "12 min");
  EXPECT_EQ(span(hours(3)), "3 h");
  EXPECT_EQ(span(days(5)), "5 days");
}

}  // namespace
}  // namespace pabal::app
