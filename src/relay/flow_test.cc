// Many messages at once: connections kept warm, limits, crowded and dead domains, operators, stops, damage, full disks.
#include "base/codec.h"
#include "relay/test_world.h"

namespace pabal::relay {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = queue::Recipient::State;

struct Flow : ::testing::Test, World {
  Remote bob{loop}, other{loop};
  void SetUp() override {
    bob.listen(network, "10.0.0.1");
    other.listen(network, "10.0.0.2");
    zone("other.org", "@ MX 10 mx\nmx A 10.0.0.2\n");
  }
  void TearDown() override { stop(); }
  std::string entry_key(queue::QueueId id) { return Encoder().raw("Qe").u64(id).take(); }
};

// --- connections ----------------------------------------------------------------------------------------------------

TEST_F(Flow, MessagesInARowShareAConnection) {
  begin();
  for (int i = 0; i < 20; ++i) {
    send({"bob@univ.edu"});
    loop.run_for(seconds(2));
  }
  EXPECT_EQ(bob.mails.size(), 20u);
  EXPECT_EQ(bob.connected.size(), 1u);
  EXPECT_EQ(outbound->connections().warm_count(), 1u);
  loop.run_for(kKeepWarm);
  EXPECT_EQ(outbound->connections().warm_count(), 0u);
  EXPECT_EQ(outbound->connections().destinations(), 0u);
  loop.run_for(seconds(1));
  EXPECT_EQ(bob.open, 0u) << "it was told QUIT";
}

TEST_F(Flow, AConnectionIsUsedForAHundredMessages) {
  options.per_domain = 1;
  for (int i = 0; i < 250; ++i) send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(minutes(1)));
  EXPECT_EQ(bob.mails.size(), 250u);
  EXPECT_EQ(bob.connected.size(), 3u);
}

TEST_F(Flow, NoDomainGetsMoreConnectionsThanItsShare) {
  bob.think = seconds(10);
  for (int i = 0; i < 50; ++i) send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(minutes(10)));
  EXPECT_EQ(bob.mails.size(), 50u);
  EXPECT_EQ(bob.peak, options.per_domain);
  EXPECT_EQ(bob.connected.size(), options.per_domain);
}

TEST_F(Flow, AWarmConnectionThatDiedIsReplacedWithoutNotice) {
  begin();
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  ASSERT_EQ(outbound->connections().warm_count(), 1u);
  // The server says 421 at the next message, as after an idle time-out.
  int asked = 0;
  bob.on_mail = [&](const auto&) {
    return ++asked == 1 ? smtp::Reply{421, "4.4.2", "idle too long", true} : smtp::Reply{250, "2.1.0", "Ok"};
  };
  const auto id = send({"bob@univ.edu"});
  ASSERT_TRUE(until_empty(seconds(2)));
  EXPECT_EQ(bob.mails.size(), 2u);
  EXPECT_THAT(actions(id), ElementsAre("delivered"));
  EXPECT_EQ(bob.connected.size(), 2u);
}

TEST_F(Flow, AWarmConnectionThatBreaksAfterTheMessageDoesNotDoubleIt) {
  begin();
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  network.at["10.0.0.1"].cut_received.reset();
  const size_t one = network.at["10.0.0.1"].received;
  loop.run_for(minutes(1));
  // The first message's replies pass, and of the second all but the last.
  size_t verdicts = 0, before = 0;
  bob.on_message = [&] {
    if (++verdicts == 2) before = network.at["10.0.0.1"].received;
    return smtp::Reply{250, "2.0.0", "Ok: queued"};
  };
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  send({"bob@univ.edu"});
  loop.run_for(minutes(1));
  ASSERT_GT(before, one);
  bob.mails.clear();
  network.at["10.0.0.1"].cut_received = before + 3;
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  const auto second = send({"bob@univ.edu"});
  loop.run_for(seconds(20));
  EXPECT_EQ(bob.mails.size(), 2u) << "not again at once";
  ASSERT_TRUE(queued(second));
  EXPECT_THAT(queued(second)->recipients[0].last_reply, HasSubstr("may have arrived"));
}

// --- fairness -------------------------------------------------------------------------------------------------------

TEST_F(Flow, ACrowdedDomainDoesNotHoldUpTheOthers) {
  bob.think = minutes(9);
  for (int i = 0; i < 400; ++i) send({"bob@univ.edu"});
  send({"carol@other.org"});
  begin();
  loop.run_for(seconds(5));
  EXPECT_EQ(other.mails.size(), 1u);
  EXPECT_LE(outbound->active(), options.max_active);
  send({"carol@other.org"});  // and what comes later
  loop.run_for(seconds(5));
  EXPECT_EQ(other.mails.size(), 2u);
  bob.think = Duration(0);
  ASSERT_TRUE(until_empty(hours(2)));
  EXPECT_EQ(bob.mails.size(), 400u);
}

TEST_F(Flow, ADeadDomainCostsAFewTimeOutsNotOneAMessage) {
  sim.blackhole("10.0.0.1");
  for (int i = 0; i < 300; ++i) send({"bob@univ.edu"});
  begin();
  loop.run_for(kConnectTime + seconds(1));
  size_t tried = 0;
  for (const auto& e : all_queued()) tried += e.recipients[0].attempts == 1;
  EXPECT_GE(tried, 300u - options.per_domain) << "but for those who have a connection to themselves, and try";
  EXPECT_LE(network.dialed.size(), 2 * options.per_domain);
  sim.blackhole("10.0.0.1", false);
  ASSERT_TRUE(until_empty(hours(1)));
  EXPECT_EQ(bob.mails.size(), 300u);
}

TEST_F(Flow, ASlowDomainDoesNotHoldUpTheOthersOfOneMessage) {
  sim.blackhole("10.0.0.1");
  const auto id = send({"a@univ.edu", "z@other.org"});
  begin();
  loop.run_for(seconds(1));
  EXPECT_EQ(other.mails.size(), 1u);
  EXPECT_EQ(queued(id)->recipients[1].state, State::kDelivered);
}

TEST_F(Flow, AMessageToManyDomainsReachesAll) {
  std::vector<std::string> to;
  for (int i = 0; i < 40; ++i) {
    const std::string domain = "d" + std::to_string(i) + ".net";
    zone(domain, "@ MX 10 mx\nmx A 10.0.0." + std::to_string(1 + i % 2) + "\n");
    to.push_back("x@" + domain);
  }
  send(to);
  begin();
  ASSERT_TRUE(until_empty(seconds(30)));
  EXPECT_EQ(bob.mails.size() + other.mails.size(), 40u);
}

TEST_F(Flow, LargeMessagesDoNotFillTheMemoryTogether) {
  bob.think = other.think = seconds(30);
  std::string letter = "Subject: large\r\n\r\n";
  while (letter.size() < 25 << 20) letter += std::string(998, 'x') + "\r\n";
  for (int i = 0; i < 4; ++i) add(entry({"bob@univ.edu"}), letter);
  begin();
  loop.run_for(seconds(5));
  EXPECT_EQ(outbound->active(), 2u) << "64 MiB";
  send({"carol@other.org"});
  loop.run_for(seconds(1));
  EXPECT_EQ(other.connected.size(), 1u) << "small ones pass by";
  ASSERT_TRUE(until_empty(minutes(5)));
  EXPECT_EQ(bob.mails.size(), 4u);
}

// --- operators ------------------------------------------------------------------------------------------------------

TEST_F(Flow, HeldDuringAnAttemptItsOutcomeIsStillWritten) {
  bob.think = seconds(10);
  bob.on_message = [] { return smtp::Reply{451, "4.3.0", "later"}; };
  const auto id = send({"bob@univ.edu"});
  begin();
  loop.run_for(seconds(3));
  run([&](store::Transaction& t) { return queue.hold(t, id, true, loop.now()); });
  loop.run_for(days(1));
  ASSERT_TRUE(queued(id));
  EXPECT_TRUE(queued(id)->held);
  EXPECT_EQ(queued(id)->recipients[0].attempts, 1u);
  EXPECT_EQ(queued(id)->recipients[0].last_reply, "451 4.3.0 later");
  bob.on_message = [] { return smtp::Reply{250, "2.0.0", "Ok"}; };
  run([&](store::Transaction& t) { return queue.hold(t, id, false, loop.now()); });
  EXPECT_TRUE(until_empty(seconds(30)));
  EXPECT_EQ(bob.mails.size(), 1u);
}

TEST_F(Flow, CancelledDuringAnAttemptNothingIsLeftAndTheTraceIsHonest) {
  bob.think = seconds(10);
  const auto id = send({"bob@univ.edu", "carol@univ.edu"});
  begin();
  loop.run_for(seconds(3));
  run([&](store::Transaction& t) -> Result<void> {
    const auto left = queue.cancel(t, id, "");
    if (!left) return left.error();
    return mailboxes.release_body(t, left->body);
  });
  loop.run_for(seconds(30));
  EXPECT_EQ(bob.mails.size(), 1u) << "it was on its way";
  EXPECT_THAT(actions(id), ElementsAre("delivered", "delivered"));
  EXPECT_TRUE(all_queued().empty());
  EXPECT_EQ(store.bodies(), 0u);
}

TEST_F(Flow, RetryNowIsNow) {
  sim.refuse("10.0.0.1");
  const auto id = send({"bob@univ.edu"});
  begin();
  loop.run_for(hours(5));
  ASSERT_GT(queued(id)->recipients[0].next_attempt - loop.now(), minutes(30));
  sim.refuse("10.0.0.1", false);
  run([&](store::Transaction& t) { return queue.retry(t, id, "univ.edu", loop.now()); });
  EXPECT_TRUE(until_empty(seconds(2)));
}

// --- stop -----------------------------------------------------------------------------------------------------------

TEST_F(Flow, StoppedDuringAttemptsNothingIsCountedAndTheNextStartGoesOn) {
  sim.blackhole("10.0.0.1");
  std::vector<queue::QueueId> sent;
  for (int i = 0; i < 50; ++i) sent.push_back(send({"bob@univ.edu"}));
  begin();
  loop.run_for(seconds(2));
  EXPECT_GT(outbound->active(), 0u);
  outbound->stop();
  loop.run_for(minutes(2));
  EXPECT_EQ(outbound->active(), 0u);
  outbound.reset();
  for (const auto id : sent) EXPECT_EQ(queued(id)->recipients[0].attempts, 0u) << "our stop is no failure of theirs";
  sim.blackhole("10.0.0.1", false);
  begin();
  EXPECT_TRUE(until_empty(minutes(1)));
  EXPECT_EQ(bob.mails.size(), 50u);
}

TEST_F(Flow, WhatIsDeliveredWhileStoppingIsWrittenDown) {
  bob.think = seconds(10);
  send({"bob@univ.edu"});
  begin();
  loop.run_for(seconds(3));
  outbound->stop();
  loop.run_for(minutes(1));
  outbound.reset();
  EXPECT_EQ(bob.mails.size(), 1u);
  EXPECT_TRUE(all_queued().empty());
  begin();
  loop.run_for(hours(1));
  EXPECT_EQ(bob.mails.size(), 1u);
}

TEST_F(Flow, AStoppedWorkerClosesItsWarmConnectionsAndStartsNothing) {
  begin();
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  outbound->stop();
  outbound->stop();
  loop.run_for(seconds(1));
  EXPECT_EQ(bob.open, 0u);
  send({"bob@univ.edu"});
  loop.run_for(hours(1));
  EXPECT_EQ(bob.mails.size(), 1u);
}

// --- damage and full disks
// --------------------------------------------------------------------------------------------

TEST_F(Flow, ADamagedEntryDoesNotStopTheWorker) {
  const auto bad = send({"bob@univ.edu"}), good = send({"bob@univ.edu"});
  store.put_raw(entry_key(bad), "rubbish");
  store.put_raw(Encoder().raw("Qd").u64(5).u64(12345).take(), "");  // of an entry there is not
  begin();
  EXPECT_TRUE(loop.run_until([&] { return !queued(good); }, seconds(10)));
  EXPECT_EQ(bob.mails.size(), 1u);
  const uint64_t before = store.operations();
  loop.run_for(hours(1));
  EXPECT_LT(store.operations() - before, 1'000u) << "it does not go round in circles";
  EXPECT_EQ(queue.get(store, bad).code(), Code::kCorrupt);
  send({"bob@univ.edu"});
  loop.run_for(seconds(5));
  EXPECT_EQ(bob.mails.size(), 2u);
}

TEST_F(Flow, AMessageWhoseBodyIsLostIsReportedInTheEnd) {
  queue::Entry e = entry({"bob@univ.edu"});
  const auto id = add(e);
  run([&](store::Transaction& t) { return mailboxes.release_body(t, e.body); });
  begin();
  loop.run_for(minutes(1));
  EXPECT_THAT(queued(id)->recipients[0].last_reply, HasSubstr("4.3.0"));
  EXPECT_TRUE(until_empty(days(6)));
  EXPECT_EQ(inbox("alice@example.com").size(), 2u) << "the warning and the bounce";
}

TEST_F(Flow, WithADiskThatFailsTheDeliveredMessageIsNotSentAgain) {
  const auto id = send({"bob@univ.edu"});
  bob.on_message = [&] {
    store.fail_at(1, true);
    return smtp::Reply{250, "2.0.0", "Ok"};
  };
  begin();
  loop.run_for(hours(2));
  EXPECT_EQ(bob.mails.size(), 1u);
  store.heal();
  loop.run_for(minutes(2));
  EXPECT_TRUE(all_queued().empty());
  EXPECT_EQ(bob.mails.size(), 1u);
  EXPECT_THAT(actions(id), ElementsAre("delivered"));
}

TEST_F(Flow, ASenderWhoseMailboxIsDamagedDoesNotMakeUsSendAgain) {
  local.failures.emplace("alice@example.com", Error{Code::kCorrupt, "the account is damaged"});
  bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  send({"nobody@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(minutes(1)));
  EXPECT_EQ(bob.transactions, 1u);
}

TEST_F(Flow, ADamagedMailboxHereIsTriedOnScheduleOnly) {
  local.failures.emplace("alice@example.com", Error{Code::kCorrupt, "the account is damaged"});
  const auto id = send({"alice@example.com"}, "x@other.org");
  begin();
  loop.run_for(hours(1));
  ASSERT_TRUE(queued(id));
  EXPECT_GT(queued(id)->recipients[0].attempts, 3u);
  EXPECT_LT(queued(id)->recipients[0].attempts, 8u);
}

// Operation after operation of the store fails while a message with a good, a bad and a local recipient is on its way;
// then the disk works again. In the end everybody has it exactly once, and the sender knows of the bad one.
TEST(FlowDurability, AnyOperationMayFailOnceOrForAWhile) {
  uint64_t all = 0;
  for (uint64_t n = 1; n <= std::max<uint64_t>(all, 1); ++n)
    for (const bool lasting : {false, true}) {
      World w;
      Remote bob{w.loop};
      bob.listen(w.network, "10.0.0.1");
      bob.on_rcpt = [](const smtp::RcptParams& r) {
        return r.address.starts_with("bad") ? smtp::Reply{550, "5.1.1", "no"} : smtp::Reply{250, "2.1.5", "Ok"};
      };
      w.add_user("dave@example.com");
      w.send({"bob@univ.edu", "bad@univ.edu", "dave@example.com"});
      const uint64_t before = w.store.operations();
      if (all > 0) w.store.fail_at(n, lasting);
      w.begin();
      w.loop.run_for(seconds(5));
      w.store.heal();
      ASSERT_TRUE(w.until_empty(days(6))) << n;
      if (all == 0) all = w.store.operations() - before;
      ASSERT_EQ(bob.mails.size(), 1u) << n;
      ASSERT_EQ(w.inbox("dave@example.com").size(), 1u) << n;
      ASSERT_EQ(w.inbox("alice@example.com").size(), 1u) << n;
      ASSERT_EQ(w.store.bodies(), 2u) << n << ": dave's and the report";
      w.stop();
    }
  EXPECT_GT(all, 30u);
}

// The process is killed at any operation of the store: all after it fails, and a new worker begins over what is on
// disk. A remote recipient may get a second copy (RFC 1047), a local one never.
TEST(FlowDurability, KilledAnywhereNothingIsLost) {
  uint64_t all = 0;
  for (uint64_t n = 1; n <= std::max<uint64_t>(all, 1); ++n) {
    World w;
    Remote bob{w.loop};
    bob.listen(w.network, "10.0.0.1");
    bob.on_rcpt = [](const smtp::RcptParams& r) {
      return r.address.starts_with("bad") ? smtp::Reply{550, "5.1.1", "no"} : smtp::Reply{250, "2.1.5", "Ok"};
    };
    w.add_user("dave@example.com");
    w.send({"bob@univ.edu", "bad@univ.edu", "dave@example.com"});
    const uint64_t before = w.store.operations();
    if (all > 0) w.store.fail_at(n, true);
    w.begin();
    w.loop.run_for(seconds(5));
    w.stop();
    w.store.heal();
    w.begin();
    ASSERT_TRUE(w.until_empty(days(6))) << n;
    if (all == 0) all = w.store.operations() - before;
    ASSERT_GE(bob.mails.size(), 1u) << n;
    ASSERT_LE(bob.mails.size(), 2u) << n;
    ASSERT_EQ(w.inbox("dave@example.com").size(), 1u) << n;
    ASSERT_EQ(w.inbox("alice@example.com").size(), 1u) << n;
    ASSERT_EQ(w.store.bodies(), 2u) << n;
    w.stop();
  }
}

}  // namespace
}  // namespace pabal::relay
