// The server under those who mean it harm, or are just slow: each limit has its reply, memory is bounded and given
// back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "smtp/limits.h"
#include "smtp/test_server.h"

namespace pabal::smtp {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(ServerLimits, ALineTooLongIsOneErrorAndTheNextIsRead) {
  TestServer server;
  server.begin();
  EXPECT_THAT(server.peer->ask("RCPT TO:<" + std::string(kMaxCommandLine, 'x') + "@foo.com>"),
              testing::MatchesRegex("500 5.5.6 [^\n]*\n"));
  EXPECT_THAT(server.peer->ask(std::string(500'000, 'x')), testing::MatchesRegex("500 5.5.6 [^\n]*\n"));
  EXPECT_THAT(server.peer->ask("NOOP " + std::string(kMaxCommandLine - 10, 'x')), StartsWith("250 "));
  EXPECT_THAT(server.peer->ask("NOOP"), StartsWith("250 "));
}

TEST(ServerLimits, AnEndlessLineEndsTheConnection) {
  TestServer server;
  server.begin();
  for (int i = 0; i < 40; ++i) server.peer->send(std::string(64 * 1024, 'x'));
  EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("500 5.5.6 [^\n]*\n"));
  EXPECT_TRUE(server.peer->closed());
}

TEST(ServerLimits, BareLfAtTheCutOfALongLineIsStillBare) {
  // The line is dropped in pieces: wherever they are cut, an LF without CR must not end it.
  for (size_t n = kMaxCommandLine; n < kMaxCommandLine + 3 * kCommandBlock; n += 7) {
    TestServer server;
    server.begin();
    server.peer->send(std::string(n, 'x') + "\nNOOP\r\n");
    EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("500 5.5.2 [^\n]*\n")) << n;
  }
}

TEST(ServerLimits, TooManyRecipientsArePutOffAndTheOthersServed) {
  TestServer server;
  server.begin(false);
  std::string all = "MAIL FROM:<a@b>\r\n";
  for (int i = 0; i < 300; ++i) all += "RCPT TO:<u" + std::to_string(i) + "@foo.com>\r\n";
  server.peer->send(all + "DATA\r\n");
  const std::string said = server.peer->heard();
  EXPECT_THAT(said, HasSubstr("250 2.1.5 Ok\r\n452 4.5.3 "));
  EXPECT_THAT(said, HasSubstr("\r\n354 "));
  EXPECT_THAT(server.peer->ask("."), StartsWith("250 "));
  EXPECT_EQ(server.policy->accepted.at(0).recipients.size(), 10u);
}

TEST(ServerLimits, AThousandRecipientsAreTaken) {
  ServerOptions options = TestServer::options();
  options.max_recipients = kMaxRecipients;
  TestServer server(options);
  server.begin(false);
  std::string all = "MAIL FROM:<a@b>\r\n";
  for (size_t i = 0; i < kMaxRecipients; ++i) all += "RCPT TO:<u" + std::to_string(i) + "@foo.com>\r\n";
  server.peer->send(all + "DATA\r\n");
  server.peer->send(".\r\n");
  EXPECT_THAT(server.peer->heard(), EndsWith("queued as 1\r\n"));
  EXPECT_EQ(server.policy->accepted.at(0).recipients.size(), kMaxRecipients);
}

TEST(ServerLimits, TriesOfRecipientsEndSomewhere) {
  TestServer server;
  server.begin();
  std::string all;
  for (size_t i = 0; i < kMaxRcptCommands; ++i) all += "RCPT TO:<later@foo.com>\r\n";
  server.peer->send(all);
  EXPECT_THAT(server.peer->heard(), testing::ContainsRegex("\n421 4.7.0 [^\n]*\n$"));
  EXPECT_TRUE(server.peer->closed());
}

TEST(ServerLimits, TooManyErrorsAre421AndTheEnd) {
  TestServer server;
  server.begin();
  std::string all;
  for (size_t i = 0; i < kMaxErrors + 5; ++i) all += "WHAT\r\n";
  server.peer->send(all);
  const std::string said = server.peer->heard();
  EXPECT_EQ(text::split(said, '\n').size(), kMaxErrors + 2);
  EXPECT_THAT(said, testing::ContainsRegex("\n421 4.7.0 [^\n]*\n$"));
  EXPECT_TRUE(server.peer->closed());
}

TEST(ServerLimits, IdleTalkEndsSomewhere) {
  TestServer server;
  server.begin(false);
  std::string all;
  for (size_t i = 0; i < kMaxCommandsWithoutMail; ++i) all += "NOOP\r\n";
  server.peer->send(all);
  EXPECT_THAT(server.peer->heard(), EndsWith("too many commands without a message; goodbye\r\n"));
  EXPECT_TRUE(server.peer->closed());
}

TEST(ServerLimits, AfterAThousandMessagesTheClientComesAgain) {
  TestServer server;
  server.begin(false);
  for (size_t i = 0; i < kMaxMessages; ++i) {
    server.peer->send("MAIL FROM:<a@b>\r\nRCPT TO:<b@foo.com>\r\nDATA\r\n");
    server.peer->send(".\r\n");
  }
  EXPECT_EQ(server.policy->accepted.size(), kMaxMessages);
  server.peer->heard();
  EXPECT_THAT(server.peer->ask("MAIL FROM:<a@b>"), StartsWith("421 4.7.0"));
}

TEST(ServerLimits, FailedLoginsEndTheSession) {
  ServerOptions options = TestServer::options();
  options.auth_in_clear = true;
  TestServer server(options);
  server.begin(false);
  for (size_t i = 1; i < kMaxAuthFailures; ++i)
    EXPECT_EQ(server.peer->ask("AUTH PLAIN AGFsaWNlAHdyb25n"), "535 5.7.8 wrong\r\n");
  EXPECT_THAT(server.peer->ask("AUTH PLAIN AGFsaWNlAHdyb25n"),
              testing::MatchesRegex("535 5.7.8 wrong\r\n421 4.7.0 [^\n]*\n"));
}

TEST(ServerLimits, TheLastMessageThatFitsIsTakenAndTheNextOctetIsNot) {
  for (const size_t over : {0, 1}) {
    TestServer server;
    server.begin();
    server.peer->ask("DATA");
    std::string content;
    while (content.size() < 100'000) content += std::string(98, 'x') + "\r\n";
    if (over) content += "\r\n";
    EXPECT_THAT(server.peer->ask(content + "."), StartsWith(over ? "552 5.3.4" : "250 2.0.0"));
    EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget));
    EXPECT_THAT(server.peer->ask("NOOP"), StartsWith("250"));
  }
}

TEST(ServerLimits, ALineOfTwoMebibytesIsRefusedAndNotKept) {
  ServerOptions options = TestServer::options();
  options.max_size = 50 << 20;
  TestServer server(options, 4 << 20);
  server.begin();
  server.peer->ask("DATA");
  for (int i = 0; i < 160; ++i) server.peer->send(std::string(64 * 1024, 'x'));  // 10 MB
  EXPECT_EQ(server.peer->ask("\r\n."), "550 5.6.0 a line is longer than a mebibyte\r\n");
}

// --- time -----------------------------------------------------------------------------------------------------------

TEST(ServerTimes, AnIdleClientIsToldAndLeftAfterFiveMinutes) {
  TestServer server;
  server.begin();
  server.loop.run_for(kCommandTime - seconds(1));
  EXPECT_THAT(server.peer->heard(), IsEmpty());
  server.loop.run_for(seconds(2));
  EXPECT_THAT(server.peer->heard(), StartsWith("421 4.4.2 foo.com"));
  EXPECT_TRUE(server.peer->closed());
}

TEST(ServerTimes, OneOctetAMinuteHoldsNobody) {
  TestServer server;
  server.begin();
  const Time start = server.loop.now();
  for (const char octet : std::string("NOOP and a long story")) {
    server.peer->send(std::string(1, octet));
    server.loop.run_for(minutes(1));
    if (server.peer->closed()) break;
  }
  EXPECT_THAT(server.peer->heard(), StartsWith("421 4.4.2"));
  EXPECT_LE(server.loop.now() - start, kCommandTime + minutes(1));
}

TEST(ServerTimes, ContentThatStopsIsGivenUpAfterThreeMinutes) {
  for (const char* start : {"DATA\r\n", "BDAT 100\r\n"}) {
    TestServer server;
    server.begin();
    server.peer->send(start);
    server.peer->send("some");
    server.peer->heard();
    server.loop.run_for(kDataBlockTime - seconds(1));
    EXPECT_FALSE(server.peer->closed());
    server.loop.run_for(seconds(2));
    EXPECT_THAT(server.peer->heard(), StartsWith("421 4.4.2"));
    EXPECT_TRUE(server.peer->closed());
    EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget));
    EXPECT_THAT(server.policy->accepted, IsEmpty());
  }
}

TEST(ServerTimes, AMessageHasAnHour) {
  for (const std::string start : {"DATA\r\n", "BDAT 100000\r\n", "BDAT"}) {
    TestServer server;
    server.begin();
    if (start != "BDAT") server.peer->send(start);
    server.peer->heard();
    const Time begun = server.loop.now();
    while (!server.peer->closed() && server.loop.now() - begun < hours(3)) {
      server.peer->send(start == "BDAT" ? "BDAT 3\r\nx\r\n" : "x\r\n");
      server.loop.run_for(minutes(2));
    }
    EXPECT_THAT(server.peer->heard(), HasSubstr("421 4.4.2")) << start;
    EXPECT_LE(server.loop.now() - begun, kMessageTime + minutes(4)) << start;
    EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget));
  }
}

Task<void> pour(std::shared_ptr<net::Stream> stream, std::shared_ptr<bool> stop) {
  const std::string noops(60'000, '\r');
  while (!*stop) {
    Task<Result<void>> writing = stream->write(noops, stream->loop().now() + hours(1));
    if (const Result<void> done = co_await writing; !done) co_return;
  }
}

TEST(ServerTimes, AClientThatReadsNothingIsLeft) {
  // Its replies fill the window; the write's deadline ends the session, and its budget comes back.
  net::SimLoop loop;
  net::StreamPair pair = net::make_stream_pair(loop);
  std::shared_ptr<net::Stream> client = std::move(pair.client);
  auto policy = std::make_shared<ScriptedPolicy>(loop);
  const std::weak_ptr<ScriptedPolicy> watching = policy;
  ServerOptions options = TestServer::options();
  loop.spawn(serve(std::move(pair.server), options, std::move(policy), std::make_shared<MemoryBudget>(1 << 20)));
  auto stop = std::make_shared<bool>(false);
  loop.spawn(pour(client, stop));
  loop.run_for(hours(1));
  *stop = true;
  EXPECT_TRUE(watching.expired()) << "the session is over";
  client->close();
  loop.run_for(hours(1));
}

// --- memory ---------------------------------------------------------------------------------------------------------

TEST(ServerMemory, WithoutBudgetMessagesArePutOff) {
  TestServer server(TestServer::options(), 1000);
  server.begin();
  EXPECT_THAT(server.peer->ask("DATA"), StartsWith("452 4.3.1"));
  server.peer->send("BDAT 5000 LAST\r\n" + std::string(5000, 'x') + "NOOP\r\n");
  EXPECT_THAT(server.peer->heard(), testing::MatchesRegex("452 4.3.1 [^\n]*\n250 2.0.0 Ok\r\n"));
  EXPECT_EQ(server.budget->left(), 1000);
}

TEST(ServerMemory, ABudgetSpentInTheMiddleIs421) {
  TestServer server(TestServer::options(), 64 * 1024);
  server.begin();
  EXPECT_THAT(server.peer->ask("DATA"), StartsWith("354"));
  std::string content;
  while (content.size() < 90'000) content += std::string(98, 'x') + "\r\n";
  server.peer->send(content);
  EXPECT_THAT(server.peer->heard(), StartsWith("421 4.3.1"));
  EXPECT_TRUE(server.peer->closed());
  server.loop.run_for(seconds(1));
  EXPECT_EQ(server.budget->left(), 64 * 1024);
}

TEST(ServerMemory, IsHeldUntilThePolicyHasDoneWithTheMessage) {
  TestServer server;
  server.policy->think = seconds(10);
  server.begin();
  server.peer->ask("DATA");
  server.peer->send(std::string(900, 'x') + "\r\n.\r\n");
  EXPECT_LE(server.budget->left(), static_cast<int64_t>(TestServer::kBudget) - 900);
  server.loop.run_for(seconds(11));
  EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget));
}

const std::string kSession =
    "EHLO bar.com\r\nMAIL FROM:<a@b> SIZE=30\r\nRCPT TO:<b@foo.com>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
    "MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<unknown@foo.com>\r\nRCPT TO:<b@foo.com>\r\nBDAT 9\r\nSubject: BDAT 6 "
    "LAST\r\nx\r\n\r\ny"
    "MAIL FROM:<a@b>\r\nRCPT TO:<b@foo.com>\r\nBDAT 4\r\nabcdRSET\r\nNOOP\r\nQUIT\r\n";

TEST(ServerMemory, ComesBackWhereverTheConnectionIsCut) {
  for (size_t cut = 0; cut <= kSession.size(); ++cut) {
    TestServer server;
    server.peer->send(kSession.substr(0, cut));
    const size_t before = server.policy->accepted.size();
    server.peer->close();
    server.loop.run_for(minutes(1));
    EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget)) << cut;
    EXPECT_EQ(server.policy->accepted.size(), before) << "a cut message is no message: " << cut;
    EXPECT_EQ(server.policy.use_count(), 1) << "the session is over: " << cut;
  }
}

TEST(Server, AnswersTheSameInWhateverPiecesTheSessionComes) {
  TestServer whole;
  whole.peer->send(kSession);
  const std::string replies = whole.peer->heard();
  EXPECT_THAT(replies, EndsWith("Service closing transmission channel\r\n"));
  ASSERT_EQ(whole.policy->accepted.size(), 2u);
  for (size_t cut = 1; cut < kSession.size(); ++cut) {
    TestServer cut_once;
    cut_once.peer->send(kSession.substr(0, cut));
    cut_once.peer->send(kSession.substr(cut));
    EXPECT_EQ(cut_once.peer->heard(), replies) << cut;
  }
  TestServer slowly;
  for (const char octet : kSession) slowly.peer->send(std::string(1, octet));
  EXPECT_EQ(slowly.peer->heard(), replies);
  EXPECT_EQ(slowly.policy->accepted[1].content, whole.policy->accepted[1].content);
}

// --- noise ----------------------------------------------------------------------------------------------------------

TEST(ServerNoise, GetsStandardRepliesOrAClosedConnection) {
  SeededRandom random(11);
  const std::vector<std::string> words{"EHLO ",
                                       "bar.com",
                                       "MAIL FROM:",
                                       "<a@b>",
                                       "RCPT TO:",
                                       "<b@foo.com>",
                                       "DATA",
                                       "BDAT ",
                                       "5",
                                       " LAST",
                                       "\r\n",
                                       "\r\n",
                                       "\r\n",
                                       "\n",
                                       "\r",
                                       ".",
                                       "AUTH PLAIN",
                                       " =",
                                       "STARTTLS",
                                       "RSET",
                                       "QUIT",
                                       "NOOP",
                                       std::string(1, '\0'),
                                       "\xFF\xFE",
                                       " SIZE=",
                                       "99999999999999999999"};
  for (int i = 0; i < 400; ++i) {
    TestServer server;
    std::string noise;
    for (uint64_t n = random.below(60); n > 0; --n)
      noise += random.below(5) ? words[random.below(words.size())] : random.bytes(random.below(10));
    server.peer->send(noise);
    server.loop.run_for(hours(2));
    const std::string said = server.peer->heard();
    EXPECT_TRUE(server.peer->closed());
    for (const std::string_view line : text::split(said, '\n'))
      EXPECT_THAT(std::string(line), testing::MatchesRegex("|[2345][0-5][0-9][ -][^\r]*\r"))
          << testing::PrintToString(noise);
    EXPECT_EQ(server.budget->left(), static_cast<int64_t>(TestServer::kBudget));
    EXPECT_EQ(server.policy.use_count(), 1);
  }
}

TEST(ServerNoise, OtherProtocolsAreShownTheDoor) {
  for (const char* line : {"GET / HTTP/1.1", "POST /x HTTP/1.0", "SSH-2.0-OpenSSH_9.2", "CONNECT x:25 HTTP/1.1"}) {
    TestServer server;
    server.peer->heard();
    EXPECT_THAT(server.peer->ask(line), StartsWith("421 4.7.0")) << line;
    EXPECT_TRUE(server.peer->closed());
  }
}

}  // namespace
}  // namespace pabal::smtp
