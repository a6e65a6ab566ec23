#include <gtest/gtest.h>

#include "base/random.h"
#include "message/tree_test.h"

namespace pabal::message {
namespace {

constexpr std::string_view kMessage =
    "Date: Tue, 24 Nov 2026 09:15:00 +0900\r\nFrom: A <a@b>\r\nTo: g: c@d, e@f;\r\nMessage-ID: <1@x>\r\nReferences: "
    "<0@x>\r\nSubject: \xED\x8C\x8C\r\n"
    "Content-Type: multipart/mixed; boundary=m\r\nContent-Language: ko, en\r\nContent-Location: l\r\nContent-MD5: "
    "m\r\n\r\n"
    "--m\r\nContent-ID: <i@x>\r\nContent-Description: d\r\nContent-Disposition: inline; filename=f\r\n\r\nx\n"
    "--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n--m--\r\n";

TEST(Record, KeepsEverything) {
  const Message m = parse(kMessage);
  const std::string record = encode(m);
  const auto again = decode(record);
  ASSERT_TRUE(again);
  EXPECT_TRUE(same(*again, m));
  EXPECT_EQ(again->root.languages, (std::vector<std::string>{"ko", "en"}));
  EXPECT_EQ(again->root.children[1].children[0].summary->subject, "y");
  EXPECT_TRUE(again->utf8_headers && again->has_8bit && again->bare_lf && !again->bare_cr && !again->has_nul &&
              !again->truncated);
}

TEST(Record, CutOrOfAnotherVersionIsNone) {
  const std::string record = encode(parse(kMessage));
  for (size_t size = 0; size < record.size(); ++size) EXPECT_FALSE(decode(std::string_view(record).substr(0, size)));
  EXPECT_FALSE(decode(record + "x"));
  std::string other = record;
  ++other[0];
  EXPECT_FALSE(decode(other));
}

TEST(Record, HostileBytesGiveNothingOrAWholeMessage) {
  SeededRandom random(17);
  const std::string record = encode(parse(kMessage));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = record;
    for (uint64_t n = 1 + random.below(4); n > 0; --n)
      bytes[1 + random.below(bytes.size() - 1)] = static_cast<char>(random.below(256));
    if (const auto m = decode(bytes)) {
      const auto again = decode(encode(*m));
      ASSERT_TRUE(again);
      EXPECT_TRUE(same(*again, *m));
      (void)all_text(kMessage, *m);  // offsets that lie are no fault
    }
  }
}

}  // namespace
}  // namespace pabal::message
