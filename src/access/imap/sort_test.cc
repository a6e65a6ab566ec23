#include "access/imap/sort.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "access/imap/partial.h"
#include "base/random.h"

namespace pabal::access::imap {
namespace {

std::optional<std::vector<SortKey>> parse(std::string_view text) {
  Words words(text);
  auto keys = parse_sort_keys(words);
  return words.done() ? keys : std::nullopt;
}

TEST(Sort, KeysAreThoseOfTheRfcs) {
  EXPECT_TRUE(parse("(ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO)"));
  EXPECT_TRUE(parse("(reverse subject REVERSE date)"));
  for (const std::string_view bad :
       {"", "()", "SUBJECT", "(SUBJECT", "(X)", "(REVERSE)", "(REVERSE REVERSE DATE)", "(DATE )"})
    EXPECT_FALSE(parse(bad)) << bad;
  std::string many = "(DATE";
  for (int i = 0; i < 30; ++i) many += " DATE";
  EXPECT_FALSE(parse(many + ")"));
}

struct Mail {
  std::string head;
  uint64_t size = 0;
  int received = 0;
};
// The numbers, from 1, in the order of the keys.
std::string sorted(std::string_view keys, const std::vector<Mail>& mails) {
  const auto by = *parse(keys);
  std::vector<std::pair<std::string, int>> order;
  mailbox::Subjects subjects;
  std::vector<mailbox::Headline> lines;
  for (const Mail& mail : mails) {
    mailbox::Message message;
    message.size = mail.size;
    message.received = from_unix(mail.received);
    const auto summary = message::parse(mail.head + "\r\n\r\n").summary;
    order.emplace_back(sort_octets(by, message, summary), static_cast<int>(order.size()) + 1);
    lines.push_back(mailbox::headline_of(message, summary, subjects));
  }
  std::sort(order.begin(), order.end());
  std::string out;
  for (const auto& [octets, number] : order) out += std::to_string(number);
  if (!is_by_headline(by)) return out;
  subjects.rank_all();
  std::vector<const mailbox::Headline*> all;
  for (const mailbox::Headline& line : lines) all.push_back(&line);
  std::string by_lines;
  for (const uint32_t place : sorted_places(by, all, subjects)) by_lines += std::to_string(place + 1);
  EXPECT_EQ(by_lines, out) << keys;
  return out;
}

TEST(Sort, ByNumbersAndDates) {
  EXPECT_EQ(sorted("(SIZE)", {{"", 300}, {"", 2}, {"", 70'000}}), "213");
  EXPECT_EQ(sorted("(REVERSE SIZE)", {{"", 300}, {"", 2}, {"", 70'000}, {"", 2}}), "3124") << "ties stay in order";
  EXPECT_EQ(sorted("(ARRIVAL)", {{"", 0, 5}, {"", 0, -5}, {"", 0, 0}}), "231");
  EXPECT_EQ(sorted("(DATE)", {{"Date: Sun, 31 Dec 2000 16:01:33 -0800"},
                              {"Date: Mon, 1 Jan 2001 00:01:32 +0000"},
                              {"", 0, 978'307'294}}),
            "213")
      << "RFC 5256 §2.2: in UTC, else when it came";
}

TEST(Sort, ByText) {
  EXPECT_EQ(sorted("(SUBJECT)", {{"Subject: banana"}, {"Subject: Re: Apple"}, {"Subject: [list] cherry"}, {""}}),
            "4213");
  EXPECT_EQ(sorted("(SUBJECT)", {{"Subject: ab"}, {"Subject: a"}, {"Subject: A b"}}), "231");
  EXPECT_EQ(sorted("(REVERSE SUBJECT)", {{"Subject: ab"}, {"Subject: a"}, {"Subject: abc"}}), "312");
  EXPECT_EQ(sorted("(SUBJECT REVERSE SIZE)", {{"Subject: x", 1}, {"Subject: re: X", 2}, {"Subject: a", 1}}), "321");
  EXPECT_EQ(sorted("(SUBJECT)",
                   {{"Subject: =?utf-8?Q?=C3=A9clair?="}, {"Subject: egg"}, {"Subject: zoo"}, {"Subject: Edam"}}),
            "4213")
      << "i;unicode-casemap: an accent comes behind its letter";
  EXPECT_EQ(sorted("(FROM)", {{"From: Zoe <b@x>"}, {"From: Adam <c@x>"}, {"From: A@y"}, {""}}), "4312");
  EXPECT_EQ(sorted("(TO CC)", {{"To: b@x\r\nCc: d@x"}, {"To: b@x\r\nCc: c@x"}, {"To: Group: a@x;"}}), "213");
}

TEST(Sort, ByHeadlinesAsByMessages) {
  SeededRandom random(4);
  constexpr const char* kNames[] = {"SUBJECT", "DATE", "SIZE", "ARRIVAL"};
  const char* subjects[] = {
      "", "a", "A", "Re: a", "b", "[list] b (fwd)", "=?utf-8?Q?=C3=A4?=", "\xC3\x84", "\xEA\xB0\x80", "ab"};
  const char* dates[] = {"", "Date: Mon, 1 Jan 2001 00:01:32 +0000\r\n", "Date: Tue, 2 Jan 2001 00:01:32 +0900\r\n"};
  for (int round = 0; round < 200; ++round) {
    std::vector<Mail> mails;
    for (uint64_t n = random.below(30); n > 0; --n)
      mails.push_back({dates[random.below(3)] + std::string("Subject: ") + subjects[random.below(10)], random.below(4),
                       978'300'000 + static_cast<int>(random.below(9)) * 9'000});
    std::string keys;
    for (uint64_t n = 1 + random.below(3); n > 0; --n)
      keys += std::string(keys.empty() ? "" : " ") + (random.below(2) ? "REVERSE " : "") + kNames[random.below(4)];
    sorted("(" + keys + ")", mails);  // which compares both ways
  }
}

// RFC 5957 §3
TEST(Sort, ByWhatIsShown) {
  EXPECT_EQ(sorted("(DISPLAYFROM)",
                   {{"From: Zoe <a@x>"}, {"From: =?utf-8?Q?Adam?= <z@x>"}, {"From: mike@x"}, {"From: mike@a"}, {""}}),
            "52431");
  EXPECT_EQ(sorted("(DISPLAYTO)", {{"To: team: z@x;"}, {"To: Sam <a@x>"}}), "21");
}

TEST(Partial, CountsFromEitherEnd) {
  const auto part = [](std::string_view text, size_t count) -> std::string {
    Words words(text);
    const auto range = parse_partial(words);
    if (!range || !words.done()) return "bad";
    const auto slice = range->of(count);
    return range->text + " " + std::to_string(slice.begin) + "-" + std::to_string(slice.end);
  };
  EXPECT_EQ(part("1:3", 10), "1:3 0-3");
  EXPECT_EQ(part("3:1", 10), "1:3 0-3");
  EXPECT_EQ(part("9:12", 10), "9:12 8-10");
  EXPECT_EQ(part("11:12", 10), "11:12 10-10");
  EXPECT_EQ(part("-1:-3", 10), "-1:-3 7-10");
  EXPECT_EQ(part("-9:-12", 10), "-9:-12 0-2");
  EXPECT_EQ(part("-11:-12", 10), "-11:-12 0-0");
  EXPECT_EQ(part("1:4294967295", 0), "1:4294967295 0-0");
  for (const std::string_view bad : {"", "1", "0:1", "1:0", "-1:1", "1:-1", "1:*", "--1:-2", "1:4294967296"})
    EXPECT_EQ(part(bad, 5), "bad") << bad;
}

}  // namespace
}  // namespace pabal::access::imap
