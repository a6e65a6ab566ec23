#include "app/commands.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "app/test_rooms.h"
#include "base/text.h"

namespace pabal::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;

struct CommandsTest : testing::Test, TestRooms {
  Output run(const Words& words, const std::string& input = "") { return run_command(*rooms, words, input); }
  // What it says when it works.
  std::string good(const Words& words, const std::string& input = "") {
    const Output done = run(words, input);
    EXPECT_EQ(done.exit, 0) << text::join(words, " ") << ": " << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }
  // What it says when it fails; that always says something.
  std::string bad(const Words& words, int exit = 1, const std::string& input = "") {
    const Output done = run(words, input);
    EXPECT_EQ(done.exit, exit) << text::join(words, " ") << ": " << done.out;
    EXPECT_THAT(done.err, Not(IsEmpty()));
    return done.err;
  }
  void people() {
    good({"domain", "add", "example.com", "--no-dkim"});
    good({"account", "add", "alice@example.com", "--name", "Alice Liddell", "--quota", "10G", "--password-stdin"},
         "correct horse\n");
    good({"account", "add", "bob@example.com", "--password-stdin"}, "battery staple");
  }
  identity::Account account(const std::string& name) {
    const auto found = rooms->directory->account(*rooms->store, name);
    EXPECT_TRUE(found && *found) << name;
    return found && *found ? **found : identity::Account{};
  }
  // One message waiting for two servers elsewhere.
  std::string waiting() {
    queue::Entry entry;
    entry.id = rooms->ids->next();
    entry.message_id = "<1@example.com>";
    entry.sender_account = "alice@example.com";
    entry.reverse_path = "alice@example.com";
    entry.body = rooms->mailboxes->new_body_id();
    entry.size = 8192;
    entry.created = rooms->clock.now() - minutes(12);
    entry.expires = entry.created + days(5);
    for (const char* to : {"bob@univ.edu", "carol@elsewhere.net"}) {
      queue::Recipient r;
      r.address = to;
      r.attempts = 3;
      r.next_attempt = rooms->clock.now() + hours(2);
      r.last_reply = "451 4.7.1 later\x1B[31m\xC2\x9B";
      r.last_host = "mx.univ.edu [192.0.2.1]";
      entry.recipients.push_back(r);
    }
    const auto prepared = mailbox::prepare("Subject: x\r\n\r\nx\r\n");
    EXPECT_TRUE(rooms->store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
      if (const auto put = rooms->mailboxes->put_body(t, entry.body, *prepared); !put) return put;
      if (const auto held = rooms->mailboxes->hold_body(t, entry.body); !held) return held;
      return rooms->queue->add(t, entry);
    }));
    return id_text(entry.id);
  }
};

// --- help -----------------------------------------------------------------------------------------------------------

const Words kAll[] = {{"domain", "add"},
                      {"domain", "list"},
                      {"domain", "show"},
                      {"dns"},
                      {"domain", "catch-all"},
                      {"domain", "enable"},
                      {"domain", "disable"},
                      {"domain", "remove"},
                      {"account", "add"},
                      {"account", "list"},
                      {"account", "show"},
                      {"account", "password"},
                      {"account", "enable"},
                      {"account", "disable"},
                      {"account", "admin"},
                      {"account", "quota"},
                      {"account", "remove"},
                      {"alias", "add"},
                      {"alias", "list"},
                      {"alias", "remove"},
                      {"token", "create"},
                      {"token", "list"},
                      {"token", "revoke"},
                      {"oauth", "client", "add"},
                      {"oauth", "client", "list"},
                      {"oauth", "client", "remove"},
                      {"oauth", "grants"},
                      {"oauth", "revoke"},
                      {"oauth", "registration"},
                      {"mailbox", "list"},
                      {"mailbox", "create"},
                      {"mailbox", "rename"},
                      {"mailbox", "remove"},
                      {"mailbox", "share"},
                      {"mailbox", "unshare"},
                      {"mailbox", "deleted"},
                      {"mailbox", "undelete"},
                      {"sieve", "put"},
                      {"sieve", "list"},
                      {"sieve", "get"},
                      {"sieve", "activate"},
                      {"sieve", "remove"},
                      {"sieve", "test"},
                      {"webhook", "add"},
                      {"webhook", "list"},
                      {"webhook", "remove"},
                      {"topic", "add"},
                      {"topic", "list"},
                      {"topic", "remove"},
                      {"queue", "list"},
                      {"queue", "show"},
                      {"queue", "retry"},
                      {"queue", "hold"},
                      {"queue", "cancel"},
                      {"trace"},
                      {"status"}};

TEST(Help, EveryCommandExplainsItselfWithoutAnyStore) {
  for (Words words : kAll) {
    ASSERT_TRUE(is_command(words[0]));
    const std::string name = "pabal " + text::join(words, " ");
    words.push_back("--help");
    const Output help = check_command(words);
    EXPECT_EQ(help.exit, 0) << name;
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, HasSubstr("Usage: " + name)) << name;
    // Everything it takes is explained.
    for (const auto line : text::split(help.out, '\n'))
      EXPECT_TRUE(!line.starts_with("  ") || line.starts_with("  pabal ") ||
                  text::trim(line.substr(2)).find("  ") != line.npos)
          << name << ": " << line;
  }
}

TEST(Help, TheOverviewNamesEveryCommandOfEveryGroup) {
  for (const Words& words : kAll) EXPECT_THAT(command_overview(), HasSubstr(words.size() > 1 ? words[1] : words[0]));
  EXPECT_FALSE(is_command("serve"));
  EXPECT_FALSE(is_command(""));
}

TEST(Help, AWrongCallNamesTheCommandAndItsHelp) {
  for (const auto& [words, expected] :
       {std::pair(Words{"account", "add"}, "pabal account add: account is required"),
        std::pair(Words{"account"}, "pabal account: "),
        std::pair(Words{"domain", "ad"}, "pabal domain: there is no subcommand ad; it has add, list, show"),
        std::pair(Words{"trace"}, "pabal trace: query is required"),
        std::pair(Words{"trace", "x", "--limit", "0"}, "pabal trace: --limit"),
        std::pair(Words{"status", "--colour"}, "pabal status: "),
        std::pair(Words{"queue", "list", "--limit", "many"}, "pabal queue list: --limit"),
        std::pair(Words{}, "pabal: ")}) {
    const Output wrong = check_command(words);
    EXPECT_EQ(wrong.exit, 2);
    EXPECT_EQ(wrong.out, "");
    EXPECT_THAT(wrong.err, AllOf(StartsWith(expected), HasSubstr(" --help\n")));
  }
}

TEST(Help, GoodWordsAreGoodWithoutAStore) {
  const Output checked = check_command({"account", "add", "alice@example.com", "--password-stdin"});
  EXPECT_EQ(checked.exit, 0);
  EXPECT_EQ(checked.out + checked.err, "");
  EXPECT_TRUE(wants_stdin({"account", "add", "alice@example.com", "--password-stdin"}));
  EXPECT_FALSE(wants_stdin({"account", "add", "alice@example.com"}));
}

// --- domain ---------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, ANewServerSaysHowToBegin) {
  EXPECT_THAT(good({"domain", "list"}), HasSubstr("pabal domain add"));
  EXPECT_THAT(good({"account", "list"}), HasSubstr("pabal account add"));
  EXPECT_THAT(good({"alias", "list"}), HasSubstr("pabal alias add"));
  EXPECT_THAT(good({"queue", "list"}), StartsWith("0 messages waiting"));
  EXPECT_THAT(good({"status"}), AllOf(HasSubstr("host          mail.example.com\n"), HasSubstr("domains       0\n")));
}

TEST_F(CommandsTest, ADomainComesWithKeysAndRecords) {
  EXPECT_THAT(good({"domain", "add", "Example.com"}), HasSubstr("next: pabal account add someone@Example.com"));
  EXPECT_THAT(good({"domain", "show", "example.com"}),
              AllOf(HasSubstr("pabal1r._domainkey.example.com"), HasSubstr("none: unknown users are refused")));
  EXPECT_THAT(good({"dns", "example.com", "--zone"}),
              AllOf(StartsWith("$ORIGIN example.com.\n$TTL 3600\n"),
                    HasSubstr("example.com. MX 10 mail.example.com.\nexample.com. TXT \"v=spf1 mx -all\"\n"),
                    HasSubstr("pabal1r._domainkey.example.com. TXT \"v=DKIM1; k=rsa; p="),
                    HasSubstr("pabal1e._domainkey.example.com. TXT \"v=DKIM1; k=ed25519; p="),
                    HasSubstr("_dmarc.example.com. TXT "), HasSubstr("_smtp._tls.example.com. TXT ")));
  const std::string records = good({"dns", "example.com", "--zone"});
  for (const auto line : text::split(records, '\n'))
    for (const auto quoted : text::split(line, '"')) EXPECT_LE(quoted.size(), 255u);
  EXPECT_THAT(bad({"domain", "add", "example.com"}), HasSubstr("is there already"));
  EXPECT_THAT(bad({"domain", "add", "localhost"}), HasSubstr("such as example.com"));
  for (const char* verb : {"show", "enable", "disable", "remove"})
    EXPECT_THAT(bad({"domain", verb, "example.org"}), HasSubstr("there is no domain example.org")) << verb;
}

TEST_F(CommandsTest, ADomainChanges) {
  people();
  good({"domain", "catch-all", "example.com", "bob@example.com"});
  EXPECT_THAT(good({"domain", "list"}), testing::ContainsRegex("example.com +2 +yes +bob@example.com\n"));
  EXPECT_THAT(bad({"domain", "catch-all", "example.com", "bob"}), HasSubstr("not an address"));
  good({"domain", "catch-all", "example.com", "none"});
  EXPECT_THAT(good({"domain", "list"}), testing::ContainsRegex("example.com +2 +yes +-\n"));
  good({"domain", "disable", "example.com"});
  EXPECT_FALSE(rooms->directory->check_password("bob@example.com", "battery staple"));
  good({"domain", "enable", "example.com"});
  EXPECT_TRUE(rooms->directory->check_password("bob@example.com", "battery staple"));
  EXPECT_THAT(bad({"domain", "remove", "example.com"}), HasSubstr("remove them first"));
  good({"account", "remove", "alice@example.com"});
  good({"account", "remove", "bob@example.com"});
  good({"domain", "remove", "example.com"});
}

// --- account --------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, AnAccountIsAddedWithItsMailboxes) {
  people();
  EXPECT_THAT(
      good({"account", "show", "Alice@example.com"}),
      AllOf(HasSubstr("name      Alice Liddell\n"), HasSubstr("quota     10.0 GiB\n"), HasSubstr("messages  0\n")));
  EXPECT_THAT(good({"mailbox", "list", "alice@example.com"}), AllOf(HasSubstr("INBOX"), HasSubstr("Trash")));
  EXPECT_THAT(good({"account", "list"}),
              AllOf(HasSubstr("alice@example.com  Alice Liddell"), HasSubstr("bob@example.com")));
  EXPECT_TRUE(rooms->directory->check_password("alice@example.com", "correct horse"))
      << "the line end is not part of the password";
}

TEST_F(CommandsTest, APasswordIsMadeUpAndShownOnce) {
  good({"domain", "add", "example.com", "--no-dkim"});
  const std::string said = good({"account", "add", "carol@example.com", "--admin"});
  const size_t at = said.find("password: ");
  ASSERT_NE(at, said.npos);
  const std::string password = said.substr(at + 10, 23);
  EXPECT_THAT(password, testing::MatchesRegex("[a-z2-9]{5}-[a-z2-9]{5}-[a-z2-9]{5}-[a-z2-9]{5}"));
  EXPECT_TRUE(rooms->directory->check_password("carol@example.com", password));
  EXPECT_TRUE(account("carol@example.com").admin);
  const std::string again = good({"account", "password", "carol@example.com"});
  EXPECT_THAT(again, Not(HasSubstr(password)));
  EXPECT_FALSE(rooms->directory->check_password("carol@example.com", password));
}

TEST_F(CommandsTest, PasswordsFromStandardInputAreTakenAsTheyAre) {
  people();
  EXPECT_THAT(good({"account", "password", "bob@example.com", "--password-stdin"}, "  with blanks  \r\n"),
              Not(HasSubstr("blanks")));
  EXPECT_TRUE(rooms->directory->check_password("bob@example.com", "  with blanks  "));
  EXPECT_THAT(bad({"account", "password", "bob@example.com", "--password-stdin"}, 1, "short"), HasSubstr("too short"));
  EXPECT_THAT(bad({"account", "password", "bob@example.com", "--password-stdin"}), HasSubstr("too short"));
  EXPECT_TRUE(rooms->directory->check_password("bob@example.com", "  with blanks  "));
}

TEST_F(CommandsTest, AnAccountChanges) {
  people();
  good({"account", "disable", "bob@example.com"});
  EXPECT_THAT(good({"account", "list", "example.com"}), HasSubstr("disabled"));
  good({"account", "enable", "bob@example.com"});
  good({"account", "admin", "bob@example.com"});
  EXPECT_TRUE(account("bob@example.com").admin);
  good({"account", "admin", "bob@example.com", "--off"});
  EXPECT_FALSE(account("bob@example.com").admin);
  for (const auto& [given, expected] :
       {std::pair("1024", 1024ull), std::pair("3k", 3072ull), std::pair("2M", 2ull << 20), std::pair("1T", 1ull << 40),
        std::pair("none", 0ull)}) {
    good({"account", "quota", "bob@example.com", given});
    EXPECT_EQ(account("bob@example.com").quota_octets, expected) << given;
    EXPECT_EQ(rooms->mailboxes->figures(*rooms->store, account("bob@example.com").id)->quota_octets, expected);
  }
  for (const char* given : {"x", "G", "-1", "1.5G", "99999999999999999999", "99999999999T", "10GB"})
    EXPECT_THAT(bad({"account", "quota", "bob@example.com", given}), HasSubstr("such as 10G")) << given;
}

TEST_F(CommandsTest, AccountsThatCannotBeSayWhy) {
  people();
  EXPECT_THAT(bad({"account", "add", "dave@example.org"}), HasSubstr("pabal domain add example.org"));
  EXPECT_THAT(bad({"account", "add", "alice@example.com"}), HasSubstr("is there already"));
  EXPECT_THAT(bad({"account", "add", "dave"}), HasSubstr("such as alice@example.com"));
  EXPECT_THAT(bad({"account", "add", "dave@example.com", "--quota", "much"}), HasSubstr("such as 10G"));
  EXPECT_THAT(bad({"account", "list", "example.org"}), HasSubstr("there is no domain example.org"));
  for (const Words& words :
       {Words{"show"}, Words{"password"}, Words{"enable"}, Words{"disable"}, Words{"admin"}, Words{"remove"}})
    EXPECT_THAT(bad({"account", words[0], "nobody@example.com"}), HasSubstr("`pabal account list`")) << words[0];
}

TEST_F(CommandsTest, MailIsNotRemovedByAccident) {
  people();
  good({"alias", "add", "info@example.com", "bob@example.com"});
  const auto bob = account("bob@example.com");
  const auto prepared = mailbox::prepare("Subject: x\r\n\r\nx\r\n");
  const auto body = rooms->mailboxes->new_body_id();
  ASSERT_TRUE(rooms->store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    if (const auto put = rooms->mailboxes->put_body(t, body, *prepared); !put) return put;
    const auto filed = rooms->mailboxes->file(t, bob.id, *prepared, body, {});
    return filed ? Result<void>() : filed.error();
  }));
  EXPECT_THAT(bad({"account", "remove", "bob@example.com"}),
              AllOf(HasSubstr("has 1 message"), HasSubstr("--with-mail"), HasSubstr("pabal account disable")));
  EXPECT_THAT(good({"account", "remove", "bob@example.com", "--with-mail"}),
              HasSubstr("info@example.com still names it"));
  EXPECT_FALSE(*rooms->directory->account(*rooms->store, "bob@example.com"));
}

// --- alias ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, AnAliasIsAddedReplacedListedAndRemoved) {
  people();
  EXPECT_EQ(good({"alias", "add", "team@example.com", "alice@example.com", "x@elsewhere.net"}),
            "team@example.com leads to alice@example.com, x@elsewhere.net\n");
  good({"alias", "add", "team@example.com", "bob@example.com", "--receive-only"});
  EXPECT_THAT(good({"alias", "list"}),
              AllOf(HasSubstr("team@example.com  no       bob@example.com"), Not(HasSubstr("alice"))));
  EXPECT_THAT(good({"alias", "list", "example.org"}), HasSubstr("no aliases"));
  EXPECT_THAT(good({"alias", "add", "late@example.com", "gone@example.com"}),
              AllOf(HasSubstr("note: there is no gone@example.com yet"), HasSubstr("leads to nobody so far")));
  good({"alias", "remove", "team@example.com"});
  EXPECT_THAT(bad({"alias", "remove", "team@example.com"}), HasSubstr("there is no alias"));
  EXPECT_THAT(bad({"alias", "add", "alice@example.com", "bob@example.com"}), HasSubstr("is an account"));
  EXPECT_THAT(bad({"alias", "add", "x@example.org", "bob@example.com"}), HasSubstr("there is no domain"));
  EXPECT_THAT(bad({"alias", "add", "x@example.com", "bob"}), HasSubstr("not an address"));
}

// --- token ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, TokensAreMadeListedAndTakenBack) {
  people();
  EXPECT_THAT(good({"token", "list"}), HasSubstr("pabal token create"));
  const std::string made = good({"token", "create", "--scope", "mail.read", "--days", "30", "--label",
                                 "phone of\x1B[31m Alice", "alice@example.com"});
  const size_t at = made.find("token: ") + 7;
  const std::string secret = made.substr(at, made.find('\n', at) - at);
  const auto bearer = rooms->directory->check_token(secret);
  ASSERT_TRUE(bearer) << made;
  EXPECT_EQ(bearer->account.name, "alice@example.com");
  EXPECT_EQ(bearer->token.scopes, std::vector<std::string>{"mail.read"});
  EXPECT_THAT(made, HasSubstr("pabal token revoke " + bearer->token.id));
  EXPECT_THAT(good({"token", "create", "bob@example.com"}), HasSubstr("for mail.read and mail.send"));

  const std::string list = good({"token", "list"});
  EXPECT_THAT(list, AllOf(HasSubstr(bearer->token.id), HasSubstr("phone of"), HasSubstr("bob@example.com"),
                          Not(HasSubstr(secret)), Not(HasSubstr("\x1B"))));
  EXPECT_THAT(good({"token", "list", "alice@example.com"}), Not(HasSubstr("bob@example.com")));
  good({"token", "revoke", bearer->token.id});
  EXPECT_FALSE(rooms->directory->check_token(secret));
  EXPECT_THAT(bad({"token", "revoke", bearer->token.id}), HasSubstr("`pabal token list`"));
  EXPECT_THAT(bad({"token", "create", "nobody@example.com"}), HasSubstr("`pabal account list`"));
  EXPECT_THAT(bad({"token", "create", "alice@example.com", "--scope", "root"}), HasSubstr("mail.read and mail.send"));
  bad({"token", "create", "alice@example.com", "--days", "0"}, 2);
}

// --- oauth ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, ProgramsAreAddedListedAndRemoved) {
  people();
  EXPECT_THAT(good({"oauth", "client", "list"}), HasSubstr("pabal oauth client add"));
  const std::string made = good({"oauth", "client", "add", "Our calendar", "--redirect", "https://c.example.com/cb"});
  EXPECT_THAT(made, AllOf(HasSubstr("client_id: "), HasSubstr("client_secret: pabals_")));
  const std::string open = good({"oauth", "client", "add", "Phone", "--public", "--id", "phone", "--device",
                                 "--redirect", "http://127.0.0.1/", "--redirect", "com.example.phone:/cb"});
  EXPECT_THAT(open, AllOf(HasSubstr("client_id: phone\n"), Not(HasSubstr("client_secret")), HasSubstr("PKCE")));
  EXPECT_THAT(good({"oauth", "client", "list"}),
              AllOf(HasSubstr("Our calendar"), HasSubstr("com.example.phone:/cb"), Not(HasSubstr("pabals_"))));
  EXPECT_THAT(bad({"oauth", "client", "add", "X", "--id", "phone", "--redirect", "https://x.example/"}),
              HasSubstr("already"));
  EXPECT_THAT(bad({"oauth", "client", "add", "X", "--redirect", "http://x.example/"}), HasSubstr("same machine"));
  EXPECT_THAT(bad({"oauth", "client", "add", "X"}), HasSubstr("needs a redirect URI"));
  good({"oauth", "client", "remove", "phone"});
  EXPECT_THAT(bad({"oauth", "client", "remove", "phone"}), HasSubstr("`pabal oauth client list`"));

  EXPECT_THAT(good({"oauth", "grants", "alice@example.com"}), HasSubstr("has granted nothing"));
  EXPECT_THAT(bad({"oauth", "revoke", "alice@example.com", "7"}), HasSubstr("`pabal oauth grants alice@example.com`"));
  EXPECT_THAT(good({"oauth", "registration"}), HasSubstr("by the operator only"));
  EXPECT_THAT(good({"oauth", "registration", "on"}), HasSubstr("may register themselves"));
  EXPECT_THAT(good({"oauth", "registration", "off"}), HasSubstr("by the operator only"));
  bad({"oauth", "registration", "maybe"}, 2);
}

// --- mailbox --------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, MailboxesAreMadeRenamedAndRemoved) {
  people();
  good({"mailbox", "create", "alice@example.com", "Work/2026"});
  good({"mailbox", "rename", "alice@example.com", "Work/2026", "Done/2026"});
  EXPECT_THAT(good({"mailbox", "list", "alice@example.com"}),
              AllOf(HasSubstr("Done/2026"), HasSubstr("Work "), Not(HasSubstr("Work/2026"))));
  EXPECT_THAT(good({"mailbox", "remove", "alice@example.com", "Done/2026"}),
              HasSubstr("pabal mailbox deleted alice@example.com"));
  EXPECT_THAT(bad({"mailbox", "remove", "alice@example.com", "Done/2026"}), HasSubstr("pabal mailbox list"));
  EXPECT_THAT(bad({"mailbox", "create", "alice@example.com", "INBOX"}), HasSubstr("already"));
  bad({"mailbox", "create", "alice@example.com", "a//b"});
  bad({"mailbox", "remove", "alice@example.com", "INBOX"});
  for (const Words& words :
       {Words{"mailbox", "list", "x@example.com"}, Words{"mailbox", "create", "x@example.com", "y"},
        Words{"mailbox", "deleted", "x@example.com"}})
    EXPECT_THAT(bad(words), HasSubstr("there is no account"));
}

TEST_F(CommandsTest, MailboxesAreSharedAndUnshared) {
  people();
  good({"alias", "add", "team@example.com", "bob@example.com"});
  good({"mailbox", "create", "alice@example.com", "Work"});
  EXPECT_THAT(good({"mailbox", "share", "alice@example.com", "Work", "BOB@example.com", "lrsd"}),
              AllOf(HasSubstr("who may lrste"), HasSubstr("Other Users/alice@example.com/Work")));
  good({"mailbox", "share", "alice@example.com", "Work", "team@example.com", "l"});
  good({"mailbox", "share", "alice@example.com", "Work", "anyone", "p"});
  EXPECT_THAT(good({"mailbox", "list", "alice@example.com"}),
              HasSubstr("bob@example.com lrste, team@example.com l, anyone p"));
  good({"mailbox", "unshare", "alice@example.com", "Work", "bob@example.com"});
  good({"alias", "remove", "team@example.com"});
  good({"alias", "add", "team@example.com", "bob@example.com"});
  const std::string listed = good({"mailbox", "list", "alice@example.com"});
  EXPECT_THAT(listed, AllOf(HasSubstr("anyone p"), Not(HasSubstr("bob@")), Not(HasSubstr("team@"))))
      << "a new alias of that name gets nothing of the old one's";
  EXPECT_THAT(bad({"mailbox", "share", "alice@example.com", "Work", "nobody@example.com", "l"}),
              HasSubstr("there is no account or alias"));
  EXPECT_THAT(bad({"mailbox", "share", "alice@example.com", "Work", "bob@example.com", "lq"}), HasSubstr("--help"));
  EXPECT_THAT(bad({"mailbox", "share", "alice@example.com", "Work", "alice@example.com", "l"}), HasSubstr("owner"));
  EXPECT_THAT(bad({"mailbox", "share", "alice@example.com", "Play", "bob@example.com", "l"}),
              HasSubstr("pabal mailbox list"));
}

TEST_F(CommandsTest, ADeletedMessageComesBack) {
  people();
  const auto alice = account("alice@example.com");
  const auto prepared = mailbox::prepare("Subject: =?utf-8?B?7JWI64WV?= \x1B[31mred\r\n\r\nx\r\n");
  const auto body = rooms->mailboxes->new_body_id();
  ASSERT_TRUE(rooms->store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    if (const auto put = rooms->mailboxes->put_body(t, body, *prepared); !put) return put;
    const auto filed = rooms->mailboxes->file(t, alice.id, *prepared, body, {});
    if (!filed) return filed.error();
    return rooms->mailboxes->remove_place(t, alice.id, filed->message, filed->places[0].mailbox);
  }));
  const std::string listed = good({"mailbox", "deleted", "alice@example.com"});
  EXPECT_THAT(listed, AllOf(HasSubstr("안녕"), HasSubstr("\\x1B[31mred"), HasSubstr("14 days")));
  const std::string id(text::split(text::split(listed, '\n')[1], ' ')[0]);
  EXPECT_THAT(bad({"mailbox", "undelete", "alice@example.com", "x"}), HasSubstr("is not an id"));
  bad({"mailbox", "undelete", "alice@example.com", "999"});
  EXPECT_THAT(bad({"mailbox", "undelete", "alice@example.com", id, "--to", "Nowhere"}),
              HasSubstr("has no mailbox Nowhere"));
  EXPECT_EQ(good({"mailbox", "undelete", "alice@example.com", id}), "brought back into INBOX\n");
  EXPECT_EQ(good({"mailbox", "deleted", "alice@example.com"}), "nothing to bring back\n");
}

// --- queue ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, TheQueueIsSeenHeldHurriedAndCancelled) {
  const std::string id = waiting();
  EXPECT_THAT(
      good({"queue", "list"}),
      AllOf(StartsWith("1 message waiting, 0 of them held\n" + id + "  12 min  8.0 KiB  from <alice@example.com>\n"),
            HasSubstr("    bob@univ.edu  waiting, 3 tries, next in 2 h\n        451 4.7.1 later\\x1B[31m")));
  EXPECT_THAT(good({"queue", "list", "univ.edu"}), HasSubstr(id));
  EXPECT_THAT(good({"queue", "list", "example.org"}), Not(HasSubstr(id)));
  EXPECT_THAT(good({"queue", "show", text::lowered(id)}),
              AllOf(HasSubstr("account     alice@example.com\n"), HasSubstr("to          carol@elsewhere.net\n"),
                    HasSubstr("from host   mx.univ.edu [192.0.2.1]\n")));

  EXPECT_EQ(good({"queue", "hold", id}), id + " is held\n");
  good({"queue", "hold", id});
  EXPECT_THAT(good({"queue", "list"}), AllOf(StartsWith("1 message waiting, 1 of them held\n"), HasSubstr("HELD")));
  EXPECT_THAT(good({"queue", "retry", id}), HasSubstr("pabal queue hold --off " + id));
  good({"queue", "hold", id, "--off"});
  EXPECT_EQ(good({"queue", "retry", id, "--to", "univ.edu"}), id + " is due now\n");
  EXPECT_THAT(good({"queue", "show", id}), HasSubstr("due now"));
  EXPECT_THAT(bad({"queue", "retry", id, "--to", "example.org"}), HasSubstr("no waiting recipient"));

  good({"queue", "cancel", id, "--to", "bob@univ.edu"});
  EXPECT_THAT(good({"queue", "show", id}), HasSubstr("cancelled"));
  good({"queue", "cancel", id});
  EXPECT_THAT(bad({"queue", "show", id}), HasSubstr("pabal trace " + id));
  size_t bodies = 0;
  ASSERT_TRUE(rooms->store->scan(store::Range::prefix("R"), [&](auto, auto) { return ++bodies > 0; }));
  EXPECT_EQ(bodies, 0u) << "the body went with it";

  // The trace has each act once, for each recipient it was about.
  const auto events = rooms->trace->find(*rooms->store, id, 100);
  std::map<std::string, int> acts;
  for (const auto& e : *events) ++acts[e.action];
  EXPECT_EQ(acts, (std::map<std::string, int>{{"held", 2}, {"released", 2}, {"cancelled", 2}}));
}

TEST_F(CommandsTest, WhatIsNotInTheQueueSaysSo) {
  for (const char* verb : {"show", "retry", "hold", "cancel"}) {
    EXPECT_THAT(bad({"queue", verb, "nonsense"}), HasSubstr("pabal queue list")) << verb;
    EXPECT_THAT(bad({"queue", verb, "0000000000001"}), HasSubstr("0000000000001")) << verb;
  }
}

// --- trace ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, TheTraceIsForPeopleAndPrograms) {
  ASSERT_TRUE(rooms->store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    watch::Event e;
    e.at = rooms->clock.now();
    e.id = "ID1";
    e.message_id = "<1@example.com>";
    e.station = "relay-in";
    e.action = "refused";
    e.recipient = "bob@example.com";
    e.reason = "\x1B[2Jno \x7F \xC2\x85";
    rooms->trace->record(t, e);
    return {};
  }));
  EXPECT_THAT(good({"trace", "bob@example.com"}), AllOf(HasSubstr("Message <1@example.com>"), HasSubstr("\\x1B[2Jno")));
  const std::string json = good({"trace", "ID1", "--json"});
  for (const char c : json) EXPECT_TRUE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) || c == '\n');
  boost::system::error_code failure;
  EXPECT_EQ(boost::json::parse(json, failure).as_array().size(), 1u) << failure.message();
  EXPECT_THAT(bad({"trace", "carol@example.com"}), HasSubstr("30 days"));
  EXPECT_EQ(good({"trace", "carol@example.com", "--json"}), "[]\n");
  EXPECT_THAT(good({"trace", "ID1", "--limit", "1"}), HasSubstr("for more: --limit"));
}

TEST_F(CommandsTest, WordsOfTheCallerCannotTurnTheTerminalEither) {
  const Output done = run({"account", "show", "a\x1B[31m\xFF@example.com"});
  EXPECT_EQ(done.exit, 1);
  EXPECT_TRUE(text::is_utf8(done.err));
  EXPECT_THAT(done.err, HasSubstr("\\x1B[31m\\xFF"));
}

// --- sieve ----------------------------------------------------------------------------------------------------------

TEST_F(CommandsTest, ScriptsArePutActivatedTriedAndRemoved) {
  people();
  EXPECT_TRUE(wants_stdin({"sieve", "put", "alice@example.com", "main"}));
  EXPECT_THAT(good({"sieve", "put", "alice@example.com", "main"}, "require \"fileinto\";\nfileinto \"Junk\";\n"),
              AllOf(HasSubstr("stored main"), HasSubstr("pabal sieve activate alice@example.com main")));
  EXPECT_THAT(bad({"sieve", "test", "alice@example.com"}), HasSubstr("no script is active"));
  good({"sieve", "activate", "alice@example.com", "main"});
  EXPECT_EQ(good({"sieve", "test", "alice@example.com"}, "Subject: x\r\n\r\n"), "file into Junk  (line 2)\n");
  EXPECT_THAT(good({"sieve", "list", "alice@example.com"}), AllOf(HasSubstr("main"), HasSubstr("active")));
  EXPECT_THAT(good({"sieve", "get", "alice@example.com", "main"}), HasSubstr("fileinto \"Junk\";"));
  EXPECT_THAT(bad({"sieve", "remove", "alice@example.com", "main"}), HasSubstr("active"));
  good({"sieve", "activate", "alice@example.com", "--off"});
  good({"sieve", "remove", "alice@example.com", "main"});
  EXPECT_THAT(bad({"sieve", "get", "alice@example.com", "main"}), HasSubstr("there is no script main"));
}

TEST_F(CommandsTest, AFaultyScriptIsNotStored) {
  people();
  EXPECT_THAT(bad({"sieve", "put", "alice@example.com", "main"}, 1, "keep;\nnonsense;\n"),
              HasSubstr("main: line 2, column 1"));
  EXPECT_THAT(good({"sieve", "list", "alice@example.com"}), HasSubstr("no scripts"));
  EXPECT_THAT(good({"sieve", "put", "global", "spam"}, "keep;"), Not(HasSubstr("activate")));
}

}  // namespace
}  // namespace pabal::app
