// NOTIFY (RFC 5465), and what IDLE says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/notify_request.h"
#include "access/imap/session_testing.h"
#include "base/text.h"
#include "mailbox/annotations.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

const std::string kLetter = crlf("From: bob@example.net\nSubject: x\n\nhello\n");

// --- the request ----------------------------------------------------------------------------------------------------

NotifyParse parse(std::string_view text) {
  Words words(text);
  return parse_notify(words);
}

TEST(NotifyRequest, TakesGroupsOfEvents) {
  EXPECT_TRUE(parse(" NONE").request->groups.empty());
  const auto request = parse(
      " SET STATUS (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge FlagChange))"
      " (subtree (Lists \"a b\") (messagenew MESSAGEEXPUNGE)) (mailboxes INBOX NONE) (subscribed (SubscriptionChange "
      "MailboxName))");
  ASSERT_TRUE(request.request);
  const NotifyRequest& r = *request.request;
  EXPECT_TRUE(r.status && r.wants_names() && r.wants_subscriptions());
  ASSERT_EQ(r.groups.size(), 4u);
  EXPECT_EQ(r.selected()->events.fetch->items.size(), 2u);
  EXPECT_TRUE(r.of("Lists/x", {}).messages);
  EXPECT_TRUE(r.of("a b", {}).messages);
  EXPECT_FALSE(r.of("Listsx", {}).messages);
  EXPECT_FALSE(r.of("INBOX", {}).messages);
  EXPECT_TRUE(r.of("INBOX", {"INBOX"}).names);
  EXPECT_FALSE(r.of("INBOX", {}).names);
  // The examples of RFC 5465 leave out the parentheses.
  EXPECT_TRUE(
      parse(" SET (selected MessageNew (uid) MessageExpunge) (subtree Lists MessageNew MessageExpunge)").request);
}

TEST(NotifyRequest, PersonalMailboxesAreNotThoseOfOthers) {
  const std::string box = "Other Users/bob@example.com/x";
  const auto personal = parse(" SET (personal (MailboxMetadataChange)) (inboxes (ServerMetadataChange))");
  ASSERT_TRUE(personal.request);
  EXPECT_TRUE(personal.request->of("x", {}).metadata && personal.request->wants_server_metadata());
  EXPECT_FALSE(personal.request->of(box, {box}).any() || personal.request->may_mean_others({box}));
  const auto named = parse(" SET (subtree \"Other Users\" (MailboxMetadataChange))");
  EXPECT_TRUE(named.request->of(box, {}).metadata && named.request->may_mean_others({}));
  const auto subscribed = parse(" SET (subscribed (MailboxName))");
  EXPECT_TRUE(subscribed.request->may_mean_others({box}));
  EXPECT_FALSE(subscribed.request->may_mean_others({"x"}));
}

TEST(NotifyRequest, WhatIsMalformedIsRefused) {
  for (const std::string text : {"",
                                 " ",
                                 " SET",
                                 " NONE x",
                                 " FOO",
                                 " SET STATUS",
                                 " SET (personal)",
                                 " SET (personal ())",
                                 " SET (all NONE)",
                                 " SET (personal (MessageNew))",
                                 " SET (personal (MessageExpunge))",
                                 " SET (personal (FlagChange))",
                                 " SET (personal (AnnotationChange))",
                                 " SET (personal (MessageNew (uid) MessageExpunge))",
                                 " SET (selected (MailboxName))",
                                 " SET (selected (MailboxMetadataChange))",
                                 " SET (selected (ServerMetadataChange))",
                                 " SET (selected NONE) (selected-delayed NONE)",
                                 " SET (mailboxes NONE)",
                                 " SET (selected (MessageNew (foo) MessageExpunge))",
                                 " SET (personal NONE) ",
                                 " SET (personal NONE"}) {
    EXPECT_FALSE(parse(text).request) << text;
    EXPECT_FALSE(parse(text).unknown_event && text.find("Annotation") == text.npos) << text;
  }
  EXPECT_TRUE(parse(" SET (personal (Foo))").unknown_event);
  EXPECT_TRUE(parse(" SET (personal (MessageNew MessageExpunge AnnotationChange))").unknown_event);
  std::string many = " SET";
  for (int i = 0; i < 200; ++i) many += " (personal NONE)";
  EXPECT_FALSE(parse(many).request);
}

// --- sessions -------------------------------------------------------------------------------------------------------

TEST(ImapNotify, AnswersWithTheStatusOfWhatIsWatched) {
  World world;
  world.deliver(kLetter, "Junk");
  Client& c = world.selected();
  const std::string answer = c.talk(
      "NOTIFY SET STATUS (selected (MessageNew MessageExpunge)) (mailboxes (INBOX Junk nothing) (MessageNew "
      "MessageExpunge FlagChange))");
  EXPECT_EQ(answer, crlf("* STATUS \"Junk\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY " +
                         std::to_string(world.box("Junk").uid_validity) + " HIGHESTMODSEQ " +
                         std::to_string(world.box("Junk").highest_modseq) + ")\nt OK you will be told\n"));
  EXPECT_THAT(c.talk("NOTIFY SET (personal (Foo))"), StartsWith("t NO [BADEVENT (MessageNew MessageExpunge "));
  EXPECT_THAT(c.talk("NOTIFY SET (personal (MessageNew))"), StartsWith("t BAD "));
}

TEST(ImapNotify, OtherMailboxesAreToldOfWithoutIdle) {
  World world;
  Client& c = world.selected();
  c.talk("NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge FlagChange))");
  const auto id = world.deliver(kLetter, "Junk");
  EXPECT_TRUE(c.wait_for("* STATUS \"Junk\" (UIDNEXT 2 MESSAGES 1)\r\n", true));
  world.set_flags(id, mailbox::kSeen);
  EXPECT_TRUE(c.wait_for("UNSEEN 0)\r\n", true));
  world.remove(id, "Junk");
  EXPECT_TRUE(c.wait_for("* STATUS \"Junk\" (UIDNEXT 2 MESSAGES 0)\r\n", true));
  c.take();
  // Of the selected one nothing was wanted.
  world.deliver(kLetter);
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
  EXPECT_EQ(c.talk("NOTIFY NONE"), crlf("* 1 EXISTS\n* 0 RECENT\nt OK silence\n"));
  world.deliver(kLetter, "Junk");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapNotify, TheSelectedMailboxIsToldOfAtOnceWithWhatWasAskedFor) {
  World world;
  const auto first = world.deliver(kLetter);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("NOTIFY SET (selected (MessageNew (uid flags body.peek[header.fields (subject)]) MessageExpunge "
                   "FlagChange))"),
            "t OK you will be told\r\n");
  world.deliver(kLetter);
  EXPECT_TRUE(c.wait_for(")\r\n", true));
  EXPECT_EQ(c.take(), crlf("* 2 EXISTS\n* 0 RECENT\n* 2 FETCH (UID 2 FLAGS () BODY[HEADER.FIELDS (subject)] "
                           "{14}\nSubject: x\n\n)\n"));
  world.set_flags(first, mailbox::kFlagged);
  EXPECT_TRUE(c.wait_for("* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n", true));
  world.remove(first);
  EXPECT_TRUE(c.wait_for("* 1 EXPUNGE\r\n", true));
  c.take();
  // RFC 5465 §5.2: nothing is fetched of what the client brings itself.
  EXPECT_THAT(c.talk("APPEND INBOX {5+}\r\nA: b\n"), StartsWith("* 2 EXISTS\r\n* 0 RECENT\r\nt OK [APPENDUID "));
  c.talk("NOOP");
  EXPECT_EQ(c.talk("UID FETCH 2:3 UID"), crlf("* 1 FETCH (UID 2)\n* 2 FETCH (UID 3)\nt OK fetched\n"));
}

TEST(ImapNotify, ADelayedClientHearsOfExpungesWhenItAsks) {
  World world;
  const auto first = world.deliver(kLetter);
  Client& c = world.selected();
  c.talk("NOTIFY SET (selected-delayed (MessageNew MessageExpunge))");
  world.remove(first);
  world.deliver(kLetter);
  EXPECT_TRUE(c.wait_for("* 2 EXISTS\r\n", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("EXPUNGE")));
  EXPECT_EQ(c.talk("NOOP"), crlf("* 1 EXPUNGE\nt OK done\n"));
  const auto third = world.deliver(kLetter);
  c.talk("IDLE");
  world.remove(third);
  EXPECT_TRUE(c.wait_for("* 2 EXPUNGE\r\n", true));
}

TEST(ImapNotify, FlagsThatAreNotWantedKeepTheHighestModseqLow) {
  World world;
  const auto first = world.deliver(kLetter);
  Client& c = world.logged_in();
  c.talk("SELECT INBOX (CONDSTORE)");
  c.talk("NOTIFY SET (selected (MessageNew MessageExpunge))");
  const std::string before = std::to_string(world.box("INBOX").highest_modseq);
  world.set_flags(first, mailbox::kSeen);
  world.deliver(kLetter);
  EXPECT_TRUE(c.wait_for("* OK [HIGHESTMODSEQ " + before + "]", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("FETCH")));
  EXPECT_THAT(c.talk("NOTIFY NONE"), StartsWith("* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ ("));
}

TEST(ImapNotify, AFrozenClientIsAnsweredStill) {
  World world;
  world.deliver(kLetter);
  Client& c = world.selected();
  c.talk("NOTIFY NONE");
  world.deliver(kLetter);
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
  EXPECT_EQ(c.talk("STORE 1 +FLAGS (\\Deleted)"), crlf("* 1 FETCH (FLAGS (\\Deleted))\nt OK stored\n"));
  EXPECT_EQ(c.talk("EXPUNGE"), crlf("* 1 EXPUNGE\nt OK expunged\n"));
  EXPECT_THAT(c.talk("SELECT INBOX"), HasSubstr("* 1 EXISTS"));
}

TEST(ImapNotify, NamesAndSubscriptionsAreToldOf) {
  World world;
  Client& c = world.logged_in();
  Client& other = world.logged_in();
  c.talk("NOTIFY SET (personal (MailboxName SubscriptionChange))");
  other.talk("CREATE a/b");
  EXPECT_TRUE(c.wait_for("* LIST (\\HasNoChildren) \"/\" \"a/b\"\r\n", true));
  EXPECT_THAT(c.take(), HasSubstr("* LIST (\\HasChildren) \"/\" \"a\"\r\n"));
  other.talk("SUBSCRIBE a");
  EXPECT_TRUE(c.wait_for("* LIST (\\HasChildren \\Subscribed) \"/\" \"a\"\r\n", true));
  other.talk("SUBSCRIBE a/b");
  EXPECT_TRUE(c.wait_for("* LIST (\\HasNoChildren \\Subscribed) \"/\" \"a/b\"\r\n", true));
  c.take();
  other.talk("UNSUBSCRIBE a/b");
  EXPECT_TRUE(c.wait_for("* LIST (\\HasNoChildren) \"/\" \"a/b\"\r\n", true));
  c.take();
  other.talk("RENAME a c");
  EXPECT_TRUE(c.wait_for("* LIST (\\HasChildren \\Subscribed) \"/\" \"c\" (\"OLDNAME\" (\"a\"))\r\n", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("OLDNAME\" (\"a/b\")")));
  other.talk("DELETE c/b");
  EXPECT_TRUE(c.wait_for("* LIST (\\NonExistent) \"/\" \"c/b\"\r\n", true));
  EXPECT_TRUE(c.wait_for("* LIST (\\HasNoChildren \\Subscribed) \"/\" \"c\"\r\n", true));
  c.take();
  // What it does itself it knows.
  EXPECT_THAT(c.talk("CREATE own"), StartsWith("t OK "));
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapNotify, WhatItDoesToOtherMailboxesItKnows) {
  World world;
  world.deliver(kLetter);
  Client& c = world.selected();
  c.talk("NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))");
  EXPECT_THAT(c.talk("COPY 1 Junk"), StartsWith("t OK [COPYUID "));
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
  world.deliver(kLetter, "Junk");
  EXPECT_TRUE(c.wait_for("* STATUS \"Junk\" (UIDNEXT 3 MESSAGES 2)\r\n", true));
}

TEST(ImapNotify, TooMuchIsSaid) {
  World world;
  Client& c = world.logged_in();
  c.talk("NOTIFY SET (personal (MessageNew MessageExpunge))");
  world.deliver(kLetter, "Junk");
  world.forget_changes();
  EXPECT_TRUE(c.wait_for("* OK [NOTIFICATIONOVERFLOW] ", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("STATUS")));
  world.deliver(kLetter, "Junk");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

// --- annotations ----------------------------------------------------------------------------------------------------

TEST(ImapNotify, AnnotationsAreToldOfWithoutEnable) {
  World world;
  Client &c = world.logged_in(), &other = world.logged_in();
  c.talk("NOTIFY SET (mailboxes INBOX (MailboxMetadataChange))");
  other.talk("SETMETADATA Junk (/private/comment \"not asked for\")");
  other.talk("SETMETADATA INBOX (/private/comment \"x\" /shared/comment \"y\")");
  EXPECT_TRUE(c.wait_for("* METADATA \"INBOX\" \"/private/comment\" \"/shared/comment\"\r\n", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("Junk")));
  other.talk("SETMETADATA INBOX (/shared/comment NIL)");
  EXPECT_TRUE(c.wait_for("* METADATA \"INBOX\" \"/shared/comment\"\r\n", true));
  c.take();
  EXPECT_EQ(c.talk("SETMETADATA INBOX (/private/comment \"mine\")"), "t OK set\r\n");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n") << "what it does itself it knows";
  c.talk("NOTIFY NONE");
  other.talk("SETMETADATA INBOX (/private/comment \"z\")");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapNotify, NotifyTakesBackWhatEnableBegan) {
  World world;
  Client &c = world.logged_in(), &other = world.logged_in();
  c.talk("ENABLE METADATA");
  c.talk("NOTIFY SET (personal (MessageNew MessageExpunge))");
  other.talk("SETMETADATA INBOX (/private/comment \"x\")");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapNotify, AnnotationsOfTheServerAreToldOfAtOnce) {
  World world;
  Client &c = world.logged_in(), &deaf = world.logged_in();
  c.talk("NOTIFY SET (personal (ServerMetadataChange))");
  deaf.talk("NOTIFY SET (personal (MailboxMetadataChange))");
  world.change([&](store::Transaction& t) {
    return mailbox::annotate(t, mailbox::kTheServer, world.alice, {{"/shared/comment", "Closed on Sundays"}});
  });
  EXPECT_TRUE(c.wait_for("* METADATA \"\" \"/shared/comment\"\r\n", true));
  EXPECT_EQ(deaf.talk("NOOP"), "t OK done\r\n");
}

// --- mailboxes of others --------------------------------------------------------------------------------------------

struct NotifyShared : ::testing::Test {
  World world;
  mailbox::AccountId bob_id = world.add_account("bob@example.com");
  Client &alice = world.logged_in(), &bob = world.logged_in("bob@example.com");
  const std::string box = "\"Other Users/alice@example.com/Projects\"";
  NotifyShared() { alice.talk("CREATE Projects"); }
  void share(const std::string& rights) { alice.talk("SETACL Projects bob@example.com " + rights); }
};

TEST_F(NotifyShared, WhatHappensInThemIsToldOf) {
  share("lri");
  bob.talk("NOTIFY SET (mailboxes " + box + " (MessageNew MessageExpunge FlagChange MailboxMetadataChange))");
  const auto id = world.deliver(kLetter, "Projects");
  world.deliver(kLetter);
  EXPECT_TRUE(bob.wait_for("* STATUS " + box + " (UIDNEXT 2 MESSAGES 1)\r\n", true));
  world.set_flags(id, mailbox::kSeen);
  EXPECT_TRUE(bob.wait_for("UNSEEN 0)\r\n", true));
  alice.talk("SETMETADATA Projects (/shared/comment \"x\" /private/comment \"hers\")");
  EXPECT_TRUE(bob.wait_for("* METADATA " + box + " \"/shared/comment\"\r\n", true));
  EXPECT_THAT(bob.take(), Not(HasSubstr("INBOX")));
  EXPECT_THAT(bob.talk("APPEND " + box + " {5+}\r\nA: b\n"), StartsWith("t OK"));
  EXPECT_EQ(bob.talk("NOOP"), "t OK done\r\n") << "what it does itself it knows";
}

TEST_F(NotifyShared, ThoseThatMayNotBeSeenAreAsIfTheyWereNot) {
  const std::string ask = "NOTIFY SET STATUS (mailboxes (" + box +
                          " INBOX) (MessageNew MessageExpunge MailboxName "
                          "MailboxMetadataChange))";
  for (const std::string rights : {"\"\"", "rswipkxtea"}) {
    share(rights);
    EXPECT_THAT(bob.talk(ask), Not(HasSubstr("Projects"))) << rights;
    world.deliver(kLetter, "Projects");
    alice.talk("SETMETADATA Projects (/shared/comment \"" + std::to_string(rights.size()) + "\")");
    EXPECT_EQ(bob.talk("NOOP"), "t OK done\r\n") << rights;
  }
  share("l");
  EXPECT_THAT(bob.talk(ask), HasSubstr("* LIST (\\NoAccess) \"/\" " + box + "\r\n"));
  EXPECT_THAT(bob.take(), Not(HasSubstr("STATUS " + box)));
  world.deliver(kLetter, "Projects");
  EXPECT_EQ(bob.talk("NOOP"), "t OK done\r\n");
  share("lr");
  EXPECT_THAT(bob.talk(ask), HasSubstr("* STATUS " + box + " (MESSAGES 3 "));
}

TEST_F(NotifyShared, RightsComeAndGo) {
  share("lr");
  alice.talk("CREATE Always");
  alice.talk("SETACL Always bob@example.com lr");
  bob.talk("NOTIFY SET (subtree \"Other Users\" (MessageNew MessageExpunge MailboxName))");
  share("\"\"");
  EXPECT_TRUE(bob.wait_for("* LIST (\\NonExistent) \"/\" " + box + "\r\n", true));
  bob.take();
  world.deliver(kLetter, "Projects");
  EXPECT_EQ(bob.talk("NOOP"), "t OK done\r\n");
  share("lr");
  EXPECT_TRUE(bob.wait_for("* LIST () \"/\" " + box + "\r\n", true));
  world.deliver(kLetter, "Projects");
  EXPECT_TRUE(bob.wait_for("* STATUS " + box + " (UIDNEXT 3 MESSAGES 2)\r\n", true));
}

TEST_F(NotifyShared, SubscribedOnesAreFollowed) {
  share("lr");
  bob.talk("SUBSCRIBE " + box);
  bob.talk("NOTIFY SET (subscribed (MessageNew MessageExpunge)) (personal (SubscriptionChange))");
  world.deliver(kLetter, "Projects");
  EXPECT_TRUE(bob.wait_for("* STATUS " + box + " (UIDNEXT 2 MESSAGES 1)\r\n", true));
  bob.talk("SELECT " + box);
  world.deliver(kLetter, "Projects");
  EXPECT_THAT(bob.talk("NOOP"), Not(HasSubstr("STATUS"))) << "SELECTED tells of that";
}

// --- IDLE -----------------------------------------------------------------------------------------------------------

TEST(ImapIdle, SaysNowAndThenThatItIsThere) {
  World world;
  Client& c = world.logged_in();  // RFC 2177: no mailbox need be selected
  c.talk("IDLE");
  world.loop.run_for(minutes(11));
  const std::string said = c.take();
  EXPECT_THAT(said, StartsWith("* OK still here\r\n* OK still here\r\n"));
  EXPECT_EQ(said.size(), std::string("* OK still here\r\n").size() * 5);
  c.send("DONE\r\n");
  EXPECT_EQ(c.answer(), "t OK idled\r\n");
}

TEST(ImapIdle, AfterNotifyTellsWhatNotifySays) {
  World world;
  Client& c = world.logged_in();
  c.talk("NOTIFY SET (mailboxes Junk (MessageNew MessageExpunge))");
  c.talk("IDLE");
  world.deliver(kLetter);
  world.deliver(kLetter, "Junk");
  EXPECT_TRUE(c.wait_for("* STATUS \"Junk\" (UIDNEXT 2 MESSAGES 1)\r\n", true));
  EXPECT_THAT(c.take(), Not(HasSubstr("INBOX")));
}

}  // namespace
}  // namespace pabal::access::imap
