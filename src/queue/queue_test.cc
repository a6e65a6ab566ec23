#include "queue/queue.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <set>

#include "base/codec.h"
#include "base/random.h"
#include "store/rocksdb_store.h"

namespace pabal::queue {
namespace {

const Time kStart = from_unix(1'800'000'000);

Recipient recipient(std::string address, Time due = kStart) {
  Recipient r;
  r.address = std::move(address);
  r.next_attempt = due;
  return r;
}

Entry entry(QueueId id, Time due = kStart) {
  Entry e;
  e.id = id;
  e.message_id = "<m@example.com>";
  e.sender_account = "alice@example.com";
  e.reverse_path = "alice@example.com";
  e.body = 7;
  e.size = 1000;
  e.created = kStart;
  e.expires = kStart + days(5);
  e.recipients.push_back(recipient("bob@univ.edu", due));
  return e;
}

Entry full_entry() {
  Entry e = entry(42);
  e.envid = "QQ+314";
  e.ret = "FULL";
  e.smtputf8 = e.requiretls = e.body_8bit = e.body_binary = e.held = e.junk = e.scheduled = true;
  e.sign_as = "example.com";
  e.results = "spf=pass smtp.mailfrom=univ.edu";
  e.prefix = "Resent-From: a\r\n";
  Recipient r = recipient("유니코드@예.한국", kStart + hours(3));
  r.state = Recipient::State::kExpired;
  r.notify = kNotifySuccess | kNotifyDelay;
  r.orcpt = "rfc822;Bob@Univ.EDU";
  r.attempts = 77;
  r.delay_reported = true;
  r.last_reply = "450 4.2.0 later";
  r.last_host = "mx [192.0.2.1]";
  r.last_tls = "TLSv1.3";
  e.recipients.push_back(r);
  return e;
}

// --- the record -----------------------------------------------------------------------------------------------------

TEST(QueueEntry, ComesBackFromItsRecordAsItWas) {
  const Entry e = full_entry();
  const auto back = decode(encode(e));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), encode(e));
  EXPECT_EQ(back->id, 42u);
  EXPECT_EQ(back->envid, "QQ+314");
  EXPECT_TRUE(back->smtputf8 && back->requiretls && back->body_8bit && back->body_binary && back->held);
  EXPECT_EQ(back->prefix, "Resent-From: a\r\n");
  EXPECT_EQ(back->sign_as, "example.com");
  EXPECT_EQ(back->results, "spf=pass smtp.mailfrom=univ.edu");
  EXPECT_TRUE(back->junk);
  EXPECT_EQ(back->expires, e.expires);
  ASSERT_EQ(back->recipients.size(), 2u);
  const Recipient& r = back->recipients[1];
  EXPECT_EQ(r.address, "유니코드@예.한국");
  EXPECT_EQ(r.state, Recipient::State::kExpired);
  EXPECT_EQ(r.notify, kNotifySuccess | kNotifyDelay);
  EXPECT_EQ(r.orcpt, "rfc822;Bob@Univ.EDU");
  EXPECT_EQ(r.attempts, 77u);
  EXPECT_EQ(r.next_attempt, kStart + hours(3));
  EXPECT_TRUE(r.delay_reported);
  EXPECT_EQ(r.last_tls, "TLSv1.3");
}

TEST(QueueEntry, ReadsRecordsFromBeforeMailWasSigned) {
  Encoder old;
  old.u64(42).u8(0).string("<m@example.com>").string("").string("alice@example.com").string("").string("");
  old.u64(7).string("").varint(1000).u64(0).u64(0).varint(0);
  const auto back = decode(Encoder().u8(1).u64(hash64(old.view())).raw(old.view()).take());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->size, 1000u);
  EXPECT_EQ(back->sign_as, "");
}

TEST(QueueEntry, ARecordWithAnyBitFlippedOrAnyOctetMissingIsRefused) {
  const std::string record = encode(full_entry());
  for (size_t i = 0; i < record.size(); ++i) {
    EXPECT_FALSE(decode(record.substr(0, i))) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = record;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(decode(bad)) << i << "/" << bit;
    }
  }
  EXPECT_FALSE(decode(record + '\0'));
}

TEST(QueueEntry, ALetterOfOursAsksForWhatItNeeds) {
  const std::string plain = "From: r@example.com\r\n\r\nHi\r\n", eight = plain + "안녕\r\n";
  const auto made = [](const std::string& bytes, const std::string& to) {
    return letter_entry(1, message::parse(bytes), bytes.size(), "r@example.com", {to}, kStart, days(3));
  };
  const Entry e = made(plain, "x@univ.edu");
  EXPECT_EQ(e.sign_as, "example.com");
  EXPECT_FALSE(e.body_8bit || e.smtputf8);
  EXPECT_EQ(e.recipients.at(0).notify, kNotifyNever);
  EXPECT_EQ(e.expires, kStart + days(3));
  EXPECT_TRUE(made(eight, "x@univ.edu").body_8bit);
  EXPECT_TRUE(made(plain, "유니@univ.edu").smtputf8);
}

TEST(QueueEntry, NextAttemptIsTheEarliestOfThoseThatWait) {
  Entry e = entry(1, kStart + hours(2));
  e.recipients.push_back(recipient("carol@univ.edu", kStart + hours(1)));
  EXPECT_EQ(e.next_attempt(), kStart + hours(1));
  e.recipients[1].state = Recipient::State::kDelivered;
  EXPECT_EQ(e.next_attempt(), kStart + hours(2));
  EXPECT_FALSE(e.done());
  e.held = true;
  EXPECT_FALSE(e.next_attempt());
  e.held = false;
  e.recipients[0].state = Recipient::State::kFailed;
  EXPECT_TRUE(e.done());
  EXPECT_FALSE(e.next_attempt());
}

// --- the queue ------------------------------------------------------------------------------------------------------

struct Queues : ::testing::Test {
  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  ManualClock clock;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Queue> queue;

  void SetUp() override { open(); }
  void open() {
    queue.reset();
    store.reset();
    store::RocksOptions options;
    options.path = "/queue";
    options.env = env.get();
    auto opened = store::open_rocksdb(options, clock);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    queue = std::make_unique<Queue>(*store);
  }
  Result<void> run(store::Work work) { return store->transact_and_wait(std::move(work)); }
  Result<void> add(const Entry& e) {
    return run([&](store::Transaction& t) { return queue->add(t, e); });
  }
  Result<void> update(const Entry& e) {
    return run([&](store::Transaction& t) { return queue->update(t, e); });
  }
  Entry get(QueueId id) { return **queue->get(*store, id); }
  bool gone(QueueId id) {
    const auto found = queue->get(*store, id);
    return found && !*found;
  }
  std::vector<QueueId> due(Time now, size_t limit = 100) {
    std::vector<QueueId> ids;
    const auto found = queue->due(*store, now, limit);
    for (const auto& one : *found) ids.push_back(one.id);
    return ids;
  }
  void put_raw(const std::string& key, const std::string& value) {
    ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      t.put(key, value);
      return {};
    }));
  }
  static std::string entry_key(QueueId id) { return Encoder().raw("Qe").u64(id).take(); }
  static std::string schedule_key(Time due, QueueId id) {
    return Encoder().raw("Qd").u64(static_cast<uint64_t>(to_micros(due))).u64(id).take();
  }

  // The schedule has exactly one key for each entry that is to be tried, and the counts are right.
  void check_in_step() {
    std::multimap<QueueId, Time> scheduled;
    const auto found = queue->due(*store, kStart + days(3650), 1'000'000);
    for (const auto& one : *found) scheduled.emplace(one.id, one.at);
    uint64_t held = 0;
    const auto entries = *queue->list(*store, "", 0, 1'000'000);
    size_t expected = 0;
    for (const Entry& e : entries) {
      held += e.held;
      const auto at = e.next_attempt();
      ASSERT_EQ(scheduled.count(e.id), at ? 1u : 0u) << e.id;
      if (at) { EXPECT_EQ(scheduled.find(e.id)->second, *at); }
      expected += at.has_value();
    }
    EXPECT_EQ(scheduled.size(), expected);
    EXPECT_EQ(queue->figures(*store)->entries, entries.size());
    EXPECT_EQ(queue->figures(*store)->held, held);
  }
};

TEST_F(Queues, GiveWhatIsDueEarliestFirstAndExactToTheMicrosecond) {
  ASSERT_TRUE(add(entry(3, kStart + Duration(2))));
  ASSERT_TRUE(add(entry(1, kStart + Duration(3))));
  ASSERT_TRUE(add(entry(2, kStart + Duration(1))));
  EXPECT_EQ(due(kStart), std::vector<QueueId>{});
  EXPECT_EQ(due(kStart + Duration(1)), std::vector<QueueId>{2});
  EXPECT_EQ(due(kStart + Duration(2)), (std::vector<QueueId>{2, 3}));
  EXPECT_EQ(due(kStart + Duration(9)), (std::vector<QueueId>{2, 3, 1}));
  EXPECT_EQ(due(kStart + Duration(9), 2), (std::vector<QueueId>{2, 3}));
  EXPECT_EQ(due(kStart + Duration(9), 0), std::vector<QueueId>{});
  EXPECT_EQ(*queue->next_due(*store, kStart), kStart + Duration(1));
  EXPECT_EQ(*queue->next_due(*store, kStart + Duration(1)), kStart + Duration(2));
  EXPECT_EQ(*queue->next_due(*store, kStart + Duration(3)), std::nullopt);
  check_in_step();
}

TEST_F(Queues, TimesBefore1970AreDueAtOnce) {
  ASSERT_TRUE(add(entry(1, from_micros(-5))));
  EXPECT_EQ(due(from_micros(0)), std::vector<QueueId>{1});
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->erase(t, 1); }));
  check_in_step();
}

TEST_F(Queues, RefuseAnEntryNobodyWaitsInAndAnIdThatIsThere) {
  Entry nobody = entry(1);
  nobody.recipients.clear();
  EXPECT_EQ(add(nobody).code(), Code::kInvalid);
  ASSERT_TRUE(add(entry(1)));
  EXPECT_EQ(add(entry(1)).code(), Code::kExists);
  EXPECT_EQ(update(entry(2)).code(), Code::kNotFound);
  EXPECT_EQ(run([&](store::Transaction& t) { return queue->erase(t, 2); }).code(), Code::kNotFound);
  check_in_step();
}

TEST_F(Queues, UpdateMovesTheScheduleAndErasesWhatIsDone) {
  ASSERT_TRUE(add(entry(1)));
  Entry e = get(1);
  e.recipients[0].next_attempt = kStart + hours(1);
  ASSERT_TRUE(update(e));
  EXPECT_EQ(due(kStart), std::vector<QueueId>{});
  EXPECT_EQ(due(kStart + hours(1)), std::vector<QueueId>{1});
  check_in_step();
  e.recipients[0].state = Recipient::State::kDelivered;
  ASSERT_TRUE(update(e));
  EXPECT_TRUE(gone(1));
  EXPECT_EQ(queue->figures(*store)->entries, 0u);
  check_in_step();
}

TEST_F(Queues, AHeldEntryIsNotDueUntilItIsReleased) {
  const auto hold = [&](bool on, Time now) {
    return run([&, on, now](store::Transaction& t) { return queue->hold(t, 1, on, now); });
  };
  ASSERT_TRUE(add(entry(1)));
  ASSERT_TRUE(hold(true, kStart));
  ASSERT_TRUE(hold(true, kStart));
  EXPECT_EQ(queue->figures(*store)->held, 1u);
  EXPECT_EQ(due(kStart + days(1)), std::vector<QueueId>{});
  check_in_step();
  ASSERT_TRUE(hold(false, kStart + hours(7)));
  EXPECT_EQ(get(1).recipients[0].next_attempt, kStart + hours(7));
  EXPECT_EQ(due(kStart + hours(7)), std::vector<QueueId>{1});
  EXPECT_EQ(queue->figures(*store)->held, 0u);
  check_in_step();
  EXPECT_EQ(run([&](store::Transaction& t) { return queue->hold(t, 9, true, kStart); }).code(), Code::kNotFound);
}

TEST_F(Queues, AScheduledEntryWaitsForItsTimeAndIsReleasedOnce) {
  Entry scheduled = entry(1, kStart + hours(5));
  scheduled.scheduled = true;
  ASSERT_TRUE(add(scheduled));
  EXPECT_TRUE(get(1).scheduled);
  EXPECT_EQ(run([&](store::Transaction& t) { return queue->retry(t, 1, "", kStart); }).code(), Code::kConflict);
  for (const bool on : {true, false})
    ASSERT_TRUE(run([&](store::Transaction& t) { return queue->hold(t, 1, on, kStart + hours(1)); }));
  EXPECT_EQ(get(1).next_attempt(), kStart + hours(5)) << "holding it changes nothing of that";

  std::optional<Entry> got;
  const auto release = [&](Time now) {
    return run([&, now](store::Transaction& t) -> Result<void> {
      auto released = queue->release(t, 1, now);
      if (!released) return released.error();
      got = *released;
      return {};
    });
  };
  ASSERT_TRUE(release(kStart + hours(5) - seconds(1)));
  EXPECT_FALSE(got) << "not yet";
  ASSERT_TRUE(release(kStart + hours(5)));
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->scheduled);
  EXPECT_FALSE(get(1).scheduled);
  EXPECT_EQ(get(1).created, kStart + hours(5));
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->erase(t, 1); }));
  ASSERT_TRUE(release(kStart + hours(6)));
  EXPECT_FALSE(got);
  check_in_step();
}

TEST_F(Queues, RetryAndCancelTouchThoseThatAreNamed) {
  Entry e = entry(1, kStart + hours(9));
  e.recipients.push_back(recipient("carol@Example.ORG", kStart + hours(9)));
  e.recipients.push_back(recipient("dave@example.org", kStart + hours(9)));
  e.recipients.push_back(recipient("erin@example.org", kStart + hours(9)));
  e.recipients[3].state = Recipient::State::kDelivered;
  ASSERT_TRUE(add(e));
  const auto retry = [&](std::string who) {
    return run([&, who](store::Transaction& t) { return queue->retry(t, 1, who, kStart); });
  };
  ASSERT_TRUE(retry("CAROL@example.org"));
  EXPECT_EQ(get(1).recipients[1].next_attempt, kStart);
  EXPECT_EQ(get(1).recipients[2].next_attempt, kStart + hours(9));
  ASSERT_TRUE(retry("@example.org"));
  EXPECT_EQ(get(1).recipients[2].next_attempt, kStart);
  EXPECT_EQ(get(1).recipients[0].next_attempt, kStart + hours(9));
  ASSERT_TRUE(retry(""));
  EXPECT_EQ(get(1).recipients[0].next_attempt, kStart);
  EXPECT_EQ(retry("erin@example.org").code(), Code::kNotFound) << "does not wait";
  EXPECT_EQ(retry("ample.org").code(), Code::kNotFound);
  check_in_step();

  Entry left;
  const auto cancel = [&](std::string who) {
    return run([&, who](store::Transaction& t) -> Result<void> {
      auto done = queue->cancel(t, 1, who);
      if (!done) return done.error();
      left = std::move(*done);
      return {};
    });
  };
  ASSERT_TRUE(cancel("example.org"));
  EXPECT_EQ(left.recipients[1].state, Recipient::State::kCancelled);
  EXPECT_EQ(left.recipients[3].state, Recipient::State::kDelivered);
  EXPECT_FALSE(left.done());
  EXPECT_EQ(get(1).recipients[2].state, Recipient::State::kCancelled);
  check_in_step();
  ASSERT_TRUE(cancel(""));
  EXPECT_TRUE(left.done());
  EXPECT_TRUE(gone(1));
  EXPECT_EQ(cancel("").code(), Code::kNotFound);
  check_in_step();
}

TEST_F(Queues, AreListedByIdWithAFilterInPages) {
  for (QueueId id = 1; id <= 10; ++id) {
    Entry e = entry(id);
    if (id % 2 == 0) e.recipients[0].address = "x@even.org";
    if (id == 7) e.reverse_path = "Seven@odd.net";
    ASSERT_TRUE(add(e));
  }
  EXPECT_EQ(queue->list(*store, "", 0, 100)->size(), 10u);
  const auto page = *queue->list(*store, "EVEN.org", 4, 2);
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].id, 6u);
  EXPECT_EQ(page[1].id, 8u);
  EXPECT_EQ(queue->list(*store, "seven@odd.net", 0, 100)->size(), 1u);
  EXPECT_EQ(queue->list(*store, "alice@example.com", 0, 100)->size(), 10u);
  EXPECT_EQ(queue->list(*store, "nobody@even.org", 0, 100)->size(), 0u);
  EXPECT_EQ(queue->list(*store, "", UINT64_MAX, 100)->size(), 0u);
}

TEST_F(Queues, SurviveARestart) {
  ASSERT_TRUE(add(entry(1, kStart + hours(1))));
  ASSERT_TRUE(add(full_entry()));
  open();
  EXPECT_EQ(encode(get(42)), encode(full_entry()));
  EXPECT_EQ(due(kStart + hours(1)), std::vector<QueueId>{1});
  check_in_step();
}

TEST_F(Queues, EveryChangeWakesTheWatcher) {
  std::atomic<int> woken{0};
  {
    const auto watch = queue->watch([&] { ++woken; });
    ASSERT_TRUE(add(entry(1)));
    ASSERT_TRUE(run([&](store::Transaction& t) { return queue->retry(t, 1, "", kStart + hours(1)); }));
    ASSERT_TRUE(run([&](store::Transaction& t) { return queue->erase(t, 1); }));
    ASSERT_TRUE(run(
        [](store::Transaction&) -> Result<void> { return {}; }));  // the callback of the group before has run by now
  }
  EXPECT_GE(woken, 1);
  EXPECT_LE(woken, 3);
}

// --- damage ---------------------------------------------------------------------------------------------------------

TEST_F(Queues, ADamagedRecordBlocksNeitherTheListNorTheSchedule) {
  for (QueueId id = 1; id <= 3; ++id) ASSERT_TRUE(add(entry(id)));
  std::string record = encode(entry(2));
  record[20] = static_cast<char>(record[20] ^ 1);
  put_raw(entry_key(2), record);
  EXPECT_EQ(queue->get(*store, 2).code(), Code::kCorrupt);
  EXPECT_EQ(queue->list(*store, "", 0, 100)->size(), 2u);
  EXPECT_EQ(due(kStart), (std::vector<QueueId>{1, 2, 3}));
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->mend(t, {kStart, 2}); }));
  EXPECT_EQ(due(kStart), (std::vector<QueueId>{1, 3}));
  EXPECT_EQ(queue->get(*store, 2).code(), Code::kCorrupt) << "it stays for whoever looks into it";
  EXPECT_EQ(run([&](store::Transaction& t) { return queue->retry(t, 2, "", kStart); }).code(), Code::kCorrupt);
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    const auto left = queue->cancel(t, 2, "");
    if (!left) return left.error();
    EXPECT_TRUE(left->done());
    EXPECT_EQ(left->body, 0u);
    return {};
  }));
  EXPECT_TRUE(gone(2));
  check_in_step();
}

TEST_F(Queues, ARecordUnderAnotherIdIsDamaged) {
  put_raw(entry_key(5), encode(entry(6)));
  EXPECT_EQ(queue->get(*store, 5).code(), Code::kCorrupt);
}

TEST_F(Queues, ErasingADamagedEntryTakesItsScheduleAlong) {
  ASSERT_TRUE(add(entry(1, kStart + hours(5))));
  ASSERT_TRUE(add(entry(2, kStart + hours(6))));
  put_raw(entry_key(1), "rubbish");
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->erase(t, 1); }));
  EXPECT_EQ(due(kStart + days(1)), std::vector<QueueId>{2});
  check_in_step();
}

TEST_F(Queues, MendPutsAStrayPlaceRight) {
  ASSERT_TRUE(add(entry(1, kStart + hours(2))));
  put_raw(schedule_key(kStart, 1), "");   // earlier than it should be
  put_raw(schedule_key(kStart, 99), "");  // of nobody
  EXPECT_EQ(due(kStart), (std::vector<QueueId>{1, 99}));
  for (const QueueId id : {1, 99})
    ASSERT_TRUE(run([&, id](store::Transaction& t) { return queue->mend(t, {kStart, id}); }));
  check_in_step();
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->mend(t, {kStart + hours(2), 1}); }));  // right as it is
  check_in_step();
}

TEST_F(Queues, DamagedCountsAreCountedAnew) {
  for (QueueId id = 1; id <= 4; ++id) ASSERT_TRUE(add(entry(id)));
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->hold(t, 3, true, kStart); }));
  put_raw("Qn", "?");
  EXPECT_EQ(queue->figures(*store).code(), Code::kCorrupt);
  ASSERT_TRUE(run([&](store::Transaction& t) { return queue->erase(t, 1); }));
  EXPECT_EQ(queue->figures(*store)->entries, 3u);
  EXPECT_EQ(queue->figures(*store)->held, 1u);
  check_in_step();
}

// --- at length ------------------------------------------------------------------------------------------------------

TEST_F(Queues, StayInStepThroughAnyOperations) {
  SeededRandom random(11);
  std::set<QueueId> known;
  for (int step = 0; step < 1500; ++step) {
    const QueueId id = 1 + random.below(30);
    const Time now = kStart + minutes(random.below(1000));
    const auto done = run([&](store::Transaction& t) -> Result<void> {
      switch (random.below(7)) {
        case 0:
        case 1: {
          Entry e = entry(id, now);
          e.held = random.below(4) == 0;
          if (random.below(2)) e.recipients.push_back(recipient("carol@example.org", now + minutes(random.below(50))));
          return queue->add(t, e);
        }
        case 2:
          return queue->hold(t, id, random.below(2), now);
        case 3:
          return queue->retry(t, id, random.below(2) ? "" : "example.org", now);
        case 4: {
          const auto left = queue->cancel(t, id, random.below(2) ? "" : "bob@univ.edu");
          return left ? Result<void>() : left.error();
        }
        case 5:
          return queue->erase(t, id);
        default: {
          auto e = queue->get(t, id);
          if (!e || !*e) return e ? Result<void>() : e.error();
          for (Recipient& r : (*e)->recipients) {
            if (random.below(3) == 0)
              r.state = Recipient::State::kDelivered;
            else
              r.next_attempt = now;
          }
          return queue->update(t, **e);
        }
      }
    });
    ASSERT_TRUE(done || done.code() == Code::kExists || done.code() == Code::kNotFound) << done.error().message;
    if (step % 50 == 0) check_in_step();
  }
  check_in_step();
}

TEST_F(Queues, OfManyEntriesOnlyWhatIsAskedForIsRead) {
  constexpr QueueId kMany = 20'000;
  for (QueueId first = 0; first < kMany; first += 2'000)
    ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      for (QueueId id = first + 1; id <= first + 2'000; ++id)
        if (const auto added = queue->add(t, entry(id, kStart + seconds(kMany - id))); !added) return added;
      return {};
    }));
  // A reader that counts what it is shown.
  struct Counting final : store::Reader {
    const store::Store& store;
    mutable size_t seen = 0;
    explicit Counting(const store::Store& s) : store(s) {}
    Result<std::optional<std::string>> get(std::string_view key, store::Space space) const override {
      return store.get(key, space);
    }
    Result<void> scan(const store::Range& range, const Visit& visit) const override {
      return store.scan(range, [&](std::string_view key, std::string_view value) {
        ++seen;
        return visit(key, value);
      });
    }
  } reader(*store);
  const auto first = *queue->due(reader, kStart + days(1), 10);
  ASSERT_EQ(first.size(), 10u);
  EXPECT_EQ(first[0].id, kMany);
  EXPECT_EQ(reader.seen, 10u);
  reader.seen = 0;
  EXPECT_EQ(*queue->next_due(reader, kStart + seconds(100)), kStart + seconds(101));
  EXPECT_EQ(reader.seen, 1u);
  EXPECT_EQ(queue->figures(reader)->entries, kMany);
  EXPECT_EQ(reader.seen, 1u);
}

}  // namespace
}  // namespace pabal::queue
