// The client against servers that say what the test wants, and against our own.
#include "smtp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/limits.h"
#include "smtp/test_client.h"

namespace pabal::smtp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Script {
  const char* name;
  const char* extensions;
  const char* text;
  std::vector<int> codes;
  bool transport;
  bool usable;
};

void PrintTo(const Script& script, std::ostream* out) { *out << script.name; }

const char* const kPipelining = "S: 250 PIPELINING";
const Script kScripts[] = {
    {"OneByOneWithoutPipelining",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250 ok
      C: RCPT TO:<b@x>
      S: 250 ok
      C: RCPT TO:<c@x>
      S: 550 5.1.1 no
      C: DATA
      S: 354 go
      C: Subject: x
      C:
      C: ..y
      C: .
      S: 250 2.0.0 done)",
     {250, 550},
     false,
     true},
    {"TogetherWithPipelining",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 450 4.2.1 later
      S: 250 ok
      S: 354 go
      C: Subject: x
      C:
      C: ..y
      C: .
      S: 250-2.0.0 done
      S: 250 2.0.0 really)",
     {450, 250},
     false,
     true},
    {"AllRefusedAndYet354GetsAnEmptyMessage",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 551 no
      S: 354 go
      C: .
      S: 554 nobody)",
     {550, 551},
     false,
     true},
    {"AllRefusedAndDataToo",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 551 no
      S: 503 nobody
      C: RSET
      S: 250 ok)",
     {550, 551},
     false,
     true},
    {"AllRefusedWithoutPipeliningSaysNoData",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250 ok
      C: RCPT TO:<b@x>
      S: 550 no
      C: RCPT TO:<c@x>
      S: 450 later
      C: RSET
      S: 250 ok)",
     {550, 450},
     false,
     true},
    {"MailRefused",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 553 not you)",
     {553, 553},
     false,
     true},
    {"MailRefusedWithPipelining",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 451 not now
      S: 503 what
      S: 503 what
      S: 503 what
      C: RSET
      S: 250 ok)",
     {451, 451},
     false,
     true},
    {"DataRefusedIsForAllThatWereTaken",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 550 no
      S: 451 4.3.0 no space
      C: RSET
      S: 500 what)",
     {451, 550},
     false,
     false},
    {"DataAnswered250IsNoDelivery",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 550 no
      S: 250 ok)",
     {0, 550},
     true,
     false},
    {"ARecipientAnswered334IsBroken",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250 ok
      C: RCPT TO:<b@x>
      S: 334 what)",
     {0, 0},
     true,
     false},
    {"TheMessageAnswered354IsBroken",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250 ok
      C: RCPT TO:<b@x>
      S: 250 ok
      C: RCPT TO:<c@x>
      S: 550 no
      C: DATA
      S: 354 go
      C: Subject: x
      C:
      C: ..y
      C: .
      S: 354 more)",
     {0, 550},
     true,
     false},
    {"A421InTheMiddleLeavesTheOthersUndecided",
     kPipelining,
     R"(
      C: MAIL FROM:<a@bar.com>
      C: RCPT TO:<b@x>
      C: RCPT TO:<c@x>
      C: DATA
      S: 250 ok
      S: 550 5.1.1 no
      S: 421 4.3.2 shutting down)",
     {550, 0},
     true,
     false},
    {"A421ForTheMessageLeavesItUndecided",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250 ok
      C: RCPT TO:<b@x>
      S: 250 ok
      C: RCPT TO:<c@x>
      S: 250 ok
      C: DATA
      S: 354 go
      C: Subject: x
      C:
      C: ..y
      C: .
      S: 421 sorry)",
     {0, 0},
     true,
     false},
    {"TwoCodesInOneReplyAreBroken",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 250-ok
      S: 550 no)",
     {0, 0},
     true,
     false},
    {"NoiseIsBroken",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: HTTP/1.1 400 Bad Request)",
     {0, 0},
     true,
     false},
    {"ACodeAloneIsAReply",
     "",
     R"(
      C: MAIL FROM:<a@bar.com>
      S: 553)",
     {553, 553},
     false,
     true},
};

class Scripts : public testing::TestWithParam<Script> {};
TEST_P(Scripts, GoesAsWritten) {
  const Script& script = GetParam();
  TestClient test;
  test.hello(script.extensions);
  const auto result = test.start(test.client->send(letter({"b@x", "c@x"})));
  test.play(script.text);
  ASSERT_TRUE(*result);
  EXPECT_EQ(codes(**result), script.codes);
  EXPECT_EQ((*result)->transport.has_value(), script.transport);
  EXPECT_EQ(test.client->usable(), script.usable);
}
INSTANTIATE_TEST_SUITE_P(Client, Scripts, testing::ValuesIn(kScripts),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(Client, ReadsWhatEhloOffers) {
  TestClient test;
  test.hello(
      "S: 250-size 1000\nS: 250-8bitmime\nS: 250-SMTPUTF8\nS: 250-CHUNKING\nS: 250-BINARYMIME\nS: 250-DSN\nS: "
      "250-STARTTLS\nS: 250-XNEW thing\n"
      "S: 250-LIMITS RCPTMAX=20 MAILMAX=1 RCPTDOMAINMAX=3\nS: 250-AUTH plain LOGIN\nS: 250 PIPELINING");
  const Extensions& e = test.client->extensions();
  EXPECT_TRUE(e.size && e.eight_bit && e.smtputf8 && e.chunking && e.binary && e.dsn && e.starttls && e.pipelining &&
              !e.requiretls);
  EXPECT_EQ(e.max_size, 1000u);
  EXPECT_EQ(e.max_recipients, 20u);
  EXPECT_EQ(e.max_messages, 1u);
  EXPECT_THAT(e.auth, ElementsAre("PLAIN", "LOGIN"));
  EXPECT_TRUE(test.client->usable());
  const auto result = test.start(test.client->send(letter({"b@x"})));
  test.server->send("250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n");
  EXPECT_EQ(codes(**result), std::vector<int>{250});
  EXPECT_FALSE(test.client->usable()) << "MAILMAX=1 (RFC 9422)";
}

TEST(Client, FallsBackToHeloAndToNothing) {
  TestClient test;
  const auto done = test.start(test.client->hello());
  test.play("S: 220 old.com\nC: EHLO bar.com\nS: 502 what\nC: HELO bar.com\nS: 250-PIPELINING\nS: 250 SIZE");
  ASSERT_TRUE(*done && **done);
  EXPECT_FALSE(test.client->extensions().pipelining) << "HELO offers nothing";

  for (const auto& [greeting, code] :
       {std::pair("554 5.7.1 go away", Code::kDenied), std::pair("421 4.3.2 busy", Code::kUnavailable)}) {
    TestClient refused;
    const auto result = refused.start(refused.client->hello());
    refused.server->send(std::string(greeting) + "\r\n");
    ASSERT_TRUE(*result && !**result);
    EXPECT_EQ((*result)->code(), code);
    EXPECT_EQ((*result)->error().message, greeting);
    EXPECT_FALSE(refused.client->usable());
  }
}

TEST(Client, SaysEveryParameterThatIsOfferedAndNoOther) {
  Outgoing message = letter({"b@x"}, "12345");
  message.mail.body_8bit = message.mail.smtputf8 = true;
  message.mail.ret = "HDRS";
  message.mail.envid = "q+1";
  message.recipients[0].notify = kSuccess | kDelay;
  message.recipients[0].orcpt = "rfc822;o=o@x";
  TestClient test;
  test.hello("S: 250-SIZE\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250 DSN");
  const auto sending = test.start(test.client->send(message));
  test.play(
      "C: MAIL FROM:<a@bar.com> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2B1\nS: 250 ok\n"
      "C: RCPT TO:<b@x> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+3Do@x\nS: 250 ok\nC: DATA\nS: 354 go\nC: 12345\nC: .\nS: "
      "250 ok");
  EXPECT_EQ(codes(**sending), std::vector<int>{250});

  message.mail.smtputf8 = false;
  TestClient plain;
  plain.hello("");
  const auto bare = plain.start(plain.client->send(message));
  plain.play(
      "C: MAIL FROM:<a@bar.com>\nS: 250 ok\nC: RCPT TO:<b@x>\nS: 250 ok\nC: DATA\nS: 354 go\nC: 12345\nC: .\nS: 250 "
      "ok");
  EXPECT_EQ(codes(**bare), std::vector<int>{250});
}

TEST(Client, RefusesByItselfWhatTheNextServerCannotTake) {
  TestClient test;
  test.hello("S: 250-SIZE 10\nS: 250 CHUNKING");
  std::vector<std::pair<Outgoing, std::string>> cases;
  cases.emplace_back(letter({"b@x"}, "more than ten"), "5.3.4");
  cases.emplace_back(letter({"b@x"}, "x"), "5.6.7");
  cases.back().first.mail.smtputf8 = true;
  cases.emplace_back(letter({"b@x"}, "x"), "5.7.30");
  cases.back().first.mail.requiretls = true;
  cases.emplace_back(letter({"b@x"}, "x"), "5.6.3");
  cases.back().first.mail.body_binary = true;
  cases.emplace_back(letter({"b@x>\r\nRCPT TO:<evil@x"}, "x"), "5.1.3");
  cases.emplace_back(letter({"b@x"}, "x"), "5.1.3");
  cases.back().first.mail.reverse_path = "a\nb";
  for (const auto& [message, enhanced] : cases) {
    const auto result = test.start(test.client->send(message));
    ASSERT_TRUE(*result);
    EXPECT_EQ((*result)->recipients[0].code, 550);
    EXPECT_EQ((*result)->recipients[0].enhanced, enhanced);
    EXPECT_EQ(test.server->heard(), "") << "nothing is said";
    EXPECT_TRUE(test.client->usable());
  }
}

TEST(Client, SendsBinaryByBdat) {
  const std::string content("a\0\n.\r\n\xFF", 7);
  Outgoing message = letter({"b@x"}, content);
  message.mail.body_binary = true;
  TestClient test;
  test.hello("S: 250-CHUNKING\nS: 250-BINARYMIME\nS: 250 PIPELINING");
  const auto result = test.start(test.client->send(message));
  test.play("C: MAIL FROM:<a@bar.com> BODY=BINARYMIME\nC: RCPT TO:<b@x>");
  test.server->send("250 ok\r\n250 ok\r\n");
  EXPECT_EQ(test.server->heard(), "BDAT 7 LAST\r\n" + content);
  test.server->send("250 ok\r\n");
  EXPECT_EQ(codes(**result), std::vector<int>{250});
}

TEST(Client, LmtpAnswersForEachRecipient) {
  TestClient test;
  const auto done = test.start(test.client->hello(true));
  test.play("S: 220 x\nC: LHLO bar.com\nS: 250-x\nS: 250 PIPELINING");
  ASSERT_TRUE(*done && **done);
  const auto result = test.start(test.client->send(letter({"a@x", "b@x", "c@x", "d@x"}, "x\r\n")));
  test.server->send("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n354 go\r\n250 fine\r\n452 full\r\n");
  EXPECT_FALSE(*result);
  test.server->send("250 too\r\n");
  EXPECT_EQ(codes(**result), (std::vector<int>{250, 550, 452, 250}));
}

TEST(Client, KeepsToTheTimesOfRfc5321) {
  struct Case {
    const char* before;
    Duration patience;
  };
  for (const auto& [before, patience] :
       {Case{"", minutes(5)}, Case{"250 ok\r\n", minutes(5)}, Case{"250 ok\r\n250 ok\r\n250 ok\r\n", minutes(2)},
        Case{"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", minutes(10)}}) {
    TestClient test;
    test.hello(kPipelining);
    const auto result = test.start(test.client->send(letter({"b@x", "c@x"})));
    test.server->send(before);
    test.loop.run_for(patience - seconds(1));
    EXPECT_FALSE(*result) << before;
    test.loop.run_for(seconds(2));
    ASSERT_TRUE(*result) << before;
    EXPECT_EQ((*result)->transport->code, Code::kTimeout);
    EXPECT_EQ(codes(**result), (std::vector<int>{0, 0}));
  }
  // An octet now and then does not stretch the time of a reply.
  TestClient slow;
  const auto result = slow.start(slow.client->hello());
  for (int i = 0; i < 12 && !*result; ++i) {
    slow.server->send("2");
    slow.loop.run_for(minutes(1));
  }
  ASSERT_TRUE(*result);
  EXPECT_EQ((*result)->code(), Code::kTimeout);
}

TEST(Client, AReplyWithoutEndIsGivenUp) {
  TestClient line;
  const auto first = line.start(line.client->hello());
  for (int i = 0; i < 10 && !*first; ++i) line.server->send(std::string(1000, '2'));
  EXPECT_EQ((*first)->code(), Code::kInvalid);
  TestClient lines;
  const auto second = lines.start(lines.client->hello());
  for (size_t i = 0; i <= kMaxReplyLines && !*second; ++i) lines.server->send("220-more\r\n");
  EXPECT_EQ((*second)->code(), Code::kInvalid);
}

// The server's side of a whole transaction comes at once, and ends anywhere.
TEST(Client, NeverTakesAnUnfinishedReplyForASuccess) {
  const std::string said =
      "220 x\r\n250-x\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 2.0.0 queued\r\n";
  for (size_t cut = 0; cut <= said.size(); ++cut) {
    TestClient test;
    test.server->send(said.substr(0, cut));
    test.server->close();
    const auto hello = test.start(test.client->hello());
    ASSERT_TRUE(*hello);
    if (!**hello) continue;
    const auto result = test.start(test.client->send(letter({"b@x", "c@x"})));
    ASSERT_TRUE(*result);
    EXPECT_NE((*result)->recipients[0].code, 250)
        << cut;  // the connection was closed before the message could be written
    EXPECT_TRUE((*result)->transport || (*result)->recipients[0].code >= 400) << cut;
  }
}

// Says everything at once, reads nothing, and hangs up.
Task<void> blurt(std::shared_ptr<net::Stream> stream, std::string text) {
  Task<Result<void>> writing = stream->write(text, stream->loop().now() + seconds(1));
  const Result<void> done = co_await writing;
  EXPECT_TRUE(done);
  Task<void> waiting = net::sleep(stream->loop(), seconds(1));
  co_await waiting;
  stream->close();
}

TEST(Client, HearsWhyAServerHangsUpInTheMiddleOfAMessage) {
  for (const auto& [last, code] : {std::pair("552 5.3.4 enough\r\n", 552), std::pair("421 4.3.2 bye\r\n", 0),
                                   std::pair("250 ok\r\n", 0), std::pair("", 0)}) {
    net::SimLoop loop;
    net::StreamPair pair = net::make_stream_pair(loop);
    ClientConnection client(std::move(pair.client), "bar.com");
    loop.spawn(blurt(std::move(pair.server), "220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n" + std::string(last)));
    auto hello = std::make_shared<std::optional<Result<void>>>();
    loop.spawn(keep(client.hello(), hello));
    loop.run_until_idle();
    ASSERT_TRUE(*hello && **hello);
    const std::string large(2 << 20, 'x');
    auto result = std::make_shared<std::optional<SendResult>>();
    loop.spawn(keep(client.send(letter({"b@x"}, large)), result));
    loop.run_for(minutes(1));
    ASSERT_TRUE(*result);
    EXPECT_EQ(codes(**result), std::vector<int>{code}) << "a success cannot be: the message was not written";
    EXPECT_EQ((*result)->transport.has_value(), code == 0);
    EXPECT_FALSE(client.usable());
  }
}

TEST(Client, StartTlsForgetsWhatWasOfferedInClear) {
  TestClient test;
  test.hello("S: 250-AUTH PLAIN\nS: 250 STARTTLS");
  const auto done = test.start(test.client->starttls({}));
  test.play("C: STARTTLS\nS: 220 go\nC: EHLO bar.com\nS: 250-x\nS: 250 REQUIRETLS");
  ASSERT_TRUE(*done && **done);
  EXPECT_TRUE(test.client->extensions().requiretls);
  EXPECT_THAT(test.client->extensions().auth, ElementsAre());
  EXPECT_TRUE(test.client->usable());

  TestClient injected;  // CVE-2021-38371
  injected.hello("S: 250 STARTTLS");
  const auto refused = injected.start(injected.client->starttls({}));
  injected.server->send("220 go\r\n250 injected\r\n");
  ASSERT_TRUE(*refused && !**refused);
  EXPECT_FALSE(injected.client->usable());

  TestClient denied;
  denied.hello("S: 250 STARTTLS");
  const auto no = denied.start(denied.client->starttls({}));
  denied.server->send("454 4.7.0 no TLS now\r\n");
  EXPECT_EQ((*no)->code(), Code::kUnavailable);
  EXPECT_FALSE(denied.client->usable());
}

// --- client and server together -------------------------------------------------------------------------------------

TEST(ToData, EndsEveryLineWithCrlfAndDoublesDots) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ".\r\n"},
                                                                 {"a", "a\r\n.\r\n"},
                                                                 {"a\r\n", "a\r\n.\r\n"},
                                                                 {".", "..\r\n.\r\n"},
                                                                 {".\r\n.a\r\n", "..\r\n..a\r\n.\r\n"},
                                                                 {"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
                                                                 {"a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n"},
                                                                 {"\r\n\r\n", "\r\n\r\n.\r\n"},
                                                                 {"a\r\r\nb", "a\r\n\r\nb\r\n.\r\n"},
                                                                 {"\n\r", "\r\n\r\n.\r\n"}};
  for (const auto& [content, data] : cases) {
    EXPECT_EQ(to_data(content), data) << testing::PrintToString(content);
    const std::string arrives = without_bare_line_ends(content).value_or(std::string(content));
    EXPECT_EQ(to_data(arrives), data) << testing::PrintToString(content);
    EXPECT_FALSE(without_bare_line_ends(arrives)) << testing::PrintToString(content);
  }
}

Task<Result<void>> deliver(std::shared_ptr<ClientConnection> client, std::vector<std::string> contents, bool lmtp,
                           bool binary, std::shared_ptr<std::vector<int>> out) {
  Task<Result<void>> helloing = client->hello(lmtp);
  if (const Result<void> done = co_await helloing; !done) co_return done;
  for (const std::string& content : contents) {
    Outgoing message = letter({"b@foo.com", "full@foo.com"}, content);
    message.mail.body_binary = binary;
    Task<SendResult> sending = client->send(message);
    const SendResult result = co_await sending;
    if (result.transport) co_return *result.transport;
    for (const ServerReply& reply : result.recipients) out->push_back(reply.code);
  }
  Task<void> quitting = client->quit();
  co_await quitting;
  co_return Result<void>();
}

// What a message is after every line end has become CRLF, the last line's included.
std::string with_crlf(std::string_view content) {
  const std::string data = to_data(content);
  DataScanner scanner(1 << 30);
  scanner.feed(data);
  EXPECT_TRUE(scanner.done() && !scanner.bare_line_end());
  return scanner.take();
}

TEST(ClientAndServer, CarryRandomMessagesUnchanged) {
  SeededRandom random(5);
  std::vector<std::string> contents;
  for (int i = 0; i < 200; ++i) {
    std::string content;
    for (uint64_t n = random.below(30); n > 0; --n) content += std::string_view("ab..\r\r\n\n")[random.below(8)];
    if (i % 20 == 0) content += std::string(random.below(90'000), 'x');
    contents.push_back(content);
  }
  for (const bool lmtp : {false, true}) {
    for (const bool binary : {false, true}) {
      net::SimLoop loop;
      net::StreamPair pair = net::make_stream_pair(loop);
      auto policy = std::make_shared<ScriptedPolicy>(loop);
      ServerOptions options = TestServer::options();
      options.lmtp = lmtp;
      loop.spawn(serve(std::move(pair.server), options, policy, std::make_shared<MemoryBudget>(1 << 20)));
      auto client = std::make_shared<ClientConnection>(std::move(pair.client), "bar.com");
      auto replies = std::make_shared<std::vector<int>>();
      auto done = std::make_shared<std::optional<Result<void>>>();
      loop.spawn(keep(deliver(client, contents, lmtp, binary, replies), done));
      loop.run_for(hours(1));
      ASSERT_TRUE(*done && **done) << (*done ? (*done)->error().message : "unfinished");
      ASSERT_EQ(policy->accepted.size(), contents.size());
      for (size_t i = 0; i < contents.size(); ++i) {
        EXPECT_EQ(policy->accepted[i].content, binary ? contents[i] : with_crlf(contents[i]));
        EXPECT_EQ((*replies)[2 * i], 250);
        EXPECT_EQ((*replies)[2 * i + 1], lmtp ? 452 : 250);
      }
      EXPECT_EQ(policy.use_count(), 1);
    }
  }
}

TEST(ClientAndServer, WhereverTheConnectionIsCutNothingIsCountedThatWasNotTaken) {
  for (size_t cut = 1;; ++cut) {
    net::SimLoop loop;
    net::SimNetwork network(loop);
    auto policy = std::make_shared<ScriptedPolicy>(loop);
    auto budget = std::make_shared<MemoryBudget>(1 << 20);
    const auto listener = network.listen({{"10.0.0.1", 25}}, [&](std::unique_ptr<net::Stream> stream) {
      loop.spawn(serve(std::move(stream), TestServer::options(), policy, budget));
    });
    network.cut_after("10.0.0.1", cut);
    auto stream = std::make_shared<std::optional<Result<std::unique_ptr<net::Stream>>>>();
    loop.spawn(keep(network.connect(loop, {"10.0.0.1", 25}, "", loop.now() + minutes(1)), stream));
    loop.run_until_idle();
    ASSERT_TRUE(*stream && **stream);
    auto client = std::make_shared<ClientConnection>(std::move(***stream), "bar.com");
    auto replies = std::make_shared<std::vector<int>>();
    auto done = std::make_shared<std::optional<Result<void>>>();
    const std::vector<std::string> contents{"one\r\n", ".two\r\n"};
    loop.spawn(keep(deliver(client, contents, false, false, replies), done));
    loop.run_for(hours(1));
    ASSERT_TRUE(*done);
    EXPECT_LE(replies->size() / 2, policy->accepted.size()) << "more acknowledged than taken, cut at " << cut;
    EXPECT_EQ(budget->left(), 1 << 20);
    EXPECT_EQ(policy.use_count(), 1) << cut;
    if (**done) break;
  }
}

}  // namespace
}  // namespace pabal::smtp
