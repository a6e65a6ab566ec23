#include "message/date.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace pabal::message {
namespace {

TEST(Date, ReadsWhatRfc5322AndTheWildWrite) {
  constexpr int64_t kT = 1795479300;  // 2026-11-24T00:15:00Z
  for (const char* text : {
           "Tue, 24 Nov 2026 00:15:00 +0000",
           "Tue, 24 Nov 2026 09:15:00 +0900",
           "24 Nov 2026 09:15 +0900",
           "Mon, 23 Nov 2026 19:15:00 -0500 (EST)",
           "Mon, 23 Nov 2026 19:15:00 EST",
           "Mon, 23 Nov 2026 19:15:00 (EST) -0500",
           "23 Nov 26 19:15:00 EST",
           "Tue,24 Nov 2026 00:15:00 GMT",
           "Tue, 24 Nov 2026 00:15:00",
           "Tue, 24 Nov 2026 00:15:00 -0000",
           "tue, 24 NOV 2026 00:15:00 Z",
           "Tue, 24 November 2026 00:15:00 UT",
           "24 Nov 126 00:15:00 +0000",
           "Tue (day), 24 (of) Nov 2026 (at) 00:15:00 (h) +0000",
           "Tue, 24 Nov 2026 00:15:00 GMT+0000",
           "Tue, 24 Nov 2026 09:15:00 GMT+09:00",
           "Tue Nov 24 00:15:00 2026",
           "Tue Nov 24 09:15:00 KST 2026",
           "2026-11-24T00:15:00Z",
           "2026-11-24 09:15:00+09:00",
           "2026-11-24T00:15:00.123Z",
           "24-Nov-2026 00:15:00 +0000",
           "Tue, 24 Nov 2026 09:15:00 +900",
           "Tue, 24 Nov 2026 09:15:00 0900",
           "Tue, 24 Nov 2026 12:15:00 AM",
       }) {
    const auto t = parse_date(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(to_unix(*t), kT) << text;
  }
}

TEST(Date, TwoAndThreeDigitYearsFollowRfc5322Section43) {
  const auto year = [](const char* text) {
    return int(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*parse_date(text))).year());
  };
  EXPECT_EQ(year("1 Jan 00 00:00:00 +0000"), 2000);
  EXPECT_EQ(year("1 Jan 49 00:00:00 +0000"), 2049);
  EXPECT_EQ(year("1 Jan 50 00:00:00 +0000"), 1950);
  EXPECT_EQ(year("1 Jan 99 00:00:00 +0000"), 1999);
  EXPECT_EQ(year("1 Jan 102 00:00:00 +0000"), 2002);
  EXPECT_EQ(year("1 Jan 0102 00:00:00 +0000"), 2002);
}

TEST(Date, NonsenseIsNoDate) {
  for (const char* text : {"", "x", "yesterday", "32 Nov 2026 00:00:00 +0000", "30 Feb 2026 00:00:00 +0000",
                           "24 Nov 2026 25:00:00 +0000", "24 Nov 2026 00:60:00 +0000", "Nov 2026", "24 2026", "(((((",
                           "24 Nov 99999 00:00:00 +0000", "::::", "2026-13-01T00:00:00Z", "24 Nov"})
    EXPECT_FALSE(parse_date(text)) << text;
}

TEST(Date, LeapSecondsAndZonesStay) {
  EXPECT_EQ(to_unix(*parse_date("31 Dec 2016 23:59:60 +0000")), 1483228799);
  EXPECT_EQ(parse_date_zone("Tue, 24 Nov 2026 09:15:00 +0900"), 540);
  EXPECT_EQ(parse_date_zone("Tue, 24 Nov 2026 09:15:00 -0330"), -210);
  EXPECT_EQ(parse_date_zone("Tue, 24 Nov 2026 09:15:00 +9999"), 0);
  EXPECT_EQ(parse_date_zone("nothing"), 0);
}

TEST(Date, WrittenAndReadAgainIsTheSame) {
  SeededRandom random(3);
  for (int i = 0; i < 5'000; ++i) {
    const Time t = from_unix(static_cast<int64_t>(random.below(253'402'300'800ull)));  // 1970 to 9999
    EXPECT_EQ(parse_date(format_date(t)), t) << format_date(t);
  }
}

}  // namespace
}  // namespace pabal::message
