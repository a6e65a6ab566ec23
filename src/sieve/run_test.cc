#include <gtest/gtest.h>

#include "sieve/test_script.h"

namespace pabal::sieve {
namespace {

TEST(SieveRun, KeepsUnlessSomethingElseIsDone) {
  EXPECT_EQ(did(""), "implicit keep");
  EXPECT_EQ(did("keep;"), "keep");
  EXPECT_EQ(did("keep; keep;"), "keep");
  EXPECT_EQ(did("discard;"), "discard");
  EXPECT_EQ(did("discard; keep;"), "keep");
  EXPECT_EQ(did("require \"fileinto\"; fileinto \"a\"; fileinto \"b\"; fileinto \"a\";"), "fileinto a; fileinto b");
  EXPECT_EQ(did("require \"fileinto\"; fileinto \"a\"; keep;"), "fileinto a; keep");
  EXPECT_EQ(did("redirect \"bart@example.com\";"), "redirect bart@example.com");
  EXPECT_EQ(did("redirect \"Bart <bart@example.com>\"; redirect \"BART@example.com\";"), "redirect bart@example.com");
  EXPECT_EQ(did("stop; discard;"), "implicit keep");
}

TEST(SieveRun, FollowsTheFirstTrueBranch) {
  const std::string chain = "if false { stop; } elsif true { require_nothing; } else { discard; }";
  EXPECT_NE(did(chain).find("FAULT"), std::string::npos);
  EXPECT_EQ(did("require \"fileinto\"; if false { stop; } elsif true { fileinto \"a\"; } elsif true { fileinto \"b\"; "
                "} else { discard; }"),
            "fileinto a");
  EXPECT_EQ(did("if false { discard; } else { keep; }"), "keep");
  EXPECT_EQ(did("if true { keep; } if false { } else { stop; } discard;"), "keep");
  EXPECT_EQ(did("if not anyof (false, allof (true, false)) { discard; }"), "discard");
}

TEST(SieveRun, CopiesWithoutCancellingTheKeep) {  // RFC 3894
  EXPECT_EQ(did("require [\"copy\", \"fileinto\"]; fileinto :copy \"a\"; redirect :copy \"a@b.c\";"),
            "fileinto a; redirect a@b.c; implicit keep");
}

struct Case {
  std::string_view require, test, is;
};
class SieveTests : public testing::TestWithParam<Case> {};
TEST_P(SieveTests, Hold) {
  TestHost host;
  host.mailboxes = {"INBOX", "Lists"};
  host.ids = {"F1"};
  host.uses = {"\\Junk", "Spam\\Junk"};
  host.metadata_of = {{"INBOX/private/comment", "my inbox"}, {"/shared/admin", "mailto:root@example.org"}};
  host.environment_of = {{"location", "MDA"}, {"phase", "during"}};
  host.known_lists = {"urn:friends"};
  host.list_entries = {"urn:friends coyote@desert.example.org"};
  host.spam = 50;
  host.virus = 4;
  EXPECT_EQ(holds(GetParam().require, GetParam().test, kLetter, host), GetParam().is) << GetParam().test;
}

INSTANTIATE_TEST_SUITE_P(
    Base, SieveTests,
    testing::Values(  //
        Case{"", "header :is \"subject\" \"i have a PRESENT for you\"", "yes"},
        Case{"", "header :comparator \"i;octet\" :is \"subject\" \"i have a PRESENT for you\"", "no"},
        Case{"", "header :is \"subject\" \"present\"", "no"},
        Case{"", "header :contains \"subject\" \"present\"", "yes"},
        Case{"", "header :contains \"subject\" \"\"", "yes"}, Case{"", "header :contains \"x-none\" \"\"", "no"},
        Case{"", "header :matches \"subject\" \"*present*you\"", "yes"},
        Case{"", "header :matches \"subject\" \"?have*\"", "no"},
        Case{"", "header :matches \"subject\" \"??have*\"", "yes"},
        Case{"", "header :matches \"subject\" \"*\\\\?*\"", "no"},
        Case{"", "header \"x-twice\" [\"zero\", \"second\"]", "yes"},
        Case{"", "header [\"x-none\", \"x-score\"] \"17\"", "yes"}, Case{"", "header \"sub ject\" \"x\"", "no"},
        Case{"", "exists [\"from\", \"to\"]", "yes"}, Case{"", "exists [\"from\", \"reply-to\"]", "no"},
        Case{"", "size :over 100", "yes"}, Case{"", "size :under 1K", "yes"}, Case{"", "size :over 1M", "no"},
        Case{"", "address \"from\" \"coyote@DESERT.example.org\"", "yes"},
        Case{"", "address :localpart \"to\" \"roadrunner\"", "yes"},
        Case{"", "address :domain \"to\" \"example.org\"", "yes"},
        Case{"", "address :all :contains [\"to\", \"cc\"] \"sales\"", "no"},
        Case{"", "address :domain :matches \"to\" \"*.com\"", "yes"},
        Case{"", "address :all :contains \"cc\" \"\"", "no"},  // a group without members
        Case{"\"subaddress\"", "address :user \"to\" \"ken\"", "yes"},
        Case{"\"subaddress\"", "address :detail \"to\" \"sieve\"", "yes"},
        Case{"\"subaddress\"", "address :detail :contains \"from\" \"\"", "no"},
        Case{"\"envelope\"", "envelope \"from\" \"coyote@desert.example.org\"", "yes"},
        Case{"\"envelope\", \"subaddress\"", "envelope :detail \"to\" \"sieve\"", "yes"},
        Case{"\"envelope\"", "envelope :domain \"from\" \"example.org\"", "no"},
        Case{"\"envelope\", \"envelope-dsn\"", "envelope \"notify\" \"delay\"", "yes"},
        Case{"\"envelope\", \"envelope-dsn\"", "envelope \"envid\" \"QQ\"", "yes"},
        Case{"\"envelope\", \"envelope-dsn\"", "envelope :contains \"ret\" \"\"", "no"},
        Case{"\"encoded-character\"", "header \"subject\" \"I have ${hex:61 20}present for you\"", "yes"},
        Case{"\"encoded-character\"",
             "header \"subject\" \"${unicode:49} have ${UNICODE: 0061 }${hex: }present for you\"", "no"},
        Case{"\"encoded-character\"", "header \"x-score\" \"${hex:31}${unicode:0037}\"", "yes"}));

INSTANTIATE_TEST_SUITE_P(Relational, SieveTests,
                         testing::Values(  //
                             Case{"\"relational\", \"comparator-i;ascii-numeric\"",
                                  "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-score\" \"9\"", "yes"},
                             Case{"\"relational\"", "header :value \"gt\" \"x-score\" \"9\"", "no"},
                             Case{"\"relational\", \"comparator-i;ascii-numeric\"",
                                  "header :value \"lt\" :comparator \"i;ascii-numeric\" \"x-score\" \"words\"", "yes"},
                             Case{"\"comparator-i;ascii-numeric\"",
                                  "header :comparator \"i;ascii-numeric\" \"x-score\" \"0017.5\"", "yes"},
                             Case{"\"relational\"", "header :count \"eq\" \"x-twice\" \"2\"", "yes"},
                             Case{"\"relational\"", "header :count \"ge\" [\"x-twice\", \"subject\"] \"3\"", "yes"},
                             Case{"\"relational\"", "address :count \"eq\" \"to\" \"2\"", "yes"},
                             Case{"\"relational\"", "address :count \"ne\" \"bcc\" \"0\"", "no"},
                             Case{"\"relational\", \"envelope\"", "envelope :count \"eq\" \"from\" \"1\"", "yes"}));

INSTANTIATE_TEST_SUITE_P(
    Dates, SieveTests,
    testing::Values(  //
        Case{"\"date\"", "date :originalzone \"date\" \"hour\" \"09\"", "yes"},
        Case{"\"date\"", "date \"date\" \"hour\" \"18\"", "yes"},  // the user is at +0100
        Case{"\"date\"", "date :zone \"+0000\" \"date\" \"time\" \"17:06:31\"", "yes"},
        Case{"\"date\"", "date :originalzone \"date\" \"zone\" \"-0800\"", "yes"},
        Case{"\"date\"", "date :originalzone \"date\" \"iso8601\" \"1997-04-01T09:06:31-08:00\"", "yes"},
        Case{"\"date\"", "date :originalzone \"date\" \"std11\" \"Tue, 01 Apr 1997 09:06:31 -0800\"", "yes"},
        Case{"\"date\"", "date :zone \"+0000\" \"date\" \"julian\" \"50539\"", "yes"},
        Case{"\"date\"", "date \"received\" \"weekday\" \"2\"", "yes"},
        Case{"\"date\"", "date \"subject\" \"year\" \"1997\"", "no"},
        Case{"\"date\"", "currentdate \"date\" \"2027-01-15\"", "yes"},
        Case{"\"date\"", "currentdate \"weekday\" \"5\"", "yes"},
        Case{"\"date\"", "currentdate :zone \"-0900\" \"date\" \"2027-01-14\"", "yes"},
        Case{"\"date\", \"relational\"", "currentdate :value \"ge\" \"date\" \"2027-01-01\"", "yes"},
        Case{"\"index\"", "header :index 2 \"x-twice\" \"second\"", "yes"},
        Case{"\"index\"", "header :index 2 \"x-twice\" \"first\"", "no"},
        Case{"\"index\"", "header :index 2 :last \"x-twice\" \"first\"", "yes"},
        Case{"\"index\"", "header :index 3 :contains \"x-twice\" \"\"", "no"}));

INSTANTIATE_TEST_SUITE_P(
    World, SieveTests,
    testing::Values(  //
        Case{"\"mailbox\"", "mailboxexists [\"INBOX\", \"Lists\"]", "yes"},
        Case{"\"mailbox\"", "mailboxexists [\"INBOX\", \"None\"]", "no"},
        Case{"\"mailboxid\"", "mailboxidexists \"F1\"", "yes"},
        Case{"\"mailboxid\"", "mailboxidexists [\"F1\", \"F2\"]", "no"},
        Case{"\"special-use\"", "specialuse_exists \"\\\\Junk\"", "yes"},
        Case{"\"special-use\"", "specialuse_exists \"Spam\" \"\\\\Junk\"", "yes"},
        Case{"\"special-use\"", "specialuse_exists \"INBOX\" \"\\\\Junk\"", "no"},
        Case{"\"mboxmetadata\"", "metadata :contains \"INBOX\" \"/private/comment\" \"inbox\"", "yes"},
        Case{"\"mboxmetadata\"", "metadata :contains \"INBOX\" \"/private/other\" \"\"", "no"},
        Case{"\"mboxmetadata\"", "metadataexists \"INBOX\" [\"/private/comment\", \"/private/other\"]", "no"},
        Case{"\"servermetadata\"", "servermetadata :matches \"/shared/admin\" \"mailto:*\"", "yes"},
        Case{"\"servermetadata\"", "servermetadataexists \"/shared/admin\"", "yes"},
        Case{"\"environment\"", "environment \"Location\" \"mda\"", "yes"},
        Case{"\"environment\"", "environment :contains \"remote-ip\" \"\"", "no"},
        Case{"\"extlists\"", "address :list \"from\" \"urn:friends\"", "yes"},
        Case{"\"extlists\"", "address :list \"to\" \"urn:friends\"", "no"},
        Case{"\"extlists\"", "valid_ext_list [\"urn:friends\", \"urn:foes\"]", "no"},
        Case{"\"spamtest\"", "spamtest \"5\"", "yes"}, Case{"\"spamtestplus\"", "spamtest :percent \"50\"", "yes"},
        Case{"\"spamtest\", \"relational\", \"comparator-i;ascii-numeric\"",
             "spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"10\"", "no"},
        Case{"\"virustest\"", "virustest \"4\"", "yes"},
        Case{"\"enotify\"", "valid_notify_method [\"mailto:a@b.c\", \"xmpp:a@b.c\"]", "no"},
        Case{"\"enotify\"", "notify_method_capability \"mailto:a@b.c\" \"Online\" \"maybe\"", "yes"},
        Case{"\"enotify\"", "notify_method_capability \"tel:1\" \"Online\" \"maybe\"", "no"},
        Case{"\"ihave\"", "ihave [\"fileinto\", \"copy\"]", "yes"},
        Case{"\"ihave\"", "ihave [\"fileinto\", \"tornado\"]", "no"}, Case{"\"ihave\"", "ihave \"variables\"", "no"}));

TEST(SieveRun, ComparesTextInAllScripts) {
  const std::string letter =
      "Subject: =?utf-8?q?Stra=C3=9Fe_=C3=89t=C3=A9?=\r\nFrom: =?iso-8859-1?q?J=F6rg?= <j@x.y>\r\n\r\n";
  EXPECT_EQ(holds("",
                  "header :is \"subject\" \"Stra\xC3\x9F"
                  "e \xC3\x89t\xC3\xA9\"",
                  letter),
            "yes");
  EXPECT_EQ(holds("",
                  "header :is \"subject\" \"stra\xC3\x9F"
                  "e \xC3\xA9t\xC3\xA9\"",
                  letter),
            "no");
  const std::string_view unicode = "\"comparator-i;unicode-casemap\"";
  EXPECT_EQ(holds(unicode,
                  "header :comparator \"i;unicode-casemap\" :is \"subject\" \"stra\xC3\x9F"
                  "e \xC3\xA9T\xC3\x89\"",
                  letter),
            "yes");
  // e and a combining accent is the same letter
  EXPECT_EQ(holds(unicode, "header :comparator \"i;unicode-casemap\" :contains \"subject\" \"e\xCC\x81t\"", letter),
            "yes");
  EXPECT_EQ(holds(unicode, "header :comparator \"i;unicode-casemap\" :matches \"subject\" \"* ?t?\"", letter), "yes");
  EXPECT_EQ(holds("", "header :contains \"from\" \"J\xC3\xB6rg\"", letter), "yes");
}

TEST(SieveRun, StopsAtItsLimits) {
  Limits limits;
  limits.redirects = 1;
  EXPECT_NE(did("redirect \"a@b.c\"; redirect \"d@e.f\";", kLetter, {}, limits)
                .find("implicit keep ERROR line 1: the script redirects"),
            std::string::npos);
  limits = {};
  limits.steps = 50;
  std::string script;
  for (int i = 0; i < 100; ++i) script += "if header \"subject\" \"x\" { stop; }\n";
  EXPECT_NE(did(script, kLetter, {}, limits).find("takes too long"), std::string::npos);
  limits = {};
  limits.actions = 3;
  EXPECT_NE(
      did("require \"fileinto\"; fileinto \"1\"; fileinto \"2\"; fileinto \"3\"; fileinto \"4\";", kLetter, {}, limits)
          .find("too many actions"),
      std::string::npos);
}

TEST(SieveRun, LargeMessagesFitTheBudget) {
  std::string letter = "Subject: large\r\n\r\n";
  while (letter.size() < 40 << 20) letter += "lorem ipsum dolor sit amet\r\n";
  EXPECT_EQ(did("require [\"body\", \"enclose\", \"fileinto\"]; if not body :contains \"needle\" { enclose \"Look.\"; "
                "fileinto \"x\"; }",
                letter),
            "fileinto x");
}

TEST(SieveRun, CostlyPatternsEndInTime) {
  const std::string letter = "Subject: " + std::string(900'000, 'a') + "\r\n\r\n";
  std::string stars;
  for (int i = 0; i < 1'000; ++i) stars += "*a";
  EXPECT_NE(did("if header :matches \"subject\" \"" + stars + std::string(5'000, 'a') + "b\" { discard; }", letter),
            "discard");
  const std::string small = "Subject: " + std::string(60, 'a') + "!\r\n\r\n";
  for (const std::string_view regex : {"^(a+)+$", "^(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"}) {
    const std::string done =
        did("require \"regex\"; if header :regex \"subject\" \"" + std::string(regex) + "\" { discard; }", small);
    EXPECT_TRUE(done == "implicit keep" ||
                done.find("implicit keep ERROR line 1: a regular expression needs too much") == 0)
        << done;
  }
}

TEST(SieveRegex, UnderstandsPosixExpressions) {
  const auto regex = [](std::string_view pattern) {
    return holds("\"regex\"", "header :regex \"subject\" \"" + std::string(pattern) + "\"");
  };
  EXPECT_EQ(regex("^i have (a|one) present"), "yes");
  EXPECT_EQ(regex("^present"), "no");
  EXPECT_EQ(regex("[[:alpha:]]{7} for"), "yes");
  EXPECT_EQ(regex("[[:digit:]]"), "no");
  EXPECT_EQ(regex("[^]a-z ]"), "no");  // case does not count, so that I is in a-z
  EXPECT_EQ(regex("[]Ix] have"), "yes");
  EXPECT_EQ(regex("pres.nt"), "yes");
  EXPECT_EQ(regex("pres\\\\.nt"), "no");
  EXPECT_EQ(regex("a{2}"), "no");
  EXPECT_EQ(holds("\"regex\"", "header :regex :comparator \"i;octet\" \"subject\" \"^i\""), "no");
  for (const std::string_view bad :
       {"*a", "a**", "(?i)a", "a{", "[a", "[[:foo:]]", "[[.a.]]", "(a)\\\\1", "a\\\\", "("})
    EXPECT_NE(regex(bad).find("FAULT"), std::string::npos) << bad;
}

}  // namespace
}  // namespace pabal::sieve
