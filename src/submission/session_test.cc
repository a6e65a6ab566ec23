// The MSA as mail programs meet it: over a stream in memory and over real TLS, with a real store and directory; the MDA
// is scripted.
#include "submission/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/text.h"
#include "net/io_loop.h"
#include "smtp/client.h"
#include "smtp/test_server.h"
#include "submission/test_house.h"

namespace pabal::submission {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Submission : public testing::Test {
 protected:
  Submission() { open(house.services); }
  ~Submission() override {
    peer.reset();
    loop.run_for(minutes(1));
  }
  void open(Services& services) {
    peer.reset();
    net::StreamPair pair = net::make_stream_pair(loop);
    peer.emplace(loop, std::move(pair.client));
    smtp::ServerOptions options = smtp::TestServer::options();
    options.hostname = "mail.example.com";
    options.auth_in_clear = true;
    options.max_hold = mailbox::Outgoing::kMaxDelay;
    loop.spawn(smtp::serve(std::move(pair.server), options, std::make_shared<Session>(services, loop),
                           std::make_shared<smtp::MemoryBudget>(1 << 20)));
    ask("EHLO laptop.example.com");
  }
  std::string ask(const std::string& line) { return peer->ask(line); }
  void log_in() {
    EXPECT_THAT(ask("AUTH PLAIN " + text::base64("\0alice@example.com\0pabal-demo"s)), StartsWith("235 "));
  }
  void envelope(const std::vector<std::string>& recipients, const std::string& parameters = "") {
    EXPECT_THAT(ask("MAIL FROM:<alice@example.com>" + parameters), StartsWith("250 "));
    for (const std::string& recipient : recipients) EXPECT_THAT(ask("RCPT TO:" + recipient), StartsWith("250 "));
  }
  std::string content(const std::string& text) {
    EXPECT_THAT(ask("DATA"), StartsWith("354 "));
    return ask(text + "\r\n.");
  }

  House house;
  net::SimLoop loop;
  std::optional<smtp::Peer> peer;
};

TEST_F(Submission, AsksForALogin) {
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com>"), StartsWith("530 5.7.0"));
  EXPECT_THAT(ask("AUTH PLAIN " + text::base64("\0alice@example.com\0wrong-password"s)), StartsWith("535 5.7.8"));
  EXPECT_THAT(ask("AUTH PLAIN " + text::base64("\0nobody@example.com\0pabal-demo"s)), StartsWith("535 5.7.8"));
  EXPECT_THAT(ask("AUTH PLAIN " + text::base64("bob@example.com\0alice@example.com\0pabal-demo"s)),
              StartsWith("535 5.7.8"))
      << "nobody acts for another";
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com>"), StartsWith("530 5.7.0"));
  log_in();
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com>"), StartsWith("250 2.1.0"));
}

TEST_F(Submission, TakesLoginInTwoSteps) {
  EXPECT_EQ(ask("AUTH LOGIN"), "334 " + text::base64("Username:") + "\r\n");
  EXPECT_EQ(ask(text::base64("alice@example.com")), "334 " + text::base64("Password:") + "\r\n");
  EXPECT_THAT(ask(text::base64("pabal-demo")), StartsWith("235 "));
}

TEST_F(Submission, StartTlsForgetsTheLogin) {
  log_in();
  ask("STARTTLS");
  peer->secure(true);
  ask("EHLO laptop.example.com");
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com>"), StartsWith("530 5.7.0"));
}

TEST_F(Submission, WritesOnlyForOwnAddresses) {
  ASSERT_TRUE(house.people.alias("sales@example.com", {"alice@example.com", "bob@example.com"}));
  ASSERT_TRUE(house.people.alias("list@example.com", {"alice@example.com"}, false));
  log_in();
  for (const char* own :
       {"<alice@example.com>", "<Alice@EXAMPLE.com>", "<alice+tag@example.com>", "<sales@example.com>", "<>"}) {
    EXPECT_THAT(ask(std::string("MAIL FROM:") + own), StartsWith("250 ")) << own;
    ask("RSET");
  }
  for (const char* other : {"<bob@example.com>", "<list@example.com>", "<nobody@example.com>", "<alice@example.net>"})
    EXPECT_THAT(ask(std::string("MAIL FROM:") + other), StartsWith("553 5.7.1")) << other;
  for (const char* wrong : {"<alice>", "<alice@>", "<a b@example.com>"})
    EXPECT_THAT(ask(std::string("MAIL FROM:") + wrong), StartsWith("501 5.1.7")) << wrong;
  ASSERT_TRUE(house.people.commit(
      [](store::Transaction&) { return Result<void>(); }));  // refusals are written without being awaited
  EXPECT_THAT(house.traced("bob@example.com"), SizeIs(1)) << "the refusal is on the record";
}

TEST_F(Submission, ChecksFromAndSenderOfTheHeader) {
  log_in();
  const std::pair<const char*, const char*> cases[] = {
      {"From: Alice <alice@example.com>\r\n\r\nx", "250 "},
      {"From: bob@example.com\r\n\r\nx", "550 5.7.1"},
      {"From: alice@example.com, bob@example.com\r\n\r\nx", "550 5.7.1"},
      {"From: alice@example.com\r\nSender: bob@example.com\r\n\r\nx", "550 5.7.1"},
      {"From: alice@example.com\r\nFrom: bob@example.com\r\n\r\nx", "550 5.6.0"},
      {"From: nobody\r\n\r\nx", "550 5.7.1"},
  };
  for (const auto& [text, reply] : cases) {
    envelope({"<bob@example.com>"});
    EXPECT_THAT(content(text), StartsWith(reply)) << text;
  }
  EXPECT_THAT(ask("MAIL FROM:<>"), StartsWith("250 "));
  ask("RCPT TO:<bob@example.com>");
  EXPECT_THAT(content("From: bob@example.com\r\n\r\nx"), StartsWith("550 5.7.1")) << "the null sender hides nobody";
  EXPECT_THAT(house.local.delivered, SizeIs(1));
}

TEST_F(Submission, CompletesTheHeaderAndDeliversAtOnce) {
  log_in();
  envelope({"<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;x@y", "<carol@example.com> NOTIFY=SUCCESS"});
  const std::string reply = content("To: bob@example.com\r\nBcc: secret@example.com\r\nSubject: hello\r\n\r\n..dots");
  ASSERT_THAT(reply, StartsWith("250 2.0.0 Ok: queued as "));
  const std::string id(text::trim(reply.substr(24)));
  ASSERT_THAT(house.local.delivered, SizeIs(1));
  const auto& mail = house.local.delivered[0];
  EXPECT_EQ(mail.id, id);
  EXPECT_EQ(mail.reverse_path, "alice@example.com");
  EXPECT_EQ(mail.peer, "alice@example.com");
  ASSERT_THAT(house.local.to, SizeIs(2));
  EXPECT_TRUE(house.local.to[0].notify_never && !house.local.to[0].notify_success && house.local.to[1].notify_success);
  EXPECT_EQ(house.local.to[0].orcpt, "rfc822;x@y");
  const std::string text = house.body(mail.body);
  EXPECT_THAT(
      text, StartsWith("Received: from laptop.example.com\r\n\tby mail.example.com (Pabal) with ESMTPA\r\n\tid " + id));
  EXPECT_THAT(text,
              HasSubstr("\r\nFrom: <alice@example.com>\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <"));
  EXPECT_THAT(text, HasSubstr("@example.com>\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\n.dots\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  EXPECT_THAT(text, Not(HasSubstr("127.0.0.1"))) << "where people are is theirs";
  EXPECT_THAT(house.queued(), IsEmpty()) << "local mail needs no queue";
  const auto events = house.traced(id);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].action, "accepted");
  EXPECT_EQ(events[0].message_id, mail.prepared->structure.summary.message_id);
}

TEST_F(Submission, QueuesForOutsideWithEveryParameter) {
  log_in();
  envelope({"<dan@example.org> NOTIFY=DELAY,FAILURE ORCPT=rfc822;orig@x", "<bob@example.com>", "<eve@example.net>"},
           " RET=HDRS ENVID=q1 SMTPUTF8 BODY=8BITMIME");
  const std::string reply = content("From: alice@example.com\r\nSubject: 안녕\r\n\r\n본문");
  ASSERT_THAT(reply, StartsWith("250 "));
  const auto entries = house.queued();
  ASSERT_THAT(entries, SizeIs(1));
  const queue::Entry& entry = entries[0];
  EXPECT_EQ(id_text(entry.id), text::trim(reply.substr(24)));
  EXPECT_EQ(entry.sender_account, "alice@example.com");
  EXPECT_EQ(entry.reverse_path, "alice@example.com");
  EXPECT_EQ(entry.ret, "HDRS");
  EXPECT_EQ(entry.envid, "q1");
  EXPECT_TRUE(entry.smtputf8 && entry.body_8bit && !entry.body_binary && !entry.requiretls);
  EXPECT_EQ(entry.expires - entry.created, kQueueLifetime);
  ASSERT_THAT(entry.recipients, SizeIs(2));
  EXPECT_EQ(entry.recipients[0].address, "dan@example.org");
  EXPECT_EQ(entry.recipients[0].notify, queue::kNotifyDelay | queue::kNotifyFailure);
  EXPECT_EQ(entry.recipients[0].orcpt, "rfc822;orig@x");
  EXPECT_EQ(entry.recipients[1].address, "eve@example.net");
  EXPECT_EQ(entry.size, house.body(entry.body).size());
  EXPECT_THAT(house.body(entry.body), HasSubstr("with UTF8SMTPA"));
  EXPECT_THAT(house.traced("dan@example.org"), SizeIs(1));
}

TEST_F(Submission, HoldsWhatIsToLeaveLater) {  // RFC 4865
  EXPECT_THAT(ask("EHLO laptop.example.com"), HasSubstr("-FUTURERELEASE 31622400 2028-01-16T08:00:00.000Z\r\n"));
  log_in();
  const Time now = loop.now();
  const std::pair<const char*, Time> cases[] = {{" HOLDFOR=3600", now + hours(1)},
                                                {" HOLDUNTIL=2027-01-15T10:00:00Z", now + hours(2)}};
  for (const auto& [parameter, release] : cases) {
    envelope({"<bob@example.com>", "<dan@example.org>"}, parameter);
    EXPECT_THAT(content("Subject: later\r\n\r\nx"), StartsWith("250 "));
    const auto entries = house.queued();
    ASSERT_FALSE(entries.empty());
    EXPECT_TRUE(entries.back().scheduled);
    EXPECT_THAT(entries.back().recipients, SizeIs(2));
    EXPECT_EQ(entries.back().next_attempt(), release);
  }
  EXPECT_THAT(house.local.delivered, IsEmpty());
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com> HOLDFOR=31622401"), StartsWith("501 5.5.4"));
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com> HOLDUNTIL=2029-01-15T10:00:00Z"), StartsWith("501 5.5.4"));
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com> HOLDUNTIL=2020-01-15T10:00:00Z"), StartsWith("250 "));
}

TEST_F(Submission, WhatCannotBeFiledNowIsTriedAgainAndReported) {
  log_in();
  envelope({"<fails@example.com> NOTIFY=SUCCESS ORCPT=rfc822;o@x", "<bob@example.com>"});
  ASSERT_THAT(content("From: alice@example.com\r\n\r\nx"), StartsWith("250 "));
  const auto entries = house.queued();
  ASSERT_THAT(entries, SizeIs(1));
  ASSERT_THAT(entries[0].recipients, SizeIs(1));
  EXPECT_EQ(entries[0].recipients[0].address, "fails@example.com");
  EXPECT_EQ(entries[0].recipients[0].notify, queue::kNotifySuccess);
  EXPECT_EQ(entries[0].recipients[0].orcpt, "rfc822;o@x");
  EXPECT_EQ(entries[0].recipients[0].last_reply, "4.2.2 full");
}

TEST_F(Submission, ATransactionThatFailsLeavesNothingAndIsNotAcknowledged) {
  log_in();
  envelope({"<breaks@example.com>", "<dan@example.org>"});
  EXPECT_THAT(content("From: alice@example.com\r\nMessage-ID: <lost@example.com>\r\n\r\nx"), StartsWith("451 4.3.0"));
  EXPECT_THAT(house.queued(), IsEmpty());
  EXPECT_THAT(house.traced("<lost@example.com>"), IsEmpty());
  envelope({"<bob@example.com>"});
  EXPECT_THAT(content("x"), StartsWith("250 ")) << "the session goes on";
}

TEST_F(Submission, RefusesRecipientsWithTheirReason) {
  log_in();
  EXPECT_THAT(ask("MAIL FROM:<alice@example.com> SIZE=5000"), StartsWith("250 "));
  EXPECT_THAT(ask("RCPT TO:<unknown@example.com>"), StartsWith("550 5.1.1"));
  EXPECT_THAT(ask("RCPT TO:<disabled@example.com>"), StartsWith("550 5.2.1"));
  EXPECT_THAT(ask("RCPT TO:<small@example.com>"), StartsWith("452 4.2.2"));
  EXPECT_THAT(ask("RCPT TO:<unreadable@example.com>"), StartsWith("451 4.3.0"));
  EXPECT_THAT(ask("RCPT TO:<no address>"), StartsWith("501 5.1.3"));
  EXPECT_THAT(ask("DATA"), StartsWith("554 5.5.1"));
}

TEST_F(Submission, ParsesLargeMessagesOnThePoolAndPutsThemOffWhenItIsFull) {
  std::string large = "From: alice@example.com\r\n\r\n";
  while (large.size() < 2 * kParseHere) large += std::string(70, 'x') + "\r\n";
  log_in();
  envelope({"<bob@example.com>"});
  EXPECT_THAT(content(large), StartsWith("250 "));
  EXPECT_THAT(house.body(house.local.delivered.at(0).body), EndsWith(large + "\r\n"));

  open(house.busy);
  log_in();
  envelope({"<bob@example.com>"});
  EXPECT_THAT(content(large), StartsWith("451 4.3.2"));
  envelope({"<bob@example.com>"});
  EXPECT_THAT(content("small"), StartsWith("250 "));
}

TEST_F(Submission, EncodesBinaryContentForThoseWhoCannotReadIt) {  // RFC 3030 §3 allows it
  log_in();
  envelope({"<dan@example.org>"}, " BODY=BINARYMIME");
  const std::string header = "From: alice@example.com\r\nDate: Mon, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n";
  const std::string binary = "\0\n.\r\n\xFF"s, text = header + "\r\n" + binary;
  peer->send("BDAT " + std::to_string(text.size()) + " LAST\r\n" + text);
  EXPECT_THAT(peer->heard(), StartsWith("250 "));
  const auto entries = house.queued();
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_THAT(house.body(entries[0].body),
              EndsWith(header + "Content-Transfer-Encoding: base64\r\n\r\n" + text::base64(binary) + "\r\n"));

  envelope({"<dan@example.org>"}, " BODY=BINARYMIME");
  const std::string worse = header + "X: \0\r\n\r\nx\r\n"s;
  peer->send("BDAT " + std::to_string(worse.size()) + " LAST\r\n" + worse);
  EXPECT_THAT(peer->heard(), StartsWith("554 5.6.1 "));
  EXPECT_THAT(house.queued(), SizeIs(1));
}

// --- over real TLS --------------------------------------------------------------------------------------------------

struct Sent {
  Result<void> done;
  std::vector<std::string> offered;
  smtp::SendResult result;
};

Task<Sent> submit(net::Loop& loop, net::Network& network, net::Address to, std::string password, Random& random) {
  Sent sent;
  Task<Result<std::unique_ptr<net::Stream>>> connecting = network.connect(loop, to, "", loop.now() + seconds(20));
  Result<std::unique_ptr<net::Stream>> stream = co_await connecting;
  if (!stream) {
    sent.done = stream.error();
    co_return sent;
  }
  smtp::ClientConnection client(std::move(*stream), "laptop.example.com");
  Task<Result<void>> helloing = client.hello();
  sent.done = co_await helloing;
  if (sent.done) {
    Task<Result<void>> securing = client.starttls({});
    sent.done = co_await securing;
  }
  sent.offered = client.extensions().auth;
  if (sent.done) {
    Task<Result<void>> proving = client.authenticate("alice@example.com", password, random);
    sent.done = co_await proving;
  }
  if (sent.done) {
    smtp::Outgoing message;
    message.mail.reverse_path = "alice@example.com";
    message.recipients.resize(1);
    message.recipients[0].address = "bob@example.com";
    message.content = "From: alice@example.com\r\nSubject: by SCRAM\r\n\r\nx\r\n";
    Task<smtp::SendResult> sending = client.send(message);
    sent.result = co_await sending;
  }
  Task<void> quitting = client.quit();
  co_await quitting;
  co_return sent;
}

Task<void> fulfil(Task<Sent> task, std::shared_ptr<std::promise<Sent>> promise) {
  Sent sent = co_await task;
  promise->set_value(std::move(sent));
}

TEST(SubmissionOverTls, AuthenticatesByScramBoundToTheChannel) {
  House house;
  const std::string folder = house.people.folder;
  const auto made = net::make_self_signed({"mail.example.com"}, from_unix(1'700'000'000), days(3650));
  ASSERT_TRUE(made);
  std::ofstream(folder + "/c.pem") << made->certificate_pem;
  std::ofstream(folder + "/k.pem") << made->key_pem;
  const auto tls = net::make_tls_server(folder + "/c.pem", folder + "/k.pem");
  ASSERT_TRUE(tls);

  net::IoLoops loops(1);
  const auto listener = loops.network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<net::Stream> stream) {
    smtp::ServerOptions options;
    options.hostname = "mail.example.com";
    options.tls = *tls;
    net::Loop& loop = stream->loop();
    loop.spawn(smtp::serve(std::move(stream), options, std::make_shared<Session>(house.services, loop),
                           std::make_shared<smtp::MemoryBudget>(1 << 20)));
  });
  ASSERT_TRUE(listener);
  for (const bool right : {true, false}) {
    auto promise = std::make_shared<std::promise<Sent>>();
    auto future = promise->get_future();
    loops.loop(0).spawn(fulfil(submit(loops.loop(0), loops.network(), (*listener)->local(),
                                      right ? "pabal-demo" : "wrong-password", house.people.random),
                               promise));
    const Sent sent = future.get();
    EXPECT_THAT(sent.offered,
                ElementsAre("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "XOAUTH2", "LOGIN"));
    if (right) {
      ASSERT_TRUE(sent.done) << sent.done.error().message;
      ASSERT_FALSE(sent.result.transport);
      EXPECT_EQ(sent.result.recipients.at(0).code, 250);
      ASSERT_THAT(house.local.delivered, SizeIs(1));
      EXPECT_THAT(house.body(house.local.delivered[0].body), HasSubstr("with ESMTPSA (TLSv1.3 "));
    } else {
      EXPECT_EQ(sent.done.code(), Code::kDenied);
    }
  }
}

}  // namespace
}  // namespace pabal::submission
