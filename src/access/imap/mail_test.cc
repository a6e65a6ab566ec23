// Dialogues about messages: FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, IDLE; and two sessions of one account.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "access/imap/session_testing.h"
#include "base/random.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

std::string letter(int n, const std::string& text = "hello") {
  return crlf("From: Bob <bob@example.net>\nTo: alice@example.com\nSubject: letter " + std::to_string(n) +
              "\nDate: Tue, 24 Nov 2026 10:00:0" + std::to_string(n % 10) + " +0900\nMessage-ID: <" +
              std::to_string(n) + "@example.net>\n\n" + text + "\n");
}
void deliver(World& world, int count) {
  for (int n = 1; n <= count; ++n) world.deliver(letter(n));
}
size_t occurrences(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// --- FETCH ----------------------------------------------------------------------------------------------------------

TEST(ImapFetch, GivesWhatIsKnownOfAMessage) {
  World world;
  deliver(world, 1);
  Client& c = world.selected();
  const std::string size = std::to_string(letter(1).size());
  EXPECT_EQ(c.talk("FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY PREVIEW)"),
            crlf("* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"14-Nov-2023 22:13:20 +0000\" RFC822.SIZE " + size +
                 " ENVELOPE (\"Tue, 24 Nov 2026 10:00:01 +0900\" \"letter 1\" ((\"Bob\" NIL \"bob\" \"example.net\")) "
                 "((\"Bob\" NIL \"bob\" \"example.net\")) "
                 "((\"Bob\" NIL \"bob\" \"example.net\")) ((NIL NIL \"alice\" \"example.com\")) NIL NIL NIL "
                 "\"<1@example.net>\")"
                 " BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1) PREVIEW \"hello\")\nt OK fetched\n"));
  EXPECT_EQ(c.talk("UID FETCH 1 FLAGS"), crlf("* 1 FETCH (UID 1 FLAGS ())\nt OK fetched\n"));
  EXPECT_EQ(
      c.talk("FETCH 1 BODYSTRUCTURE"),
      crlf("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1 NIL NIL NIL NIL))\nt OK fetched\n"));
}

TEST(ImapFetch, GivesSectionsAndSetsSeenUnlessPeeking) {
  World world;
  deliver(world, 2);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]"),
            crlf("* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {21}\nSubject: letter 1\n\n)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("FETCH 1 (UID BODY.PEEK[TEXT]<1.3> BINARY.SIZE[1])"),
            crlf("* 1 FETCH (UID 1 BODY[TEXT]<1> {3}\nell BINARY.SIZE[1] 7)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("FETCH 1 BODY[2]"),
            crlf("* 1 FETCH (BODY[2] NIL)\n* 1 FETCH (UID 1 FLAGS (\\Seen))\nt OK fetched\n"));
  EXPECT_EQ(c.talk("UID FETCH 2 (FLAGS BODY[TEXT] BINARY[1])"),
            crlf("* 2 FETCH (UID 2 FLAGS () BODY[TEXT] {7}\nhello\n BINARY[1] {7}\nhello\n)\n* 2 FETCH (UID 2 FLAGS "
                 "(\\Seen))\nt OK fetched\n"));
  EXPECT_EQ(c.talk("FETCH 2 BODY[TEXT]"), crlf("* 2 FETCH (BODY[TEXT] {7}\nhello\n)\nt OK fetched\n"));
  EXPECT_EQ(world.box("INBOX").unseen, 0u);
}

TEST(ImapFetch, HeadersAreTheSameWithAndWithoutTheBodyAndHoweverLong) {
  World world;
  const auto deliver_with = [&](int fields) {
    std::string head = "Subject: x\r\n";
    for (int n = 0; n < fields; ++n) head += "X-" + std::to_string(n) + ": " + std::string(50, 'v') + "\r\n";
    world.deliver(head + "To: bob\r\n\r\nthe body\r\n");
  };
  for (const int fields : {0, 10, 3'000}) deliver_with(fields);
  Client& c = world.selected();
  for (const std::string number : {"1", "2", "3"}) {
    const std::string alone = c.talk("FETCH " + number + " BODY.PEEK[HEADER]");
    const std::string both = c.talk("FETCH " + number + " (BODY.PEEK[HEADER] BODY.PEEK[TEXT])");
    const std::string end = ")\r\nt OK fetched\r\n";
    ASSERT_THAT(alone, ::testing::EndsWith("To: bob\r\n\r\n" + end));
    EXPECT_EQ(both, alone.substr(0, alone.size() - end.size()) + " BODY[TEXT] {10}\r\nthe body\r\n" + end);
    EXPECT_EQ(
        c.talk("FETCH " + number + " (BODY.PEEK[HEADER.FIELDS (subject)]<0.4> UID)"),
        crlf("* " + number + " FETCH (UID " + number + " BODY[HEADER.FIELDS (subject)]<0> {4}\nSubj)\nt OK fetched\n"));
  }
}

TEST(ImapFetch, OfAnExaminedMailboxSetsNothing) {
  World world;
  deliver(world, 1);
  Client& c = world.logged_in();
  c.talk("EXAMINE INBOX");
  EXPECT_EQ(c.talk("FETCH 1 BODY[TEXT]"), crlf("* 1 FETCH (BODY[TEXT] {7}\nhello\n)\nt OK fetched\n"));
  EXPECT_EQ(world.box("INBOX").unseen, 1u);
  EXPECT_THAT(c.talk("STORE 1 +FLAGS (\\Seen)"), StartsWith("t NO [READ-ONLY] "));
  EXPECT_THAT(c.talk("EXPUNGE"), StartsWith("t NO [READ-ONLY] "));
  EXPECT_THAT(c.talk("MOVE 1 Junk"), StartsWith("t NO [READ-ONLY] "));
}

TEST(ImapFetch, NumbersOutsideAreFaultsUidsOutsideAreNot) {
  World world;
  deliver(world, 3);
  Client& c = world.selected();
  EXPECT_THAT(c.talk("FETCH 4 FLAGS"), StartsWith("t BAD "));
  EXPECT_THAT(c.talk("FETCH 1:4 FLAGS"), StartsWith("t BAD "));
  EXPECT_EQ(c.talk("UID FETCH 4:9 FLAGS"), "t OK fetched\r\n");
  EXPECT_EQ(c.talk("UID FETCH 9:* UID"), crlf("* 3 FETCH (UID 3)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("FETCH 3:* UID"), crlf("* 3 FETCH (UID 3)\nt OK fetched\n"));
  c.talk("SELECT Junk");
  EXPECT_EQ(c.talk("FETCH 1:* FLAGS"), "t OK fetched\r\n");
  EXPECT_EQ(c.talk("UID FETCH 1:* FLAGS"), "t OK fetched\r\n");
  EXPECT_THAT(c.talk("FETCH 1 FLAGS"), StartsWith("t BAD "));
}

TEST(ImapFetch, WhatIsMalformedIsRefused) {
  World world;
  deliver(world, 1);
  Client& c = world.selected();
  for (const std::string bad : {"FETCH", "FETCH 1", "FETCH 1 ", "FETCH FLAGS 1", "FETCH 0 FLAGS", "FETCH 1 (FLAGS",
                                "FETCH 1 FOO", "FETCH  1 FLAGS", "FETCH 1 BODY[]<0.0>", "UID FETCH 1 ()"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

TEST(ImapFetch, AnUnknownTransferEncodingCannotBeUndone) {
  World world;
  world.deliver(crlf("Content-Transfer-Encoding: x-own\n\nx\n"));
  EXPECT_EQ(world.selected().talk("FETCH 1 BINARY[1]"), "t NO [UNKNOWN-CTE] that transfer encoding is not known\r\n");
}

TEST(ImapFetch, AMessageLargerThanTheBuffersComesWhole) {
  World world;
  std::string text;
  for (int i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i * 7919) + " some words on a line\r\n";
  const std::string whole = letter(1, text);
  world.deliver(whole);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("FETCH 1 BODY.PEEK[]"),
            "* 1 FETCH (BODY[] {" + std::to_string(whole.size()) + "}\r\n" + whole + ")\r\nt OK fetched\r\n");
  // In pieces, as some programs do.
  std::string pieces;
  for (size_t at = 0; at < whole.size(); at += 400'000) {
    const std::string answer = c.talk("FETCH 1 BODY.PEEK[]<" + std::to_string(at) + ".400000>");
    const size_t begin = answer.find("}\r\n") + 3;
    pieces += answer.substr(begin, answer.rfind(")\r\nt OK") - begin);
  }
  EXPECT_EQ(pieces, whole);
}

TEST(ImapFetch, AClientThatReadsNothingHoldsLittleAndIsGivenUp) {
  World world;
  world.deliver(letter(1, std::string(800'000, 'x')));
  Client& c = world.selected();
  c.pause(true);
  for (int i = 0; i < 100; ++i) c.send("t FETCH 1 BODY.PEEK[]\r\n");
  world.loop.run_for(minutes(1));
  c.pause(false);
  EXPECT_EQ(occurrences(c.answer(), "* 1 FETCH"), 1u);
  c.pause(true);
  world.loop.run_for(minutes(20));  // over the time for a write
  c.pause(false);
  EXPECT_TRUE(c.wait_closed());
}

TEST(ImapFetch, ManyFlagsComeInOrder) {
  World world;
  deliver(world, 9);
  Client& c = world.selected();
  for (int i = 0; i < 9; ++i) c.talk("COPY 1:* INBOX"), c.talk("NOOP");
  const uint32_t count = world.box("INBOX").messages;
  EXPECT_EQ(count, 9u << 9);
  const std::string answer = c.talk("FETCH 1:* (UID FLAGS)");
  std::string expected;
  for (uint32_t n = 1; n <= count; ++n)
    expected += "* " + std::to_string(n) + " FETCH (UID " + std::to_string(n) + " FLAGS ())\r\n";
  EXPECT_EQ(answer, expected + "t OK fetched\r\n");
}

TEST(ImapFetch, AReadIsTracedOnce) {
  World world;
  deliver(world, 1);
  Client& c = world.selected();
  c.talk("FETCH 1 BODY.PEEK[HEADER]");
  c.talk("FETCH 1 BODY[]");
  c.talk("FETCH 1 BODY[]");
  world.change([](store::Transaction&) { return Result<void>(); });  // what was queued before is written
  const auto events = *world.trace->find(*world.store, "<1@example.net>");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].station + " " + events[0].action + " " + events[0].recipient, "access read alice@example.com");
}

// --- STORE ----------------------------------------------------------------------------------------------------------

TEST(ImapStore, SetsAddsAndTakesFlags) {
  World world;
  deliver(world, 2);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("STORE 1:2 +FLAGS (\\Seen $Forwarded)"),
            crlf("* 1 FETCH (FLAGS (\\Seen $Forwarded))\n* 2 FETCH (FLAGS (\\Seen $Forwarded))\nt OK stored\n"));
  EXPECT_EQ(c.talk("UID STORE 1 -FLAGS $forwarded"), crlf("* 1 FETCH (UID 1 FLAGS (\\Seen))\nt OK stored\n"));
  EXPECT_EQ(c.talk("STORE 1 FLAGS (\\Flagged \\Answered)"),
            crlf("* 1 FETCH (FLAGS (\\Answered \\Flagged))\nt OK stored\n"));
  EXPECT_EQ(c.talk("STORE 1 FLAGS ()"), crlf("* 1 FETCH (FLAGS ())\nt OK stored\n"));
  EXPECT_EQ(c.talk("STORE 1 +FLAGS.SILENT (\\Seen)"), "t OK stored\r\n");
  EXPECT_EQ(c.talk("STORE 1 FLAGS \\Seen"),
            crlf("* 1 FETCH (FLAGS (\\Seen))\nt OK stored\n"));  // unchanged, but asked for
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapStore, NewKeywordsAreNamedFirst) {
  World world;
  deliver(world, 1);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("STORE 1 +FLAGS (Urgent)"), crlf("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded "
                                                    "$Junk $MDNSent $NotJunk $Phishing Urgent)\n"
                                                    "* 1 FETCH (FLAGS (Urgent))\nt OK stored\n"));
  EXPECT_EQ(c.talk("FETCH 1 FLAGS"), crlf("* 1 FETCH (FLAGS (Urgent))\nt OK fetched\n"));
}

TEST(ImapStore, WhatIsMalformedIsRefused) {
  World world;
  deliver(world, 1);
  Client& c = world.selected();
  for (const std::string bad :
       {"STORE 1", "STORE 1 FLAGS", "STORE 1 FOO (\\Seen)", "STORE 1 FLAGS (\\Foo)", "STORE 1 FLAGS (\\Seen) x",
        "STORE 2 FLAGS ()", "STORE 1 *FLAGS ()", "STORE 1 FLAGS (\\Seen"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
}

// --- COPY, MOVE, EXPUNGE --------------------------------------------------------------------------------------------

TEST(ImapCopy, SaysWhichBecameWhich) {
  World world;
  deliver(world, 3);
  Client& c = world.selected();
  const std::string validity = std::to_string(world.box("Junk").uid_validity);
  EXPECT_EQ(c.talk("COPY 1,3 Junk"), "t OK [COPYUID " + validity + " 1,3 1:2] copied\r\n");
  EXPECT_EQ(c.talk("UID COPY 9 Junk"), "t OK copied\r\n");
  EXPECT_EQ(c.talk("UID COPY 2 nothing"), "t NO [TRYCREATE] there is no mailbox of that name\r\n");
  EXPECT_THAT(c.talk("COPY 4 Junk"), StartsWith("t BAD "));
  c.talk("SELECT Junk");
  EXPECT_EQ(c.talk("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]"),
            crlf("* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {21}\nSubject: letter 1\n\n)\n"
                 "* 2 FETCH (BODY[HEADER.FIELDS (Subject)] {21}\nSubject: letter 3\n\n)\nt OK fetched\n"));
}

TEST(ImapCopy, OverQuotaLeavesNothingBehind) {
  World world(letter(1).size() * 3 + 10);
  deliver(world, 2);
  Client& c = world.selected();
  EXPECT_THAT(c.talk("COPY 1:2 INBOX"), StartsWith("t NO [OVERQUOTA] "));
  EXPECT_EQ(world.box("INBOX").messages, 2u);
}

TEST(ImapMove, ExpungesAfterSayingWhichBecameWhich) {
  World world;
  deliver(world, 4);
  Client& c = world.selected();
  const std::string validity = std::to_string(world.box("Archive").uid_validity);
  EXPECT_EQ(c.talk("MOVE 2:3 Archive"),
            crlf("* OK [COPYUID " + validity + " 2:3 1:2] moved\n* 3 EXPUNGE\n* 2 EXPUNGE\nt OK moved\n"));
  EXPECT_EQ(c.talk("UID MOVE 4 Archive"), crlf("* OK [COPYUID " + validity + " 4 3] moved\n* 2 EXPUNGE\nt OK moved\n"));
  EXPECT_EQ(c.talk("UID MOVE 4 Archive"), "t OK moved\r\n");
  EXPECT_EQ(world.box("INBOX").messages, 1u);
  EXPECT_EQ(world.box("Archive").messages, 3u);
}

TEST(ImapExpunge, RemovesWhatIsDeletedAndOfUidsOnlyThose) {
  World world;
  deliver(world, 5);
  Client& c = world.selected();
  c.talk("STORE 1,3,5 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(c.talk("UID EXPUNGE 2:3"), crlf("* 3 EXPUNGE\nt OK expunged\n"));
  EXPECT_EQ(c.talk("EXPUNGE"), crlf("* 4 EXPUNGE\n* 1 EXPUNGE\nt OK expunged\n"));
  EXPECT_EQ(c.talk("UID SEARCH ALL"), crlf("* SEARCH 2 4\nt OK searched\n"));
  EXPECT_EQ(c.talk("EXPUNGE"), "t OK expunged\r\n");
  EXPECT_THAT(c.talk("EXPUNGE 1"), StartsWith("t BAD "));
  EXPECT_THAT(c.talk("UID EXPUNGE"), StartsWith("t BAD "));
}

TEST(ImapExpunge, LeavesTheCopyOfAMoveMadeByHand) {
  World world;
  deliver(world, 1);
  Client &c = world.selected(), &other = world.selected("Archive");
  c.talk("COPY 1 Archive");
  c.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
  EXPECT_EQ(other.talk("EXPUNGE"), crlf("* 1 EXISTS\n* 0 RECENT\nt OK expunged\n"))
      << "another client sees the copy and no flag on it";
  EXPECT_EQ(c.talk("EXPUNGE"), crlf("* 1 EXPUNGE\nt OK expunged\n"));
  c.talk("SELECT Archive");
  EXPECT_EQ(c.talk("FETCH 1 FLAGS"), crlf("* 1 FETCH (FLAGS ())\nt OK fetched\n"));
  EXPECT_EQ(c.talk("CLOSE"), "t OK closed\r\n");
  EXPECT_EQ(world.box("Archive").messages, 1u);
}

// --- SEARCH ---------------------------------------------------------------------------------------------------------

class ImapSearch : public ::testing::Test {
 protected:
  ImapSearch() {
    world.deliver(crlf("From: Bob <bob@example.net>\nTo: alice@example.com\nCc: carol@example.org\nSubject: "
                       "=?utf-8?B?7ZWc6rWt7Ja0IOuplOydvA==?=\n"
                       "Date: Mon, 02 Nov 2026 23:30:00 -0800\nX-Mark: one\n\nThe quick brown fox\n"),
                  "INBOX", {mailbox::kSeen, {"$Forwarded"}}, from_unix(1'700'000'000));  // 14 Nov 2023
    world.deliver(crlf("From: dave@example.net\nTo: alice@example.com\nSubject: second\nDate: Tue, 03 Nov 2026 "
                       "12:00:00 +0000\nMIME-Version: 1.0\n"
                       "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                       text::base64("encoded text") + "\n"),
                  "INBOX", {mailbox::kFlagged | mailbox::kAnswered, {}}, from_unix(1'700'086'400));  // 15 Nov 2023
    world.deliver(
        crlf("From: bob@example.net\nBcc: hidden@example.org\nSubject: third\n\n" + std::string(5'000, 'z') + "\n"),
        "INBOX", {mailbox::kDeleted | mailbox::kDraft, {}},
        from_unix(1'700'172'800));  // 16 Nov 2023
  }
  std::string find(const std::string& keys) {
    const std::string answer = world_client().talk("SEARCH " + keys);
    const size_t end = answer.find("\r\n");
    return answer.starts_with("* SEARCH") && answer.ends_with("t OK searched\r\n") ? answer.substr(8, end - 8) : answer;
  }
  Client& world_client() {
    if (!client) client = &world.selected();
    return *client;
  }
  World world;
  Client* client = nullptr;
};

TEST_F(ImapSearch, AnswersEveryKey) {
  const std::pair<std::string, std::string> cases[] = {{"ALL", " 1 2 3"},
                                                       {"SEEN", " 1"},
                                                       {"UNSEEN", " 2 3"},
                                                       {"ANSWERED", " 2"},
                                                       {"UNANSWERED", " 1 3"},
                                                       {"FLAGGED", " 2"},
                                                       {"UNFLAGGED", " 1 3"},
                                                       {"DELETED", " 3"},
                                                       {"UNDELETED", " 1 2"},
                                                       {"DRAFT", " 3"},
                                                       {"UNDRAFT", " 1 2"},
                                                       {"NEW", ""},
                                                       {"RECENT", ""},
                                                       {"OLD", " 1 2 3"},
                                                       {"KEYWORD $forwarded", " 1"},
                                                       {"UNKEYWORD $Forwarded", " 2 3"},
                                                       {"FROM bob", " 1 3"},
                                                       {"FROM \"Bob <bob\"", " 1"},
                                                       {"TO ALICE", " 1 2"},
                                                       {"CC carol", " 1"},
                                                       {"BCC hidden", " 3"},
                                                       {"SUBJECT 한국어", " 1"},
                                                       {"SUBJECT SECOND", " 2"},
                                                       {"BODY fox", " 1"},
                                                       {"BODY \"quick brown\"", " 1"},
                                                       {"BODY \"encoded text\"", " 2"},
                                                       {"BODY second", ""},
                                                       {"TEXT second", " 2"},
                                                       {"TEXT 메일", " 1"},
                                                       {"TEXT zzzz", " 3"},
                                                       {"HEADER X-Mark \"\"", " 1"},
                                                       {"HEADER x-mark ONE", " 1"},
                                                       {"HEADER Subject third", " 3"},
                                                       {"HEADER X-None \"\"", ""},
                                                       {"BEFORE 15-Nov-2023", " 1"},
                                                       {"ON 15-Nov-2023", " 2"},
                                                       {"SINCE 15-Nov-2023", " 2 3"},
                                                       {"SENTON 2-Nov-2026", " 1"},
                                                       {"SENTBEFORE 3-Nov-2026", " 1"},
                                                       {"SENTSINCE 3-Nov-2026", " 2"},  // as written, whatever the zone
                                                       {"LARGER 5000", " 3"},
                                                       {"SMALLER 5000", " 1 2"},
                                                       {"2", " 2"},
                                                       {"2:*", " 2 3"},
                                                       {"1,3", " 1 3"},
                                                       {"9", ""},
                                                       {"UID 1:2", " 1 2"},
                                                       {"UID 9:*", " 3"},
                                                       {"*", " 3"},
                                                       {"NOT SEEN", " 2 3"},
                                                       {"OR SEEN DRAFT", " 1 3"},
                                                       {"SEEN DRAFT", ""},
                                                       {"NOT (OR SEEN DRAFT)", " 2"},
                                                       {"(FROM bob) UNSEEN", " 3"},
                                                       {"OR (SEEN FROM bob) (NOT UID 1:2)", " 1 3"},
                                                       {"CHARSET UTF-8 SUBJECT {9+}\r\n한국어", " 1"}};
  for (const auto& [keys, expected] : cases) EXPECT_EQ(find(keys), expected) << keys;
}

TEST_F(ImapSearch, AnswersExtended) {
  Client& c = world_client();
  EXPECT_EQ(c.talk("SEARCH RETURN (MIN MAX COUNT) UNSEEN"),
            crlf("* ESEARCH (TAG \"t\") MIN 2 MAX 3 COUNT 2\nt OK searched\n"));
  EXPECT_EQ(c.talk("UID SEARCH RETURN () ALL"), crlf("* ESEARCH (TAG \"t\") UID ALL 1:3\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH RETURN (ALL) RECENT"), crlf("* ESEARCH (TAG \"t\")\nt OK searched\n"));
  c.talk("ENABLE IMAP4rev2");
  EXPECT_EQ(c.talk("SEARCH UNSEEN"), crlf("* ESEARCH (TAG \"t\") ALL 2:3\nt OK searched\n"));
}

TEST_F(ImapSearch, SavesItsResult) {
  Client& c = world_client();
  EXPECT_EQ(c.talk("FETCH $ FLAGS"), "t OK fetched\r\n");
  EXPECT_EQ(c.talk("SEARCH RETURN (SAVE) UNSEEN"), "t OK searched\r\n");
  EXPECT_EQ(c.talk("FETCH $ UID"), crlf("* 2 FETCH (UID 2)\n* 3 FETCH (UID 3)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("SEARCH $ DRAFT"), crlf("* SEARCH 3\nt OK searched\n"));
  EXPECT_EQ(c.talk("UID SEARCH NOT UID $"), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(c.talk("UID EXPUNGE $"), crlf("* 3 EXPUNGE\nt OK expunged\n"));
  EXPECT_EQ(c.talk("UID STORE $ +FLAGS (\\Seen)"),
            crlf("* 2 FETCH (UID 2 FLAGS (\\Answered \\Flagged \\Seen))\nt OK stored\n"));
  c.talk("SELECT INBOX");
  EXPECT_EQ(c.talk("FETCH $ UID"), "t OK fetched\r\n");  // RFC 5182 §2.1: reset
}

TEST_F(ImapSearch, RefusesWhatItCannotUnderstand) {
  Client& c = world_client();
  EXPECT_EQ(c.talk("SEARCH CHARSET X-FOO TEXT x"),
            "t NO [BADCHARSET (UTF-8 US-ASCII)] that charset is not known here\r\n");
  for (const std::string bad :
       {"SEARCH", "SEARCH FOO", "SEARCH RETURN (FOO) ALL", "SEARCH (ALL", "SEARCH ON yesterday"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
  c.talk("ENABLE UTF8=ACCEPT");
  EXPECT_THAT(c.talk("SEARCH CHARSET UTF-8 ALL"), StartsWith("t BAD "));
}

// --- two sessions ---------------------------------------------------------------------------------------------------

TEST(ImapNews, ExpungesAreHeldBackWhileNumbersMayBeOnTheirWay) {
  World world;
  deliver(world, 4);
  Client& a = world.selected();
  Client& b = world.selected();
  b.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
  b.talk("EXPUNGE");
  b.talk("APPEND INBOX {5+}\r\nA: b\n");
  EXPECT_EQ(a.talk("FETCH 1 UID"), crlf("* 1 FETCH (UID 1)\n* 5 EXISTS\n* 0 RECENT\nt OK fetched\n"));
  EXPECT_EQ(a.talk("SEARCH 3"), crlf("* SEARCH 3\nt OK searched\n"));
  EXPECT_EQ(a.talk("STORE 3 +FLAGS (\\Seen)"), crlf("* 3 FETCH (FLAGS (\\Seen))\nt OK stored\n"));
  EXPECT_EQ(a.talk("FETCH 2 FLAGS"), "t NO [EXPUNGEISSUED] some of these messages were removed by another session\r\n");
  EXPECT_EQ(a.talk("STORE 2 +FLAGS (\\Seen)"),
            "t NO [EXPUNGEISSUED] some of these messages were removed by another session\r\n");
  EXPECT_EQ(a.talk("UID FETCH 3 UID"), crlf("* 3 FETCH (UID 3)\n* 2 EXPUNGE\nt OK fetched\n"));
  EXPECT_EQ(a.talk("FETCH 2 UID"), crlf("* 2 FETCH (UID 3)\nt OK fetched\n"));
}

TEST(ImapNews, FlagsOfOthersAreTold) {
  World world;
  deliver(world, 2);
  Client& a = world.selected();
  Client& b = world.selected();
  b.talk("STORE 1 +FLAGS (\\Answered)");
  EXPECT_EQ(a.talk("STORE 1 +FLAGS.SILENT (\\Seen)"),
            crlf("* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen))\nt OK stored\n"));
  EXPECT_EQ(a.talk("NOOP"), "t OK done\r\n");
  EXPECT_EQ(b.talk("NOOP"), crlf("* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen))\nt OK done\n"));
}

TEST(ImapNews, ADeletedMailboxEndsTheSessionsThatHaveItOpen) {
  World world;
  Client& a = world.logged_in();
  a.talk("CREATE x");
  a.talk("SELECT x");
  Client& b = world.selected("x");
  Client& c = world.selected("x");
  c.send("t IDLE\r\n");
  EXPECT_TRUE(c.wait_for("+ idling"));
  EXPECT_EQ(a.talk("DELETE x"), crlf("* OK [CLOSED] the mailbox selected before\nt OK deleted\n"));
  EXPECT_EQ(a.talk("FETCH 1 FLAGS"), "t BAD select a mailbox first\r\n");
  EXPECT_EQ(b.talk("NOOP"), crlf("* BYE the mailbox was deleted by another session\nt OK done\n"));
  EXPECT_TRUE(b.wait_closed());
  EXPECT_TRUE(c.wait_for("* BYE the mailbox was deleted by another session\r\n", true));
  EXPECT_TRUE(c.wait_closed());
}

TEST(ImapNews, ARenamedMailboxStaysOpen) {
  World world;
  Client& a = world.logged_in();
  a.talk("CREATE x");
  Client& b = world.selected("x");
  EXPECT_EQ(a.talk("RENAME x y"), "t OK renamed\r\n");
  a.talk("APPEND y {5+}\r\nA: b\n");
  EXPECT_EQ(b.talk("NOOP"), crlf("* 1 EXISTS\n* 0 RECENT\nt OK done\n"));
}

// --- IDLE -----------------------------------------------------------------------------------------------------------

TEST(ImapIdle, TellsWhatHappensAtOnce) {
  World world;
  deliver(world, 2);
  Client& c = world.selected();
  EXPECT_EQ(c.talk("IDLE"), "+ idling\r\n");
  const auto id = world.deliver(letter(3));
  EXPECT_TRUE(c.wait_for("* 3 EXISTS\r\n", true));
  c.take();
  world.set_flags(id, mailbox::kFlagged);
  EXPECT_TRUE(c.wait_for("* 3 FETCH (UID 3 FLAGS (\\Flagged))\r\n", true));
  c.take();
  world.remove(id);
  EXPECT_TRUE(c.wait_for("* 3 EXPUNGE\r\n", true));
  c.take();
  c.send("DONE\r\n");
  EXPECT_EQ(c.answer(), "t OK idled\r\n");
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapIdle, TellsWhatHappenedBefore) {
  World world;
  Client& c = world.selected();
  deliver(world, 1);
  c.send("t IDLE\r\n");
  EXPECT_TRUE(c.wait_for("* 1 EXISTS\r\n"));
  EXPECT_THAT(c.take(), StartsWith("+ idling\r\n"));
}

TEST(ImapIdle, EndsByDoneAlone) {
  World world;
  Client& c = world.selected();
  c.send("t IDLE\r\nDONE\r\nt NOOP\r\n");
  EXPECT_EQ(c.answer(), "+ idling\r\n");
  EXPECT_EQ(c.answer(), "t OK idled\r\n");
  EXPECT_EQ(c.answer(), "t OK done\r\n");
  c.talk("IDLE");
  c.send("t NOOP\r\n");
  EXPECT_EQ(c.answer(), "t BAD DONE was expected\r\n");
  Client& out = world.logged_in();
  EXPECT_EQ(out.talk("IDLE"), "+ idling\r\n");  // RFC 9051 §6.3.13: without a mailbox too
  out.send("done\r\n");
  EXPECT_EQ(out.answer(), "t OK idled\r\n");
}

TEST(ImapIdle, ClientsThatVanishAreNoticed) {
  World world;
  for (int i = 0; i < 20; ++i) {
    Client& c = world.selected();
    c.talk("IDLE");
    if (i % 2) world.deliver(letter(i % 10));  // a push and the end at once
    c.hang_up();
    if (i % 3) world.deliver(letter(i % 10));
  }
  Client& silent = world.selected();
  silent.talk("IDLE");
  EXPECT_TRUE(silent.wait_closed());
  EXPECT_THAT(silent.take(), HasSubstr("* BYE nothing was heard for too long\r\n"));
}

// --- many clients, one truth ----------------------------------------------------------------------------------------

// What a client knows, from the answers alone.
struct Picture {
  std::vector<std::pair<uint32_t, std::string>> messages;  // UID (0: not fetched) and flags, by sequence number

  void take(const std::string& answer) {
    for (const std::string_view raw : text::split(answer, '\n')) {
      const std::string line(text::trim(raw));
      if (!line.starts_with("* ")) continue;
      char* end = nullptr;
      const size_t n = std::strtoul(line.c_str() + 2, &end, 10);
      const std::string rest = end;
      if (rest == " EXISTS") {
        ASSERT_GE(n, messages.size()) << line;
        messages.resize(n);
      } else if (rest == " EXPUNGE") {
        ASSERT_TRUE(n >= 1 && n <= messages.size()) << line;
        messages.erase(messages.begin() + static_cast<long>(n) - 1);
      } else if (rest.starts_with(" FETCH (")) {
        ASSERT_TRUE(n >= 1 && n <= messages.size()) << line;
        if (const size_t uid = rest.find("UID "); uid != rest.npos) {
          const uint32_t value = static_cast<uint32_t>(std::strtoul(rest.c_str() + uid + 4, nullptr, 10));
          ASSERT_TRUE(messages[n - 1].first == 0 || messages[n - 1].first == value) << line;
          messages[n - 1].first = value;
        }
        if (const size_t flags = rest.find("FLAGS ("); flags != rest.npos)
          messages[n - 1].second = rest.substr(flags + 6, rest.find(')', flags) - flags - 5);
      }
    }
  }
};

TEST(ImapNews, SessionsConvergeWhateverTheyDo) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    World world;
    deliver(world, 5);
    SeededRandom random(seed);
    struct Side {
      Client* client;
      Picture picture;
    };
    std::vector<Side> sides;
    const auto talk = [](Side& side, const std::string& command) {
      const std::string answer = side.client->talk(command);
      side.picture.take(answer);
      return answer;
    };
    for (int i = 0; i < 3; ++i) {
      sides.push_back({&world.logged_in(), {}});
      talk(sides.back(), "SELECT INBOX");
      talk(sides.back(), "FETCH 1:* (UID FLAGS)");
    }
    for (int step = 0; step < 80; ++step) {
      Side& side = sides[random.below(sides.size())];
      const size_t count = side.picture.messages.size();
      const std::string some = count == 0 ? "1:*" : std::to_string(1 + random.below(count)) + ":*";
      const std::string uid = std::to_string(1 + random.below(40));
      const char* flag[] = {"\\Seen", "\\Flagged", "\\Deleted", "$Junk"};
      const std::string flags = std::string(random.below(2) ? "+" : "-") + "FLAGS (" + flag[random.below(4)] + ")";
      switch (random.below(9)) {
        case 0:
          talk(side, "NOOP");
          break;
        case 1:
          talk(side, "STORE " + some + " " + flags);
          break;
        case 2:
          talk(side, "UID STORE " + uid + " " + flags);
          break;
        case 3:
          talk(side, "APPEND INBOX {5+}\r\nA: b\n");
          break;
        case 4:
          talk(side, "EXPUNGE");
          break;
        case 5:
          talk(side, "FETCH " + some + " (FLAGS)");
          break;
        case 6:
          talk(side, "UID MOVE " + uid + " Junk");
          break;
        case 7:
          talk(side, "COPY " + some + " INBOX");
          break;
        case 8:
          talk(side, "UID SEARCH UNSEEN");
          break;
      }
      if (world.box("INBOX").messages > 40) {
        talk(side, "UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
        talk(side, "EXPUNGE");
        talk(side, "NOOP");
        talk(side, "FETCH 1:* (UID FLAGS)");
      }
      if (HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
    // The truth, read from the store.
    std::vector<std::pair<uint32_t, std::string>> truth;
    Side fresh{&world.logged_in(), {}};
    talk(fresh, "SELECT INBOX");
    talk(fresh, "FETCH 1:* (UID FLAGS)");
    for (Side& side : sides) {
      talk(side, "NOOP");
      // New messages whose flags were never told are asked for; what was told must be right already.
      const auto told = side.picture.messages;
      talk(side, "FETCH 1:* (UID FLAGS)");
      ASSERT_EQ(told.size(), side.picture.messages.size());
      for (size_t i = 0; i < told.size(); ++i)
        if (told[i].first > 0 && !told[i].second.empty()) {
          EXPECT_EQ(told[i], side.picture.messages[i]) << "seed " << seed;
        }
      EXPECT_EQ(side.picture.messages, fresh.picture.messages) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace pabal::access::imap
