#include "trust/srs.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"

namespace pabal::trust {
namespace {

const Time kNow = from_unix(1'800'000'000);
const std::vector<std::string> kSecrets{"secret"};

std::string forward(const std::string& path, Time now = kNow) { return srs_forward(path, "us.test", "secret", now); }

TEST(Srs, TurnsBackWhatItForwarded) {
  for (const char* path :
       {"alice@a.test", "Alice.B+tag=x@sub.a.test", "\"a b\"@a.test", "x=y=z@a.test", "\xC3\xA4@a.test"}) {
    const std::string ours = forward(path);
    EXPECT_TRUE(ours.ends_with("@us.test") && ours.find("SRS0=") <= 1) << ours;
    EXPECT_EQ(srs_reverse(ours, kSecrets, kNow), path);
  }
  const std::string ours = forward("alice@a.test");
  EXPECT_EQ(ours.substr(ours.size() - 21), "=a.test=alice@us.test");
}

TEST(Srs, LeavesAloneWhatItCannotOrNeedNotRewrite) {
  for (const std::string& path :
       {std::string(), std::string("bob@us.test"), std::string("bob@US.test"), std::string("no address"),
        std::string("alice@[192.0.2.1]"), std::string(60, 'x') + "@a.test", "a@" + std::string(50, 'x') + ".test"})
    EXPECT_EQ(forward(path), path);
}

TEST(Srs, TheFirstForwarderStaysInAChain) {
  const std::string first = srs_forward("alice@a.test", "b.test", "secret of b", kNow);
  const std::string second = srs_forward(first, "c.test", "secret of c", kNow);
  EXPECT_TRUE(second.starts_with("SRS1=") && second.find("=b.test==") != second.npos) << second;
  const std::string third = forward(second);
  EXPECT_TRUE(third.starts_with("SRS1=") && third.find("=b.test==") != third.npos) << third;
  EXPECT_LE(third.size(), second.size() + 1);
  EXPECT_EQ(srs_reverse(third, kSecrets, kNow), first) << "past c.test, as the paper has it";
  EXPECT_EQ(srs_reverse(first, {"secret of b"}, kNow), "alice@a.test");
  // What others write with + or -, and what only begins like it.
  EXPECT_EQ(srs_reverse(forward("SRS0+ab+cd=a.test=x@b.test"), kSecrets, kNow), "SRS0+ab+cd=a.test=x@b.test");
  EXPECT_TRUE(forward("SRS0x@b.test").starts_with("SRS0="));
  EXPECT_TRUE(forward("SRS1=broken@b.test").starts_with("SRS0="));
}

TEST(Srs, CaseIsLostOnTheWay) {
  const std::string ours = forward("Alice@a.test");
  EXPECT_EQ(srs_reverse(text::lowered(ours), kSecrets, kNow), "alice@a.test");
  EXPECT_EQ(srs_reverse(text::uppered(ours), kSecrets, kNow), "ALICE@a.test") << "not of the domain";
}

TEST(Srs, ChangedAddressesAreNobodys) {
  for (const std::string& ours : {forward("alice@a.test"), forward("SRS0=ab=cd=a.test=x@b.test")}) {
    ASSERT_TRUE(srs_reverse(ours, kSecrets, kNow));
    const size_t at = ours.find('@');
    for (size_t i = 5; i < at; ++i) {
      std::string changed = ours;
      changed[i] = changed[i] == 'x' ? 'y' : 'x';
      EXPECT_FALSE(srs_reverse(changed, kSecrets, kNow)) << changed;
    }
    EXPECT_FALSE(srs_reverse(ours, {"another"}, kNow));
    EXPECT_TRUE(srs_reverse(ours, {"newer", "secret"}, kNow));
    EXPECT_FALSE(srs_reverse(ours, {}, kNow));
  }
  for (const char* other : {"alice@us.test", "SRS0@us.test", "SRS0=@us.test", "SRS0=a@us.test", "SRS0=a=b@us.test",
                            "SRS0=a=b=c@us.test", "SRS1=a@us.test", "SRS1=a=b@us.test", "", "@", "SRS0=a=b=c=d"})
    EXPECT_FALSE(srs_reverse(other, kSecrets, kNow)) << other;
}

TEST(Srs, ExpiresAfterTwentyOneDays) {
  const std::string ours = forward("alice@a.test");
  EXPECT_TRUE(srs_reverse(ours, kSecrets, kNow + days(21)));
  EXPECT_FALSE(srs_reverse(ours, kSecrets, kNow + days(22)));
  EXPECT_TRUE(srs_reverse(ours, kSecrets, kNow - days(1))) << "another clock";
  EXPECT_FALSE(srs_reverse(ours, kSecrets, kNow - days(2)));
  // The stamp goes round every 1,024 days.
  for (int day = 0; day < 1'100; day += 7) {
    const Time then = kNow + days(day);
    EXPECT_TRUE(srs_reverse(forward("alice@a.test", then), kSecrets, then + days(20)));
    EXPECT_FALSE(srs_reverse(forward("alice@a.test", then), kSecrets, then + days(30)));
  }
}

TEST(Srs, HashesDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(forward("a" + std::to_string(i) + "@a.test").substr(5, 6));
  EXPECT_GT(seen.size(), 995u);
}

}  // namespace
}  // namespace pabal::trust
