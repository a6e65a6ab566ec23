// What is told of commands, for scripts (RFC 6785).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/session_testing.h"

namespace pabal::access::imap {
namespace {

using mailbox::MailEvents;
using testing::Client;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

struct Told final : MailEvents {
  bool listens(mailbox::AccountId, mailbox::MailboxId) const override { return wanted; }
  void happened(Event event) override { events.push_back(std::move(event)); }
  std::vector<Event> events;
  bool wanted = true;
};

struct ImapEvents : ::testing::Test {
  Told told;
  World world;
  ImapEvents() { world.services->events = &told; }

  // "COPY Archive 1 2" of each since the last call.
  std::vector<std::string> take() {
    std::vector<std::string> out;
    for (const auto& e : std::exchange(told.events, {})) {
      EXPECT_EQ(e.user, world.alice);
      EXPECT_EQ(e.owner, world.alice);
      std::string line = e.cause == MailEvents::Cause::kAppend ? "APPEND"
                         : e.cause == MailEvents::Cause::kCopy ? "COPY"
                                                               : "FLAG";
      line += " " + (*world.mailboxes->get(*world.store, e.owner, e.mailbox))->name;
      for (const auto& one : e.messages) {
        line += " " + std::to_string(one.uid);
        if (one.changed.system) line += "/" + std::to_string(one.changed.system);
        for (const std::string& word : one.changed.keywords) line += "/" + word;
      }
      out.push_back(line);
    }
    return out;
  }
};

TEST_F(ImapEvents, TheCapabilityIsThereWithItsUrl) {
  EXPECT_THAT(world.logged_in().talk("CAPABILITY"), Not(HasSubstr("IMAPSIEVE")));
  world.services->sieve_url = "sieve://mx.example.com";
  EXPECT_THAT(world.logged_in().talk("CAPABILITY"), HasSubstr(" IMAPSIEVE=sieve://mx.example.com"));
}

TEST_F(ImapEvents, AppendCopyAndMoveNameWhatCame) {
  Client& c = world.selected();
  c.talk("APPEND INBOX {1+}\r\nx {1+}\r\ny");
  EXPECT_THAT(take(), ElementsAre("APPEND INBOX 1 2"));
  c.talk("NOOP");
  c.talk("COPY 1:2 Archive");
  EXPECT_THAT(take(), ElementsAre("COPY Archive 1 2"));
  c.talk("MOVE 2 Junk");
  EXPECT_THAT(take(), ElementsAre("COPY Junk 1"));
  EXPECT_THAT(c.talk("COPY 1 None"), StartsWith("t NO "));
  EXPECT_THAT(c.talk("APPEND None {1+}\r\nx"), StartsWith("t NO "));
  c.talk("REPLACE 1 INBOX {1+}\r\nz");
  EXPECT_THAT(take(), ElementsAre("APPEND INBOX 3"));
}

TEST_F(ImapEvents, FlagsNameWhatDiffersAndOnlyWhereItDoes) {
  world.deliver("a", "INBOX", {mailbox::kSeen, {}});
  world.deliver("b", "INBOX", {0, {"Work"}});
  Client& c = world.selected();
  c.talk("STORE 1:2 +FLAGS (\\Seen work)");
  EXPECT_THAT(take(), ElementsAre("FLAG INBOX 1/work 2/1"));
  c.talk("STORE 1:2 +FLAGS (\\Seen work)");
  EXPECT_THAT(take(), IsEmpty());
  c.talk("STORE 2 FLAGS.SILENT (\\Flagged)");
  EXPECT_THAT(take(), ElementsAre("FLAG INBOX 2/5/Work"));
  c.talk("FETCH 1:2 BODY[]");
  EXPECT_THAT(take(), ElementsAre("FLAG INBOX 2/1"));
  c.talk("FETCH 1:2 BODY[]");
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(ImapEvents, NothingIsGatheredOfFlagsWhereNoScriptListens) {
  told.wanted = false;
  world.deliver("a", "INBOX");
  Client& c = world.selected();
  c.talk("STORE 1 +FLAGS (\\Flagged)");
  c.talk("FETCH 1 BODY[]");
  EXPECT_THAT(take(), IsEmpty());
}

}  // namespace
}  // namespace pabal::access::imap
