#include <gtest/gtest.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/task.h"
#include "base/text.h"

namespace pabal {
namespace {

TEST(Text, Base64FollowsRfc4648Section10) {
  const std::pair<const char*, const char*> cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(text::base64(plain), coded);
    EXPECT_EQ(text::unbase64(coded), plain);
  }
  EXPECT_FALSE(text::unbase64("Zg="));
  EXPECT_FALSE(text::unbase64("Zh=="));  // unused bits set
  EXPECT_FALSE(text::unbase64("Z g="));
  EXPECT_EQ(text::unbase64url("-_8"), "\xfb\xff");
}

TEST(Text, Utf8RefusesOverlongSurrogateAndCutForms) {
  EXPECT_TRUE(text::is_utf8("파발 \xF0\x9F\x93\xAC"));
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE3\x81", "\x80", "\xFF"}) EXPECT_FALSE(text::is_utf8(bad));
}

TEST(Text, NumbersRefuseSignsAndOverflow) {
  EXPECT_EQ(text::parse_u64("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1 ", "18446744073709551616"}) EXPECT_FALSE(text::parse_u64(bad)) << bad;
}

TEST(Codec, ReadsBackWhatItWroteAndStopsAtTheEnd) {
  const std::string record = Encoder().u8(7).u32(0xDEADBEEF).u64(1ull << 60).varint(300).varint(UINT64_MAX).string("mail").take();
  Decoder in(record);
  EXPECT_EQ(in.u8(), 7);
  EXPECT_EQ(in.u32(), 0xDEADBEEF);
  EXPECT_EQ(in.u64(), 1ull << 60);
  EXPECT_EQ(in.varint(), 300u);
  EXPECT_EQ(in.varint(), UINT64_MAX);
  EXPECT_EQ(in.string(), "mail");
  EXPECT_TRUE(in.ok() && in.done());
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_FALSE(in.ok());
  for (size_t cut = 0; cut < record.size(); ++cut) {  // no prefix is read past its end
    Decoder part(std::string_view(record).substr(0, cut));
    part.u8(), part.u32(), part.u64(), part.varint(), part.varint(), part.string();
    EXPECT_FALSE(part.ok());
  }
}

TEST(Id, TextGoesBothWaysAndIdsGrow) {
  ManualClock clock;
  SeededRandom random(1);
  IdSource ids(clock, random);
  uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t id = ids.next();
    EXPECT_GT(id, last);
    EXPECT_EQ(id_from_text(id_text(id)), id);
    last = id;
  }
  EXPECT_FALSE(id_from_text("Z000000000000"));
}

Task<int> answer(int n) { co_return n; }
Task<void> sum(int count, long& total) {
  for (int i = 0; i < count; ++i) {
    Task<int> next = answer(1);
    total += co_await next;
  }
}

TEST(Task, AMillionTasksThatDoNotSuspendKeepTheStackFlat) {
  long total = 0;
  bool ended = false;
  start_detached(sum(1'000'000, total), [&](std::exception_ptr failure) { ended = !failure; });
  EXPECT_TRUE(ended);
  EXPECT_EQ(total, 1'000'000);
}

TEST(Time, IsWrittenAsRfc3339) { EXPECT_EQ(to_rfc3339(from_unix(1'800'000'000)), "2027-01-15T08:00:00.000Z"); }

}  // namespace
}  // namespace pabal
