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

// A certificate is not looked at by simulated TLS.
struct NoTls final : net::TlsServer {
  Result<void> reload() override { return {}; }
};
Options with_tls(bool implicit = false) {
  Options options;
  options.tls = std::make_shared<NoTls>();
  options.implicit_tls = implicit;
  return options;
}

// A client that is not on this machine.
struct Far {
  explicit Far(World& world, Options options) : network(world.loop) {
    listener = std::move(*network.listen({{"192.0.2.1", 143}}, [&world, options](std::unique_ptr<net::Stream> stream) {
      world.loop.spawn(serve(std::move(stream), options, *world.services));
    }));
    world.loop.spawn(connect(this, &world.loop));
    world.loop.run_until([&] { return client != nullptr; }, minutes(1));
    client->wait_for("\r\n");
  }
  static Task<void> connect(Far* self, net::SimLoop* loop) {
    Task<Result<std::unique_ptr<net::Stream>>> connecting =
        self->network.connect(*loop, net::Address{"192.0.2.1", 143}, "203.0.113.9", loop->now() + minutes(1));
    auto stream = co_await connecting;
    self->client = std::make_unique<Client>(*loop, std::move(*stream));
  }
  net::SimNetwork network;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<Client> client;
};

// --- greeting and login ---------------------------------------------------------------------------------------------

TEST(ImapSession, GreetsWithItsCapabilities) {
  World world;
  Client& c = world.connect();
  ASSERT_TRUE(c.wait_for("\r\n"));
  EXPECT_EQ(c.take(), crlf("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UNSELECT "
                           "UIDPLUS MOVE CHILDREN LIST-EXTENDED LIST-STATUS "
                           "SPECIAL-USE CREATE-SPECIAL-USE ESEARCH SEARCHRES BINARY MULTIAPPEND CATENATE REPLACE QUOTA "
                           "QUOTA=RES-STORAGE COMPRESS=DEFLATE PREVIEW STATUS=SIZE UTF8=ACCEPT WITHIN "
                           "SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES ESORT CONTEXT=SEARCH "
                           "CONTEXT=SORT PARTIAL INPROGRESS X-GM-EXT-1 "
                           "CONDSTORE QRESYNC UIDONLY OBJECTID SAVEDATE NOTIFY "
                           "ACL RIGHTS=kxte LIST-MYRIGHTS METADATA LIST-METADATA "
                           "APPENDLIMIT=1048576 AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=OAUTHBEARER AUTH=XOAUTH2] "
                           "mx.example.com Pabal IMAP\n"));
}

TEST(ImapSession, LogsInWithAPasswordInAnyStringForm) {
  World world;
  EXPECT_THAT(world.greeted().talk("LOGIN alice@example.com \"correct horse\""),
              StartsWith("t OK [CAPABILITY IMAP4rev1 "));
  EXPECT_THAT(world.greeted().talk("LOGIN {17+}\r\nalice@example.com {13+}\r\ncorrect horse"), StartsWith("t OK "));
  Client& c = world.greeted();
  EXPECT_EQ(c.talk("LOGIN {17}"), "+ go ahead\r\n");
  c.send("alice@example.com {13}\r\n");
  EXPECT_EQ(c.answer(), "+ go ahead\r\n");
  c.send("correct horse\r\n");
  EXPECT_THAT(c.answer(), StartsWith("t OK "));
  EXPECT_EQ(c.talk("LOGIN alice@example.com x"), "t BAD you are logged in already\r\n");
}

TEST(ImapSession, AfterLoginNoMechanismIsOffered) {
  World world;
  EXPECT_THAT(world.logged_in().talk("CAPABILITY"), Not(HasSubstr("AUTH=")));
}

TEST(ImapSession, EndsAfterThreeWrongPasswords) {
  World world;
  Client& c = world.greeted();
  EXPECT_THAT(c.talk("LOGIN alice@example.com wrong-one"), StartsWith("t NO [AUTHENTICATIONFAILED] "));
  EXPECT_THAT(c.talk("LOGIN nobody@example.com wrong-one"), StartsWith("t NO [AUTHENTICATIONFAILED] "));
  EXPECT_THAT(c.talk("LOGIN alice@example.com wrong-one"), StartsWith("t NO [AUTHENTICATIONFAILED] "));
  EXPECT_TRUE(c.wait_closed());
  EXPECT_THAT(c.take(), StartsWith("* BYE too many failed logins\r\n"));
}

TEST(ImapSession, AuthenticatesByPlainWithAndWithoutInitialResponse) {
  World world;
  const std::string plain = text::base64(std::string("\0alice@example.com\0correct horse", 32));
  EXPECT_THAT(world.greeted().talk("AUTHENTICATE PLAIN " + plain), StartsWith("t OK "));
  Client& c = world.greeted();
  EXPECT_EQ(c.talk("authenticate plain"), "+ \r\n");
  c.send(plain + "\r\n");
  EXPECT_THAT(c.answer(), StartsWith("t OK "));
}

TEST(ImapSession, AnAuthenticationCanBeCancelledOrMalformed) {
  World world;
  Client& c = world.greeted();
  c.talk("AUTHENTICATE PLAIN");
  c.send("*\r\n");
  EXPECT_EQ(c.answer(), "t BAD cancelled\r\n");
  c.talk("AUTHENTICATE PLAIN");
  c.send("!!!\r\n");
  EXPECT_EQ(c.answer(), "t BAD that is not base64\r\n");
  EXPECT_THAT(c.talk("AUTHENTICATE PLAIN !!!"), StartsWith("t BAD "));
  EXPECT_THAT(c.talk("AUTHENTICATE GSSAPI"), StartsWith("t NO [AUTHENTICATIONFAILED] "));
  EXPECT_THAT(c.talk("AUTHENTICATE PLAIN ="), StartsWith("t NO [AUTHENTICATIONFAILED] "));
}

TEST(ImapSession, NobodyLogsInInClearFromAfar) {
  World world;
  Far far(world, with_tls());
  EXPECT_THAT(far.client->take(), HasSubstr(" STARTTLS LOGINDISABLED]"));
  EXPECT_THAT(far.client->talk("LOGIN alice@example.com \"correct horse\""), StartsWith("t NO [PRIVACYREQUIRED] "));
  EXPECT_THAT(far.client->talk("AUTHENTICATE PLAIN"), StartsWith("t NO [PRIVACYREQUIRED] "));
  EXPECT_EQ(far.client->talk("STARTTLS"), "t OK begin the handshake\r\n");
  const std::string capability = far.client->talk("CAPABILITY");
  EXPECT_THAT(capability, Not(HasSubstr("STARTTLS")));
  EXPECT_THAT(capability, Not(HasSubstr("LOGINDISABLED")));
  EXPECT_THAT(far.client->talk("LOGIN alice@example.com \"correct horse\""), StartsWith("t OK "));
  far.client->hang_up();
  world.loop.run_for(hours(1));
}

TEST(ImapSession, WhatWasSentWithStarttlsIsNotTakenAsProtected) {
  World world;
  Client& c = world.greeted(with_tls());
  c.send("t STARTTLS\r\nt LOGIN alice@example.com \"correct horse\"\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(c.take(), "* BYE nothing may follow STARTTLS before the handshake\r\n");
}

TEST(ImapSession, StarttlsIsOfferedOnceAndNotWithoutACertificate) {
  World world;
  EXPECT_THAT(world.greeted().talk("STARTTLS"), StartsWith("t BAD "));
  Client& c = world.greeted(with_tls());
  c.talk("STARTTLS");
  EXPECT_THAT(c.talk("STARTTLS"), StartsWith("t BAD "));
  Client& implicit = world.greeted(with_tls(true));
  EXPECT_THAT(implicit.talk("STARTTLS"), StartsWith("t BAD "));
}

TEST(ImapSession, CommandsBeforeLoginAreRefused) {
  World world;
  Client& c = world.greeted();
  for (const std::string command :
       {"SELECT INBOX", "LIST \"\" *", "APPEND INBOX {1+}\r\nx", "IDLE", "ENABLE IMAP4rev2", "FETCH 1 FLAGS"})
    EXPECT_EQ(c.talk(command), "t BAD log in first\r\n") << command;
  EXPECT_EQ(world.logged_in().talk("FETCH 1 FLAGS"), "t BAD select a mailbox first\r\n");
}

// --- hostile input --------------------------------------------------------------------------------------------------

TEST(ImapSession, TenMegabytesOfLineBeforeLoginAreNotHeld) {
  World world;
  Client& c = world.greeted();
  c.send(std::string(10 << 20, 'x'));
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(c.take(), "* BYE [LIMIT] the command is too long\r\n");
}

TEST(ImapSession, ALargeLiteralBeforeLoginIsRefused) {
  World world;
  Client& c = world.greeted();
  EXPECT_THAT(c.talk("LOGIN {100000000}"), StartsWith("t NO [TOOBIG] "));
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
  c.send("t LOGIN {100000000+}\r\n");
  EXPECT_TRUE(c.wait_closed());
}

TEST(ImapSession, NonsenseIsAnsweredAndEndsInTime) {
  World world;
  Client& c = world.greeted();
  for (const std::string line : {"", "x", "t", "t ", " t NOOP", "+ NOOP", "(t) NOOP", "t \xff\xfe", "t FOO", "t UID",
                                 "t UID NOOP", "t UID FOO 1"}) {
    c.send(line + "\r\n");
    EXPECT_TRUE(c.wait_for(" BAD ")) << line;
    c.take();
  }
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");  // forgiven
  for (int i = 0; i < 20; ++i) c.send("nonsense\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_THAT(c.take(), HasSubstr("* BYE too many errors\r\n"));
}

TEST(ImapSession, ABrowserThatWasLedHereIsSentAway) {
  World world;
  Client& c = world.greeted();
  c.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nt LOGIN alice@example.com \"correct horse\"\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_THAT(c.take(), Not(HasSubstr("OK")));
}

TEST(ImapSession, HalfACommandIsNotWaitedForForever) {
  World world;
  Client& c = world.greeted();
  c.send("t LOG");
  EXPECT_FALSE(c.wait_closed(minutes(1)));
  EXPECT_TRUE(c.wait_closed(minutes(2)));
  EXPECT_EQ(c.take(), "* BYE nothing was heard for too long\r\n");
  Client& in = world.logged_in();
  EXPECT_FALSE(in.wait_closed(minutes(29)));
  EXPECT_TRUE(in.wait_closed(minutes(31)));
}

TEST(ImapSession, PipelinedCommandsAreAnsweredInOrder) {
  World world;
  Client& c = world.greeted();
  c.send(
      "a CAPABILITY\r\nb LOGIN alice@example.com \"correct horse\"\r\nc SELECT INBOX\r\nd FETCH 1:* FLAGS\r\ne "
      "LOGOUT\r\n");
  EXPECT_TRUE(c.wait_closed());
  const std::string got = c.take();
  const size_t a = got.find("\r\na OK"), b = got.find("\r\nb OK"), cc = got.find("\r\nc OK"), d = got.find("\r\nd OK"),
               e = got.find("\r\ne OK");
  EXPECT_NE(e, got.npos) << got;
  EXPECT_TRUE(a < b && b < cc && cc < d && d < e) << got;
}

// --- small commands -------------------------------------------------------------------------------------------------

TEST(ImapSession, SmallCommandsAnswer) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
  EXPECT_EQ(c.talk("NAMESPACE"),
            crlf("* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\nt OK yours, and those of others\n"));
  EXPECT_EQ(c.talk("ID NIL"), crlf("* ID (\"name\" \"Pabal\")\nt OK that is me\n"));
  EXPECT_EQ(c.talk("ID (\"name\" \"x\" \"version\" NIL)"), crlf("* ID (\"name\" \"Pabal\")\nt OK that is me\n"));
  EXPECT_THAT(c.talk("ID (\"name\")"), StartsWith("t BAD "));
  EXPECT_EQ(c.talk("ENABLE CONDSTORE IMAP4rev2 X-FOO"), crlf("* ENABLED CONDSTORE IMAP4rev2\nt OK enabled\n"));
  EXPECT_EQ(c.talk("ENABLE IMAP4rev2"), crlf("* ENABLED\nt OK enabled\n"));
  EXPECT_THAT(c.talk("ENABLE"), StartsWith("t BAD "));
  EXPECT_THAT(c.talk("NOOP x"), StartsWith("t BAD "));
  EXPECT_EQ(c.talk("LOGOUT"), crlf("* BYE goodbye\nt OK goodbye\n"));
  EXPECT_TRUE(c.wait_closed());
}

// --- mailboxes ------------------------------------------------------------------------------------------------------

TEST(ImapSession, ListsTheFirstMailboxesWithTheirUses) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("LIST \"\" *"), crlf("* LIST (\\HasNoChildren) \"/\" \"INBOX\"\n"
                                        "* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"\n"
                                        "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"\n"
                                        "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"\n"
                                        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\n"
                                        "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"\n"
                                        "t OK listed\n"));
  EXPECT_EQ(c.talk("LIST \"\" \"\""), crlf("* LIST (\\Noselect) \"/\" \"\"\nt OK listed\n"));
  EXPECT_THAT(c.talk("LIST \"\""), StartsWith("t BAD "));
}

TEST(ImapSession, ListGivesStatusToo) {
  World world;
  world.deliver("Subject: x\r\n\r\nhello\r\n");
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("LIST \"\" IN% RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN SIZE))"),
            crlf("* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\n* STATUS \"INBOX\" (MESSAGES 1 UNSEEN 1 SIZE "
                 "21)\nt OK listed\n"));
}

TEST(ImapSession, MailboxesAreMadeRenamedAndRemoved) {
  World world;
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("CREATE a/b/"), StartsWith("t OK [MAILBOXID (M"));
  EXPECT_EQ(c.talk("CREATE a/b"), "t NO [ALREADYEXISTS] there is a mailbox a/b already\r\n");
  EXPECT_EQ(c.talk("CREATE inbox"), "t NO [ALREADYEXISTS] there is a mailbox INBOX already\r\n");
  EXPECT_THAT(c.talk("CREATE \"a//b\""), StartsWith("t NO [CANNOT] "));
  EXPECT_EQ(c.talk("LIST \"\" a*"),
            crlf("* LIST (\\HasChildren) \"/\" \"a\"\n* LIST (\\HasNoChildren) \"/\" \"a/b\"\nt OK listed\n"));
  EXPECT_EQ(c.talk("RENAME a c"), "t OK renamed\r\n");
  EXPECT_EQ(c.talk("LIST \"\" c/%"), crlf("* LIST (\\HasNoChildren) \"/\" \"c/b\"\nt OK listed\n"));
  EXPECT_EQ(c.talk("RENAME a d"), "t NO [NONEXISTENT] there is no mailbox of that name\r\n");
  EXPECT_THAT(c.talk("RENAME c Sent"), StartsWith("t NO [ALREADYEXISTS] "));
  EXPECT_EQ(c.talk("DELETE c"), "t OK deleted\r\n");
  EXPECT_EQ(c.talk("LIST \"\" c*"), crlf("* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"c\"\n* LIST "
                                         "(\\HasNoChildren) \"/\" \"c/b\"\nt OK listed\n"));
  EXPECT_EQ(c.talk("SELECT c"), "t NO [NONEXISTENT] there is no mailbox of that name\r\n");
  EXPECT_EQ(c.talk("DELETE c/b"), "t OK deleted\r\n");
  EXPECT_EQ(c.talk("LIST \"\" c*"), "t OK listed\r\n");
  EXPECT_THAT(c.talk("DELETE INBOX"), StartsWith("t NO [CANNOT] "));
  EXPECT_THAT(c.talk("DELETE c"), StartsWith("t NO [NONEXISTENT] "));
}

TEST(ImapSession, ASpecialUseIsGivenOnce) {
  World world;
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("CREATE Starred (USE (\\Important))"), StartsWith("t OK [MAILBOXID (M"));
  EXPECT_EQ(c.talk("LIST (SPECIAL-USE) \"\" S*"),
            crlf("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\n* LIST (\\HasNoChildren \\Important) \"/\" "
                 "\"Starred\"\nt OK listed\n"));
  EXPECT_EQ(c.talk("CREATE Again (USE (\\Important))"), "t NO [USEATTR] another mailbox has that use\r\n");
  EXPECT_THAT(c.talk("CREATE All (USE (\\All))"), StartsWith("t NO [USEATTR] "));
  EXPECT_THAT(c.talk("CREATE Two (USE (\\Sent \\Junk))"), StartsWith("t NO [USEATTR] "));
  EXPECT_THAT(c.talk("CREATE x (FOO (\\Sent))"), StartsWith("t BAD "));
}

TEST(ImapSession, NamesOutsideAsciiAreUtf7UntilUtf8IsEnabled) {
  World world;
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("CREATE &vBvHQNO4ycDVaA-"), StartsWith("t OK [MAILBOXID (M"));
  EXPECT_THAT(c.talk("CREATE R&-D"), StartsWith("t OK [MAILBOXID (M"));
  EXPECT_THAT(c.talk("CREATE R&D"), StartsWith("t NO [CANNOT] "));
  EXPECT_THAT(c.talk("LIST \"\" &vBvHQNO4ycDVaA-*"), HasSubstr("\"&vBvHQNO4ycDVaA-\""));
  Client& u = world.logged_in();
  u.talk("ENABLE UTF8=ACCEPT");
  EXPECT_THAT(u.talk("LIST \"\" \"받*\""), HasSubstr("* LIST (\\HasNoChildren) \"/\" \"받은편지함\"\r\n"));
  EXPECT_THAT(u.talk("LIST \"\" R*"), HasSubstr("\"R&D\""));
  EXPECT_THAT(u.talk("SELECT \"받은편지함\""), HasSubstr("t OK [READ-WRITE]"));
  EXPECT_THAT(c.talk("STATUS &vBvHQNO4ycDVaA- (MESSAGES)"),
              StartsWith("* STATUS \"&vBvHQNO4ycDVaA-\" (MESSAGES 0)\r\n"));
}

TEST(ImapSession, SubscriptionsAreKept) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("UNSUBSCRIBE Junk"), "t OK done\r\n");
  EXPECT_THAT(c.talk("LSUB \"\" *"), Not(HasSubstr("Junk")));
  EXPECT_THAT(c.talk("LIST (SUBSCRIBED) \"\" *"), Not(HasSubstr("Junk")));
  EXPECT_EQ(c.talk("SUBSCRIBE Junk"), "t OK done\r\n");
  EXPECT_THAT(c.talk("LSUB \"\" J*"), HasSubstr("* LSUB (\\HasNoChildren) \"/\" \"Junk\"\r\n"));
  EXPECT_THAT(c.talk("SUBSCRIBE nothing"), StartsWith("t NO [NONEXISTENT] "));
  c.talk("CREATE brief");
  EXPECT_EQ(c.talk("LIST (SUBSCRIBED) \"\" b*"), "t OK listed\r\n") << "CREATE subscribes to nothing";
  c.talk("SUBSCRIBE brief");
  c.talk("DELETE brief");
  EXPECT_THAT(c.talk("LIST (SUBSCRIBED) \"\" b*"),
              StartsWith("* LIST (\\NonExistent \\Noselect \\HasNoChildren \\Subscribed) \"/\" \"brief\"\r\n"));
  EXPECT_EQ(c.talk("LIST \"\" b*"), "t OK listed\r\n");
  EXPECT_EQ(c.talk("UNSUBSCRIBE brief"), "t OK done\r\n");
  EXPECT_EQ(c.talk("LIST (SUBSCRIBED) \"\" b*"), "t OK listed\r\n");
}

TEST(ImapSession, RenamingInboxMovesItsMessages) {
  World world;
  for (int i = 0; i < 3; ++i) world.deliver("Subject: x\r\n\r\n");
  Client& c = world.selected();
  EXPECT_EQ(c.talk("RENAME INBOX old/mail"), crlf("* 3 EXPUNGE\n* 2 EXPUNGE\n* 1 EXPUNGE\nt OK renamed\n"));
  EXPECT_THAT(c.talk("STATUS INBOX (MESSAGES)"), StartsWith("* STATUS \"INBOX\" (MESSAGES 0)\r\n"));
  EXPECT_THAT(c.talk("STATUS old/mail (MESSAGES UIDNEXT)"),
              StartsWith("* STATUS \"old/mail\" (MESSAGES 3 UIDNEXT 4)\r\n"));
}

TEST(ImapSession, StatusCounts) {
  World world;
  world.deliver("Subject: x\r\n\r\n");
  const auto second = world.deliver("Subject: y\r\n\r\n");
  world.set_flags(second, mailbox::kSeen | mailbox::kDeleted);
  Client& c = world.logged_in();
  EXPECT_EQ(
      c.talk("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE RECENT APPENDLIMIT)"),
      crlf("* STATUS \"INBOX\" (MESSAGES 2 UIDNEXT 3 UIDVALIDITY " + std::to_string(world.box("INBOX").uid_validity) +
           " UNSEEN 1 DELETED 1 SIZE 28 RECENT 0 APPENDLIMIT 1048576)\nt OK counted\n"));
  EXPECT_THAT(c.talk("STATUS nothing (MESSAGES)"), StartsWith("t NO [NONEXISTENT] "));
  for (const std::string bad :
       {"STATUS INBOX", "STATUS INBOX ()", "STATUS INBOX (FOO)", "STATUS INBOX (MESSAGES", "STATUS INBOX (MESSAGES) x"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

// --- SELECT ---------------------------------------------------------------------------------------------------------

TEST(ImapSession, SelectSaysWhatAMailboxHolds) {
  World world;
  for (int i = 0; i < 3; ++i) world.deliver("Subject: x\r\n\r\n");
  const std::string validity = std::to_string(world.box("INBOX").uid_validity);
  const std::string ids = "* OK [HIGHESTMODSEQ " + std::to_string(world.box("INBOX").highest_modseq) +
                          "] of this mailbox\n* OK [MAILBOXID (M1)] its name for ever\n";
  Client& c = world.logged_in();
  const std::string flags =
      "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded $Junk $MDNSent $NotJunk $Phishing)\n";
  EXPECT_EQ(
      c.talk("SELECT inbox"),
      crlf(flags +
           "* 3 EXISTS\n* 0 RECENT\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
           "keywords may be made\n"
           "* OK [UIDVALIDITY " +
           validity + "] of this mailbox\n* OK [UIDNEXT 4] the next one\n" + ids + "t OK [READ-WRITE] selected\n"));
  EXPECT_EQ(c.talk("EXAMINE INBOX"), crlf("* OK [CLOSED] the mailbox selected before\n" + flags +
                                          "* 3 EXISTS\n* 0 RECENT\n* OK [PERMANENTFLAGS ()] read only\n"
                                          "* OK [UIDVALIDITY " +
                                          validity + "] of this mailbox\n* OK [UIDNEXT 4] the next one\n" + ids +
                                          "t OK [READ-ONLY] examined\n"));
  // A SELECT that fails leaves nothing selected.
  EXPECT_EQ(c.talk("SELECT nothing"),
            crlf("* OK [CLOSED] the mailbox selected before\nt NO [NONEXISTENT] there is no mailbox of that name\n"));
  EXPECT_EQ(c.talk("FETCH 1 FLAGS"), "t BAD select a mailbox first\r\n");
  c.talk("ENABLE IMAP4rev2");
  EXPECT_EQ(
      c.talk("SELECT Junk"),
      crlf(
          flags +
          "* 0 EXISTS\n* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] keywords may be made\n"
          "* OK [UIDVALIDITY " +
          std::to_string(world.box("Junk").uid_validity) +
          "] of this mailbox\n* OK [UIDNEXT 1] the next one\n* OK [HIGHESTMODSEQ 1] of this mailbox\n"
          "* OK [MAILBOXID (M" +
          std::to_string(world.box("Junk").id) +
          ")] its name for ever\n"
          "* LIST () \"/\" \"Junk\"\nt OK [READ-WRITE] selected\n"));
}

TEST(ImapSession, CloseExpungesUnselectDoesNot) {
  World world;
  for (int i = 0; i < 2; ++i) world.set_flags(world.deliver("Subject: x\r\n\r\n"), mailbox::kDeleted);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("UNSELECT"), "t OK closed\r\n");
  EXPECT_EQ(world.box("INBOX").messages, 2u);
  c.talk("EXAMINE INBOX");
  EXPECT_EQ(c.talk("CLOSE"), "t OK closed\r\n");
  EXPECT_EQ(world.box("INBOX").messages, 2u);
  c.talk("SELECT INBOX");
  EXPECT_EQ(c.talk("CLOSE"), "t OK closed\r\n");
  EXPECT_EQ(world.box("INBOX").messages, 0u);
}

}  // namespace
}  // namespace pabal::access::imap
