// Dialogues of two people about one mailbox: lists of rights, and what each command does under them (RFC 4314).
#include "mailbox/sharing.h"

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

constexpr char kBob[] = "bob@example.com";
const std::string kProjects = "\"Other Users/alice@example.com/Projects\"";
const std::string kNone = crlf("t NO [NONEXISTENT] there is no mailbox of that name\n");

// Alice has a mailbox Projects with some messages; Bob has what she gives him.
struct Sharing : ::testing::Test {
  World world;
  mailbox::AccountId bob_id = world.add_account(kBob);
  Client& alice = world.logged_in();
  Client& bob = world.logged_in(kBob);

  Sharing() { alice.talk("CREATE Projects"); }
  void share(const std::string& rights, const std::string& who = kBob, const std::string& box = "Projects") {
    EXPECT_THAT(alice.talk("SETACL " + box + " " + who + " " + rights), StartsWith("t OK"));
  }
  mailbox::MessageId deliver(int n, mailbox::Flags flags = {}) {
    return world.deliver(crlf("From: c@x.org\nSubject: letter " + std::to_string(n) + "\n\nhello\n"), "Projects",
                         flags);
  }
  // The flags of the only message of a mailbox, as alice sees them.
  std::string flags(const std::string& box = "Projects") {
    Client& c = world.selected(box);
    const std::string said = c.talk("FETCH 1 FLAGS");
    c.talk("LOGOUT");
    const size_t start = said.find("* 1 FETCH");
    return said.substr(start, said.find('\r', start) - start);
  }
};

// --- lists of rights ------------------------------------------------------------------------------------------------

TEST_F(Sharing, TheOwnerSeesAndChangesTheList) {
  EXPECT_EQ(alice.talk("GETACL Projects"),
            crlf("* ACL \"Projects\" \"alice@example.com\" lrswipkxteacd\nt OK these have rights\n"));
  share("lrs");
  share("+i");
  share("wk", "-" + std::string(kBob));
  share("l", "anyone");
  EXPECT_THAT(alice.talk("GETACL Projects"),
              HasSubstr("lrswipkxteacd \"bob@example.com\" lrsi \"-bob@example.com\" wkc \"anyone\" l\r\n"));
  share("-rsi");
  EXPECT_THAT(alice.talk("DELETEACL Projects anyone"), StartsWith("t OK"));
  EXPECT_THAT(alice.talk("DELETEACL Projects -bob@example.com"), StartsWith("t OK"));
  EXPECT_THAT(alice.talk("GETACL Projects"), HasSubstr("lrswipkxteacd \"bob@example.com\" l\r\n"));
  EXPECT_EQ(alice.talk("MYRIGHTS Projects"), crlf("* MYRIGHTS \"Projects\" lrswipkxteacd\nt OK these are yours\n"));
}

TEST_F(Sharing, WhatIsNoRightOrNobodyIsRefused) {
  EXPECT_THAT(alice.talk("SETACL Projects bob@example.com lrQ"), StartsWith("t BAD"));
  EXPECT_THAT(alice.talk("SETACL Projects bob@example.com lrq"), StartsWith("t BAD"));
  EXPECT_THAT(alice.talk("SETACL Projects \"\" lr"), StartsWith("t BAD"));
  EXPECT_THAT(alice.talk("SETACL Projects - lr"), StartsWith("t BAD"));
  EXPECT_THAT(alice.talk("SETACL Projects bob@example.com"), StartsWith("t BAD"));
  EXPECT_THAT(alice.talk("SETACL Projects nobody@example.com lr"), StartsWith("t NO [NONEXISTENT]"));
  EXPECT_THAT(alice.talk("SETACL Nowhere bob@example.com lr"), StartsWith("t NO [NONEXISTENT]"));
  EXPECT_THAT(alice.talk("SETACL Projects alice@example.com lr"), StartsWith("t NO [CANNOT]"));
  EXPECT_THAT(alice.talk("DELETEACL Projects alice@example.com"), StartsWith("t NO [CANNOT]"));
  EXPECT_THAT(alice.talk("SETACL Projects alice@example.com lrswipkxtea"), StartsWith("t OK"));
  EXPECT_THAT(alice.talk("GETACL"), StartsWith("t BAD"));
}

TEST_F(Sharing, ListRightsSaysWhatCanBeGiven) {
  EXPECT_EQ(
      alice.talk("LISTRIGHTS Projects BOB@example.com"),
      crlf("* LISTRIGHTS \"Projects\" \"BOB@example.com\" \"\" l r s w i p k x t e a c d\nt OK these can be given\n"));
  EXPECT_EQ(alice.talk("LISTRIGHTS Projects alice@example.com"),
            crlf("* LISTRIGHTS \"Projects\" \"alice@example.com\" lrswipkxteacd\nt OK these can be given\n"));
}

TEST_F(Sharing, OnlyAdministratorsOfAMailboxSeeAndChangeItsList) {
  share("lrswipkxte");
  for (const std::string& command :
       {"GETACL " + kProjects, "SETACL " + kProjects + " bob@example.com +a",
        "DELETEACL " + kProjects + " bob@example.com", "LISTRIGHTS " + kProjects + " bob@example.com"})
    EXPECT_THAT(bob.talk(command), StartsWith("t NO [NOPERM]")) << command;
  share("a");  // without l: he knows of it, for he may ask
  EXPECT_THAT(bob.talk("SETACL " + kProjects + " bob@example.com +l"), StartsWith("t OK"));
  EXPECT_THAT(bob.talk("GETACL " + kProjects), HasSubstr("\"bob@example.com\" la\r\n"));
}

TEST_F(Sharing, AGroupIsAnAliasAndItsMembersComeAndGo) {
  const auto alias = [&](std::vector<std::string> targets) {
    world.change([&](store::Transaction& t) { return world.directory->put_alias(t, {"team@example.com", targets}); });
  };
  alias({"carol@example.net", kBob});
  share("lr", "Team@Example.com");
  EXPECT_THAT(alice.talk("GETACL Projects"), HasSubstr(" \"team@example.com\" lr\r\n"));
  EXPECT_THAT(bob.talk("SELECT " + kProjects), HasSubstr("t OK [READ-ONLY]"));
  EXPECT_THAT(bob.talk("LIST \"\" *"), HasSubstr(kProjects));
  alias({"carol@example.net"});
  EXPECT_THAT(bob.talk("NOOP"), HasSubstr("* BYE you may not read this mailbox any more"));
}

// --- what cannot be seen --------------------------------------------------------------------------------------------

TEST_F(Sharing, WhatMayNotBeSeenIsNotThere) {
  deliver(1);
  bob.talk("SELECT INBOX");
  for (const std::string rights : {"\"\"", "p"}) {
    share(rights);
    for (const std::string& box : {kProjects, std::string("\"Other Users/alice@example.com/Nowhere\""),
                                   std::string("\"Other Users/nobody@example.com/Projects\"")}) {
      for (const std::string command :
           {"SELECT ", "EXAMINE ", "STATUS ", "DELETE ", "GETACL ", "MYRIGHTS ", "SETACL ", "RENAME "}) {
        const std::string more = command == "STATUS "   ? " (MESSAGES)"
                                 : command == "SETACL " ? " anyone l"
                                 : command == "RENAME " ? " Mine"
                                                        : "";
        EXPECT_THAT(bob.talk(command + box + more), HasSubstr(kNone)) << command << box;
      }
      EXPECT_EQ(bob.talk("APPEND " + box + " {1+}\r\nx"), crlf("t NO [TRYCREATE] there is no mailbox of that name\n"));
      EXPECT_THAT(bob.talk("CREATE " + box), StartsWith("t NO [NOPERM]"));
    }
    EXPECT_THAT(bob.talk("LIST \"\" *"), Not(HasSubstr("Other Users")));
  }
  EXPECT_EQ(bob.talk("SELECT \"Other Users/bob@example.com/INBOX\""), kNone) << "one's own have one name";
}

TEST_F(Sharing, EachCommandSaysWhichRightItNeeds) {
  share("l");
  bob.talk("SELECT INBOX");
  EXPECT_EQ(bob.talk("STATUS " + kProjects + " (MESSAGES)"),
            crlf("t NO [NOPERM] that needs the rights r; the owner of the mailbox can give them\n"));
  EXPECT_THAT(bob.talk("APPEND " + kProjects + " {1+}\r\nx"), StartsWith("t NO [NOPERM] that needs the rights i"));
  EXPECT_THAT(bob.talk("DELETE " + kProjects), StartsWith("t NO [NOPERM] that needs the rights x"));
  EXPECT_THAT(bob.talk("RENAME " + kProjects + " Mine"), StartsWith("t NO [NOPERM] that needs the rights x"));
  EXPECT_THAT(bob.talk("CREATE \"Other Users/alice@example.com/Projects/New\""),
              StartsWith("t NO [NOPERM] that needs the rights k"));
  EXPECT_THAT(bob.talk("SELECT " + kProjects), HasSubstr("t NO [NOPERM] that needs the rights r"));
  EXPECT_EQ(bob.talk("MYRIGHTS " + kProjects),
            crlf("* MYRIGHTS \"Other Users/alice@example.com/Projects\" l\nt OK these are yours\n"));
}

// --- LIST -----------------------------------------------------------------------------------------------------------

TEST_F(Sharing, ListShowsOthersMailboxesBelowTheirNames) {
  EXPECT_THAT(bob.talk("LIST \"\" %"), Not(HasSubstr("Other"))) << "nothing is shared with him";
  alice.talk("CREATE Projects/2026");
  deliver(1);
  share("lr");
  share("lr", kBob, "Projects/2026");
  share("lrs", kBob, "Sent");
  EXPECT_THAT(bob.talk("LIST \"\" %"),
              HasSubstr(crlf("* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users\"\n")));
  EXPECT_EQ(
      bob.talk("LIST \"\" \"Other Users/%\""),
      crlf("* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users/alice@example.com\"\nt OK listed\n"));
  EXPECT_EQ(bob.talk("LIST \"Other Users/alice@example.com/\" *"),
            crlf("* LIST (\\HasChildren) \"/\" \"Other Users/alice@example.com/Projects\"\n"
                 "* LIST (\\HasNoChildren) \"/\" \"Other Users/alice@example.com/Projects/2026\"\n"
                 "* LIST (\\HasNoChildren) \"/\" \"Other Users/alice@example.com/Sent\"\nt OK listed\n"))
      << "hers is not his Sent";
  EXPECT_EQ(bob.talk("LIST \"\" \"Other Users/*s\" RETURN (MYRIGHTS STATUS (MESSAGES))"),
            crlf("* LIST (\\HasChildren) \"/\" \"Other Users/alice@example.com/Projects\"\n"
                 "* MYRIGHTS \"Other Users/alice@example.com/Projects\" lr\n"
                 "* STATUS \"Other Users/alice@example.com/Projects\" (MESSAGES 1)\nt OK listed\n"));
  share("l");
  EXPECT_EQ(bob.talk("LIST \"\" \"Other Users/*s\" RETURN (STATUS (MESSAGES))"),
            crlf("* LIST (\\HasChildren) \"/\" \"Other Users/alice@example.com/Projects\"\nt OK listed\n"))
      << "STATUS needs r";
  share("r");
  EXPECT_EQ(bob.talk("LIST \"\" \"Other Users/alice@example.com/Proj%\""),
            crlf("* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users/alice@example.com/Projects\"\n"
                 "t OK listed\n"))
      << "RFC 4314 section 4: above what may be seen, as if it did not exist";
  EXPECT_THAT(alice.talk("LIST \"\" * RETURN (MYRIGHTS)"), HasSubstr("* MYRIGHTS \"INBOX\" lrswipkxteacd\r\n"));
}

// --- messages -------------------------------------------------------------------------------------------------------

TEST_F(Sharing, TwoPeopleReadOneMailboxAndSeeEachOther) {
  deliver(1);
  share("lrswite");
  EXPECT_THAT(bob.talk("SELECT " + kProjects),
              AllOf(HasSubstr("* 1 EXISTS\r\n"), HasSubstr("t OK [READ-WRITE] selected"),
                    HasSubstr("[PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]")));
  alice.talk("SELECT Projects");
  EXPECT_THAT(bob.talk("FETCH 1 BODY[]"), HasSubstr("Subject: letter 1"));
  EXPECT_EQ(alice.talk("NOOP"), crlf("* 1 FETCH (UID 1 FLAGS (\\Seen))\nt OK done\n")) << "\\Seen is common";
  bob.send("t IDLE\r\n");
  ASSERT_TRUE(bob.wait_for("+ idling"));
  deliver(2);
  EXPECT_TRUE(bob.wait_for("* 2 EXISTS", true));
  bob.send("DONE\r\n");
  bob.answer();
  bob.answer();
  EXPECT_THAT(bob.talk("SEARCH SUBJECT letter"), HasSubstr("* SEARCH 1 2\r\n"));
  bob.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(bob.talk("EXPUNGE"), crlf("* 1 EXPUNGE\nt OK expunged\n"));
  EXPECT_THAT(alice.talk("NOOP"), AllOf(HasSubstr("* 1 EXPUNGE"), HasSubstr("EXISTS")));
}

TEST_F(Sharing, FlagsChangeAsFarAsRightsGo) {
  deliver(1, {mailbox::kAnswered | mailbox::kDeleted, {"$Old"}});
  share("lrs");
  EXPECT_THAT(bob.talk("SELECT " + kProjects),
              AllOf(HasSubstr("[PERMANENTFLAGS (\\Seen)]"), HasSubstr("[READ-WRITE]")));
  EXPECT_THAT(bob.talk("STORE 1 +FLAGS (\\Seen \\Flagged)"),
              HasSubstr(crlf("* 1 FETCH (FLAGS (\\Answered \\Deleted \\Seen $Old))\nt OK stored\n")));
  EXPECT_THAT(bob.talk("STORE 1 +FLAGS (\\Flagged)"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("STORE 1 -FLAGS ($Old)"), StartsWith("t NO [NOPERM]"));
  EXPECT_EQ(bob.talk("STORE 1 FLAGS ()"), crlf("* 1 FETCH (FLAGS (\\Answered \\Deleted $Old))\nt OK stored\n"))
      << "only what he may";
  share("lrw");
  EXPECT_THAT(bob.talk("STORE 1 FLAGS (\\Flagged \\Seen $New)"),
              HasSubstr("* 1 FETCH (FLAGS (\\Flagged \\Deleted $New))\r\n"));
  EXPECT_EQ(flags(), "* 1 FETCH (FLAGS (\\Flagged \\Deleted $New))");
}

TEST_F(Sharing, ReadingSetsSeenOnlyWithS) {
  deliver(1);
  share("lr");
  EXPECT_THAT(bob.talk("SELECT " + kProjects),
              AllOf(HasSubstr("[PERMANENTFLAGS ()] read only"), HasSubstr("[READ-ONLY]")));
  bob.talk("FETCH 1 BODY[]");
  EXPECT_THAT(bob.talk("STORE 1 +FLAGS (\\Seen)"), StartsWith("t NO [NOPERM]"));
  EXPECT_EQ(flags(), "* 1 FETCH (FLAGS ())");
  share("lrs");
  bob.talk("FETCH 1 BODY[]");
  EXPECT_EQ(flags(), "* 1 FETCH (FLAGS (\\Seen))");
}

TEST_F(Sharing, ExpungeNeedsEAndCloseLeavesItBe) {
  deliver(1, {mailbox::kDeleted, {}});
  share("lrswit");
  bob.talk("SELECT " + kProjects);
  EXPECT_THAT(bob.talk("EXPUNGE"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("UID EXPUNGE 1"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("MOVE 1 INBOX"), StartsWith("t NO [NOPERM]"));
  EXPECT_EQ(bob.talk("CLOSE"), crlf("t OK closed\n"));
  EXPECT_EQ(world.box("Projects").messages, 1u);
  share("lre");
  bob.talk("SELECT " + kProjects);
  EXPECT_EQ(bob.talk("CLOSE"), crlf("t OK closed\n"));
  EXPECT_EQ(world.box("Projects").messages, 0u);
}

TEST_F(Sharing, AppendKeepsTheFlagsThatRightsAllow) {
  share("lis");
  EXPECT_THAT(bob.talk("APPEND " + kProjects + " (\\Seen \\Flagged \\Deleted $x) {1+}\r\nx"),
              HasSubstr("t OK [APPENDUID"));
  EXPECT_EQ(flags(), "* 1 FETCH (FLAGS (\\Seen))");
}

TEST_F(Sharing, CopyIntoAnothersMailboxIsAMessageOfItsOwn) {
  share("lrsit");
  world.change([&](store::Transaction& t) -> Result<void> {
    const auto prepared = mailbox::prepare(crlf("From: d@x.org\nSubject: from bob\n\nwombat\n"));
    const auto body = world.mailboxes->new_body_id();
    if (const auto put = world.mailboxes->put_body(t, body, *prepared); !put) return put;
    mailbox::Filing filing;
    filing.flags = {mailbox::kSeen | mailbox::kFlagged, {"$Work"}};
    filing.received = from_unix(1'600'000'000);
    filing.prefix = "Return-Path: <d@x.org>\r\n";
    const auto filed = world.mailboxes->file(t, bob_id, *prepared, body, filing);
    return filed ? Result<void>() : filed.error();
  });
  bob.talk("SELECT INBOX");
  EXPECT_THAT(bob.talk("COPY 1 " + kProjects), HasSubstr(" 1 1] copied\r\n"));
  Client& c = world.selected("Projects");
  EXPECT_EQ(c.talk("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])"),
            "* 1 FETCH (FLAGS (\\Seen) INTERNALDATE \"13-Sep-2020 12:26:40 +0000\" BODY[] {68}\r\n"
            "Return-Path: <d@x.org>\r\nFrom: d@x.org\r\nSubject: from bob\r\n\r\nwombat\r\n)\r\nt OK fetched\r\n");
  EXPECT_THAT(c.talk("SEARCH BODY wombat"), HasSubstr("* SEARCH 1\r\n"));
  c.talk("STORE 1 +FLAGS (\\Answered)");
  EXPECT_THAT(bob.talk("FETCH 1 FLAGS"), HasSubstr("(FLAGS (\\Flagged \\Seen $Work))")) << "flags are each one's own";

  EXPECT_THAT(bob.talk("MOVE 1 " + kProjects),
              AllOf(HasSubstr("[COPYUID"), HasSubstr("* 1 EXPUNGE"), HasSubstr("t OK moved")));
  EXPECT_EQ(world.box("Projects").messages, 2u);
  EXPECT_EQ((*world.mailboxes->figures(*world.store, bob_id)).messages, 0u);
}

TEST_F(Sharing, WithinAnothersAccountRightsOfOneMailboxDoNotReachTheOther) {
  alice.talk("CREATE Readable");
  share("lr", kBob, "Readable");
  share("lrswite");
  world.deliver(crlf("Subject: hers\n\nx\n"), "Readable");
  bob.talk("SELECT \"Other Users/alice@example.com/Readable\"");
  EXPECT_THAT(bob.talk("COPY 1 " + kProjects), HasSubstr("t OK [COPYUID"));
  bob.talk("SELECT " + kProjects);
  EXPECT_THAT(bob.talk("STORE 1 +FLAGS (\\Flagged)"), HasSubstr("\\Flagged"));
  EXPECT_EQ(flags("Readable"), "* 1 FETCH (FLAGS ())");
  EXPECT_THAT(bob.talk("MOVE 1 INBOX"), HasSubstr("t OK moved"));
  EXPECT_THAT(bob.talk("STATUS INBOX (MESSAGES)"), HasSubstr("MESSAGES 1"));
}

TEST_F(Sharing, TheReceiversQuotaCountsAndAllOrNothingIsCopied) {
  mailbox::AccountId carol = world.add_account("carol@example.com", 100);
  Client& c = world.logged_in("carol@example.com");
  EXPECT_THAT(c.talk("SETACL INBOX bob@example.com lri"), StartsWith("t OK"));
  bob.talk("APPEND INBOX {80+}\r\nSubject: x\r\n\r\n" + std::string(66, 'x'));
  bob.talk("APPEND INBOX {80+}\r\nSubject: y\r\n\r\n" + std::string(66, 'x'));
  bob.talk("SELECT INBOX");
  EXPECT_THAT(bob.talk("COPY 1:2 \"Other Users/carol@example.com/INBOX\""), StartsWith("t NO [OVERQUOTA]"));
  EXPECT_EQ((*world.mailboxes->figures(*world.store, carol)).messages, 0u);
  EXPECT_THAT(bob.talk("COPY 2 \"Other Users/carol@example.com/INBOX\""), StartsWith("t OK [COPYUID"));
}

// --- mailboxes ------------------------------------------------------------------------------------------------------

TEST_F(Sharing, MakesRenamesAndRemovesInTheTreeOfAnother) {
  share("lrk");
  EXPECT_THAT(bob.talk("CREATE \"Other Users/alice@example.com/Projects/Q1/May\""), StartsWith("t OK [MAILBOXID (M"));
  EXPECT_EQ(bob.talk("MYRIGHTS \"Other Users/alice@example.com/Projects/Q1\""),
            crlf("* MYRIGHTS \"Other Users/alice@example.com/Projects/Q1\" lrkc\nt OK these are yours\n"));
  EXPECT_THAT(bob.talk("DELETE \"Other Users/alice@example.com/Projects/Q1/May\""), StartsWith("t NO [NOPERM]"));
  share("+x", kBob, "Projects/Q1/May");
  EXPECT_THAT(bob.talk("RENAME \"Other Users/alice@example.com/Projects/Q1/May\" Mine"), StartsWith("t NO [CANNOT]"));
  EXPECT_THAT(
      bob.talk("RENAME \"Other Users/alice@example.com/Projects/Q1/May\" \"Other Users/alice@example.com/May\""),
      StartsWith("t NO [NOPERM]"));
  EXPECT_EQ(bob.talk("RENAME \"Other Users/alice@example.com/Projects/Q1/May\" "
                     "\"Other Users/alice@example.com/Projects/June\""),
            crlf("t OK renamed\n"));
  EXPECT_EQ(world.box("Projects/June").name, "Projects/June");
  EXPECT_EQ(bob.talk("DELETE \"Other Users/alice@example.com/Projects/June\""), crlf("t OK deleted\n"));
  EXPECT_THAT(bob.talk("CREATE \"Other Users\""), StartsWith("t NO [CANNOT]"));
  EXPECT_THAT(bob.talk("CREATE \"Other Users/alice@example.com/Projects/D\" (USE (\\Drafts))"),
              StartsWith("t NO [USEATTR]"));
}

TEST_F(Sharing, NamesThatMayNotBeSeenAreNotToldOfByAttempts) {
  alice.talk("CREATE Projects/Secret");
  alice.talk("CREATE Projects/Gone/Secret");
  alice.talk("DELETE Projects/Gone");
  alice.talk("CREATE Projects/Q1/Secret");
  share("lrkx");
  share("lrkx", kBob, "Projects/Q1");
  const std::string tree = "\"Other Users/alice@example.com/Projects";
  EXPECT_THAT(bob.talk("CREATE " + tree + "/Secret\""), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("CREATE " + tree + "/Secret/x\""), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("RENAME " + tree + "/Q1\" " + tree + "/Secret\""), StartsWith("t NO [NOPERM]"));
  EXPECT_EQ(bob.talk("RENAME " + tree + "/Q1\" " + tree + "/Gone\""),
            crlf("t NO [CANNOT] it, or one below it, cannot have that name\n"));
  EXPECT_THAT(bob.talk("CREATE " + tree + "/Q1\""), StartsWith("t NO [ALREADYEXISTS]")) << "that he sees";
}

TEST_F(Sharing, TheMessagesOfAnInboxAreNotHadByRenamingIt) {
  world.deliver(crlf("Subject: hers\n\nx\n"));
  share("lrk");
  const std::string rename =
      "RENAME \"Other Users/alice@example.com/INBOX\" \"Other Users/alice@example.com/Projects/All\"";
  share("lxte", kBob, "INBOX");
  EXPECT_THAT(bob.talk(rename), StartsWith("t NO [NOPERM] that needs the rights rte"));
  share("lrx", kBob, "INBOX");
  EXPECT_THAT(bob.talk(rename), StartsWith("t NO [NOPERM] that needs the rights rte"));
  EXPECT_EQ(world.box("INBOX").messages, 1u);
  share("lrxte", kBob, "INBOX");
  EXPECT_EQ(bob.talk(rename), crlf("t OK renamed\n"));
  EXPECT_EQ(world.box("INBOX").messages, 0u);
}

TEST_F(Sharing, SearchDoesNotTellWhereElseTheOwnerKeepsAMessage) {
  alice.talk("CREATE Secret");
  deliver(1);
  alice.talk("SELECT Projects");
  alice.talk("COPY 1 Secret");
  for (const std::string key : {"X-GM-LABELS Secret", "X-GM-RAW \"label:secret\"", "X-GM-RAW \"label:projects\"",
                                "X-GM-LABELS Projects", "X-GM-RAW \"has:userlabels\""})
    EXPECT_THAT(alice.talk("SEARCH " + key), HasSubstr("* SEARCH 1\r\n")) << key;
  share("lr");
  bob.talk("SELECT " + kProjects);
  for (const std::string key : {"X-GM-LABELS Secret", "X-GM-RAW \"label:secret\"", "X-GM-RAW \"in:inbox\""})
    EXPECT_THAT(bob.talk("SEARCH " + key), HasSubstr("* SEARCH\r\n")) << key;
  EXPECT_THAT(bob.talk("SEARCH X-GM-LABELS Projects"), HasSubstr("* SEARCH 1\r\n"));
  EXPECT_THAT(bob.talk("SEARCH X-GM-RAW \"label:projects letter\""), HasSubstr("* SEARCH 1\r\n"));
  EXPECT_THAT(bob.talk("SORT RETURN (COUNT) (ARRIVAL) UTF-8 X-GM-LABELS Secret"), HasSubstr("COUNT 0"));
  EXPECT_THAT(bob.talk("FETCH 1 X-GM-LABELS"), HasSubstr("X-GM-LABELS (\"Projects\")"));
  EXPECT_THAT(bob.talk("STORE 1 +X-GM-LABELS (Mine)"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(bob.talk("STORE 1 -X-GM-LABELS (Secret)"), StartsWith("t NO [NOPERM]"));
}

TEST_F(Sharing, ObjectsAreFoundByTheNamesThatTheyHaveThere) {
  const std::string id = std::to_string(deliver(1));
  const std::string other = "_" + std::to_string(world.alice);
  share("lr");
  bob.talk("SELECT " + kProjects);
  EXPECT_THAT(bob.talk("FETCH 1 EMAILID"), HasSubstr("(EMAILID (E" + id + other + "))"));
  EXPECT_THAT(bob.talk("SEARCH EMAILID E" + id + other), HasSubstr("* SEARCH 1\r\n"));
  EXPECT_THAT(bob.talk("SEARCH EMAILID E" + id), HasSubstr("* SEARCH\r\n")) << "that would be his own";
  alice.talk("SELECT Projects");
  EXPECT_THAT(alice.talk("SEARCH EMAILID E" + id), HasSubstr("* SEARCH 1\r\n"));
}

TEST_F(Sharing, WhatIsPutTogetherIsReadWithR) {
  deliver(1);
  bob.talk("SELECT INBOX");
  const std::string append = "APPEND INBOX CATENATE (URL \"/Other%20Users/alice@example.com/Projects/;UID=1\")";
  for (const std::string rights : {"\"\"", "l", "lswipkxtea"}) {
    share(rights);
    EXPECT_THAT(bob.talk(append), HasSubstr("t NO [BADURL ")) << rights;
  }
  share("r");
  EXPECT_THAT(bob.talk(append), HasSubstr("t OK [APPENDUID "));
}

TEST_F(Sharing, ReplaceNeedsWhatMoveNeeds) {
  deliver(1, {mailbox::kDeleted, {}});
  for (const std::string rights : {"lri", "lrite", "lrste"}) {
    share(rights);
    bob.talk("SELECT " + kProjects);
    const std::string said = bob.talk("REPLACE 1 " + kProjects + " (\\Seen \\Flagged) {1+}\r\nx");
    EXPECT_THAT(said, HasSubstr(rights == "lrite" ? "t OK" : "t NO [NOPERM]")) << rights;
  }
  EXPECT_EQ(flags(), "* 1 FETCH (FLAGS ())");
}

TEST_F(Sharing, FiguresAreForThoseWhoRead) {
  world.change([&](store::Transaction& t) { return world.mailboxes->set_quota(t, world.alice, 1 << 20); });
  for (const std::string rights : {"\"\"", "l", "lswipkxtea"}) {
    share(rights);
    EXPECT_THAT(bob.talk("GETQUOTAROOT " + kProjects), StartsWith("t NO [NO")) << rights;
    EXPECT_THAT(bob.talk("STATUS " + kProjects + " (DELETED-STORAGE)"), StartsWith("t NO [NO")) << rights;
  }
  EXPECT_THAT(bob.talk("GETQUOTA alice@example.com"), StartsWith("t NO [NOPERM]"));
  share("r");
  EXPECT_THAT(bob.talk("GETQUOTAROOT " + kProjects), HasSubstr("* QUOTA \"alice@example.com\" (STORAGE 0 1024)"));
}

TEST_F(Sharing, ANewListHoldsFromTheNextCommandOn) {
  deliver(1);
  share("lrswite");
  bob.talk("SELECT " + kProjects);
  share("lr");
  EXPECT_EQ(
      bob.talk("STORE 1 +FLAGS (\\Seen)"),
      crlf("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded $Junk $MDNSent $NotJunk $Phishing)\n"
           "* OK [PERMANENTFLAGS ()] read only\n"
           "t NO [NOPERM] you may not change these flags\n"));
  share("lrs");
  EXPECT_THAT(bob.talk("STORE 1 +FLAGS (\\Seen)"),
              AllOf(HasSubstr("[PERMANENTFLAGS (\\Seen)]"), HasSubstr("t OK stored")));
  share("l");
  EXPECT_EQ(bob.talk("FETCH 1 BODY[]"), crlf("* BYE you may not read this mailbox any more\n"));
  EXPECT_TRUE(bob.wait_closed());
}

TEST_F(Sharing, AnIdlingSessionThatLosesTheMailboxIsToldAtOnce) {
  share("lr");
  bob.talk("SELECT " + kProjects);
  bob.send("t IDLE\r\n");
  ASSERT_TRUE(bob.wait_for("+ idling"));
  share("\"\"");
  EXPECT_TRUE(bob.wait_for("* BYE you may not read", true));
}

TEST_F(Sharing, AClosedAccountEndsItsSessions) {
  const auto open = [&](bool enabled) {
    world.change([&](store::Transaction& t) {
      auto account = **world.directory->account(t, bob_id);
      account.enabled = enabled;
      return world.directory->update_account(t, account);
    });
  };
  Client& idling = world.logged_in(kBob);
  share("lr");
  idling.talk("SELECT " + kProjects);
  idling.send("t IDLE\r\n");
  ASSERT_TRUE(idling.wait_for("+ idling"));
  open(false);
  EXPECT_THAT(bob.talk("STATUS INBOX (MESSAGES)"), StartsWith("* BYE the account was closed"));
  EXPECT_TRUE(bob.wait_closed());
  deliver(1);
  EXPECT_TRUE(idling.wait_for("* BYE the account was closed", true));
  EXPECT_THAT(idling.received(), Not(HasSubstr("EXISTS\r\n* BYE")));
}

TEST_F(Sharing, SharedWithAnyoneIsSharedWithAll) {
  share("lr", "anyone");
  EXPECT_THAT(bob.talk("LIST \"\" *"), HasSubstr(kProjects));
  EXPECT_THAT(bob.talk("EXAMINE " + kProjects), HasSubstr("t OK [READ-ONLY]"));
  EXPECT_THAT(alice.talk("LIST \"\" *"), Not(HasSubstr("Other Users"))) << "her own, not among others'";
}

}  // namespace
}  // namespace pabal::access::imap
