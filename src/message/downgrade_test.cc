#include "message/downgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"
#include "message/message.h"

namespace pabal::message {
namespace {

TEST(Downgrade, AsciiStaysAsItIs) {
  for (const std::string header : {"", "\r\n", "Subject: x\r\n\r\n", "A: b\nC:  d\n\n",
                                   "Subject: =?utf-8?q?=C3=A9?=\r\n folded\r\n\r\n", "no field"})
    EXPECT_EQ(downgraded_header(header), header);
}

TEST(Downgrade, TextsBecomeEncodedWordsAndReadTheSame) {
  const std::string header = downgraded_header("Subject: 제목\r\nX-Organization: 파발 회사\r\nDate: now\r\n\r\n");
  EXPECT_TRUE(text::is_ascii(header));
  EXPECT_TRUE(header.ends_with("Date: now\r\n\r\n")) << header;
  EXPECT_EQ(decode_words(parse(header).summary.subject), "제목");
  EXPECT_EQ(decode_words(*find_field(std::string_view(header), "X-Organization")), "파발 회사");
}

TEST(Downgrade, AddressesThatAreNotAsciiLeaveTheirNames) {
  const std::string header = downgraded_header(
      "From: 앨리스 <앨리스@예.한국>\r\n"
      "To: 밥 <bob@example.com>, 캐롤@example.net, dave@예.한국, eve@example.org\r\n"
      "Cc: 모두: 앨리스@example.com, bob@example.com;\r\n"
      "Bcc: 모두: 앨리스@example.com;\r\n\r\n");
  EXPECT_TRUE(text::is_ascii(header)) << header;
  const Summary got = parse(header).summary;
  ASSERT_EQ(got.from.size(), 2u);  // a group without members
  EXPECT_EQ(got.from[0].kind, AddressItem::kGroupStart);
  EXPECT_EQ(got.from[0].display_text(), "앨리스");
  ASSERT_EQ(got.to.size(), 5u);
  EXPECT_EQ(got.to[0].display_text(), "밥");
  EXPECT_EQ(got.to[0].address(), "bob@example.com");
  EXPECT_EQ(got.to[1].display_text(), "캐롤@example.net");
  EXPECT_EQ(got.to[3].address(), "dave@xn--2j5b.xn--3e0b707e");
  EXPECT_EQ(got.to[4].address(), "eve@example.org");
  ASSERT_EQ(got.cc.size(), 3u);
  EXPECT_EQ(got.cc[1].address(), "bob@example.com");
  EXPECT_EQ(got.bcc.size(), 2u);
}

TEST(Downgrade, ParametersAreCodedAndTraceFieldsGo) {
  const std::string header = downgraded_header(
      "Return-Path: <앨리스@예.한국>\r\nReceived: from x for <밥@example.com>; now\r\nReceived: from y; now\r\n"
      "Content-Type: text/plain; charset=utf-8; name=\"파발.txt\"\r\n\r\n");
  EXPECT_TRUE(text::is_ascii(header));
  EXPECT_TRUE(header.starts_with("Received: from y; now\r\nContent-Type: text/plain;")) << header;
  EXPECT_EQ(parse(header).root.filename(), "파발.txt");
  EXPECT_EQ(parse(header).root.charset(), "utf-8");
}

TEST(Downgrade, WhateverComesIsAsciiAndKeepsItsEnd) {
  SeededRandom random(11);
  const std::vector<std::string> pieces = {"From: ",
                                           "Subject: ",
                                           "Content-Type: ",
                                           "X: ",
                                           "a",
                                           "é",
                                           "\xff",
                                           "\r\n",
                                           "\n",
                                           " ",
                                           "<",
                                           ">",
                                           "@",
                                           ";",
                                           ":",
                                           "=",
                                           "\"",
                                           ",",
                                           "(",
                                           "=?utf-8?q?é?=",
                                           "제목",
                                           "\r\n "};
  for (int i = 0; i < 5'000; ++i) {
    std::string header;
    for (uint64_t n = random.below(30); n > 0; --n) header += pieces[random.below(pieces.size())];
    header += "\r\n\r\n";
    const std::string got = downgraded_header(header);
    EXPECT_TRUE(text::is_ascii(got)) << header;
    EXPECT_TRUE(got.ends_with("\r\n")) << header;
    EXPECT_EQ(downgraded_header(got), got);
  }
}

}  // namespace
}  // namespace pabal::message
