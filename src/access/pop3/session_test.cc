#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "access/pop3/limits.h"
#include "access/pop3/session_testing.h"
#include "base/text.h"

namespace pabal::access::pop3 {
namespace {

using testing::Client;
using testing::crlf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::World;

const std::string kPlain = text::base64(std::string("\0alice@example.com\0correct horse", 32));

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
  Far(World& w, Options options) : world(w), network(w.loop) {
    listener = std::move(*network.listen({{"192.0.2.1", 110}}, [&w, options](std::unique_ptr<net::Stream> stream) {
      w.loop.spawn(serve(std::move(stream), options, w.pop3_services()));
    }));
    world.loop.spawn(connect(this));
    world.loop.run_until([&] { return client != nullptr; }, minutes(1));
    client->answer();
  }
  ~Far() {
    client->hang_up();
    world.loop.run_for(hours(1));
  }
  static Task<void> connect(Far* self) {
    net::SimLoop& loop = self->world.loop;
    Task<Result<std::unique_ptr<net::Stream>>> connecting =
        self->network.connect(loop, net::Address{"192.0.2.1", 110}, "203.0.113.9", loop.now() + minutes(1));
    auto stream = co_await connecting;
    self->client = std::make_unique<Client>(loop, std::move(*stream));
  }
  World& world;
  net::SimNetwork network;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<Client> client;
};

// --- login ----------------------------------------------------------------------------------------------------------

TEST(Pop3Session, GreetsAndSaysWhatItCan) {
  World world;
  Client& c = world.pop3(with_tls());
  EXPECT_EQ(c.answer(), "+OK mx.example.com Pabal POP3\r\n");
  EXPECT_EQ(c.talk_more("capa"),
            crlf("+OK these\nTOP\nUIDL\nPIPELINING\nRESP-CODES\nAUTH-RESP-CODE\nUTF8 USER\nLANG\nEXPIRE NEVER\nSTLS\n"
                 "USER\nSASL SCRAM-SHA-256 PLAIN OAUTHBEARER XOAUTH2\nIMPLEMENTATION Pabal\n"));
  const std::string after = world.pop3_logged_in().talk_more("CAPA");
  for (const char* gone : {"STLS", "\nUSER", "SASL"}) EXPECT_THAT(after, Not(HasSubstr(gone)));
}

TEST(Pop3Session, LogsInByUserAndPass) {
  World world;
  world.deliver("Subject: x\r\n\r\nhello\r\n");
  Client& c = world.pop3_greeted();
  EXPECT_EQ(c.talk("PASS correct horse"), "-ERR USER first\r\n");
  EXPECT_EQ(c.talk("USER alice@example.com"), "+OK and the password\r\n");
  EXPECT_EQ(c.talk("PASS correct horse"), "+OK 1 21\r\n");  // a password with a blank
  EXPECT_THAT(c.talk("USER alice@example.com"), StartsWith("-ERR that is possible before the login only"));
}

TEST(Pop3Session, ThreeWrongPasswordsEndIt) {
  World world;
  Client& c = world.pop3_greeted();
  for (const std::string name : {"alice@example.com", "nobody@example.com", "alice@example.com"}) {
    EXPECT_EQ(c.talk("USER " + name), "+OK and the password\r\n");  // the same for all
    EXPECT_THAT(c.talk("PASS wrong"), StartsWith("-ERR [AUTH] "));
  }
  EXPECT_TRUE(c.wait_closed());
}

TEST(Pop3Session, NamesAndPasswordsAreUtf8OrRefused) {
  World world;
  Client& c = world.pop3_greeted();
  EXPECT_THAT(c.talk("USER \xff\xfe"), StartsWith("-ERR "));
  EXPECT_THAT(c.talk("USER "), StartsWith("-ERR "));
  EXPECT_THAT(c.talk("USER 앨리스@example.com"), StartsWith("+OK"));
  EXPECT_THAT(c.talk("PASS \xc0\x80"), StartsWith("-ERR "));
}

TEST(Pop3Session, AuthenticatesByPlainWithAndWithoutInitialResponse) {
  World world;
  Client& first = world.pop3_greeted();
  EXPECT_EQ(first.talk("AUTH PLAIN " + kPlain), "+OK 0 0\r\n");
  first.talk("QUIT");
  Client& c = world.pop3_greeted();
  EXPECT_EQ(c.talk("auth plain"), "+ \r\n");
  EXPECT_EQ(c.talk(kPlain), "+OK 0 0\r\n");
}

TEST(Pop3Session, AnAuthenticationCanBeCancelledOrMalformed) {
  World world;
  Client& c = world.pop3_greeted();
  EXPECT_EQ(c.talk("AUTH PLAIN"), "+ \r\n");
  EXPECT_EQ(c.talk("*"), "-ERR cancelled\r\n");
  EXPECT_EQ(c.talk("AUTH PLAIN"), "+ \r\n");
  EXPECT_EQ(c.talk("!!!"), "-ERR that is not base64\r\n");
  EXPECT_EQ(c.talk("AUTH PLAIN !!!"), "-ERR that is not base64\r\n");
  EXPECT_THAT(c.talk("AUTH"), StartsWith("-ERR AUTH takes a mechanism"));
  EXPECT_THAT(c.talk("AUTH GSSAPI"), StartsWith("-ERR [AUTH] "));
  EXPECT_THAT(c.talk("AUTH PLAIN ="), StartsWith("-ERR [AUTH] "));
}

TEST(Pop3Session, NobodyLogsInInClearFromAfar) {
  World world;
  Far far(world, with_tls());
  Client& c = *far.client;
  const std::string before = c.talk_more("CAPA");
  EXPECT_THAT(before, HasSubstr("\r\nSTLS\r\n"));
  EXPECT_THAT(before, Not(HasSubstr("\r\nUSER")));
  EXPECT_THAT(before, Not(HasSubstr("SASL")));
  for (const std::string line : {"USER alice@example.com", "PASS correct horse", "AUTH PLAIN"})
    EXPECT_EQ(c.talk(line), "-ERR STLS first: no passwords in clear\r\n");
  EXPECT_EQ(c.talk("STLS"), "+OK begin the handshake\r\n");
  EXPECT_THAT(c.talk_more("CAPA"), HasSubstr("\r\nUSER\r\nSASL "));
  EXPECT_THAT(c.talk("STLS"), StartsWith("-ERR STLS is not offered"));
  c.talk("USER alice@example.com");
  EXPECT_EQ(c.talk("PASS correct horse"), "+OK 0 0\r\n");
}

TEST(Pop3Session, NothingSaidBeforeStlsCountsAfterIt) {
  World world;
  Client& c = world.pop3_greeted(with_tls());
  c.send("STLS\r\nUSER alice@example.com\r\n");
  EXPECT_THAT(c.answer(), StartsWith("-ERR nothing may follow STLS"));
  EXPECT_TRUE(c.wait_closed());
  Client& named = world.pop3_greeted(with_tls());
  named.talk("USER alice@example.com");
  named.talk("STLS");
  EXPECT_EQ(named.talk("PASS correct horse"), "-ERR USER first\r\n");
  Client& late = world.pop3_greeted(with_tls());
  late.talk("UTF8");
  EXPECT_EQ(late.talk("STLS"), "-ERR STLS comes before UTF8\r\n");
}

// --- the lock -------------------------------------------------------------------------------------------------------

TEST(Pop3Session, AMaildropIsOpenOnceAndFreeAgainHoweverTheSessionEnds) {
  World world;
  Client& first = world.pop3_logged_in();
  Client& second = world.pop3_greeted();
  const auto enter = [&] { return second.talk("AUTH PLAIN " + kPlain); };
  EXPECT_THAT(enter(), StartsWith("-ERR [IN-USE] "));
  first.talk("QUIT");
  EXPECT_EQ(enter(), "+OK 0 0\r\n");
  second.hang_up();
  world.loop.run_for(seconds(1));
  Client& third = world.pop3_greeted();
  EXPECT_EQ(third.talk("AUTH PLAIN " + kPlain), "+OK 0 0\r\n");
  // It falls asleep: RFC 1939 §3 wants ten minutes and no word.
  world.loop.run_for(minutes(9));
  EXPECT_FALSE(third.closed());
  Client& fourth = world.pop3_greeted();
  EXPECT_THAT(fourth.talk("AUTH PLAIN " + kPlain), StartsWith("-ERR [IN-USE] "));
  EXPECT_TRUE(third.wait_closed(minutes(2)));
  EXPECT_EQ(third.take(), "");
  EXPECT_EQ(fourth.talk("AUTH PLAIN " + kPlain), "+OK 0 0\r\n");
}

TEST(Pop3Session, AWrongPasswordDoesNotTellThatTheMaildropIsInUse) {
  World world;
  world.pop3_logged_in();
  Client& c = world.pop3_greeted();
  c.talk("USER alice@example.com");
  EXPECT_THAT(c.talk("PASS wrong"), StartsWith("-ERR [AUTH] "));
}

// --- the maildrop ---------------------------------------------------------------------------------------------------

std::string letter(int n) { return "Subject: " + std::to_string(n) + "\r\n\r\n" + std::string(n, 'x') + "\r\n"; }

TEST(Pop3Session, StatListAndUidlAgree) {
  World world;
  for (int n = 1; n <= 3; ++n) world.deliver(letter(n));
  const std::string validity = std::to_string(world.box("INBOX").uid_validity);
  Client& c = world.pop3_logged_in();
  EXPECT_EQ(c.talk("STAT"), "+OK 3 54\r\n");
  EXPECT_EQ(c.talk_more("LIST"), crlf("+OK these\n1 17\n2 18\n3 19\n"));
  EXPECT_EQ(c.talk("LIST 2"), "+OK 2 18\r\n");
  EXPECT_EQ(c.talk_more("UIDL"), crlf("+OK these\n1 " + validity + ".1\n2 " + validity + ".2\n3 " + validity + ".3\n"));
  EXPECT_EQ(c.talk("UIDL 3"), "+OK 3 " + validity + ".3\r\n");
  for (const std::string line : {"LIST 0", "LIST 4", "UIDL 99", "RETR 4", "TOP 0 1", "DELE 4"})
    EXPECT_EQ(c.talk(line), "-ERR there is no message of that number; there are 3\r\n") << line;
  EXPECT_EQ(c.talk("DELE 1"), "+OK removed at QUIT\r\n");
  EXPECT_EQ(c.talk("STAT"), "+OK 2 37\r\n");
  EXPECT_EQ(c.talk_more("LIST"), crlf("+OK these\n2 18\n3 19\n"));
  for (const std::string line : {"LIST 1", "UIDL 1", "RETR 1", "TOP 1 1", "DELE 1"})
    EXPECT_EQ(c.talk(line), "-ERR that message is to be deleted; RSET takes it back\r\n") << line;
  EXPECT_EQ(c.talk("RSET"), "+OK 3 54\r\n");
  EXPECT_EQ(c.talk("NOOP"), "+OK done\r\n");
}

TEST(Pop3Session, AnEmptyMaildropListsNothing) {
  World world;
  Client& c = world.pop3_logged_in();
  EXPECT_EQ(c.talk("STAT"), "+OK 0 0\r\n");
  EXPECT_EQ(c.talk_more("LIST"), "+OK these\r\n");
  EXPECT_EQ(c.talk_more("UIDL"), "+OK these\r\n");
}

TEST(Pop3Session, RetrGivesWhatWasStoredWithDotsDoubled) {
  World world;
  world.deliver("Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n");
  Client& c = world.pop3_logged_in();
  EXPECT_EQ(c.talk_more("RETR 1"), crlf("+OK 32 octets\nSubject: dots\n\n..\n...\n..x\nx.\n"));
  EXPECT_EQ(c.talk("LIST 1"), "+OK 1 32\r\n");
  EXPECT_EQ(c.talk_more("TOP 1 0"), crlf("+OK the top\nSubject: dots\n\n"));
  EXPECT_EQ(c.talk_more("TOP 1 2"), crlf("+OK the top\nSubject: dots\n\n..\n...\n"));
  EXPECT_EQ(c.talk("NOOP"), "+OK done\r\n");
}

TEST(Pop3Session, WhatIsNoInternetMailCannotForgeAnswers) {
  World world;
  world.deliver("Subject: x\n\na\n.\n+OK 9 9\nend");
  world.deliver("no end");
  Client& c = world.pop3_logged_in();
  c.send("RETR 1\r\nRETR 2\r\nNOOP\r\n");
  EXPECT_THAT(c.answer(), StartsWith("+OK "));
  EXPECT_EQ(c.more(), "Subject: x\n\na\n..\n+OK 9 9\nend\r\n");
  EXPECT_THAT(c.answer(), StartsWith("+OK "));
  EXPECT_EQ(c.more(), "no end\r\n");
  EXPECT_EQ(c.answer(), "+OK done\r\n");
}

TEST(Pop3Session, ALargeMessageComesWhole) {
  World world;
  std::string text = "Subject: large\r\n\r\n";
  for (int i = 0; i < 40'000; ++i) text += ".line " + std::to_string(i) + "\r\n";
  text += std::string(300'000, 'x') + "\r\n";
  world.deliver(text);
  Client& c = world.pop3_logged_in();
  EXPECT_EQ(c.talk("RETR 1"), "+OK " + std::to_string(text.size()) + " octets\r\n");
  std::string got = c.more();
  for (size_t at = 0; (at = got.find("\r\n..", at)) != got.npos;) got.erase(at += 2, 1);
  EXPECT_TRUE(got == text);
}

TEST(Pop3Session, DeletedMessagesGoAtQuitAndNotBefore) {
  World world;
  for (int n = 1; n <= 3; ++n) world.deliver(letter(n));
  Client& dropped = world.pop3_logged_in();
  dropped.talk("DELE 1");
  dropped.hang_up();
  world.loop.run_for(seconds(1));
  EXPECT_EQ(world.box("INBOX").messages, 3u);
  Client& c = world.pop3_logged_in();
  c.talk("DELE 1");
  c.talk("DELE 3");
  EXPECT_EQ(c.talk("QUIT"), "+OK goodbye\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(world.box("INBOX").messages, 1u);
  const std::string validity = std::to_string(world.box("INBOX").uid_validity);
  EXPECT_EQ(world.pop3_logged_in().talk_more("UIDL"), "+OK these\r\n1 " + validity + ".2\r\n");
}

TEST(Pop3Session, ManyDeletedMessagesGoInSteps) {
  World world;
  constexpr int kMany = static_cast<int>(kMessagesPerCommit) + 20;
  for (int n = 1; n <= kMany; ++n) world.deliver("Subject: x\r\n\r\n");
  Client& c = world.pop3_logged_in();
  for (int n = 1; n <= kMany; ++n) c.send("DELE " + std::to_string(n) + "\r\n");
  c.send("QUIT\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(world.box("INBOX").messages, 0u);
}

TEST(Pop3Session, OtherMailboxesKeepTheirCopy) {
  World world;
  const auto id = world.deliver(letter(1));
  world.change([&](store::Transaction& t) -> Result<void> {
    const auto done = world.mailboxes->add_place(t, world.alice, id, world.box("Archive").id);
    return done ? Result<void>() : done.error();
  });
  Client& c = world.pop3_logged_in();
  c.talk("DELE 1");
  c.talk("QUIT");
  EXPECT_EQ(world.box("INBOX").messages, 0u);
  EXPECT_EQ(world.box("Archive").messages, 1u);
}

TEST(Pop3Session, ImapGoesOnBesideIt) {
  World world;
  for (int n = 1; n <= 3; ++n) world.deliver(letter(n));
  Client& c = world.pop3_logged_in();
  auto& imap = world.selected();
  imap.talk("STORE 2 +FLAGS (\\Deleted)");
  imap.talk("EXPUNGE");
  world.deliver(letter(4));
  // The maildrop is what it was at login.
  EXPECT_EQ(c.talk("STAT"), "+OK 3 54\r\n");
  for (const std::string line : {"RETR 2", "TOP 2 0"})
    EXPECT_EQ(c.talk(line), "-ERR that message was removed by another session\r\n");
  EXPECT_EQ(c.talk_more("RETR 3"), "+OK 19 octets\r\n" + letter(3));
  for (const std::string line : {"DELE 1", "DELE 2"}) EXPECT_EQ(c.talk(line), "+OK removed at QUIT\r\n");
  EXPECT_EQ(c.talk("QUIT"), "+OK goodbye\r\n");
  EXPECT_EQ(world.box("INBOX").messages, 2u);
  EXPECT_THAT(imap.talk("NOOP"), HasSubstr("* 1 EXPUNGE\r\n"));
}

TEST(Pop3Session, FetchingIsNotReading) {
  World world;
  world.deliver(letter(1));
  Client& c = world.pop3_logged_in();
  c.talk_more("RETR 1");
  EXPECT_EQ(world.box("INBOX").unseen, 1u);
}

TEST(Pop3Session, ARetrIsTraced) {
  World world;
  world.deliver("Message-ID: <traced@example.net>\r\nSubject: x\r\n\r\n");
  Client& c = world.pop3_logged_in();
  c.talk_more("TOP 1 0");
  c.talk_more("RETR 1");
  c.talk_more("RETR 1");
  c.talk("QUIT");
  world.change([](store::Transaction&) -> Result<void> { return {}; });  // what was to be recorded later is now
  const auto events = world.trace->find(*world.store, "<traced@example.net>");
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ(events->front().action, "read");
  EXPECT_THAT(events->front().peer, StartsWith("POP3 from "));
}

// --- UTF8 and LANG (RFC 6856) ---------------------------------------------------------------------------------------

TEST(Pop3Session, Utf8HeadersAreForThoseWhoAsked) {
  World world;
  world.deliver("Subject: 제목\r\n\r\n본문\r\n");
  world.deliver("Subject: plain\r\n\r\n본문\r\n");  // 8-bit bodies are anybody's
  world.deliver("Subject: \xc1\xa6\xb8\xf1\r\n\r\nnot UTF-8, as ever\r\n");
  Client& c = world.pop3_logged_in();
  for (const std::string line : {"RETR 1", "TOP 1 1"})
    EXPECT_THAT(c.talk_more(line), EndsWith("Subject: =?utf-8?B?7KCc66qp?=\r\n\r\n본문\r\n"));
  EXPECT_THAT(c.talk_more("RETR 2"), HasSubstr("본문"));
  EXPECT_THAT(c.talk_more("RETR 3"), HasSubstr("\xc1\xa6"));
  EXPECT_THAT(c.talk("UTF8"), StartsWith("-ERR that is possible before the login only"));
  c.talk("QUIT");
  Client& asked = world.pop3_greeted();
  EXPECT_EQ(asked.talk("UTF8"), "+OK UTF-8 it is\r\n");
  asked.talk("AUTH PLAIN " + kPlain);
  EXPECT_THAT(asked.talk_more("RETR 1"), HasSubstr("Subject: 제목\r\n"));
}

TEST(Pop3Session, SpeaksOneLanguage) {
  World world;
  Client& c = world.pop3_greeted();
  EXPECT_EQ(c.talk_more("LANG"), "+OK languages\r\nen English\r\n");
  EXPECT_EQ(c.talk("LANG *"), "+OK en it is\r\n");
  EXPECT_EQ(c.talk("LANG EN"), "+OK en it is\r\n");
  EXPECT_THAT(c.talk("LANG ko"), StartsWith("-ERR "));
}

// --- hostile input --------------------------------------------------------------------------------------------------

TEST(Pop3Session, CommandsHaveTheirStateAndArguments) {
  World world;
  Client& c = world.pop3_greeted();
  for (const std::string line : {"STAT", "LIST", "RETR 1", "DELE 1", "NOOP", "RSET", "UIDL", "TOP 1 1"})
    EXPECT_EQ(c.talk(line), "-ERR log in first\r\n") << line;
  Client& in = world.pop3_logged_in();
  for (const std::string line : {"", "x", " STAT", "STAT 1", "RETR", "RETR x", "RETR 1 2", "TOP 1", "TOP 1 -1", "DELE",
                                 "LIST a", "APOP a b", "LIST 99999999999999999999", "\xff\xfe"})
    EXPECT_THAT(in.talk(line), StartsWith("-ERR ")) << line;
  EXPECT_EQ(in.talk("noop "), "+OK done\r\n");
}

TEST(Pop3Session, NonsenseEndsItInTime) {
  World world;
  Client& c = world.pop3_greeted();
  for (int i = 0; i < 30; ++i) c.send("nonsense\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_THAT(c.take(), HasSubstr("-ERR too many errors; goodbye\r\n"));
}

TEST(Pop3Session, TenMegabytesOfLineAreNotHeld) {
  World world;
  Client& c = world.pop3_greeted();
  c.send(std::string(10 << 20, 'x'));
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(c.take(), "-ERR the line is too long; goodbye\r\n");
  Client& sasl = world.pop3_greeted();
  sasl.talk("AUTH PLAIN");
  sasl.send(std::string(1 << 20, 'A'));
  EXPECT_TRUE(sasl.wait_closed());
}

TEST(Pop3Session, ABrowserThatWasLedHereIsSentAway) {
  World world;
  Client& c = world.pop3_greeted();
  c.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nAUTH PLAIN " + kPlain + "\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(c.take(), "");
}

TEST(Pop3Session, WhoNeverLogsInIsNotKept) {
  World world;
  Client& c = world.pop3_greeted();
  for (int i = 0; i < 11 && !c.closed(); ++i) {
    c.send("CAPA\r\n");
    world.loop.run_for(minutes(1));
  }
  EXPECT_TRUE(c.closed());
}

TEST(Pop3Session, PipelinedCommandsAreAnsweredInOrder) {
  World world;
  world.deliver(letter(1));
  Client& c = world.pop3_greeted();
  c.send("USER alice@example.com\r\nPASS correct horse\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
  EXPECT_TRUE(c.wait_closed());
  EXPECT_EQ(c.take(), crlf("+OK and the password\n+OK 1 17\n+OK 1 17\n+OK 17 octets\nSubject: 1\n\nx\n.\n"
                           "+OK removed at QUIT\n+OK goodbye\n"));
  EXPECT_EQ(world.box("INBOX").messages, 0u);
}

TEST(Pop3Session, WhoDoesNotTakeTheAnswerLosesTheSession) {
  World world;
  world.deliver("Subject: x\r\n\r\n" + std::string(900'000, 'x') + "\r\n");
  Client& c = world.pop3_logged_in();
  c.pause(true);
  for (int i = 0; i < 40; ++i) c.send("RETR 1\r\n");
  world.loop.run_for(minutes(5));
  c.pause(false);
  EXPECT_TRUE(c.wait_closed(minutes(1)));
  EXPECT_EQ(world.pop3_greeted().talk("AUTH PLAIN " + kPlain), "+OK 1 900016\r\n");
}

}  // namespace
}  // namespace pabal::access::pop3
