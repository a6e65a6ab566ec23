#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <set>
#include <thread>

#include "base/codec.h"
#include "base/id.h"
#include "base/random.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

namespace pabal {
namespace {

// --- Result ---------------------------------------------------------------------------------------------------------

Result<int> half(int n) {
  if (n % 2) return Error{Code::kInvalid, "odd"};
  return n / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half(4), bad = half(3);
  ASSERT_TRUE(good && good.ok());
  EXPECT_EQ(*good, 2);
  EXPECT_EQ(good.value(), 2);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.code(), Code::kInvalid);
  EXPECT_EQ(bad.error().message, "odd");
}

TEST(Result, OfNothingIsOkUntilItHasAnError) {
  const Result<void> good, bad(Code::kLimit, "too many");
  EXPECT_TRUE(good);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.code(), Code::kLimit);
  EXPECT_EQ(bad.error().message, "too many");
}

TEST(Result, MovesOutWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(7));
  ASSERT_TRUE(made);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, KeepsAStringApartFromAnError) {
  const Result<std::string> text = std::string("odd");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->size(), 3u);
}

TEST(ResultDeathTest, TakingWhatIsNotThereStopsTheProcess) {
  EXPECT_DEATH((void)half(3).value(), "a fault of ours: ok\\(\\) does not hold");
  EXPECT_DEATH((void)half(4).error(), "a fault of ours: !ok\\(\\) does not hold");
  EXPECT_DEATH((void)Result<void>().error(), "a fault of ours");
}

TEST(Result, EveryCodeHasAName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code)
    names.insert(code_name(static_cast<Code>(code)));
  EXPECT_EQ(names.size(), static_cast<size_t>(Code::kInternal) + 1);
  EXPECT_FALSE(names.count("unknown"));
}

// --- Encoder and Decoder --------------------------------------------------------------------------------------------

TEST(Codec, ReadsBackWhatItWroteAndStopsAtTheEnd) {
  const std::string record = Encoder()
                                 .u8(7)
                                 .u32(0xDEADBEEF)
                                 .u64(1ull << 60)
                                 .varint(300)
                                 .varint(UINT64_MAX)
                                 .string("mail")
                                 .boolean(true)
                                 .raw("rest")
                                 .take();
  Decoder in(record);
  EXPECT_EQ(in.u8(), 7);
  EXPECT_EQ(in.u32(), 0xDEADBEEF);
  EXPECT_EQ(in.u64(), 1ull << 60);
  EXPECT_EQ(in.varint(), 300u);
  EXPECT_EQ(in.varint(), UINT64_MAX);
  EXPECT_EQ(in.string(), "mail");
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.rest(), "rest");
  EXPECT_EQ(in.raw(4), "rest");
  EXPECT_TRUE(in.ok() && in.done());
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_FALSE(in.ok());
  for (size_t cut = 0; cut < record.size() - 4; ++cut) {  // no prefix is read past its end
    Decoder part(std::string_view(record).substr(0, cut));
    part.u8(), part.u32(), part.u64(), part.varint(), part.varint(), part.string(), part.boolean();
    EXPECT_FALSE(part.ok()) << cut;
    EXPECT_TRUE(part.done());
    EXPECT_EQ(part.u8(), 0);
    EXPECT_EQ(part.string(), "");
  }
}

TEST(Codec, KeysSortAsTheirNumbers) {
  std::string last32, last64;
  for (const uint64_t n :
       {0ull, 1ull, 255ull, 256ull, 65535ull, 65536ull, 0x7FFFFFFFull, 0x80000000ull, 0xFFFFFFFFull}) {
    const std::string key32 = Encoder().u32(static_cast<uint32_t>(n)).take(), key64 = Encoder().u64(n << 32 | n).take();
    EXPECT_TRUE(last32.empty() || last32 < key32);
    EXPECT_TRUE(last64.empty() || last64 < key64);
    EXPECT_EQ(key32.size() + key64.size(), 12u);
    last32 = key32, last64 = key64;
  }
}

TEST(Codec, VarintsAreAsShortAsTheyCanBe) {
  const std::pair<uint64_t, size_t> cases[] = {
      {0, 1},           {127, 1},        {128, 2}, {16383, 2}, {16384, 3}, {1ull << 35, 6}, {(1ull << 63) - 1, 9},
      {1ull << 63, 10}, {UINT64_MAX, 10}};
  for (const auto& [value, size] : cases) {
    const std::string coded = Encoder().varint(value).take();
    EXPECT_EQ(coded.size(), size);
    EXPECT_EQ(Decoder(coded).varint(), value);
  }
}

TEST(Codec, RefusesVarintsAbove64BitsAndWithoutEnd) {
  for (const std::string& bad : {std::string(9, '\xFF') + "\x02", std::string(10, '\x80') + "\x01",
                                 std::string(100, '\xFF'), std::string("\x80")}) {
    Decoder in(bad);
    EXPECT_EQ(in.varint(), 0u);
    EXPECT_FALSE(in.ok());
    EXPECT_TRUE(in.done());
  }
}

TEST(Codec, AStringLongerThanTheRecordIsRefusedWhateverItsLength) {
  for (const uint64_t size : {uint64_t{2}, uint64_t{1} << 32, UINT64_MAX}) {
    const std::string bad = Encoder().varint(size).raw("x").take();
    Decoder in(bad);
    EXPECT_EQ(in.string(), "");
    EXPECT_FALSE(in.ok());
  }
}

TEST(Codec, HashesAreFixedForEver) {  // they are in keys of stores that exist
  EXPECT_EQ(hash64(""), 0xfdbdf6ac4fc52e7fu);
  EXPECT_EQ(hash64("a"), 0x2ef7d1316eb86f71u);
  EXPECT_EQ(hash64("Message-ID"), 0x604871cba486f622u);
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(text::hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// --- ids ------------------------------------------------------------------------------------------------------------

TEST(Id, TextGoesBothWaysInEitherCase) {
  for (const uint64_t id : {uint64_t{0}, uint64_t{31}, uint64_t{32}, uint64_t{0x123456789ABCDEF}, UINT64_MAX}) {
    const std::string text = id_text(id);
    EXPECT_EQ(text.size(), 13u);
    EXPECT_EQ(id_from_text(text), id);
    EXPECT_EQ(id_from_text(text::lowered(text)), id);
  }
  EXPECT_EQ(id_text(0), "0000000000000");
  EXPECT_EQ(id_text(UINT64_MAX), "FZZZZZZZZZZZZ");
  for (const char* bad : {"", "000000000000", "00000000000000", "G000000000000", "Z000000000000", "000000000000U",
                          "000000000000I", "000000000000-"})
    EXPECT_FALSE(id_from_text(bad)) << bad;
}

TEST(Id, TextSortsAsTheNumbers) {
  EXPECT_LT(id_text(9), id_text(10));
  EXPECT_LT(id_text(31), id_text(32));
  EXPECT_LT(id_text((1ull << 40) - 1), id_text(1ull << 40));
}

TEST(Id, IdsGrowAlsoWhenTheClockStandsStillOrGoesBack) {
  ManualClock clock;
  SeededRandom random(1);
  IdSource ids(clock, random);
  uint64_t last = 0;
  for (int i = 0; i < 3000; ++i) {
    if (i == 1000) clock.advance(-hours(1));
    if (i == 2000) clock.advance(days(1));
    const uint64_t id = ids.next();
    EXPECT_GT(id, last);
    last = id;
  }
}

TEST(Id, ALaterMillisecondGivesALaterIdInAnotherProcessToo) {
  ManualClock clock;
  SeededRandom a(1), b(2);
  IdSource first(clock, a), second(clock, b);
  for (int i = 0; i < 100; ++i) {
    const uint64_t before = first.next();
    clock.advance(milliseconds(1));
    EXPECT_LT(before, second.next());
    clock.advance(milliseconds(1));
  }
}

TEST(Id, ThreadsNeverGetTheSameId) {
  SystemClock clock;
  SystemRandom random;
  IdSource ids(clock, random);
  std::vector<uint64_t> got[4];
  {
    std::vector<std::thread> threads;
    for (auto& mine : got)
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) mine.push_back(ids.next());
      });
    for (std::thread& thread : threads) thread.join();
  }
  std::set<uint64_t> all;
  for (const auto& mine : got) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 8000u);
}

// --- time -----------------------------------------------------------------------------------------------------------

TEST(Time, IsWrittenAsRfc3339) {
  EXPECT_EQ(to_rfc3339(from_unix(1'800'000'000)), "2027-01-15T08:00:00.000Z");
  EXPECT_EQ(to_rfc3339(from_micros(1'800'000'000'123'999)), "2027-01-15T08:00:00.123Z");
  EXPECT_EQ(to_rfc3339(from_unix(951'782'399)), "2000-02-28T23:59:59.000Z");
  EXPECT_EQ(to_rfc3339(from_unix(951'782'400)), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(from_micros(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, IsReadFromRfc3339) {
  const Time nine = from_unix(1'795'511'700);
  for (const char* text : {"2026-11-24T09:15:00Z", "2026-11-24t09:15:00z", "2026-11-24T09:15:00.000+00:00",
                           "2026-11-24T18:15:00+09:00", "2026-11-23T23:45:00-09:30"})
    EXPECT_EQ(parse_rfc3339(text), nine) << text;
  EXPECT_EQ(parse_rfc3339("2026-11-24T09:15:00.1234567Z"), nine + Duration(123'456));
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), from_unix(1'483'228'799)) << "a leap second";
  EXPECT_EQ(parse_rfc3339(to_rfc3339(nine)), nine);
  for (const char* text :
       {"", "2026-11-24", "2026-11-24T09:15:00", "2026-11-24 09:15:00Z", "2026-02-29T09:15:00Z", "2026-13-01T09:15:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T09:15:00.Z", "2026-11-24T09:15:00+0900", "2026-11-24T09:15:00Zx",
        "1969-12-31T23:59:59Z", "2026-11-24T09:1x:00Z", "2026-11-24T09:15:00+24:00", "+026-11-24T09:15:00Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Time, SecondsAreRoundedDownAlsoBefore1970) {
  EXPECT_EQ(to_unix(from_micros(1'999'999)), 1);
  EXPECT_EQ(to_unix(from_micros(-1)), -1);
  EXPECT_EQ(to_micros(from_unix(3)), 3'000'000);
}

TEST(Time, AManualClockGoesWhereItIsTurned) {
  ManualClock clock(from_unix(100));
  clock.advance(seconds(5));
  EXPECT_EQ(to_unix(clock.now()), 105);
  clock.set(from_unix(7));
  EXPECT_EQ(to_unix(clock.now()), 7);
  const Time before = SystemClock().now();
  EXPECT_LE(before, SystemClock().now());
  EXPECT_GT(before, from_unix(1'700'000'000));
}

// --- random ---------------------------------------------------------------------------------------------------------

TEST(Random, ASeedReplays) {
  SeededRandom a(7), b(7), c(8);
  const std::string first = a.bytes(100);
  EXPECT_EQ(first, b.bytes(100));
  EXPECT_NE(first, c.bytes(100));
  EXPECT_NE(first, a.bytes(100));
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
  SeededRandom random(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(random.below(1), 0u);
  EXPECT_LT(random.below(UINT64_MAX), UINT64_MAX);
}

TEST(Random, BelowPrefersNoValue) {
  // Three quarters of 2^64: a bare remainder would give the lower third twice as often as the others.
  constexpr uint64_t kBound = 3ull << 62;
  SeededRandom random(1);
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += random.below(kBound) < (1ull << 62);
  EXPECT_NEAR(low, 10'000, 400);
}

TEST(RandomDeathTest, BelowZeroIsAFaultOfOurs) {
  SeededRandom random(1);
  EXPECT_DEATH((void)random.below(0), "bound > 0");
}

TEST(Random, TheKernelFillsAllOfIt) {
  SystemRandom random;
  const std::string a = random.bytes(4096), b = random.bytes(4096);
  EXPECT_NE(a, b);
  EXPECT_GT(std::set<char>(a.begin(), a.end()).size(), 200u);
  EXPECT_EQ(random.bytes(0), "");
}

}  // namespace
}  // namespace pabal
