#include "submission/fixup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "message/message.h"

namespace pabal::submission {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<Fixed> fix(std::string content) {
  static SeededRandom random(7);
  return fix_up(std::move(content), "alice@example.com", "example.com", from_unix(1'800'000'000), random);
}

TEST(Fixup, LeavesACompleteMessageAsItIs) {
  const std::string whole =
      "From: Alice <alice@example.com>\r\nDate: Mon, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n";
  const auto fixed = fix(whole);
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->content, whole);
  EXPECT_THAT(fixed->authors, ElementsAre("alice@example.com"));
}

TEST(Fixup, AddsDateMessageIdAndFrom) {
  const auto fixed = fix("Subject: hello\r\n\r\nHi\r\n");
  ASSERT_TRUE(fixed);
  EXPECT_THAT(fixed->content, HasSubstr("From: <alice@example.com>\r\n"));
  EXPECT_THAT(fixed->content, HasSubstr("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"));
  EXPECT_THAT(fixed->content, HasSubstr("@example.com>\r\nSubject: hello\r\n\r\nHi\r\n"));
  EXPECT_FALSE(message::parse(fixed->content).summary.message_id.empty());
}

TEST(Fixup, GivesABareTextAHeader) {
  const auto fixed = fix("Just a line typed over telnet\r\n");
  ASSERT_TRUE(fixed);
  EXPECT_THAT(fixed->content, HasSubstr("\r\n\r\nJust a line typed over telnet\r\n"));
}

TEST(Fixup, RemovesBccWithItsFoldsAndReturnPath) {
  const auto fixed =
      fix("Return-Path: <x@y>\r\nFrom: alice@example.com\r\nBcc: a@b,\r\n c@d\r\nbcc: e@f\r\nSubject: s\r\n\r\nBcc: "
          "stays in the body\r\n");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->bcc, "Bcc: a@b,\r\n c@d\r\nbcc: e@f\r\n");
  EXPECT_THAT(fixed->content, Not(HasSubstr("c@d")));
  EXPECT_THAT(fixed->content, Not(HasSubstr("e@f")));
  EXPECT_THAT(fixed->content, Not(HasSubstr("Return-Path")));
  EXPECT_THAT(fixed->content, HasSubstr("From: alice@example.com\r\nSubject: s\r\n\r\nBcc: stays"));
}

TEST(Fixup, NamesAuthorsAndSender) {
  const auto fixed = fix("From: a@example.com, Group: b@example.com;\r\nSender: c@example.com\r\n\r\n");
  ASSERT_TRUE(fixed);
  EXPECT_THAT(fixed->authors, ElementsAre("a@example.com", "b@example.com", "c@example.com"));
}

TEST(Fixup, RefusesTwoFromFieldsAndAnEmptyOne) {
  EXPECT_EQ(fix("From: a@x.y\r\nfrom: b@x.y\r\n\r\n").code(), Code::kInvalid);
  EXPECT_EQ(fix("From: \r\n\r\n").code(), Code::kInvalid);
}

// What is beyond the parser's limits cannot be checked, and a second From could stand there.
TEST(Fixup, RefusesAHeaderTooLargeToSeeAllOfIt) {
  std::string fields;
  for (int i = 0; i < 5000; ++i) fields += "X: y\r\n";
  EXPECT_EQ(fix(fields + "From: bob@example.com\r\n\r\nx\r\n").code(), Code::kInvalid);
  EXPECT_EQ(fix("From: alice@example.com\r\nX: " + std::string(1 << 20, 'y') + "\r\nBcc: c@d\r\n\r\n").code(),
            Code::kInvalid);
}

TEST(Fixup, KeepsEveryOctetOfTheBody) {
  const std::string body = std::string("\0\xFF", 2) + ".\n\r\r\nFrom: x\r\nBcc: y";
  const auto fixed = fix("From: alice@example.com\r\nBcc: z@x\r\n\r\n" + body);
  ASSERT_TRUE(fixed);
  EXPECT_TRUE(fixed->content.ends_with("\r\n\r\n" + body));
}

TEST(HeaderRecipients, AreThoseOfToCcAndBccOrOfTheNewestResending) {
  const std::string plain =
      "From: a@b\r\nTo: One <one@x>, g: two@x, one@x;\r\nCC: three@x\r\nBcc: four@x,\r\n five@x, nodomain\r\n";
  EXPECT_THAT(header_recipients(plain + "\r\nTo: body@x\r\n"),
              ElementsAre("one@x", "two@x", "three@x", "four@x", "five@x"));
  EXPECT_THAT(header_recipients("Resent-From: a@b\r\nResent-To: new@x\r\nResent-Bcc: newer@x\r\nResent-From: "
                                "a@b\r\nResent-To: old@x\r\nReceived: by us\r\nResent-Cc: older@x\r\n" +
                                plain + "\r\n"),
              ElementsAre("new@x", "newer@x"));
  EXPECT_THAT(header_recipients("just text"), testing::IsEmpty());
}

}  // namespace
}  // namespace pabal::submission
