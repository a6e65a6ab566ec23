// What this server takes from others at port 25 and by LMTP, spoken as a client would.
#include "relay/inbound.h"

#include "relay/test_world.h"
#include "trust/observed.h"

namespace pabal::relay {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Verdict = mailbox::LocalDelivery::Verdict;

// One client at a time; says a line, gives the last line of the reply.
struct Talk {
  net::SimLoop& loop;
  std::shared_ptr<net::Stream> stream;
  std::string unread;

  static Task<void> write_all(std::shared_ptr<net::Stream> stream, std::string text) {
    Task<Result<void>> writing = stream->write(text, stream->loop().now() + hours(1));
    const Result<void> done = co_await writing;
    static_cast<void>(done);
  }
  static Task<void> read_all(std::shared_ptr<net::Stream> stream, std::string& into) {
    char block[4096];
    for (;;) {
      Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + days(30));
      const Result<size_t> got = co_await reading;
      if (!got || *got == 0) co_return;
      into.append(block, *got);
    }
  }
  std::string reply() {
    const auto last = [&]() -> std::optional<size_t> {  // behind a whole reply
      for (size_t at = 0; at + 4 <= unread.size();) {
        const size_t end = unread.find("\r\n", at);
        if (end == unread.npos) return {};
        if (unread[at + 3] != '-') return end + 2;
        at = end + 2;
      }
      return {};
    };
    loop.run_until([&] { return last().has_value(); }, minutes(1));
    const size_t end = last().value_or(0);
    std::string all = unread.substr(0, end);
    unread.erase(0, end);
    if (all.ends_with("\r\n")) all.resize(all.size() - 2);
    return all.substr(all.rfind('\n') == all.npos ? 0 : all.rfind('\n') + 1);
  }
  std::string say(const std::string& line) {
    loop.spawn(write_all(stream, line + "\r\n"));
    return reply();
  }
};

struct InboundTest : ::testing::Test, World {
  InboundServices inbound{store, mailboxes, local, queue, trace, pool, ids, loop, "mail.example.com"};
  std::unique_ptr<net::Listener> smtp_listener, lmtp_listener;
  std::shared_ptr<smtp::MemoryBudget> budget = std::make_shared<smtp::MemoryBudget>(1 << 30);
  std::vector<std::unique_ptr<Talk>> talks;

  void SetUp() override {
    add_user("bob@example.com");
    smtp_listener = serve(25, false);
    lmtp_listener = serve(24, true);
  }
  void TearDown() override {
    for (const auto& talk : talks) talk->stream->close();
    loop.run_for(minutes(1));
    stop();
  }
  std::unique_ptr<net::Listener> serve(uint16_t port, bool lmtp) {
    return std::move(*network.listen({{"10.1.0.1", port}}, [this, lmtp](std::unique_ptr<net::Stream> stream) {
      smtp::ServerOptions o;
      o.hostname = "mail.example.com";
      o.lmtp = lmtp;
      o.max_size = 100'000;
      loop.spawn(smtp::serve(std::move(stream), o, std::make_shared<Inbound>(inbound, loop), budget));
    }));
  }
  static Task<void> dial(net::SimNetwork& network, net::SimLoop& loop, uint16_t port, Talk& talk) {
    Task<Result<std::unique_ptr<net::Stream>>> connecting =
        network.connect(loop, {"10.1.0.1", port}, "198.51.100.7", loop.now() + hours(1));
    Result<std::unique_ptr<net::Stream>> made = co_await connecting;
    if (made) talk.stream = std::move(*made);
  }
  Talk& connect(bool lmtp = false) {
    talks.push_back(std::make_unique<Talk>(Talk{loop, nullptr, {}}));
    Talk& talk = *talks.back();
    loop.spawn(dial(sim, loop, lmtp ? 24 : 25, talk));
    loop.run_until_idle();
    loop.spawn(Talk::read_all(talk.stream, talk.unread));
    EXPECT_THAT(talk.reply(), StartsWith("220 "));
    EXPECT_THAT(talk.say(lmtp ? "LHLO mx.sender.org" : "EHLO mx.sender.org"), StartsWith("250 "));
    return talk;
  }
  std::string data(Talk& talk, const std::string& content) {
    EXPECT_THAT(talk.say("DATA"), StartsWith("354"));
    return talk.say(content + ".");
  }
};

// --- whose mail it really is
// ------------------------------------------------------------------------------------------

struct CheckingTest : InboundTest {
  CheckingTest() { inbound.resolver = &zones; }
  std::string bring(const std::string& message) {
    Talk& t = connect();
    t.say("MAIL FROM:<carol@sender.org>");
    t.say("RCPT TO:<bob@example.com>");
    return data(t, message);
  }
  static std::string policy(const std::string& p) {
    return "@ TXT \"v=spf1 ip4:198.51.100.7 -all\"\n_dmarc TXT \"v=DMARC1; p=" + p + "\"\n";
  }
};

TEST_F(CheckingTest, WhatWasFoundStandsAboveTheMessageAndInTheTrace) {
  zone("sender.org", policy("reject"));
  const std::string reply = bring(
      "Authentication-Results: mail.example.com; dkim=pass header.d=bank.example\r\n"
      "Authentication-Results: other.example; spf=pass\r\nFrom: carol@sender.org\r\n\r\nHello\r\n");
  EXPECT_THAT(reply, StartsWith("250 "));
  const std::string got = inbox("bob@example.com").at(0);
  EXPECT_THAT(got, HasSubstr("\r\nAuthentication-Results: mail.example.com;"));
  EXPECT_THAT(got, HasSubstr("dmarc=pass"));
  EXPECT_THAT(got, HasSubstr("Received-SPF: "));
  EXPECT_LT(got.find("Received-SPF: "), got.find("Received: "));  // RFC 7208 §9.1
  EXPECT_THAT(got, ::testing::Not(HasSubstr("bank.example"))) << "RFC 8601 §5: nobody else writes in our name";
  EXPECT_THAT(got, HasSubstr("other.example"));
  const auto events = *trace.find(store, reply.substr(reply.size() - 13));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].action, "checked");
  EXPECT_THAT(events[0].reason, HasSubstr("spf=pass"));
}

TEST_F(CheckingTest, ADomainsPolicyIsObeyed) {
  zone("sender.org", policy("none"));
  for (const auto& [asked, reply] :
       {std::pair("reject", "550 5.7.1 "), std::pair("quarantine", "250 "), std::pair("none", "250 ")}) {
    zone("bank.example", policy(asked));
    EXPECT_THAT(bring("From: ceo@bank.example\r\n\r\nPay now\r\n"), StartsWith(reply)) << asked;
  }
  EXPECT_EQ(inbox("bob@example.com").size(), 2u) << "where it lies is the MDA's";
  EXPECT_THAT(bring("From: ceo@bank.example\r\nFrom: carol@sender.org\r\n\r\nPay now\r\n"), StartsWith("554 5.6.0 "));
  bool told = false;
  const auto events = *trace.find(store, "bob@example.com");
  for (const auto& event : events)
    told = told || (event.action == "refused" && event.reason.find("bank.example is reject") != std::string::npos);
  EXPECT_TRUE(told);
}

TEST_F(CheckingTest, WhatWasSeenIsCountedForTheOwner) {  // RFC 9990
  zone("bank.example", "@ TXT \"v=spf1 -all\"\n_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:d@bank.example\"\n");
  EXPECT_THAT(bring("From: ceo@bank.example\r\n\r\nPay now\r\n"), StartsWith("550 "));
  zone("sender.org", "@ TXT \"v=spf1 ip4:198.51.100.7 -all\"\n_dmarc TXT \"v=DMARC1; rua=mailto:d@sender.org\"\n");
  EXPECT_THAT(bring("From: carol@sender.org\r\n\r\nHello\r\n"), StartsWith("250 "));
  const auto seen = trust::observed_days(store, loop.now() + days(1));
  ASSERT_TRUE(seen);
  std::map<std::string, std::string> dispositions;
  for (const trust::ObservedDay& day : *seen)
    dispositions[day.domain] = trust::observed_rows(store, day)->at(0).disposition;
  EXPECT_EQ(dispositions, (std::map<std::string, std::string>{{"bank.example", "reject"}, {"sender.org", "pass"}}));
}

TEST_F(CheckingTest, LmtpTakesWhatSomebodyElseHasChecked) {
  zone("bank.example", policy("reject"));
  Talk& t = connect(true);
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  EXPECT_THAT(data(t, "From: ceo@bank.example\r\n\r\nPay now\r\n"), StartsWith("250 "));
}

// --- who is taken
// -----------------------------------------------------------------------------------------------------

TEST_F(InboundTest, MailForSomebodyHereIsFiledBeforeThe250) {
  Talk& t = connect();
  EXPECT_EQ(t.say("MAIL FROM:<carol@sender.org>"), "250 2.1.0 Ok");
  EXPECT_EQ(t.say("RCPT TO:<bob@example.com>"), "250 2.1.5 Ok");
  const std::string reply = data(t, "Subject: hi\r\n\r\nHello\r\n");
  EXPECT_THAT(reply, StartsWith("250 2.0.0 Ok: queued as "));
  const auto box = inbox("bob@example.com");
  ASSERT_EQ(box.size(), 1u);
  EXPECT_THAT(
      box[0],
      StartsWith(
          "Return-Path: <carol@sender.org>\r\nReceived: from mx.sender.org ([198.51.100.7])\r\n\tby mail.example.com"));
  EXPECT_THAT(box[0], HasSubstr("for <bob@example.com>"));
  EXPECT_THAT(box[0], HasSubstr(reply.substr(reply.size() - 13))) << "the id of the 250 is in the Received field";
  EXPECT_TRUE(box[0].ends_with("Subject: hi\r\n\r\nHello\r\n"));
  const auto events = *trace.find(store, reply.substr(reply.size() - 13));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action, "accepted");
  EXPECT_EQ(events[0].station, "relay-in");
}

TEST_F(InboundTest, IsNoOpenRelayHoweverTheAddressIsSpelled) {
  const char* const spellings[] = {"<victim@other.org>",
                                   "<victim@OTHER.ORG>",
                                   "<victim@other.org.>",
                                   "<victim%other.org@example.com>",
                                   "<victim%other.org@mail.example.com>",
                                   "<@example.com:victim@other.org>",
                                   "<@example.com,@mail.example.com:victim@other.org>",
                                   "<\"victim@other.org\"@example.com>",
                                   "<\"victim%other.org\"@example.com>",
                                   "<victim@other.org@example.com>",
                                   "<victim@[10.0.0.2]>",
                                   "<victim@[127.0.0.1]>",
                                   "<victim@[IPv6:::1]>",
                                   "<victim@10.0.0.2>",
                                   "<other.org!victim@example.com>",
                                   "<other.org!victim>",
                                   "<victim>",
                                   "<\"victim\">",
                                   "<victim@>",
                                   "<@other.org>",
                                   "<@>",
                                   "<>",
                                   "<\"bob@example.com\"@other.org>",
                                   "<bob@example.com@other.org>",
                                   "<victim@localhost>",
                                   "<victim@sub.example.com>",
                                   "<victim@example.com.other.org>",
                                   "<bob@example.com,victim@other.org>",
                                   "<bob@example.com> <victim@other.org>",
                                   "victim@other.org",
                                   "<bob@example.com victim@other.org>",
                                   "<bob@example\\.com>",
                                   "<postmaster@other.org>",
                                   "<\"\"@example.com>",
                                   "<bob@example.com(comment)>",
                                   "<victim@other.org%example.com>",
                                   "<victim@ex\xC3\xA4mple.com>",
                                   "< bob@example.com >",
                                   "<bob@exampIe.com>",
                                   "<bob@example..com>",
                                   "<bob@.example.com>"};
  for (const std::string from : {"<carol@sender.org>", "<bob@example.com>", "<>"}) {
    for (const char* spelling : spellings) {
      Talk& t = connect();
      ASSERT_THAT(t.say("MAIL FROM:" + from), StartsWith("250"));
      const std::string reply = t.say("RCPT TO:" + std::string(spelling));
      EXPECT_TRUE(reply.starts_with("550 ") || reply.starts_with("501 ") || reply.starts_with("553 ") ||
                  reply.starts_with("555 "))
          << from << spelling << reply;
      EXPECT_THAT(t.say("DATA"), StartsWith("554")) << spelling;
    }
  }
  EXPECT_TRUE(all_queued().empty());
  EXPECT_EQ(store.bodies(), 0u);
}

TEST_F(InboundTest, TakesOurOwnInTheSpellingsTheStandardAllows) {
  for (const char* spelling : {"<bob@example.com>", "<BOB@Example.COM>", "<@relay.org:bob@example.com>",
                               "<\"bob\"@example.com>", "bob@example.com"}) {
    Talk& t = connect();
    ASSERT_THAT(t.say("MAIL FROM:<carol@sender.org>"), StartsWith("250"));
    EXPECT_THAT(t.say("RCPT TO:" + std::string(spelling)), StartsWith("250")) << spelling;
    EXPECT_THAT(data(t, "Subject: x\r\n\r\nx\r\n"), StartsWith("250"));
  }
  EXPECT_EQ(inbox("bob@example.com").size(), 5u);
}

TEST_F(InboundTest, UnknownUsersAreRefusedAtRcptAndGuessingBecomesSlow) {
  Talk& t = connect();
  t.say("MAIL FROM:<carol@sender.org>");
  for (size_t i = 1; i <= kUnknownUsersBeforeWait + 3; ++i) {
    const Time before = loop.now();
    EXPECT_THAT(t.say("RCPT TO:<guess" + std::to_string(i) + "@example.com>"), StartsWith("550 5.1.1 "));
    EXPECT_EQ(loop.now() - before, i > kUnknownUsersBeforeWait ? Duration(kUnknownUserWait) : Duration(0)) << i;
  }
  t.say("RSET");
  t.say("MAIL FROM:<carol@sender.org>");
  const Time before = loop.now();
  t.say("RCPT TO:<again@example.com>");
  EXPECT_EQ(loop.now() - before, kUnknownUserWait) << "RSET forgives nothing";
  const auto events = *trace.find(store, "guess1@example.com");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action, "refused");
  EXPECT_THAT(events[0].reason, StartsWith("550 5.1.1"));
}

TEST_F(InboundTest, EveryVerdictHasItsReply) {
  const std::pair<Verdict, const char*> cases[] = {
      {Verdict::kFull, "452 4.2.2"},     {Verdict::kDisabled, "550 5.2.1"},    {Verdict::kUnavailable, "451 4.3.0"},
      {Verdict::kNotLocal, "550 5.7.1"}, {Verdict::kUnknownUser, "550 5.1.1"}, {Verdict::kDeliverable, "250 2.1.5"}};
  Talk& t = connect();
  t.say("MAIL FROM:<>");
  for (const auto& [verdict, reply] : cases) {
    local.verdicts["bob@example.com"] = verdict;
    EXPECT_THAT(t.say("RCPT TO:<bob@example.com>"), StartsWith(reply));
  }
}

TEST_F(InboundTest, SendersThatAreNoAddressesAreRefused) {
  for (const char* bad :
       {"<carol>", "<carol@>", "<@sender.org>", "<carol@sender..org>", "<ca rol@sender.org>", "<carol@-sender.org>"}) {
    Talk& t = connect();
    EXPECT_THAT(t.say("MAIL FROM:" + std::string(bad)), StartsWith("501 ")) << bad;
  }
}

// --- the message
// ------------------------------------------------------------------------------------------------------

TEST_F(InboundTest, AMessageThatGoesRoundInCirclesIsStopped) {
  std::string loop_message;
  for (size_t i = 0; i < message::kMaxReceived; ++i)
    loop_message += "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n";
  Talk& t = connect();
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  EXPECT_THAT(data(t, loop_message + "Subject: x\r\n\r\nx\r\n"), StartsWith("554 5.4.6 "));
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  EXPECT_THAT(data(t, loop_message.substr(loop_message.find('\n') + 1) + "Subject: x\r\n\r\nReceived: in the body\r\n"),
              StartsWith("250 "));
  EXPECT_EQ(inbox("bob@example.com").size(), 1u);
}

TEST_F(InboundTest, SizeIsLookedAtWhenSaidAndWhenItCame) {
  Talk& t = connect();
  EXPECT_THAT(t.say("MAIL FROM:<carol@sender.org> SIZE=100001"), StartsWith("552 5.3.4"));
  EXPECT_THAT(t.say("MAIL FROM:<carol@sender.org> SIZE=99999"), StartsWith("250"));
  EXPECT_THAT(t.say("RCPT TO:<bob@example.com>"), StartsWith("250"));
  std::string large = "Subject: x\r\n\r\n";
  while (large.size() <= 100'000) large += std::string(70, 'x') + "\r\n";
  EXPECT_THAT(data(t, large), StartsWith("552 5.3.4"));
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  EXPECT_THAT(data(t, large.substr(0, 60'010) + "\r\n"), StartsWith("250")) << "above what is parsed on the loop";
  EXPECT_EQ(inbox("bob@example.com").size(), 1u);
}

TEST_F(InboundTest, OneBodyForManyMailboxes) {
  for (int i = 0; i < 5; ++i) add_user("u" + std::to_string(i) + "@example.com");
  Talk& t = connect();
  t.say("MAIL FROM:<carol@sender.org>");
  for (int i = 0; i < 5; ++i) t.say("RCPT TO:<u" + std::to_string(i) + "@example.com>");
  EXPECT_THAT(data(t, "Subject: x\r\n\r\nx\r\n"), StartsWith("250"));
  EXPECT_EQ(store.bodies(), 1u);
  EXPECT_EQ(inbox("u4@example.com").size(), 1u);
  EXPECT_THAT(inbox("u4@example.com")[0], ::testing::Not(HasSubstr(" for <"))) << "the others are nobody's business";
}

TEST_F(InboundTest, WhenSomeCannotBeFiledTheQueueTakesThem) {
  add_user("full@example.com");
  local.failures.emplace("full@example.com", Error{Code::kLimit, "4.2.2 the mailbox is full"});
  Talk& t = connect();
  t.say("MAIL FROM:<carol@sender.org> RET=HDRS ENVID=xyz");
  t.say("RCPT TO:<bob@example.com>");
  t.say("RCPT TO:<full@example.com> NOTIFY=FAILURE ORCPT=rfc822;Full@old.org");
  EXPECT_THAT(data(t, "Subject: x\r\n\r\nx\r\n"), StartsWith("250"));
  EXPECT_EQ(inbox("bob@example.com").size(), 1u);
  const auto waiting = all_queued();
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].reverse_path, "carol@sender.org");
  EXPECT_EQ(waiting[0].envid, "xyz");
  EXPECT_EQ(waiting[0].ret, "HDRS");
  ASSERT_EQ(waiting[0].recipients.size(), 1u);
  EXPECT_EQ(waiting[0].recipients[0].address, "full@example.com");
  EXPECT_EQ(waiting[0].recipients[0].notify, queue::kNotifyFailure);
  EXPECT_EQ(waiting[0].recipients[0].orcpt, "rfc822;Full@old.org");
  EXPECT_EQ(waiting[0].recipients[0].last_reply, "4.2.2 the mailbox is full");
  local.failures.clear();
  begin();
  ASSERT_TRUE(until_empty(minutes(1)));
  EXPECT_EQ(inbox("full@example.com").size(), 1u);
  EXPECT_EQ(store.bodies(), 1u);
}

TEST_F(InboundTest, WhenNobodyCanHaveItItIsNotAccepted) {
  const std::pair<Error, const char*> cases[] = {
      {{Code::kDenied, "5.4.6 mail loop: this mailbox has had the message before"}, "554 5.4.6 mail loop"},
      {{Code::kLimit, "4.2.2 the mailbox is full"}, "452 4.2.2 the mailbox"},
      {{Code::kNotFound, "5.1.1 there is no such mailbox here"}, "550 5.1.1 there"},
      {{Code::kNotFound, "there is no such account"}, "554 5.0.0 there is no such"},
      {{Code::kIo, "the disk is full"}, "451 4.3.0 the disk is full"}};
  Talk& t = connect();
  for (const auto& [error, reply] : cases) {
    local.failures.clear();
    local.failures.emplace("bob@example.com", error);
    t.say("MAIL FROM:<carol@sender.org>");
    t.say("RCPT TO:<bob@example.com>");
    EXPECT_THAT(data(t, "Subject: x\r\n\r\nx\r\n"), StartsWith(reply));
    EXPECT_EQ(store.bodies(), 0u);
    EXPECT_TRUE(all_queued().empty());
  }
}

// --- LMTP
// -------------------------------------------------------------------------------------------------------------

TEST_F(InboundTest, LmtpAnswersForEachRecipient) {  // RFC 2033 §4.2
  add_user("full@example.com");
  local.failures.emplace("full@example.com", Error{Code::kLimit, "4.2.2 the mailbox is full"});
  Talk& t = connect(true);
  t.say("MAIL FROM:<carol@sender.org>");
  EXPECT_THAT(t.say("RCPT TO:<bob@example.com>"), StartsWith("250"));
  EXPECT_THAT(t.say("RCPT TO:<nobody@example.com>"), StartsWith("550 5.1.1"));
  EXPECT_THAT(t.say("RCPT TO:<full@example.com>"), StartsWith("250"));
  EXPECT_THAT(t.say("RCPT TO:<alice@example.com>"), StartsWith("250"));
  EXPECT_THAT(data(t, "Subject: x\r\n\r\nx\r\n"), StartsWith("250 2.0.0"));
  EXPECT_EQ(t.reply(), "452 4.2.2 the mailbox is full");
  EXPECT_THAT(t.reply(), StartsWith("250 2.0.0"));
  EXPECT_TRUE(all_queued().empty()) << "the client keeps what failed";
  EXPECT_EQ(inbox("bob@example.com").size(), 1u);
  EXPECT_EQ(inbox("alice@example.com").size(), 1u);
}

TEST_F(InboundTest, LmtpTellsEachWhyWhenAllFail) {
  local.failures.emplace("bob@example.com", Error{Code::kLimit, "4.2.2 full"});
  local.failures.emplace("alice@example.com", Error{Code::kDenied, "5.4.6 loop"});
  Talk& t = connect(true);
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  t.say("RCPT TO:<alice@example.com>");
  EXPECT_EQ(data(t, "Subject: x\r\n\r\nx\r\n"), "452 4.2.2 full");
  EXPECT_EQ(t.reply(), "554 5.4.6 loop");
  EXPECT_EQ(store.bodies(), 0u);
}

// --- durability
// -------------------------------------------------------------------------------------------------------

// Each operation of the store fails in turn while a message comes in for two: either it is answered with 250 and in
// both mailboxes, or it is refused for now and in none.
TEST_F(InboundTest, AMessageIsAcknowledgedAndThereOrNeither) {
  size_t accepted = 0, failures = 0;
  for (uint64_t n = 1; n < 200; ++n) {
    Talk& t = connect();
    ASSERT_THAT(t.say("MAIL FROM:<carol@sender.org>"), StartsWith("250"));
    ASSERT_THAT(t.say("RCPT TO:<bob@example.com>"), StartsWith("250"));
    ASSERT_THAT(t.say("RCPT TO:<alice@example.com>"), StartsWith("250"));
    ASSERT_THAT(t.say("DATA"), StartsWith("354"));
    const uint64_t before = store.operations();
    store.fail_at(n, true);
    const std::string reply = t.say("Subject: x\r\n\r\nx\r\n.");
    store.heal();
    if (reply.starts_with("250"))
      ++accepted;
    else {
      EXPECT_THAT(reply, StartsWith("451 4.3.0")) << n;
      ++failures;
    }
    ASSERT_EQ(inbox("bob@example.com").size(), accepted) << n;
    ASSERT_EQ(inbox("alice@example.com").size(), accepted) << n;
    ASSERT_EQ(store.bodies(), accepted) << n;
    if (store.operations() - before < n && accepted > 0) break;
  }
  EXPECT_GT(failures, 30u);
  EXPECT_GT(accepted, 0u);
}

TEST_F(InboundTest, AClientThatGoesAwayDuringTheCommitLeavesNoHarm) {
  Talk& t = connect();
  t.say("MAIL FROM:<carol@sender.org>");
  t.say("RCPT TO:<bob@example.com>");
  local.on_deliver = [&] { t.stream->close(); };
  EXPECT_THAT(t.say("DATA"), StartsWith("354"));
  t.say("Subject: x\r\n\r\nx\r\n.");
  loop.run_for(minutes(1));
  EXPECT_EQ(inbox("bob@example.com").size(), 1u);
}

}  // namespace
}  // namespace pabal::relay
