// Dialogues of SORT, THREAD, PARTIAL, searches that tell of changes, and Gmail's extensions.
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

std::string letter(const std::string& subject, const std::string& from, const std::string& more = "",
                   const std::string& text = "text") {
  return crlf("Subject: " + subject + "\nFrom: " + from + "\n" + more + "\n" + text + "\n");
}

class ImapSorted : public ::testing::Test {
 protected:
  ImapSorted() {
    int n = 0;
    for (const std::string& one :
         {letter("banana", "Zoe <zoe@x.org>", "Message-ID: <1@x>\n"),
          letter("Re: apple", "adam@x.org", "Message-ID: <2@x>\nReferences: <3@x>\n", std::string(500, 'y')),
          letter("apple", "Bob <bob@x.org>", "Message-ID: <3@x>\n"),
          letter("cherry", "Eve <eve@x.org>", "Message-ID: <4@x>\n")}) {
      world.deliver(one, "INBOX", {n % 2 ? uint8_t{0} : uint8_t{mailbox::kSeen}, {}},
                    from_unix(1'700'000'000 + 1'000 * n));
      ++n;
    }
    client = &world.selected();
  }
  std::string talk(const std::string& command) { return client->talk(command); }
  World world;
  Client* client = nullptr;
};

TEST_F(ImapSorted, Sorts) {
  EXPECT_EQ(talk("SORT (SUBJECT) UTF-8 ALL"), crlf("* SORT 2 3 1 4\nt OK searched\n"));
  EXPECT_EQ(talk("UID SORT (REVERSE ARRIVAL) us-ascii UNSEEN"), crlf("* SORT 4 2\nt OK searched\n"));
  EXPECT_EQ(talk("SORT (FROM) UTF-8 ALL"), crlf("* SORT 2 3 4 1\nt OK searched\n"));
  EXPECT_EQ(talk("SORT (REVERSE SIZE) UTF-8 1:2"), crlf("* SORT 2 1\nt OK searched\n"));
  EXPECT_EQ(talk("SORT (DISPLAYFROM) UTF-8 ALL"), crlf("* SORT 2 3 4 1\nt OK searched\n"));
  EXPECT_EQ(talk("SORT (DATE) UTF-8 TEXT nothing"), crlf("* SORT\nt OK searched\n"));
  EXPECT_EQ(talk("SORT RETURN () (SUBJECT) UTF-8 ALL"), crlf("* ESEARCH (TAG \"t\") ALL 2:3,1,4\nt OK searched\n"));
  EXPECT_EQ(talk("UID SORT RETURN (MIN MAX COUNT PARTIAL 2:3) (REVERSE ARRIVAL) UTF-8 ALL"),
            crlf("* ESEARCH (TAG \"t\") UID MIN 4 MAX 1 PARTIAL (2:3 3,2) COUNT 4\nt OK searched\n"));
  EXPECT_EQ(talk("SORT RETURN (SAVE) (SUBJECT) UTF-8 SEEN"), "t OK searched\r\n");
  EXPECT_EQ(talk("SEARCH $"), crlf("* SEARCH 1 3\nt OK searched\n"));
  for (const std::string bad : {"SORT (SUBJECT) ALL", "SORT (FOO) UTF-8 ALL", "SORT () UTF-8 ALL", "SORT"})
    EXPECT_THAT(talk(bad), StartsWith("t BAD ")) << bad;
  EXPECT_THAT(talk("SORT (DATE) X-FOO ALL"), StartsWith("t NO [BADCHARSET"));
}

TEST_F(ImapSorted, Threads) {
  EXPECT_EQ(talk("THREAD REFERENCES UTF-8 ALL"), crlf("* THREAD (1)(3 2)(4)\nt OK searched\n"));
  EXPECT_EQ(talk("UID THREAD ORDEREDSUBJECT UTF-8 ALL"), crlf("* THREAD (1)(2 3)(4)\nt OK searched\n"));
  EXPECT_EQ(talk("THREAD REFERENCES UTF-8 UNSEEN"), crlf("* THREAD (2)(4)\nt OK searched\n"));
  EXPECT_EQ(talk("THREAD REFERENCES UTF-8 KEYWORD none"), crlf("* THREAD\nt OK searched\n"));
  EXPECT_THAT(talk("THREAD REFS UTF-8 ALL"), StartsWith("t BAD "));
}

TEST_F(ImapSorted, AnswersInParts) {
  EXPECT_EQ(talk("UID SEARCH RETURN (PARTIAL -1:-2) ALL"),
            crlf("* ESEARCH (TAG \"t\") UID PARTIAL (-1:-2 3:4)\nt OK searched\n"));
  EXPECT_EQ(talk("UID FETCH 1:* (UID) (PARTIAL -1:-2)"), crlf("* 3 FETCH (UID 3)\n* 4 FETCH (UID 4)\nt OK fetched\n"));
  EXPECT_EQ(talk("UID FETCH 2:4 (UID) (PARTIAL 1:1)"), crlf("* 2 FETCH (UID 2)\nt OK fetched\n"));
  EXPECT_THAT(talk("FETCH 1:* (UID) (PARTIAL 1:1)"), StartsWith("t BAD "));
  EXPECT_THAT(talk("UID FETCH 1:* (UID) (PARTIAL 0:1)"), StartsWith("t BAD "));
}

// RFC 5032
TEST(ImapWithin, KnowsOldAndYoung) {
  World world;
  world.deliver(letter("old", "a@x.org"), "INBOX", {}, world.loop.now() - seconds(1'000));
  world.deliver(letter("young", "a@x.org"), "INBOX", {}, world.loop.now() - seconds(10));
  Client& c = world.selected();
  EXPECT_EQ(c.talk("SEARCH YOUNGER 500"), crlf("* SEARCH 2\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH OLDER 500"), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(c.talk("SEARCH NOT OLDER 5000"), crlf("* SEARCH 1 2\nt OK searched\n"));
}

// RFC 5267 §4.3
TEST_F(ImapSorted, ASearchTellsOfChanges) {
  EXPECT_EQ(talk("UID SEARCH RETURN (UPDATE COUNT) UNSEEN"),
            crlf("* ESEARCH (TAG \"t\") UID COUNT 2\nt OK searched\n"));
  EXPECT_EQ(talk("UID SEARCH RETURN (UPDATE COUNT) UNSEEN"),
            "t BAD that tag has a search that tells of changes already\r\n");
  EXPECT_EQ(talk("STORE 1 -FLAGS (\\Seen)"),
            crlf("* 1 FETCH (FLAGS ())\n* ESEARCH (TAG \"t\") UID ADDTO (0 1)\nt OK stored\n"))
      << "the client's own change too";
  EXPECT_EQ(talk("STORE 1,2 +FLAGS.SILENT (\\Seen)"),
            crlf("* ESEARCH (TAG \"t\") UID REMOVEFROM (0 1:2)\nt OK stored\n"));
  world.deliver(letter("new", "a@x.org"));
  world.remove(4);
  EXPECT_EQ(talk("NOOP"), crlf("* ESEARCH (TAG \"t\") UID REMOVEFROM (0 4)\n* 4 EXPUNGE\n* 4 EXISTS\n* 0 RECENT\n"
                               "* ESEARCH (TAG \"t\") UID ADDTO (0 5)\nt OK done\n"));
  EXPECT_EQ(talk("CANCELUPDATE \"t\""), "t OK no more of these\r\n");
  EXPECT_EQ(talk("STORE 1 -FLAGS (\\Seen)"), crlf("* 1 FETCH (FLAGS ())\nt OK stored\n"));
  EXPECT_THAT(talk("CANCELUPDATE"), StartsWith("t BAD "));
}

TEST_F(ImapSorted, ASortTellsOfChangesInItsOrder) {
  EXPECT_EQ(talk("SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 ALL"),
            crlf("* ESEARCH (TAG \"t\") ALL 2:3,1,4\nt OK searched\n"));
  world.deliver(letter("blueberry", "a@x.org"));
  EXPECT_EQ(talk("NOOP"), crlf("* 5 EXISTS\n* 0 RECENT\n* ESEARCH (TAG \"t\") ADDTO (4 5)\nt OK done\n"));
  world.remove(1);
  EXPECT_EQ(talk("NOOP"), crlf("* ESEARCH (TAG \"t\") REMOVEFROM (3 1)\n* 1 EXPUNGE\nt OK done\n"));
}

TEST_F(ImapSorted, NumbersInASearchMeanTheMessagesOfThen) {
  talk("SEARCH RETURN (UPDATE) 2:3 UNSEEN");
  world.remove(1);
  EXPECT_EQ(talk("NOOP"), crlf("* 1 EXPUNGE\nt OK done\n"));
  world.set_flags(3, 0);
  EXPECT_EQ(talk("NOOP"), crlf("* 2 FETCH (UID 3 FLAGS ())\n* ESEARCH (TAG \"t\") ADDTO (0 2)\nt OK done\n"));
}

TEST_F(ImapSorted, AnIdlingClientHearsOfItToo) {
  talk("UID SEARCH RETURN (UPDATE) FLAGGED");
  client->send("t IDLE\r\n");
  ASSERT_TRUE(client->wait_for("+ idling"));
  world.set_flags(2, mailbox::kFlagged);
  EXPECT_TRUE(client->wait_for("* ESEARCH (TAG \"t\") UID ADDTO (0 2)\r\n", true));
  client->take();
  client->send("DONE\r\n");
  EXPECT_THAT(client->answer(), HasSubstr("t OK idled"));
}

TEST_F(ImapSorted, TooManyThatTellAreRefusedAndAnswered) {
  for (int n = 0; n < 16; ++n) {
    client->send("u" + std::to_string(n) + " SEARCH RETURN (UPDATE) ALL\r\n");
    ASSERT_TRUE(client->wait_for("u" + std::to_string(n) + " OK"));
  }
  client->take();
  EXPECT_THAT(talk("SEARCH RETURN (UPDATE COUNT) ALL"),
              StartsWith("* ESEARCH (TAG \"t\") COUNT 4\r\n* NO [NOUPDATE \"t\"] "));
}

// --- X-GM-EXT-1 -----------------------------------------------------------------------------------------------------

TEST_F(ImapSorted, ShowsWhatGmailShows) {
  EXPECT_EQ(talk("FETCH 2 (X-GM-MSGID X-GM-THRID X-GM-LABELS)"),
            crlf("* 2 FETCH (X-GM-MSGID 2 X-GM-THRID 2 X-GM-LABELS (\\Inbox))\nt OK fetched\n"));
  EXPECT_EQ(talk("FETCH 3 (X-GM-THRID)"), crlf("* 3 FETCH (X-GM-THRID 2)\nt OK fetched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-THRID 2"), crlf("* SEARCH 2 3\nt OK searched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-MSGID 3"), crlf("* SEARCH 3\nt OK searched\n"));
}

TEST_F(ImapSorted, LabelsAreMailboxes) {
  EXPECT_EQ(talk("STORE 1 +X-GM-LABELS (\"To do\" \\Starred \\Important)"),
            crlf("* 1 FETCH (X-GM-LABELS (\\Inbox \"To do\" \\Important \\Starred))\n* 1 FETCH (UID 1 FLAGS (\\Flagged "
                 "\\Seen))\n"
                 "t OK labelled\n"));
  EXPECT_EQ(talk("SEARCH X-GM-LABELS \"To do\""), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-LABELS \\Starred"), crlf("* SEARCH 1\nt OK searched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-LABELS none"), crlf("* SEARCH\nt OK searched\n"));
  EXPECT_THAT(talk("STATUS \"To do\" (MESSAGES)"), HasSubstr("MESSAGES 1"));
  EXPECT_EQ(talk("STORE 1 -X-GM-LABELS.SILENT (\\Important)"), "t OK labelled\r\n");
  EXPECT_THAT(talk("UID STORE 1 -X-GM-LABELS \"\\\\Inbox\""),
              StartsWith(crlf("* 1 FETCH (X-GM-LABELS (\"To do\" \\Starred) UID 1)\n* 1 EXPUNGE\n")))
      << "it leaves the inbox";
  EXPECT_THAT(talk("UID STORE 2 X-GM-LABELS ()"), HasSubstr("(\\Archive)"))
      << "without a label it is archived, not lost";
  EXPECT_THAT(talk("STORE 1 +X-GM-LABELS (\\Nothing)"), StartsWith("t NO "));
  EXPECT_THAT(talk("STORE 1 +X-GM-LABELS"), StartsWith("t BAD "));
  EXPECT_THAT(talk("STORE 1 +X-GM-LABELS (a"), StartsWith("t BAD "));
}

TEST_F(ImapSorted, SearchesInGmailsLanguage) {
  EXPECT_EQ(talk("SEARCH X-GM-RAW \"subject:apple from:bob\""), crlf("* SEARCH 3\nt OK searched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-RAW \"is:unread -subject:cherry\""), crlf("* SEARCH 2\nt OK searched\n"));
  EXPECT_EQ(talk("SEARCH X-GM-RAW {banana OR cherry}"),
            "t BAD the search is malformed, or has a key that is not known here\r\n");
  EXPECT_EQ(talk("UID SEARCH UNSEEN X-GM-RAW \"banana OR cherry\""), crlf("* SEARCH 4\nt OK searched\n"));
  world.deliver(letter("apple", "bob@x.org"), "Archive");
  EXPECT_EQ(talk("SEARCH X-GM-RAW \"in:anywhere apple\""), crlf("* SEARCH 2 3\nt OK searched\n")) << "of this mailbox";
}

TEST(ImapUpdates, TellOfNewMessagesWhatWasAskedFor) {
  World world;
  const auto first = world.deliver(crlf("Subject: no\n\nx\n"));
  Client& c = world.selected();
  EXPECT_THAT(c.talk("SEARCH RETURN (COUNT UPDATE (uid body[header.fields (subject)])) OR SUBJECT boss FLAGGED"),
              HasSubstr("COUNT 0"));
  world.deliver(crlf("Subject: boss\n\nx\n"));
  world.deliver(crlf("Subject: other\n\nx\n"));
  world.set_flags(first, mailbox::kFlagged);
  const std::string said = c.talk("NOOP");
  EXPECT_THAT(said, HasSubstr(crlf("* 2 FETCH (UID 2 BODY[HEADER.FIELDS (subject)] {17}\nSubject: boss\n\n)\n"
                                   "* ESEARCH (TAG \"t\") ADDTO (0 1:2)\n")));
  EXPECT_THAT(said, Not(HasSubstr("* 3 FETCH")));
  EXPECT_THAT(said, HasSubstr("* 3 EXISTS\r\n"));
  EXPECT_THAT(c.talk("FETCH 2 FLAGS"), HasSubstr("FLAGS ()")) << "nothing was read";
  EXPECT_THAT(c.talk("SEARCH RETURN (UPDATE (foo)) ALL"), StartsWith("t BAD"));
}

}  // namespace
}  // namespace pabal::access::imap
