// The server as its clients see it: dialogues, and what each limit answers.
#include "smtp/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/limits.h"
#include "smtp/test_server.h"

namespace pabal::smtp {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// "C: " is typed, "S: " is expected, to the end or to "..."; nothing else may come. "T:" does the client's side of
// STARTTLS.
void hold(TestServer& server, std::string_view dialogue) {
  std::vector<std::string> said;
  const auto listen = [&] {
    const std::string heard = server.peer->heard();
    for (const std::string_view line : text::split(heard, '\n'))
      if (!line.empty()) said.emplace_back(text::trim(line));
  };
  listen();
  size_t at = 0;
  for (const std::string_view raw : text::split(dialogue, '\n')) {
    const std::string_view step = text::trim(raw);
    if (step.starts_with("C:")) {
      EXPECT_EQ(at, said.size()) << "unexpected: " << (at < said.size() ? said[at] : "") << " before " << step;
      server.peer->send(std::string(step.size() > 3 ? step.substr(3) : "") + "\r\n");
      listen();
    } else if (step.starts_with("T:")) {
      server.peer->secure(true);
    } else if (step.starts_with("S:")) {
      ASSERT_LT(at, said.size()) << "missing: " << step;
      std::string_view want = step.substr(3);
      if (want.ends_with("...")) {
        want.remove_suffix(3);
        EXPECT_EQ(said[at].substr(0, want.size()), want);
      } else
        EXPECT_EQ(said[at], want);
      ++at;
    }
  }
  EXPECT_EQ(at, said.size()) << "unexpected at the end: " << (at < said.size() ? said[at] : "");
}

struct Dialogue {
  const char* name;
  const char* text;
};
const Dialogue kDialogues[] = {
    {"TheTextbookByHand", R"(
      S: 220 foo.com ESMTP test
      C: HELO crepes.fr
      S: 250 foo.com greets crepes.fr
      C: MAIL FROM: <alice@crepes.fr>
      S: 250 2.1.0 Ok
      C: RCPT TO: <bob@foo.com>
      S: 250 2.1.5 Ok
      C: DATA
      S: 354 Start mail input; end with <CRLF>.<CRLF>
      C: Do you like ketchup?
      C: How about pickles?
      C: .
      S: 250 2.0.0 Ok: queued as 1
      C: QUIT
      S: 221 2.0.0 foo.com Service closing transmission channel)"},
    {"TheTypicalOneOfRfc5321AppendixD1", R"(
      S: 220 foo.com...
      C: EHLO bar.com
      S: 250-foo.com greets bar.com
      S: 250-PIPELINING
      S: 250-SIZE 100000
      S: 250-8BITMIME
      S: 250-SMTPUTF8
      S: 250-CHUNKING
      S: 250-BINARYMIME
      S: 250-DSN
      S: 250-ENHANCEDSTATUSCODES
      S: 250-LIMITS MAILMAX=1000 RCPTMAX=10
      S: 250 STARTTLS
      C: MAIL FROM:<Smith@bar.com>
      S: 250...
      C: RCPT TO:<Jones@foo.com>
      S: 250...
      C: RCPT TO:<unknown@foo.com>
      S: 550 5.1.1 nobody
      C: RCPT TO:<Brown@foo.com>
      S: 250...
      C: DATA
      S: 354...
      C: Blah blah blah...
      C: ...etc. etc. etc.
      C: .
      S: 250...
      C: QUIT
      S: 221...)"},
    {"TheAbortedOneOfAppendixD2", R"(
      S: 220...
      C: HELO bar.com
      S: 250...
      C: MAIL FROM:<Smith@bar.com>
      S: 250...
      C: RCPT TO:<unknown@foo.com>
      S: 550...
      C: RSET
      S: 250...
      C: QUIT
      S: 221...)"},
    {"CommandsInTheWrongOrder", R"(
      S: 220...
      C: MAIL FROM:<a@b>
      S: 503 5.5.1...
      C: RCPT TO:<a@b>
      S: 503 5.5.1...
      C: DATA
      S: 503 5.5.1...
      C: AUTH PLAIN
      S: 503 5.5.1...
      C: EHLO bar.com
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250-...
      S: 250 STARTTLS
      C: DATA
      S: 503 5.5.1...
      C: MAIL FROM:<a@b>
      S: 250...
      C: MAIL FROM:<a@b>
      S: 503 5.5.1...
      C: DATA
      S: 554 5.5.1...
      C: BDAT 0 LAST
      S: 554 5.5.1...
      C: RCPT TO:<a@b>
      S: 503 5.5.1...)"},
    {"SmallThings", R"(
      S: 220...
      C: helo [192.0.2.1]
      S: 250 foo.com greets [192.0.2.1]
      C: noop whatever
      S: 250 2.0.0 Ok
      C: VRFY smith
      S: 252 2.1.5...
      C: EXPN list
      S: 502 5.5.1...
      C: HELP
      S: 214 2.0.0...
      C:
      S: 500 5.5.2...
      C: WHAT
      S: 500 5.5.2...
      C: HELO
      S: 501 5.5.4...
      C: HELO two words
      S: 501 5.5.4...
      C: LHLO bar.com
      S: 500 5.5.1...
      C: STARTTLS now
      S: 501 5.5.4...
      C: mail from:<>
      S: 250 2.1.0 Ok
      C: rcpt to:<Postmaster>
      S: 250 2.1.5 Ok
      C: DATA now
      S: 501 5.5.4...
      C: quit
      S: 221...)"},
    {"ParametersOfMailAndRcpt", R"(
      S: 220...
      C: HELO bar.com
      S: 250...
      C: MAIL FROM:<a@b> SIZE=100001
      S: 552 5.3.4...
      C: MAIL FROM:<a@b> FUTURE=1
      S: 555 5.5.4...
      C: MAIL FROM:<a@b> REQUIRETLS
      S: 530 5.7.0...
      C: MAIL FROM:<é@b>
      S: 553 5.6.7...
      C: MAIL FROM:<banned@b>
      S: 550 5.7.1 no
      C: MAIL FROM:<a@b> SIZE=100000 BODY=8BITMIME RET=FULL ENVID=x
      S: 250...
      C: RCPT TO:<é@b>
      S: 553 5.6.7...
      C: RCPT TO:<later@b>
      S: 451 4.3.0 later
      C: RCPT TO:<b@foo.com> NOTIFY=NEVER,DELAY
      S: 501 5.5.4...
      C: RCPT TO:<b@foo.com> NOTIFY=SUCCESS ORCPT=rfc822;c@d
      S: 250...)"},
    {"StartTlsForgetsAndAuthFollows", R"(
      S: 220...
      C: HELO bar.com
      S: 250...
      C: MAIL FROM:<a@b>
      S: 250...
      C: STARTTLS
      S: 220 2.0.0 go ahead
      T:
      C: RCPT TO:<b@foo.com>
      S: 503 5.5.1...
      C: MAIL FROM:<a@b>
      S: 503 5.5.1 say EHLO or HELO first
      C: EHLO bar.com
      S: 250-foo.com...
      S: 250-PIPELINING
      S: 250-SIZE...
      S: 250-8BITMIME
      S: 250-SMTPUTF8
      S: 250-CHUNKING
      S: 250-BINARYMIME
      S: 250-DSN
      S: 250-ENHANCED...
      S: 250-LIMITS...
      S: 250-REQUIRETLS
      S: 250 AUTH PLAIN LOGIN
      C: STARTTLS
      S: 503 5.5.1...
      C: AUTH
      S: 501 5.5.4...
      C: AUTH CRAM-MD5
      S: 504 5.5.4...
      C: AUTH PLAIN !!!
      S: 501 5.5.2...
      C: AUTH PLAIN
      S: 334
      C: *
      S: 501 5.7.0...
      C: AUTH PLAIN AGFsaWNlAHdyb25n
      S: 535 5.7.8 wrong
      C: AUTH LOGIN
      S: 334 VXNlcm5hbWU6
      C: YWxpY2U=
      S: 334 UGFzc3dvcmQ6
      C: c2VjcmV0
      S: 235 2.7.0...
      C: AUTH PLAIN
      S: 503 5.5.1...
      C: MAIL FROM:<a@b> REQUIRETLS
      S: 250...
      C: AUTH PLAIN
      S: 503 5.5.1...)"},
    {"NoPasswordsInClear", R"(
      S: 220...
      C: HELO bar.com
      S: 250...
      C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
      S: 503 5.5.1...
      C: RSET
      S: 250...)"},
    {"ChunksAndWhatMayStandBetweenThem", R"(
      S: 220...
      C: HELO bar.com
      S: 250...
      C: MAIL FROM:<a@b> BODY=BINARYMIME
      S: 250...
      C: RCPT TO:<b@foo.com>
      S: 250...
      C: DATA
      S: 503 5.5.1 BINARYMIME...
      C: BDAT 0
      S: 250 2.0.0 0 octets received
      C: DATA
      S: 503 5.5.1...
      C: RCPT TO:<c@foo.com>
      S: 503 5.5.1...
      C: NOOP
      S: 250...
      C: bdat 0 last
      S: 250 2.0.0 Ok: queued as 1
      C: MAIL FROM:<a@b>
      S: 250...
      C: RCPT TO:<b@foo.com>
      S: 250...
      C: BDAT 0
      S: 250...
      C: HELO again.com
      S: 250...
      C: BDAT 0 LAST
      S: 503 5.5.1...
      C: BDAT x
      S: 501 5.5.4...)"},
};

class Dialogues : public testing::TestWithParam<Dialogue> {};
TEST_P(Dialogues, GoesAsPrinted) {
  TestServer server;
  hold(server, GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(Server, Dialogues, testing::ValuesIn(kDialogues),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(Server, HandsOverWhatWasSent) {
  TestServer server;
  server.peer->heard();
  server.peer->ask("EHLO bar.com");
  server.peer->ask("MAIL FROM:<a@bar.com> SIZE=50 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B");
  server.peer->ask("RCPT TO:<b@foo.com> NOTIFY=DELAY ORCPT=rfc822;x@y");
  server.peer->ask("DATA");
  server.peer->send("Subject: dots\r\n\r\n..one\r\n...\r\n안녕\r\n.\r\n");
  ASSERT_EQ(server.policy->accepted.size(), 1u);
  const auto& got = server.policy->accepted[0];
  EXPECT_EQ(got.content, "Subject: dots\r\n\r\n.one\r\n..\r\n안녕\r\n");
  EXPECT_EQ(got.info.helo, "bar.com");
  EXPECT_EQ(got.info.protocol(), "ESMTP");
  EXPECT_EQ(got.info.protocol(true), "UTF8SMTP");
  EXPECT_EQ(got.mail.envid, "q+");
  EXPECT_EQ(got.mail.ret, "HDRS");
  EXPECT_TRUE(got.mail.smtputf8 && got.mail.body_8bit);
  ASSERT_EQ(got.recipients.size(), 1u);
  EXPECT_EQ(got.recipients[0].notify, kDelay);
  EXPECT_EQ(got.recipients[0].orcpt, "rfc822;x@y");
}

TEST(Server, AnswersPipelinedCommandsTogetherAndGoesOnBehindTheMessage) {
  TestServer server;
  server.peer->heard();
  server.peer->send("EHLO bar.com\r\nMAIL FROM:<a@b>\r\nRCPT TO:<unknown@foo.com>\r\nRCPT TO:<b@foo.com>\r\nDATA\r\n");
  EXPECT_THAT(server.peer->heard(), EndsWith("STARTTLS\r\n250 2.1.0 Ok\r\n550 5.1.1 nobody\r\n250 2.1.5 Ok\r\n354 "
                                             "Start mail input; end with <CRLF>.<CRLF>\r\n"));
  // A client that does not wait at the message's end either.
  server.peer->send("one\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<slow@foo.com>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n");
  server.loop.run_for(seconds(11));
  EXPECT_EQ(
      server.peer->heard(),
      "250 2.0.0 Ok: queued as 1\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Start mail input; end with <CRLF>.<CRLF>\r\n"
      "250 2.0.0 Ok: queued as 1\r\n221 2.0.0 foo.com Service closing transmission channel\r\n");
  ASSERT_EQ(server.policy->accepted.size(), 2u);
  EXPECT_EQ(server.policy->accepted[1].content, "two\r\n");
  EXPECT_TRUE(server.peer->closed());
}

TEST(Server, NothingButCrlfDotCrlfEndsAMessage) {
  using namespace std::literals;
  for (const std::string_view trick :
       {"\n.\n"sv, "\n.\r\n"sv, "\r.\r"sv, "\r\n.\r"sv, "\r\n.\n"sv, "\r.\r\n"sv, "\r\n\0.\r\n"sv, "\r\n.\0\r\n"sv}) {
    TestServer server;
    server.begin();
    server.peer->ask("DATA");
    server.peer->send("outer" + std::string(trick) +
                      "MAIL FROM:<x@y>\r\nRCPT TO:<b@foo.com>\r\nDATA\r\ninner\r\n.\r\nNOOP\r\n");
    EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("550 5\\.6\\.0 [^\n]*\n250 2\\.0\\.0 Ok\r\n"))
        << testing::PrintToString(trick);
    EXPECT_THAT(server.policy->accepted, IsEmpty());
  }
}

TEST(Server, ABareLfEndsNoCommandAndNothingBehindItIsRead) {
  TestServer server;
  server.begin();
  server.peer->send("NOOP\nRSET\r\nDATA\r\n");
  EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("500 5\\.5\\.2 [^\n]*\n"));
  EXPECT_TRUE(server.peer->closed());

  TestServer other;
  other.begin();
  EXPECT_THAT(other.peer->ask("NOOP\rRSET"), StartsWith("500 5.5.2"));
  EXPECT_THAT(other.peer->ask(std::string("NO\0OP", 5)), StartsWith("500 5.5.2"));
  EXPECT_THAT(other.peer->ask("RCPT TO:<a\x7F@foo.com>"), StartsWith("500 5.5.2"));
  EXPECT_THAT(other.peer->ask("NOOP"), StartsWith("250"));
}

TEST(Server, NoCommandIsCarriedOverStartTls) {
  TestServer server;
  server.peer->heard();
  server.peer->send("EHLO bar.com\r\nSTARTTLS\r\nMAIL FROM:<injected@b>\r\n");
  EXPECT_THAT(server.peer->heard(), HasSubstr("\r\n421 4.7.0 "));
  EXPECT_TRUE(server.peer->closed());
}

TEST(Server, TlsBeforeTheGreetingIsSeenInTheProtocol) {
  ServerOptions options = TestServer::options();
  options.implicit_tls = true;
  TestServer server(options);
  server.begin();
  server.peer->ask("RSET");
  server.peer->ask("AUTH PLAIN AGFsaWNlAHNlY3JldA==");
  server.peer->send("MAIL FROM:<a@b>\r\nRCPT TO:<b@foo.com>\r\nDATA\r\n");
  server.peer->send(".\r\n");
  ASSERT_EQ(server.policy->accepted.size(), 1u);
  EXPECT_EQ(server.policy->accepted[0].info.protocol(), "ESMTPSA");
  EXPECT_EQ(server.policy->accepted[0].info.auth_user, "alice");
}

TEST(Server, AnUnwelcomeClientMayOnlyQuit) {
  TestServer server(TestServer::options(), TestServer::kBudget, {554, "", "no mail here"});
  EXPECT_EQ(server.peer->heard(), "554 no mail here\r\n");
  EXPECT_THAT(server.peer->ask("EHLO bar.com"), StartsWith("503 "));
  EXPECT_THAT(server.peer->ask("QUIT"), StartsWith("221 "));
}

TEST(Server, SpeaksLmtpWithAReplyForEachRecipient) {
  ServerOptions options = TestServer::options();
  options.lmtp = true;
  TestServer server(options);
  hold(server, R"(
      S: 220 foo.com LMTP test
      C: EHLO bar.com
      S: 500 5.5.1...)");
  server.peer->ask("LHLO bar.com");
  server.peer->send(
      "MAIL FROM:<a@b>\r\nRCPT TO:<one@foo.com>\r\nRCPT TO:<unknown@foo.com>\r\nRCPT TO:<full@foo.com>\r\nRCPT "
      "TO:<two@foo.com>\r\nDATA\r\n");
  server.peer->heard();
  EXPECT_EQ(server.peer->ask("x\r\n."), "250 2.0.0 Ok: queued as 1\r\n452 4.2.2 full\r\n250 2.0.0 Ok: queued as 1\r\n");
  EXPECT_EQ(server.policy->accepted[0].info.protocol(), "LMTP");
  // Refusals of the content come as often.
  server.peer->send("MAIL FROM:<a@b>\r\nRCPT TO:<one@foo.com>\r\nRCPT TO:<two@foo.com>\r\nDATA\r\n");
  server.peer->heard();
  EXPECT_THAT(server.peer->ask("x\ny\r\n."), testing::MatchesRegex("550 5.6.0 [^\n]*\n550 5.6.0 [^\n]*\n"));
  server.peer->send("MAIL FROM:<a@b>\r\nRCPT TO:<one@foo.com>\r\nRCPT TO:<two@foo.com>\r\nBDAT 100001 LAST\r\n" +
                    std::string(100'001, 'x'));
  EXPECT_THAT(server.peer->heard(), EndsWith("552 5.3.4 the message is larger than 100000 octets\r\n552 5.3.4 the "
                                             "message is larger than 100000 octets\r\n"));
  // A policy that forgot somebody still leaves client and server in step.
  EXPECT_THAT(server.peer->ask("NOOP"), StartsWith("250 "));
}

TEST(Server, ManyRefusalsOfOneLmtpMessageAreOneError) {
  ServerOptions options = TestServer::options();
  options.lmtp = true;
  options.max_recipients = 100;
  TestServer server(options);
  server.policy->verdict = {554, "5.0.0", "no"};
  server.peer->heard();
  std::string all = "LHLO bar.com\r\nMAIL FROM:<a@b>\r\n";
  for (int i = 0; i < 50; ++i) all += "RCPT TO:<u" + std::to_string(i) + "@foo.com>\r\n";
  server.peer->send(all + "DATA\r\n");
  server.peer->heard();
  const std::string replies = server.peer->ask("x\r\n.");
  EXPECT_EQ(text::split(replies, '\n').size(), 51u);
  EXPECT_THAT(replies, Not(HasSubstr("421")));
}

TEST(Server, TakesBinaryChunksOctetByOctet) {
  TestServer server;
  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  octets += "\r\n.\r\n\n.\nQUIT\r\n";
  server.peer->heard();
  server.peer->send("EHLO bar.com\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<b@foo.com>\r\n");
  server.peer->heard();
  for (const char octet : octets) server.peer->send("BDAT 1\r\n" + std::string(1, octet));
  EXPECT_EQ(server.peer->ask("BDAT 0 LAST").substr(0, 27), "250 2.0.0 1 octets received");
  ASSERT_EQ(server.policy->accepted.size(), 1u);
  EXPECT_EQ(server.policy->accepted[0].content, octets);
  // Without BINARYMIME a NUL is refused; the stream stays in step.
  server.peer->send("MAIL FROM:<a@b>\r\nRCPT TO:<b@foo.com>\r\n");
  server.peer->heard();
  server.peer->send("BDAT 3 LAST\r\na" + std::string(1, '\0') + "bNOOP\r\n");
  EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("550 5.6.0 [^\n]*\n250 2.0.0 Ok\r\n"));
}

TEST(Server, ChunksThatAreTooMuchAreReadAndRefused) {
  TestServer server;
  server.begin();
  server.peer->send("BDAT 60000\r\n" + std::string(60'000, 'x') + "BDAT 40001\r\n" + std::string(40'001, 'y') +
                    "BDAT 1 LAST\r\nzNOOP\r\n");
  EXPECT_THAT(server.peer->heard(),
              testing::MatchesRegex("250 2.0.0 60000 [^\n]*\n552 5.3.4 [^\n]*\n503 5.5.1 [^\n]*\n250 2.0.0 Ok\r\n"));
  EXPECT_THAT(server.policy->accepted, IsEmpty());
  EXPECT_THAT(server.peer->ask("BDAT 200001"), StartsWith("552 5.3.4"));
  EXPECT_TRUE(server.peer->closed());
}

}  // namespace
}  // namespace pabal::smtp
