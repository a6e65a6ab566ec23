#include "access/imap/message_url.h"

#include <gtest/gtest.h>

namespace pabal::access::imap {
namespace {

TEST(MessageUrl, NamesMessagesAndTheirParts) {
  auto url = parse_message_url("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->mailbox, "Drafts");
  EXPECT_EQ(url->uid_validity, 385759045u);
  EXPECT_EQ(url->uid, 20u);
  EXPECT_EQ(url->section.part, std::vector<uint32_t>{1});
  EXPECT_EQ(url->section.what, Section::What::kMime);
  EXPECT_FALSE(url->section.partial);

  url = parse_message_url("/a/b%2Fc%20%C3%A9/;uid=1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->mailbox, "a/b/c \xC3\xA9");
  EXPECT_EQ(url->uid_validity, 0u);
  EXPECT_EQ(url->section.what, Section::What::kAll);

  url = parse_message_url(";UID=7/;SECTION=HEADER.FIELDS%20(From%20To)/;PARTIAL=5.100");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->mailbox, "");
  EXPECT_EQ(url->section.fields, (std::vector<std::string>{"From", "To"}));
  EXPECT_EQ(url->section.offset, 5u);
  EXPECT_EQ(url->section.count, 100u);

  url = parse_message_url("/INBOX/;UID=7/;PARTIAL=9");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->section.partial);
  EXPECT_EQ(url->section.count, static_cast<uint64_t>(INT64_MAX));
}

TEST(MessageUrl, TakesNothingElse) {
  for (const char* bad : {"",
                          "/",
                          "/INBOX",
                          "/INBOX/",
                          "/INBOX;UID=1",
                          "/;UID=1",
                          "//host/INBOX/;UID=1",
                          "imap://host/INBOX/;UID=1",
                          "/INBOX/;UID=0",
                          "/INBOX/;UID=x",
                          "/INBOX/;UID=1:2",
                          "/INBOX/;UID=4294967296",
                          "/INBOX/;UID=1/",
                          "/INBOX/;UID=1/;SECTION=",
                          "/INBOX/;UID=1/;SECTION=1.",
                          "/INBOX/;UID=1/;SECTION=1]",
                          "/INBOX/;UID=1/;SECTION=MIME",
                          "/INBOX/;UID=1/;PARTIAL=1.0",
                          "/INBOX/;UID=1/;PARTIAL=",
                          "/INBOX/;UID=1/;PARTIAL=1/;SECTION=1",
                          "/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=anonymous",
                          "/INBOX;UIDVALIDITY=/;UID=1",
                          "/INBOX;UIDVALIDITY=0/;UID=1",
                          "/%/;UID=1",
                          "/%0/;UID=1",
                          "/%00/;UID=1",
                          "/a%0D%0A/;UID=1",
                          "/INBOX?subject/;UID=1"})
    EXPECT_FALSE(parse_message_url(bad)) << bad;
  EXPECT_FALSE(parse_message_url("/" + std::string(kMaxUrl, 'a') + "/;UID=1"));
}

}  // namespace
}  // namespace pabal::access::imap
