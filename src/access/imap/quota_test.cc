// Dialogues of QUOTA (RFC 9208).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/session_testing.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

void make_admin(World& world) {
  world.change([&](store::Transaction& t) -> Result<void> {
    auto account = world.directory->account(t, world.alice);
    (*account)->admin = true;
    return world.directory->update_account(t, **account);
  });
}

TEST(ImapQuota, SaysWhatIsUsedAndAllowed) {
  World world(102'400);
  world.deliver(std::string(2'049, 'x'));
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("GETQUOTA alice@example.com"),
            crlf("* QUOTA \"alice@example.com\" (STORAGE 3 100)\nt OK that is the quota\n"));
  EXPECT_EQ(
      c.talk("GETQUOTAROOT INBOX"),
      crlf("* QUOTAROOT \"INBOX\" \"alice@example.com\"\n* QUOTA \"alice@example.com\" (STORAGE 3 100)\nt OK that "
           "is the quota\n"));
  EXPECT_THAT(c.talk("GETQUOTAROOT nothing"), StartsWith("t NO [NONEXISTENT] "));
  for (const std::string bad : {"GETQUOTA", "GETQUOTA alice@example.com b", "GETQUOTAROOT", "GETQUOTAROOT INBOX x"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

TEST(ImapQuota, WithoutALimitThereIsNoRoot) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("GETQUOTAROOT INBOX"), crlf("* QUOTAROOT \"INBOX\"\nt OK that is the quota\n"));
  EXPECT_THAT(c.talk("GETQUOTA alice@example.com"), StartsWith("t NO [NONEXISTENT] "));
}

TEST(ImapQuota, OfOthersIsNotTold) {
  World world(102'400);
  Client& c = world.logged_in();
  for (const std::string other : {"bob@example.com", "\"\""})
    EXPECT_THAT(c.talk("GETQUOTA " + other), StartsWith("t NO [NOPERM] ")) << other;
  EXPECT_THAT(c.talk("SETQUOTA alice@example.com (STORAGE 1)"), StartsWith("t NO [NOPERM] "));
  EXPECT_THAT(c.talk("CAPABILITY"), Not(HasSubstr("QUOTASET")));
}

TEST(ImapQuota, AdministratorsSetIt) {
  World world(102'400);
  make_admin(world);
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("CAPABILITY"), HasSubstr(" QUOTASET\r\n"));
  EXPECT_EQ(c.talk("SETQUOTA alice@example.com (STORAGE 512)"),
            crlf("* QUOTA \"alice@example.com\" (STORAGE 0 512)\nt OK set\n"));
  EXPECT_EQ((*world.directory->account(*world.store, world.alice))->quota_octets, 512u << 10);
  EXPECT_EQ(world.mailboxes->figures(*world.store, world.alice)->quota_octets, 512u << 10);
  EXPECT_THAT(c.talk("SETQUOTA alice@example.com (STORAGE 0)"), HasSubstr("(STORAGE 0 0)"));
  EXPECT_THAT(c.talk("APPEND INBOX {5+}\r\nA: b\n"), StartsWith("t NO [OVERQUOTA] "));
  EXPECT_EQ(c.talk("SETQUOTA alice@example.com ()"), "t OK set\r\n");
  EXPECT_THAT(c.talk("APPEND INBOX {5+}\r\nA: b\n"), StartsWith("t OK "));
  EXPECT_THAT(c.talk("SETQUOTA nobody@example.com (STORAGE 1)"), StartsWith("t NO [NONEXISTENT] "));
  for (const std::string bad :
       {"SETQUOTA alice@example.com", "SETQUOTA alice@example.com (MESSAGE 5)", "SETQUOTA alice@example.com (STORAGE)",
        "SETQUOTA alice@example.com (STORAGE -1)", "SETQUOTA alice@example.com (STORAGE 99999999999999999)",
        "SETQUOTA alice@example.com STORAGE 1"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

TEST(ImapQuota, StatusSaysWhatExpungeFrees) {
  World world;
  world.deliver(std::string(3'000, 'x'), "INBOX", {mailbox::kDeleted, {}});
  world.deliver(std::string(3'000, 'x'));
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("STATUS INBOX (DELETED DELETED-STORAGE)"),
            crlf("* STATUS \"INBOX\" (DELETED 1 DELETED-STORAGE 3)\nt OK counted\n"));
  EXPECT_THAT(c.talk("STATUS Sent (DELETED-STORAGE)"), HasSubstr("(DELETED-STORAGE 0)"));
}

}  // namespace
}  // namespace pabal::access::imap
