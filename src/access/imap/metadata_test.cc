// Annotations (RFC 5464): the words of the commands, and dialogues about them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/imap/metadata_request.h"
#include "access/imap/session_testing.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

// --- words ----------------------------------------------------------------------------------------------------------

std::optional<GetMetadata> get(std::string_view text) {
  Words words(text);
  return parse_get_metadata(words);
}
std::optional<SetMetadata> set(std::string_view text) {
  Words words(text);
  return parse_set_metadata(words);
}

TEST(MetadataRequest, ReadsOptionsBeforeOrBehindTheMailbox) {
  const auto plain = get(" INBOX /shared/Comment");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->mailbox, "INBOX");
  EXPECT_THAT(plain->entries, ElementsAre("/shared/comment"));
  EXPECT_EQ(plain->depth, 0u);
  EXPECT_FALSE(plain->max_size);
  for (const char* text : {" (DEPTH 1 MAXSIZE 1024) \"\" (/shared \"/private/x\")",
                           " \"\" (maxsize 1024 depth 1) (/shared \"/private/x\")"}) {
    const auto both = get(text);
    ASSERT_TRUE(both) << text;
    EXPECT_EQ(both->mailbox, "");
    EXPECT_EQ(both->depth, 1u);
    EXPECT_EQ(both->max_size, 1024u);
    EXPECT_THAT(both->entries, ElementsAre("/shared", "/private/x"));
  }
  EXPECT_EQ(get(" a (DEPTH infinity) /shared")->depth, UINT32_MAX);
  EXPECT_EQ(get(" a (/shared/comment)")->entries.size(), 1u);
  for (const char* bad : {" INBOX", " INBOX /shared", " INBOX comment", " INBOX ()", " INBOX (DEPTH 2) /shared/x",
                          " INBOX (SIZE 2) /shared/x", " INBOX (DEPTH 1)", " INBOX /shared/x y", " (DEPTH 1) /shared/x",
                          " INBOX /shared/*", " INBOX (MAXSIZE x) /shared/x", " (DEPTH 1) a (DEPTH 1) /shared/x"})
    EXPECT_FALSE(get(bad)) << bad;
}

TEST(MetadataRequest, ReadsValuesOfAnyOctets) {
  const auto read =
      set(" INBOX (/shared/comment \"a \\\"b\\\"\" /private/x NIL /private/y {3+}\r\na\r\n /private/z ~{3+}\r\n" +
          std::string("a\0b", 3) + ")");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->changes.size(), 4u);
  EXPECT_EQ(read->changes[0].value, "a \"b\"");
  EXPECT_EQ(read->changes[1].value, std::nullopt);
  EXPECT_EQ(read->changes[2].value, "a\r\n");
  EXPECT_EQ(read->changes[3].value, std::string("a\0b", 3));
  for (const char* bad : {" INBOX /shared/x \"y\"", " INBOX ()", " INBOX (/shared/x)", " INBOX (/shared/x y)",
                          " INBOX (/shared/x \"y\" /shared/z)", " INBOX (/shared \"y\")", " INBOX (/x/y \"y\")"})
    EXPECT_FALSE(set(bad)) << bad;
}

TEST(MetadataRequest, CountsLevels) {
  EXPECT_EQ(levels_below("/shared/a", "/shared/a"), 0u);
  EXPECT_EQ(levels_below("/shared/a", "/shared/a/b"), 1u);
  EXPECT_EQ(levels_below("/shared/a", "/shared/a/b/c"), 2u);
  EXPECT_EQ(levels_below("/shared/a", "/shared/ab"), std::nullopt);
  EXPECT_EQ(levels_below("/shared/a", "/shared"), std::nullopt);
}

TEST(MetadataRequest, WritesValuesAsTheyMustBe) {
  EXPECT_EQ(entry_values({{"/shared/a", "x"}, {"/shared/b", std::nullopt}, {"/shared/c", std::string("\0", 1)}}),
            std::string("(\"/shared/a\" \"x\" \"/shared/b\" NIL \"/shared/c\" ~{1}\r\n\0)", 53));
}

// --- dialogues ------------------------------------------------------------------------------------------------------

TEST(ImapMetadata, SetsReadsAndTakesAway) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("SETMETADATA INBOX (/private/comment \"mine\" /Shared/Comment {5+}\r\na\r\nb\x01)"),
            crlf("t OK set\n"));
  EXPECT_EQ(c.talk("GETMETADATA INBOX (/shared/comment /private/comment /private/other)"),
            crlf("* METADATA \"INBOX\" (\"/private/comment\" \"mine\" \"/private/other\" NIL \"/shared/comment\" {5}\n"
                 "a\nb\x01)\nt OK these are set\n"));
  EXPECT_EQ(c.talk("SETMETADATA INBOX (/private/comment NIL)"), crlf("t OK set\n"));
  EXPECT_EQ(c.talk("GETMETADATA INBOX /private/comment"),
            crlf("* METADATA \"INBOX\" (\"/private/comment\" NIL)\nt OK these are set\n"));
  EXPECT_THAT(c.talk("GETMETADATA Nowhere /private/comment"), StartsWith("t NO [NONEXISTENT]"));
  EXPECT_THAT(c.talk("SETMETADATA Nowhere (/private/comment \"x\")"), StartsWith("t NO [NONEXISTENT]"));
  EXPECT_THAT(c.talk("GETMETADATA INBOX comment"), StartsWith("t BAD"));
}

TEST(ImapMetadata, DepthAndMaxSizeChooseWhatIsTold) {
  World world;
  Client& c = world.logged_in();
  c.talk("SETMETADATA INBOX (/private/f \"0\" /private/f/a \"1\" /private/f/a/b \"2222\" /private/fx \"3\")");
  EXPECT_EQ(c.talk("GETMETADATA INBOX (DEPTH 1) /private/f"),
            crlf("* METADATA \"INBOX\" (\"/private/f\" \"0\" \"/private/f/a\" \"1\")\nt OK these are set\n"));
  EXPECT_EQ(c.talk("GETMETADATA (DEPTH infinity MAXSIZE 3) INBOX /private/f"),
            crlf("* METADATA \"INBOX\" (\"/private/f\" \"0\" \"/private/f/a\" \"1\")\n"
                 "t OK [METADATA LONGENTRIES 4] longer ones are left out\n"));
  EXPECT_EQ(c.talk("GETMETADATA INBOX (DEPTH 1) /shared"), crlf("t OK these are set\n"));
}

TEST(ImapMetadata, LimitsSayWhichTheyAre) {
  World world;
  Client& c = world.logged_in();
  const std::string value(mailbox::kMaxAnnotationOctets + 1, 'x');
  EXPECT_THAT(c.talk("SETMETADATA INBOX (/private/a \"b\" /private/comment {" + std::to_string(value.size()) +
                     "+}\r\n" + value + ")"),
              StartsWith("t NO [METADATA MAXSIZE 65536]"));
  EXPECT_THAT(c.talk("GETMETADATA INBOX /private/a"), HasSubstr("NIL")) << "all or nothing";
  world.change([&](store::Transaction& t) -> Result<void> {
    for (size_t n = 0; n < mailbox::kMaxAnnotations; n += 100) {
      std::vector<mailbox::Annotation> some;
      for (size_t k = n; k < n + 100; ++k) some.push_back({"/private/" + std::to_string(k), "x"});
      if (const auto done = mailbox::annotate(t, {world.alice, 1}, world.alice, some); !done) return done;
    }
    return {};
  });
  EXPECT_THAT(c.talk("SETMETADATA INBOX (/private/comment \"x\")"), StartsWith("t NO [METADATA TOOMANY]"));
  EXPECT_THAT(c.talk("SETMETADATA INBOX (/private/1 \"another\")"), StartsWith("t OK"));
}

TEST(ImapMetadata, OfTheServerAreTheAdministrators) {
  World world;
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("GETMETADATA \"\" (/shared/admin /shared/comment)"),
            crlf("* METADATA \"\" (\"/shared/admin\" \"mailto:postmaster@example.com\" \"/shared/comment\" NIL)\n"
                 "t OK these are set\n"));
  EXPECT_THAT(c.talk("GETMETADATA \"\" (DEPTH infinity) /shared"), HasSubstr("(\"/shared/admin\" "));
  EXPECT_THAT(c.talk("SETMETADATA \"\" (/shared/comment \"x\")"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(c.talk("SETMETADATA \"\" (/private/vendor/x/y \"z\")"), StartsWith("t OK"));
  world.change([&](store::Transaction& t) {
    auto account = **world.directory->account(t, world.alice);
    account.admin = true;
    return world.directory->update_account(t, account);
  });
  Client& admin = world.logged_in();
  EXPECT_THAT(admin.talk("SETMETADATA \"\" (/shared/comment \"Closed on Sundays\")"), StartsWith("t OK"));
  EXPECT_THAT(admin.talk("SETMETADATA \"\" (/shared/admin \"tel:+1\")"), StartsWith("t NO [CANNOT]"));
  EXPECT_THAT(c.talk("GETMETADATA \"\" /shared/comment"), HasSubstr("Closed on Sundays"));
  world.change([&](store::Transaction& t) {
    auto account = **world.directory->account(t, world.alice);
    account.admin = false;
    return world.directory->update_account(t, account);
  });
  EXPECT_THAT(admin.talk("SETMETADATA \"\" (/shared/comment NIL)"), StartsWith("t NO [NOPERM]")) << "no more";
}

TEST(ImapMetadata, TellsTheUseOfAMailbox) {
  World world;
  Client& c = world.logged_in();
  EXPECT_THAT(c.talk("GETMETADATA Sent /private/specialuse"), HasSubstr("(\"/private/specialuse\" \"\\\\Sent\")"));
  EXPECT_THAT(c.talk("GETMETADATA INBOX /private/specialuse"), HasSubstr("(\"/private/specialuse\" NIL)"));
  EXPECT_THAT(c.talk("SETMETADATA Sent (/private/specialuse NIL)"), StartsWith("t NO [CANNOT]"));
}

TEST(ImapMetadata, OnSharedMailboxesRightsDecide) {
  World world;
  world.add_account("bob@example.com");
  Client &alice = world.logged_in(), &bob = world.logged_in("bob@example.com");
  alice.talk("CREATE Projects");
  alice.talk("SETMETADATA Projects (/shared/comment \"ours\" /private/comment \"hers\")");
  const std::string box = "\"Other Users/alice@example.com/Projects\"";
  const std::string read = "GETMETADATA " + box + " (/shared/comment /private/comment)";
  EXPECT_THAT(bob.talk(read), StartsWith("t NO [NONEXISTENT]"));
  alice.talk("SETACL Projects bob@example.com l");
  EXPECT_THAT(bob.talk(read), StartsWith("t NO [NOPERM]"));
  alice.talk("SETACL Projects bob@example.com lr");
  EXPECT_EQ(bob.talk("SETMETADATA " + box + " (/private/comment \"his\")"), crlf("t OK set\n"));
  EXPECT_EQ(bob.talk(read), "* METADATA " + box +
                                crlf(" (\"/private/comment\" \"his\" \"/shared/comment\" \"ours\")\n"
                                     "t OK these are set\n"));
  EXPECT_THAT(bob.talk("SETMETADATA " + box + " (/shared/comment \"mine\")"), StartsWith("t NO [NOPERM]"));
  alice.talk("SETACL Projects bob@example.com lrw");
  EXPECT_THAT(bob.talk("SETMETADATA " + box + " (/shared/comment \"also his\")"), StartsWith("t OK"));
  EXPECT_THAT(bob.talk("SETMETADATA " + box + " (/shared/imapsieve/script \"hers\")"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(alice.talk("SETMETADATA Projects (/shared/imapsieve/script \"hers\")"), StartsWith("t OK"));
  EXPECT_THAT(bob.talk("SETMETADATA " + box + " (/shared/imapsieve/script NIL)"), StartsWith("t NO [NOPERM]"));
  EXPECT_THAT(alice.talk("GETMETADATA Projects (/shared/comment /private/comment)"),
              AllOf(HasSubstr("hers"), HasSubstr("also his")));
}

TEST(ImapMetadata, ListTellsThemOnRequest) {
  World world;
  Client& c = world.logged_in();
  c.talk("SETMETADATA Junk (/shared/comment \"spam\")");
  EXPECT_EQ(c.talk("LIST \"\" J% RETURN (METADATA (/shared/comment /private/comment))"),
            crlf("* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"\n"
                 "* METADATA \"Junk\" (\"/private/comment\" NIL \"/shared/comment\" \"spam\")\nt OK listed\n"));
  EXPECT_THAT(c.talk("LIST \"\" J% RETURN (METADATA /shared)"), StartsWith("t BAD"));
}

TEST(ImapMetadata, NewsGoToThoseWhoAskedForThem) {
  World world;
  world.add_account("bob@example.com");
  Client &one = world.logged_in(), &other = world.logged_in(), &bob = world.logged_in("bob@example.com");
  one.talk("CREATE Projects");
  one.talk("SETMETADATA Projects (/shared/comment \"1\" /private/comment \"1\")");
  EXPECT_EQ(other.talk("NOOP"), crlf("t OK done\n"));
  EXPECT_EQ(other.talk("ENABLE METADATA"), crlf("* ENABLED METADATA\nt OK enabled\n"));
  EXPECT_EQ(other.talk("NOOP"), crlf("t OK done\n"));
  one.talk("SETMETADATA Projects (/shared/comment \"2\" /private/comment NIL)");
  EXPECT_EQ(other.talk("NOOP"), crlf("* METADATA \"Projects\" \"/shared/comment\" \"/private/comment\"\nt OK done\n"));
  EXPECT_EQ(other.talk("SETMETADATA Projects (/shared/comment \"3\")"), crlf("t OK set\n")) << "one's own are no news";
  EXPECT_EQ(other.talk("NOOP"), crlf("t OK done\n"));

  one.talk("SETACL Projects bob@example.com lr");
  bob.talk("ENABLE METADATA");
  bob.talk("SELECT \"Other Users/alice@example.com/Projects\"");
  bob.send("t IDLE\r\n");
  ASSERT_TRUE(bob.wait_for("+ idling"));
  one.talk("SETMETADATA Projects (/private/comment \"not his business\" /shared/comment \"4\")");
  ASSERT_TRUE(bob.wait_for("* METADATA", true));
  EXPECT_THAT(bob.received(),
              HasSubstr("* METADATA \"Other Users/alice@example.com/Projects\" \"/shared/comment\"\r\n"));
}

}  // namespace
}  // namespace pabal::access::imap
