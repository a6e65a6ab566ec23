// Dialogues of clients that keep what they know: CONDSTORE, QRESYNC (RFC 7162), UIDONLY, OBJECTID, SAVEDATE.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/session_testing.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

const std::string kLetter = crlf("From: bob@example.net\nSubject: x\n\nhello\n");

// The account's modification sequence moves with every change; tests name it relative to that of the mailbox.
std::string modseq(World& world, const std::string& box = "INBOX") {
  return std::to_string(world.box(box).highest_modseq);
}
std::string plus(const std::string& n, uint64_t more) { return std::to_string(std::stoull(n) + more); }

std::vector<mailbox::MessageId> deliver(World& world, int count) {
  std::vector<mailbox::MessageId> out;
  for (int n = 1; n <= count; ++n) out.push_back(world.deliver(kLetter));
  return out;
}

// --- CONDSTORE ------------------------------------------------------------------------------------------------------

TEST(ImapCondstore, TheFirstCommandThatKnowsModseqTellsTheHighest) {
  for (const std::string enabling :
       {"ENABLE CONDSTORE", "FETCH 1 MODSEQ", "SEARCH MODSEQ 1", "STATUS Junk (HIGHESTMODSEQ)",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()",
        "LIST \"\" Junk RETURN (STATUS (HIGHESTMODSEQ))"}) {
    World world;
    deliver(world, 1);
    Client& c = world.selected();
    const std::string told = "* OK [HIGHESTMODSEQ " + modseq(world) + "]";
    EXPECT_THAT(c.talk(enabling), HasSubstr(told)) << enabling;
    EXPECT_THAT(c.talk("FETCH 1 MODSEQ"), Not(HasSubstr("HIGHESTMODSEQ"))) << enabling;
  }
}

TEST(ImapCondstore, SelectAndStatusTellTheSameNumber) {
  World world;
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("SELECT INBOX (CONDSTORE)"), HasSubstr("* OK [HIGHESTMODSEQ 1]"));
  deliver(world, 2);
  EXPECT_THAT(c.talk("SELECT INBOX"), HasSubstr("* OK [HIGHESTMODSEQ " + modseq(world) + "]"));
  EXPECT_THAT(c.talk("STATUS INBOX (HIGHESTMODSEQ)"), HasSubstr("(HIGHESTMODSEQ " + modseq(world) + ")"));
  // Changes elsewhere do not move it.
  world.deliver(kLetter, "Junk");
  EXPECT_THAT(c.talk("STATUS INBOX (HIGHESTMODSEQ)"), HasSubstr("(HIGHESTMODSEQ " + modseq(world) + ")"));
}

TEST(ImapCondstore, FlagsOfOthersComeWithUidAndModseq) {
  World world;
  deliver(world, 1);
  Client& a = world.logged_in();
  a.talk("SELECT INBOX (CONDSTORE)");
  Client& b = world.selected();
  EXPECT_EQ(b.talk("STORE 1 +FLAGS (\\Seen)"), crlf("* 1 FETCH (FLAGS (\\Seen))\nt OK stored\n"));
  EXPECT_EQ(a.talk("NOOP"), crlf("* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (" + modseq(world) + "))\nt OK done\n"));
  const std::string before = modseq(world);
  // RFC 7162 §3.1.11: what changes nothing has no new number, and one that has is told even where flags are not wanted.
  EXPECT_EQ(a.talk("STORE 1 +FLAGS.SILENT (\\Seen)"), "t OK stored\r\n");
  EXPECT_EQ(modseq(world), before);
  EXPECT_EQ(a.talk("STORE 1 +FLAGS.SILENT (\\Flagged)"),
            crlf("* 1 FETCH (UID 1 MODSEQ (" + plus(before, 1) + "))\nt OK stored\n"));
  EXPECT_EQ(a.talk("FETCH 1 BODY[TEXT]"), crlf("* 1 FETCH (BODY[TEXT] {7}\nhello\n)\nt OK fetched\n"));
  EXPECT_EQ(a.talk("FETCH 1 FLAGS"), crlf("* 1 FETCH (FLAGS (\\Flagged \\Seen))\nt OK fetched\n"));
}

TEST(ImapCondstore, AConditionalStoreSparesWhatHasChanged) {
  World world;
  deliver(world, 3);
  Client& a = world.selected();
  const std::string since = modseq(world);
  world.selected().talk("STORE 2 +FLAGS (\\Answered)");
  const std::string changed = modseq(world);
  const std::string answer = a.talk("UID STORE 1:3 (UNCHANGEDSINCE " + since + ") +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(answer, crlf("* OK [HIGHESTMODSEQ " + since + "] MODSEQ is told from now on\n* 1 FETCH (UID 1 MODSEQ (" +
                         plus(changed, 1) + "))\n* 3 FETCH (UID 3 MODSEQ (" + plus(changed, 1) +
                         "))\n* 2 FETCH (UID 2 FLAGS (\\Answered) MODSEQ (" + changed +
                         "))\nt OK [MODIFIED 2] those were changed meanwhile\n"));
  EXPECT_EQ(a.talk("STORE 2,3 (UNCHANGEDSINCE 1) FLAGS (\\Seen)"),
            crlf("* 2 FETCH (UID 2 FLAGS (\\Answered) MODSEQ (" + changed +
                 "))\n* 3 FETCH (UID 3 FLAGS (\\Deleted) MODSEQ (" + plus(changed, 1) +
                 "))\nt OK [MODIFIED 2:3] those were changed meanwhile\n"));
  EXPECT_THAT(a.talk("STORE 1 (UNCHANGEDSINCE 0) +FLAGS ($MDNSent)"), HasSubstr("t OK [MODIFIED 1] "));
  EXPECT_EQ(a.talk("NOOP"), "t OK done\r\n");
  for (const std::string bad : {"STORE 1 (UNCHANGEDSINCE) FLAGS ()", "STORE 1 (FOO 1) FLAGS ()", "STORE 1 () FLAGS ()",
                                "STORE 1 (UNCHANGEDSINCE 1)FLAGS ()"})
    EXPECT_THAT(a.talk(bad), StartsWith("t BAD ")) << bad;
}

TEST(ImapCondstore, FetchGivesWhatChangedSince) {
  World world;
  deliver(world, 3);
  Client& c = world.selected();
  const std::string since = modseq(world);
  world.selected().talk("STORE 3 +FLAGS (\\Answered)");
  EXPECT_THAT(c.talk("UID FETCH 1:* FLAGS (CHANGEDSINCE " + since + ")"),
              HasSubstr("] MODSEQ is told from now on\r\n* 3 FETCH (UID 3 FLAGS (\\Answered) MODSEQ (" + modseq(world) +
                        "))\r\n"));
  EXPECT_EQ(c.talk("FETCH 1:* (FLAGS) (CHANGEDSINCE " + modseq(world) + ")"), "t OK fetched\r\n");
  EXPECT_EQ(c.talk("FETCH 1:2 MODSEQ"), crlf("* 1 FETCH (MODSEQ (" + plus(since, -2) + "))\n* 2 FETCH (MODSEQ (" +
                                             plus(since, -1) + "))\nt OK fetched\n"));
  for (const std::string bad : {"FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (FOO)", "FETCH 1 FLAGS ()",
                                "UID FETCH 1 FLAGS (VANISHED)", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

TEST(ImapCondstore, SearchFindsWhatChangedSince) {
  World world;
  deliver(world, 3);
  Client& c = world.selected();
  world.selected().talk("STORE 2 +FLAGS (\\Answered)");
  c.talk("NOOP");
  const std::string last = modseq(world);
  c.talk("ENABLE CONDSTORE");
  EXPECT_EQ(c.talk("SEARCH MODSEQ " + last), crlf("* SEARCH 2 (MODSEQ " + last + ")\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH MODSEQ \"/flags/\\\\Seen\" all " + plus(last, 1)), crlf("* SEARCH\nt OK searched\n"));
  EXPECT_EQ(c.talk("UID SEARCH RETURN (MIN) MODSEQ 1"),
            crlf("* ESEARCH (TAG \"t\") UID MIN 1 MODSEQ " + plus(last, -3) + "\nt OK searched\n"));
}

TEST(ImapCondstore, WhatWaitsLiesOverTheHighestTold) {
  World world;
  const auto ids = deliver(world, 3);
  Client& c = world.logged_in();
  c.talk("SELECT INBOX (CONDSTORE)");
  const std::string before = modseq(world);
  world.remove(ids[0]);
  world.set_flags(ids[1], mailbox::kSeen);
  // RFC 7162 §3.2: the flags are told with a later MODSEQ than the removal that waits.
  EXPECT_EQ(c.talk("FETCH 2 UID"),
            crlf("* 2 FETCH (UID 2)\n* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (" + plus(before, 2) +
                 "))\n* OK [HIGHESTMODSEQ " + before + "] there is more to tell\nt OK fetched\n"));
  EXPECT_EQ(c.talk("NOOP"), crlf("* 1 EXPUNGE\nt OK [HIGHESTMODSEQ " + plus(before, 2) + "] done\n"));
}

// --- QRESYNC --------------------------------------------------------------------------------------------------------

TEST(ImapQresync, WantsToBeEnabled) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("SELECT INBOX (QRESYNC (1 1))"), "t BAD ENABLE QRESYNC first\r\n");
  EXPECT_EQ(c.talk("ENABLE QRESYNC CONDSTORE"), crlf("* ENABLED QRESYNC\nt OK enabled\n"));
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (1 1))"), HasSubstr("t OK [READ-WRITE]"));
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (1 1 x))"), StartsWith("t BAD "));
  EXPECT_THAT(c.talk("NOOP"), StartsWith("t OK "));
}

TEST(ImapQresync, ExpungesAreVanishedAndTheTaggedOkSaysHowFar) {
  World world;
  deliver(world, 6);
  Client& c = world.logged_in();
  c.talk("ENABLE QRESYNC");
  c.talk("SELECT INBOX");
  Client& b = world.selected();
  c.talk("UID STORE 1:2,5 +FLAGS.SILENT (\\Deleted)");
  const std::string some = c.talk("UID EXPUNGE 1:2");
  EXPECT_EQ(some, crlf("* VANISHED 1:2\nt OK [HIGHESTMODSEQ " + modseq(world) + "] expunged\n"));
  const std::string rest = c.talk("EXPUNGE");
  EXPECT_EQ(rest, crlf("* VANISHED 5\nt OK [HIGHESTMODSEQ " + modseq(world) + "] expunged\n"));
  EXPECT_EQ(c.talk("EXPUNGE"), "t OK expunged\r\n");
  EXPECT_EQ(b.talk("NOOP"), crlf("* 5 EXPUNGE\n* 2 EXPUNGE\n* 1 EXPUNGE\nt OK done\n"));
  const std::string moved = c.talk("UID MOVE 3 Junk");
  EXPECT_THAT(moved, StartsWith("* OK [COPYUID "));
  EXPECT_THAT(moved, HasSubstr("\r\n* VANISHED 3\r\nt OK [HIGHESTMODSEQ " + modseq(world) + "] moved\r\n"));
  c.talk("UID STORE 4 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(c.talk("CLOSE"), "t OK closed\r\n");  // RFC 7162 §3.2.8: no HIGHESTMODSEQ
}

TEST(ImapQresync, SelectTellsWhatWasMissed) {
  World world;
  const auto ids = deliver(world, 6);
  Client& c = world.logged_in();
  c.talk("ENABLE QRESYNC");
  const std::string validity = std::to_string(world.box("INBOX").uid_validity), since = modseq(world);
  world.remove(ids[1]);
  world.set_flags(ids[3], mailbox::kSeen);
  world.remove(ids[5]);
  world.deliver(kLetter);
  const auto flags = [&](int seq, int uid, const std::string& of, uint64_t n) {
    return "* " + std::to_string(seq) + " FETCH (UID " + std::to_string(uid) + " FLAGS (" + of + ") MODSEQ (" +
           plus(since, n) + "))\r\n";
  };
  const std::string all = c.talk("SELECT INBOX (QRESYNC (" + validity + " " + since + "))");
  EXPECT_THAT(all, HasSubstr("* OK [HIGHESTMODSEQ " + plus(since, 4) + "]"));
  EXPECT_THAT(all, HasSubstr("* VANISHED (EARLIER) 2,6\r\n" + flags(3, 4, "\\Seen", 2) + flags(5, 7, "", 4) +
                             "t OK [READ-WRITE]"));
  const std::string some = c.talk("SELECT INBOX (QRESYNC (" + validity + " " + since + " 5:6))");
  EXPECT_THAT(some, StartsWith("* OK [CLOSED]"));
  EXPECT_THAT(some, HasSubstr("* VANISHED (EARLIER) 6\r\nt OK [READ-WRITE]"));
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (" + validity + " " + plus(since, 4) + "))"), Not(HasSubstr("VANISHED")));
  // Of another UIDVALIDITY: nothing.
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (" + plus(validity, 1) + " " + since + "))"), Not(HasSubstr("VANISHED")));
  EXPECT_EQ(c.talk("UID FETCH 1:5 (FLAGS) (CHANGEDSINCE " + since + " VANISHED)"),
            "* VANISHED (EARLIER) 2\r\n" + flags(3, 4, "\\Seen", 2) + "t OK fetched\r\n");
  EXPECT_THAT(c.talk("FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)"), StartsWith("t BAD "));
}

TEST(ImapQresync, WhereTheFeedWasCutItComparesWithWhatIsKnown) {
  World world;
  const auto ids = deliver(world, 4);
  const std::string validity = std::to_string(world.box("INBOX").uid_validity), since = modseq(world);
  world.remove(ids[1]);
  world.set_flags(ids[2], mailbox::kSeen);
  world.forget_changes();
  Client& c = world.logged_in();
  c.talk("ENABLE QRESYNC");
  const std::string seen = "* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (" + plus(since, 2) + "))\r\n";
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (" + validity + " " + since + "))"),
              HasSubstr("* VANISHED (EARLIER) 2\r\n" + seen + "t OK"));
  // RFC 7162 §3.2.5.2: the pair shows that the client knew of the removal.
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (" + validity + " " + since + " 1:4 (2 3)))"), Not(HasSubstr("VANISHED")));
  EXPECT_EQ(c.talk("UID FETCH 1:4 FLAGS (CHANGEDSINCE " + since + " VANISHED)"),
            "* VANISHED (EARLIER) 2\r\n" + seen + "t OK fetched\r\n");
}

TEST(ImapQresync, WhatTheClientSeesStillIsNotEarlier) {
  World world;
  const auto ids = deliver(world, 3);
  Client& c = world.logged_in();
  c.talk("ENABLE QRESYNC");
  c.talk("SELECT INBOX");
  world.remove(ids[0]);
  EXPECT_EQ(c.talk("UID FETCH 1:* (UID) (CHANGEDSINCE 1 VANISHED)"),
            crlf("* 2 FETCH (UID 2 MODSEQ (" + plus(modseq(world), -2) + "))\n* 3 FETCH (UID 3 MODSEQ (" +
                 plus(modseq(world), -1) + "))\n* VANISHED 1\nt OK [HIGHESTMODSEQ " + modseq(world) + "] fetched\n"));
  EXPECT_EQ(c.talk("FETCH 1 UID"), crlf("* 1 FETCH (UID 2)\nt OK fetched\n"));
}

// --- UIDONLY --------------------------------------------------------------------------------------------------------

TEST(ImapUidOnly, NoNumbersComeOrGo) {
  World world;
  const auto ids = deliver(world, 3);
  world.remove(ids[0]);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("ENABLE UIDONLY"), crlf("* ENABLED UIDONLY\nt OK enabled\n"));
  for (const std::string command : {"FETCH 1 FLAGS", "STORE 1 FLAGS ()", "SEARCH ALL", "COPY 1 Junk", "MOVE 1 Junk",
                                    "UID SEARCH 1", "UID SEARCH OR SEEN NOT (2:3)"})
    EXPECT_THAT(c.talk(command), StartsWith("t BAD [UIDREQUIRED] ")) << command;
  EXPECT_EQ(c.talk("UID FETCH 1:* FLAGS"), crlf("* 2 UIDFETCH (FLAGS ())\n* 3 UIDFETCH (FLAGS ())\nt OK fetched\n"));
  EXPECT_EQ(c.talk("UID FETCH 3 (UID)"), crlf("* 3 UIDFETCH (UID 3)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("UID STORE 3 +FLAGS (\\Deleted)"), crlf("* 3 UIDFETCH (FLAGS (\\Deleted))\nt OK stored\n"));
  world.set_flags(ids[1], mailbox::kSeen);
  EXPECT_EQ(c.talk("NOOP"), crlf("* 2 UIDFETCH (FLAGS (\\Seen))\nt OK done\n"));
  EXPECT_EQ(c.talk("UID FETCH 2 BODY.PEEK[TEXT]"), crlf("* 2 UIDFETCH (BODY[TEXT] {7}\nhello\n)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("EXPUNGE"), crlf("* VANISHED 3\nt OK expunged\n"));
  world.deliver(kLetter);
  EXPECT_THAT(c.talk("NOOP"), StartsWith("* 2 EXISTS\r\n"));
  c.talk("ENABLE QRESYNC");
  EXPECT_THAT(c.talk("SELECT INBOX (QRESYNC (1 5 (1,3 1,3)))"), StartsWith("t BAD [UIDREQUIRED] "));
}

// --- OBJECTID, SAVEDATE ---------------------------------------------------------------------------------------------

TEST(ImapObjectId, NamesStayWithWhatTheyName) {
  World world;
  Client& c = world.logged_in();
  const std::string made = c.talk("CREATE a");
  const std::string id = "M" + std::to_string(world.box("a").id);
  EXPECT_EQ(made, "t OK [MAILBOXID (" + id + ")] created\r\n");
  EXPECT_THAT(c.talk("STATUS a (MAILBOXID)"), StartsWith("* STATUS \"a\" (MAILBOXID (" + id + "))\r\n"));
  c.talk("RENAME a b");
  EXPECT_THAT(c.talk("LIST \"\" b RETURN (STATUS (MESSAGES MAILBOXID))"),
              HasSubstr("* STATUS \"b\" (MESSAGES 0 MAILBOXID (" + id + "))\r\n"));
  EXPECT_THAT(c.talk("SELECT b"), HasSubstr("* OK [MAILBOXID (" + id + ")]"));
  const auto first = std::to_string(world.deliver(crlf("Message-ID: <1@x>\nSubject: x\n\n")));
  const auto reply = std::to_string(world.deliver(crlf("Message-ID: <2@x>\nReferences: <1@x>\nSubject: Re: x\n\n")));
  world.deliver(crlf("Message-ID: <3@x>\nSubject: other\n\n"));
  c.talk("SELECT INBOX");
  EXPECT_EQ(c.talk("FETCH 1:2 (EMAILID THREADID)"),
            crlf("* 1 FETCH (EMAILID (E" + first + ") THREADID (T" + first + "))\n* 2 FETCH (EMAILID (E" + reply +
                 ") THREADID (T" + first + "))\nt OK fetched\n"));
  EXPECT_EQ(c.talk("SEARCH THREADID T" + first), crlf("* SEARCH 1 2\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH EMAILID E" + reply), crlf("* SEARCH 2\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH OR EMAILID T" + reply + " EMAILID foo"), crlf("* SEARCH\nt OK searched\n"));
  c.talk("MOVE 2 b");
  c.talk("SELECT b");
  EXPECT_EQ(c.talk("FETCH 1 (EMAILID)"), crlf("* 1 FETCH (EMAILID (E" + reply + "))\nt OK fetched\n"));
}

TEST(ImapSaveDate, SaysWhenAMessageCame) {
  World world;
  world.clock.set(from_unix(1'795'000'000));
  deliver(world, 1);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("FETCH 1 SAVEDATE"), crlf("* 1 FETCH (SAVEDATE \"18-Nov-2026 11:06:40 +0000\")\nt OK fetched\n"));
  EXPECT_EQ(c.talk("SEARCH SAVEDON 18-Nov-2026 SAVEDATESUPPORTED"), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH SAVEDSINCE 18-Nov-2026"), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH SAVEDBEFORE 18-Nov-2026"), crlf("* SEARCH\nt OK searched\n"));
}

}  // namespace
}  // namespace pabal::access::imap
