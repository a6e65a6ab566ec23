// Dialogues of APPEND and REPLACE: one message, several, put together, in place of another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/append_request.h"
#include "access/imap/session_testing.h"
#include "base/random.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using std::string_literals::operator""s;
using testing::Client;
using testing::crlf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::World;

TEST(ImapAppend, StoresWhatItIsGiven) {
  World world;
  Client& c = world.selected();
  const std::string validity = std::to_string(world.box("INBOX").uid_validity);
  EXPECT_EQ(c.talk("APPEND INBOX (\\Seen $Label) \"17-Jul-1996 02:44:25 -0700\" {24}"), "+ go ahead\r\n");
  c.send("Subject: kept\r\n\r\nhello\r\n\r\n");  // the last line end is the command's
  EXPECT_EQ(c.answer(), crlf("* 1 EXISTS\n* 0 RECENT\nt OK [APPENDUID " + validity + " 1] appended\n"));
  EXPECT_EQ(c.talk("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])"),
            crlf("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded $Junk $Label $MDNSent $NotJunk "
                 "$Phishing)\n"
                 "* 1 FETCH (FLAGS (\\Seen $Label) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" BODY[] {24}\nSubject: "
                 "kept\n\nhello\n)\nt OK fetched\n"));
  EXPECT_EQ(c.talk("APPEND Drafts {5+}\r\nA: b\n"),
            "t OK [APPENDUID " + std::to_string(world.box("Drafts").uid_validity) + " 1] appended\r\n");
  EXPECT_THAT(c.talk("APPEND INBOX ~{5+}\r\nA: b\n"), HasSubstr("t OK [APPENDUID "));
  EXPECT_THAT(c.talk("APPEND INBOX UTF8 (~{6+}\r\nA: \xC3\xA9\n)"), HasSubstr("t OK [APPENDUID "));
}

TEST(ImapAppend, WhatCannotBeStoredIsRefused) {
  World world(100'000);
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("APPEND nothing {5+}\r\nA: b\n"), "t NO [TRYCREATE] there is no mailbox of that name\r\n");
  EXPECT_THAT(c.talk("APPEND INBOX {2000000}"), StartsWith("t NO [TOOBIG] "));
  EXPECT_THAT(c.talk("APPEND INBOX {2000000+}\r\n" + std::string(2'000'000, 'x')), StartsWith("t NO [TOOBIG] "));
  EXPECT_THAT(c.talk("APPEND INBOX {200000+}\r\n" + std::string(200'000, 'x')), StartsWith("t NO [OVERQUOTA] "));
  EXPECT_THAT(c.talk("APPEND INBOX ~{3+}\r\n" + std::string("a\0b", 3)), StartsWith("t NO [UNKNOWN-CTE] "));
  EXPECT_THAT(c.talk("APPEND INBOX {0+}\r\n"), StartsWith("t NO [CANNOT] "));
  for (const std::string bad :
       {"APPEND INBOX", "APPEND INBOX x", "APPEND INBOX (\\Foo) {1+}\r\nx", "APPEND INBOX \"x\" {1+}\r\nx",
        "APPEND INBOX {1+}\r\nx y", "APPEND INBOX UTF8 ({1+}\r\nx)"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
  EXPECT_EQ(world.box("INBOX").messages, 0u);
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapAppend, LargeMessagesComeBackOctetByOctet) {
  World world;
  SeededRandom random(3);
  std::string text = "Subject: x\r\n\r\n";
  while (text.size() < 900'000) text += static_cast<char>('!' + random.below(90));
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("APPEND INBOX {" + std::to_string(text.size()) + "+}\r\n" + text), StartsWith("t OK [APPENDUID "));
  c.talk("SELECT INBOX");
  EXPECT_EQ(c.talk("FETCH 1 RFC822"), "* 1 FETCH (RFC822 {" + std::to_string(text.size()) + "}\r\n" + text +
                                          ")\r\n* 1 FETCH (UID 1 FLAGS (\\Seen))\r\nt OK fetched\r\n");
}

// --- MULTIAPPEND ----------------------------------------------------------------------------------------------------

TEST(ImapMultiappend, BringsAllMessagesAtOnce) {
  World world;
  Client& c = world.selected();
  EXPECT_EQ(c.talk("APPEND INBOX (\\Seen) {4}"), "+ go ahead\r\n");
  c.send("A: b (\\Flagged) \" 7-Feb-1994 22:43:04 -0800\" {4}\r\n");
  EXPECT_EQ(c.answer(), "+ go ahead\r\n");
  c.send("C: d {6+}\r\nE: fgh\r\n");
  EXPECT_EQ(c.answer(), "* 3 EXISTS\r\n* 0 RECENT\r\nt OK [APPENDUID " +
                            std::to_string(world.box("INBOX").uid_validity) + " 1:3] appended\r\n");
  EXPECT_EQ(
      c.talk("FETCH 1:3 (FLAGS BODY.PEEK[])"),
      crlf("* 1 FETCH (FLAGS (\\Seen) BODY[] {4}\nA: b)\n* 2 FETCH (FLAGS (\\Flagged) BODY[] {4}\nC: d)\n* 3 FETCH "
           "(FLAGS () BODY[] {6}\nE: fgh)\nt OK fetched\n"));
}

TEST(ImapMultiappend, BringsAllOrNone) {
  World world(100'000);
  Client& c = world.logged_in();
  const std::string large = "{60000+}\r\n" + std::string(60'000, 'x');
  EXPECT_THAT(c.talk("APPEND INBOX " + large + " " + large), StartsWith("t NO [OVERQUOTA] "));
  EXPECT_EQ(c.talk("APPEND INBOX {4}"), "+ go ahead\r\n");
  c.send("A: b {0}\r\n");  // RFC 3502 §6.3.11: cancels
  EXPECT_EQ(c.answer(), "+ go ahead\r\n");
  c.send("\r\n");
  EXPECT_THAT(c.answer(), StartsWith("t NO [CANNOT] "));
  EXPECT_THAT(c.talk("APPEND INBOX {4+}\r\nA: b ~{4+}\r\nA: \0"s), StartsWith("t NO [UNKNOWN-CTE] "));
  EXPECT_THAT(c.talk("APPEND INBOX {4+}\r\nA: b (\\Seen)"), StartsWith("t BAD "));
  EXPECT_EQ(world.box("INBOX").messages, 0u);
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

TEST(ImapMultiappend, IsBoundedAsAWhole) {
  World world;
  Client& c = world.logged_in();
  const std::string half = "{600000+}\r\n" + std::string(600'000, 'x');
  EXPECT_THAT(c.talk("APPEND INBOX " + half + " " + half), StartsWith("t NO [TOOBIG] "));
  EXPECT_EQ(c.talk("APPEND INBOX {600000+}\r\n" + std::string(600'000, 'x') + " {600000}").substr(0, 14),
            "t NO [TOOBIG] ");
  std::string many = "APPEND INBOX";
  for (size_t i = 0; i <= kMaxAppends; ++i) many += " {4+}\r\nA: b";
  EXPECT_THAT(c.talk(many), StartsWith("t BAD "));
  EXPECT_EQ(world.box("INBOX").messages, 0u);
  EXPECT_EQ(c.talk("NOOP"), "t OK done\r\n");
}

// --- binary ---------------------------------------------------------------------------------------------------------

TEST(ImapAppend, BinaryPartsAreGivenAsBase64AndAsTheyWere) {
  World world;
  Client& c = world.selected();
  const std::string mail =
      crlf("Subject: x\nMIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: binary\n\n") +
      "\x89P\0G"s;
  EXPECT_THAT(c.talk("APPEND INBOX ~{" + std::to_string(mail.size()) + "+}\r\n" + mail), HasSubstr("t OK [APPENDUID "));
  EXPECT_EQ(
      c.talk("FETCH 1 (BODY.PEEK[TEXT] BINARY.PEEK[1] BINARY.SIZE[1])"),
      "* 1 FETCH (BODY[TEXT] {10}\r\niVAARw==\r\n BINARY[1] ~{4}\r\n\x89P\0G BINARY.SIZE[1] 4)\r\nt OK fetched\r\n"s);
  EXPECT_THAT(c.talk("FETCH 1 BODYSTRUCTURE"), HasSubstr("\"BASE64\""));
}

// --- CATENATE -------------------------------------------------------------------------------------------------------

class ImapCatenate : public ::testing::Test {
 protected:
  ImapCatenate() {
    world.deliver(crlf("Subject: draft\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
                       "old words\n--b\nContent-Type: a/b\nX-File: 1\n\nthe file\n--b--\n"),
                  "Drafts");
    validity = std::to_string(world.box("Drafts").uid_validity);
  }
  World world;
  std::string validity;
};

TEST_F(ImapCatenate, PutsPartsOfMessagesTogether) {
  Client& c = world.selected("Drafts");
  const std::string base = "/Drafts;UIDVALIDITY=" + validity + "/;UID=1";
  EXPECT_EQ(c.talk("APPEND Drafts (\\Draft) CATENATE (URL " + base + "/;section=HEADER TEXT {18}"), "+ go ahead\r\n");
  c.send("--b\r\n\r\nnew words\r\n TEXT {5+}\r\n--b\r\n URL \"" + base + "/;section=2.MIME\" URL ;UID=1/;SECTION=2 " +
         "TEXT {9+}\r\n\r\n--b--\r\n)\r\n");
  EXPECT_EQ(c.answer(), "* 2 EXISTS\r\n* 0 RECENT\r\nt OK [APPENDUID " + validity + " 2] appended\r\n");
  const std::string whole = crlf(
      "Subject: draft\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nnew words\n--b\nContent-Type: a/b\n"
      "X-File: 1\n\nthe file\n--b--\n");
  EXPECT_EQ(
      c.talk("FETCH 2 (FLAGS BODY.PEEK[])"),
      "* 2 FETCH (FLAGS (\\Draft) BODY[] {" + std::to_string(whole.size()) + "}\r\n" + whole + ")\r\nt OK fetched\r\n");
  EXPECT_EQ(c.talk("FETCH 1 FLAGS"), crlf("* 1 FETCH (FLAGS ())\nt OK fetched\n"));  // RFC 4469 §3: not \Seen
}

TEST_F(ImapCatenate, SaysWhichUrlIsBad) {
  Client& c = world.logged_in();
  const std::string good = "URL /Drafts/;UID=1/;SECTION=TEXT/;PARTIAL=0.5";
  for (const std::string bad : {"/Drafts/;UID=2", "/nothing/;UID=1", ";UID=1", "/Drafts/;UID=1/;SECTION=3",
                                "/Drafts;UIDVALIDITY=1/;UID=1", "imap://host/Drafts/;UID=1", "x"})
    EXPECT_THAT(c.talk("APPEND INBOX CATENATE (" + good + " URL " + bad + ")"),
                StartsWith("t NO [BADURL " + bad + "] "));
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (URL {6+}\r\na]\r\n\xC3\xA9)"),
              StartsWith("t NO [BADURL a%5d%0d%0a%c3%a9] "));
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (URL /Drafts/;UID=1/;SECTION=TEXT/;PARTIAL=5000)"),
              StartsWith("t NO [CANNOT] "));
  for (const std::string bad : {"CATENATE", "CATENATE ()", "CATENATE (TEXT x)", "CATENATE (URL)", "CATENATE (URL x",
                                "CATENATE ({1+}\r\nx)", "CATENATE (TEXT {1+}\r\nx) x"})
    EXPECT_THAT(c.talk("APPEND INBOX " + bad), StartsWith("t BAD ")) << bad;
  std::string many;
  for (size_t i = 0; i <= kMaxUrls; ++i) many += (i ? " " : "") + good;
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (" + many + ")"), StartsWith("t BAD "));
  EXPECT_EQ(world.box("INBOX").messages, 0u);
}

TEST_F(ImapCatenate, IsBounded) {
  world.deliver("Subject: x\r\n\r\n" + std::string(400'000, 'x'), "Drafts");
  Client& c = world.logged_in();
  const std::string url = "URL /Drafts/;UID=2";
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (" + url + " " + url + " " + url + ")"), StartsWith("t NO [TOOBIG] "));
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (" + url + ") CATENATE (" + url + ") CATENATE (" + url + ")"),
              StartsWith("t NO [TOOBIG] "));
  EXPECT_THAT(c.talk("APPEND INBOX CATENATE (" + url + ") CATENATE (" + url + " UTF8 (~{1+}\r\nx))"),
              StartsWith("t OK [APPENDUID "));
  EXPECT_EQ(world.box("INBOX").messages, 2u);
}

// --- REPLACE --------------------------------------------------------------------------------------------------------

TEST(ImapReplace, PutsOneMessageInPlaceOfAnother) {
  World world;
  world.deliver("Subject: 1\r\n\r\n", "Drafts", {mailbox::kFlagged, {}});
  world.deliver("Subject: 2\r\n\r\n", "Drafts");
  Client& c = world.selected("Drafts");
  const std::string code = "[APPENDUID " + std::to_string(world.box("Drafts").uid_validity) + " ";
  EXPECT_EQ(c.talk("REPLACE 1 Drafts (\\Draft) {4+}\r\nA: b"),
            "* OK " + code + "3] the new message\r\n* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 0 RECENT\r\nt OK replaced\r\n");
  EXPECT_EQ(c.talk("UID FETCH 3 FLAGS"), crlf("* 2 FETCH (UID 3 FLAGS (\\Draft))\nt OK fetched\n"));
  EXPECT_THAT(c.talk("UID REPLACE 3 Sent CATENATE (TEXT {6+}\r\nX: y\r\n URL ;UID=3)"),
              HasSubstr("* 2 EXPUNGE\r\nt OK "));
  EXPECT_EQ(world.box("Drafts").messages, 1u);
  EXPECT_EQ(world.box("Sent").messages, 1u);
}

TEST(ImapReplace, CountsOnlyTheDifferenceForTheQuota) {
  World world(100'000);
  world.deliver(std::string(90'000, 'x'), "Drafts");
  Client& c = world.selected("Drafts");
  EXPECT_THAT(c.talk("REPLACE 1 Drafts {95000+}\r\n" + std::string(95'000, 'y')), HasSubstr("t OK replaced"));
  EXPECT_THAT(c.talk("REPLACE 1 Drafts {105000+}\r\n" + std::string(105'000, 'z')), StartsWith("t NO [OVERQUOTA] "));
  EXPECT_EQ(world.box("Drafts").messages, 1u);
  EXPECT_EQ(world.box("Drafts").octets, 95'000u);
}

TEST(ImapReplace, WhatCannotBeDoneLeavesAllAsItWas) {
  World world;
  const auto id = world.deliver("Subject: 1\r\n\r\n", "Drafts");
  Client& c = world.selected("Drafts");
  EXPECT_THAT(c.talk("REPLACE 1 nothing {1+}\r\nx"), StartsWith("t NO [TRYCREATE] "));
  EXPECT_THAT(c.talk("UID REPLACE 9 Drafts {1+}\r\nx"), StartsWith("t NO [NONEXISTENT] "));
  for (const std::string bad : {"REPLACE 9 Drafts {1+}\r\nx", "REPLACE 1:1 Drafts {1+}\r\nx", "REPLACE 1 {1+}\r\nx",
                                "REPLACE 1 Drafts {1+}\r\nx {1+}\r\ny", "REPLACE $ Drafts {1+}\r\nx", "REPLACE"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
  EXPECT_EQ(world.box("Drafts").messages, 1u);
  world.remove(id, "Drafts");  // behind its back
  EXPECT_THAT(c.talk("REPLACE 1 Drafts {1+}\r\nx"), StartsWith("t NO [NONEXISTENT] "));
  EXPECT_EQ(world.box("Drafts").messages, 0u);
  c.talk("EXAMINE Drafts");
  world.deliver("Subject: 1\r\n\r\n", "Drafts");
  c.talk("NOOP");
  EXPECT_THAT(c.talk("REPLACE * Drafts {1+}\r\nx"), StartsWith("t NO [READ-ONLY] "));
  EXPECT_THAT(world.logged_in().talk("REPLACE 1 Drafts {1+}\r\nx"), StartsWith("t BAD "));
}

}  // namespace
}  // namespace pabal::access::imap
