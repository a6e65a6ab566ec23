#include "store/contract.h"

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/log.h"
#include "base/random.h"

namespace pabal::store {
namespace {

const Error kNo{Code::kDenied, "no"};

// --- transactions ---------------------------------------------------------------------------------------------------

TEST_P(StoreContract, AnEmptyStoreHasNoKeys) {
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(listed(*store_, {}), "");
  EXPECT_EQ(store_->figures().transactions, 0u);
}

TEST_P(StoreContract, WhatWasWrittenIsReadAndWhatWasErasedIsGone) {
  put("a", "1");
  put("b", "");
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), "");  // an empty value is a value
  put("a", "2");
  EXPECT_EQ(get("a"), "2");
  erase("a");
  erase("never there");
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_P(StoreContract, KeysAndValuesMayHoldAnyOctets) {
  const std::string key("\0\xff\0k", 4), value("\0v\0", 3);
  put(key, value);
  put(std::string(1, '\0'), "nul");
  EXPECT_EQ(get(key), value);
  EXPECT_EQ(get(std::string(1, '\0')), "nul");
  EXPECT_EQ(get(std::string(2, '\0')), std::nullopt);
}

TEST_P(StoreContract, ATransactionThatReturnsAnErrorWritesNothing) {
  put("kept", "before");
  const Result<void> done = run([](Transaction& t) -> Result<void> {
    t.put("kept", "after");
    t.put("new", "x");
    t.put("body", "x", Space::kBody);
    t.erase("kept");
    return kNo;
  });
  EXPECT_EQ(done.code(), Code::kDenied);
  EXPECT_EQ(listed(*store_, {}), "kept=before");
  EXPECT_EQ(get("body", Space::kBody), std::nullopt);
}

TEST_P(StoreContract, ATransactionThatThrowsIsAnErrorAndHarmsNoOther) {
  log::set_level(log::Level::kOff);
  EXPECT_EQ(run([](Transaction& t) -> Result<void> {
              t.put("a", "1");
              throw std::runtime_error("oops");
            }).code(),
            Code::kInternal);
  EXPECT_EQ(run([](Transaction& t) -> Result<void> {
              t.put("a", "1");
              throw 7;
            }).code(),
            Code::kInternal);
  EXPECT_EQ(get("a"), std::nullopt);
  log::set_level(log::Level::kInfo);
  put("b", "2");
  EXPECT_EQ(get("b"), "2");
}

TEST_P(StoreContract, ATransactionReadsItsOwnWrites) {
  put("a", "old");
  EXPECT_TRUE(run([](Transaction& t) -> Result<void> {
    t.put("a", "new");
    t.put("b", "b");
    EXPECT_EQ(get(t, "a"), "new");
    EXPECT_EQ(get(t, "b"), "b");
    t.erase("a");
    EXPECT_EQ(get(t, "a"), std::nullopt);
    t.put("a", "again");
    EXPECT_EQ(get(t, "a"), "again");
    t.put("body", "x", Space::kBody);
    EXPECT_EQ(get(t, "body", Space::kBody), "x");
    EXPECT_EQ(get(t, "body"), std::nullopt);
    return {};
  }));
  EXPECT_EQ(listed(*store_, {}), "a=again b=b");
}

TEST_P(StoreContract, NobodyElseSeesATransactionBeforeItIsCommitted) {
  std::promise<void> written, go;
  auto reached = written.get_future();
  auto gate = go.get_future();
  std::promise<Result<void>> ended;
  store_->transact(
      [&](Transaction& t) -> Result<void> {
        t.put("a", "1");
        written.set_value();
        gate.wait();
        return {};
      },
      [&](Result<void> result) { ended.set_value(std::move(result)); });
  reached.wait();
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(listed(*store_, {}), "");
  go.set_value();
  EXPECT_TRUE(ended.get_future().get());
  EXPECT_EQ(get("a"), "1");
}

TEST_P(StoreContract, TransactionsAreSerialAndSeeEarlierOnesOfTheirGroup) {
  std::vector<Result<void>> results;
  {
    Barrier barrier(*store_);
    for (int i = 0; i < 100; ++i)
      store_->transact(
          [i](Transaction& t) -> Result<void> {
            const auto count = get(t, "count");
            const int before = count ? std::stoi(*count) : 0;
            EXPECT_EQ(before, i - i / 3);  // one in three fails
            t.put("count", std::to_string(before + 1));
            if (i % 3 == 2) return kNo;  // must not be seen by those behind it
            return {};
          },
          [&](Result<void> result) { results.push_back(std::move(result)); });
  }
  ASSERT_TRUE(run([](Transaction&) { return Result<void>(); }));  // all before it have ended
  ASSERT_EQ(results.size(), 100u);
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].ok(), i % 3 != 2) << i;
  EXPECT_EQ(get("count"), "67");
}

TEST_P(StoreContract, AnUndoneTransactionLeavesTheWritesOfItsGroupAsTheyWere) {
  Barrier barrier(*store_);
  const Done any = [](Result<void>) {};
  store_->transact([](Transaction& t) { return t.put("a", "1"), t.put("b", "1"), t.erase("c"), Result<void>(); }, any);
  store_->transact(
      [](Transaction& t) -> Result<void> {
        t.erase("a");
        t.put("a", "2");
        t.put("a", "3");
        t.erase("b");
        t.put("c", "4");
        t.put("d", "4");
        return kNo;
      },
      any);
  store_->transact(
      [](Transaction& t) -> Result<void> {
        EXPECT_EQ(listed(t, {}), "a=1 b=1");
        EXPECT_EQ(get(t, "a"), "1");
        EXPECT_EQ(get(t, "c"), std::nullopt);
        EXPECT_EQ(get(t, "d"), std::nullopt);
        return {};
      },
      any);
  barrier.release();
  ASSERT_TRUE(run([](Transaction&) { return Result<void>(); }));
  EXPECT_EQ(listed(*store_, {}), "a=1 b=1");
}

TEST_P(StoreContract, ManyConcurrentTransactionsTakeFewSyncs) {
  constexpr int kCount = 200;
  std::atomic<int> ended{0};
  const auto before = store_->figures();
  {
    Barrier barrier(*store_);
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w)
      writers.emplace_back([&, w] {
        for (int i = 0; i < kCount / 4; ++i)
          store_->transact([key = std::to_string(w) + "/" +
                                  std::to_string(i)](Transaction& t) { return t.put(key, "x"), Result<void>(); },
                           [&](Result<void> result) { ended += result.ok(); });
      });
    for (std::thread& writer : writers) writer.join();
  }
  ASSERT_TRUE(run([](Transaction&) { return Result<void>(); }));
  EXPECT_EQ(ended, kCount);
  const auto after = store_->figures();
  EXPECT_EQ(after.transactions - before.transactions, kCount + 2u);
  EXPECT_LE(after.groups - before.groups, 4u);
  EXPECT_GE(after.groups - before.groups, 1u);
}

TEST_P(StoreContract, ATransactionThatOnlyReadsTakesNoSync) {
  put("a", "1");
  const uint64_t before = store_->figures().groups;
  ASSERT_TRUE(run([](Transaction& t) { return t.get("a") ? Result<void>() : kNo; }));
  EXPECT_EQ(store_->figures().groups, before);
}

// --- conditional batches --------------------------------------------------------------------------------------------

TEST_P(StoreContract, ABatchIsWrittenWhenAllItsConditionsHold) {
  put("there", "1");
  const auto commit = [&](Batch batch) {
    std::promise<Result<void>> ended;
    store_->commit(std::move(batch), [&](Result<void> result) { ended.set_value(std::move(result)); });
    return ended.get_future().get();
  };
  EXPECT_TRUE(commit({{{"there", "1"}, {"absent", {}}}, {{"there", "2"}, {"made", "3"}, {"body", "b", Space::kBody}}}));
  EXPECT_EQ(listed(*store_, {}), "made=3 there=2");
  EXPECT_EQ(get("body", Space::kBody), "b");

  EXPECT_EQ(commit({{{"there", "1"}}, {{"made", "x"}}}).code(), Code::kConflict);  // another value
  EXPECT_EQ(commit({{{"there", {}}}, {{"made", "x"}}}).code(), Code::kConflict);   // should be absent
  EXPECT_EQ(commit({{{"absent", ""}}, {{"made", "x"}}}).code(), Code::kConflict);  // should be there and empty
  EXPECT_EQ(commit({{{"there", "2"}, {"made", "x"}}, {{"made", "x"}}}).code(), Code::kConflict);  // one of two
  EXPECT_EQ(listed(*store_, {}), "made=3 there=2");

  EXPECT_TRUE(commit({{}, {{"made", {}}, {"body", {}, Space::kBody}}}));
  EXPECT_EQ(listed(*store_, {}), "there=2");
  EXPECT_EQ(get("body", Space::kBody), std::nullopt);
}

TEST_P(StoreContract, OfTwoBatchesWithOneConditionInAGroupTheFirstWins) {
  std::vector<bool> won;
  {
    Barrier barrier(*store_);
    for (const char* value : {"first", "second"})
      store_->commit({{{"lease", {}}}, {{"lease", value}}}, [&](Result<void> result) { won.push_back(result.ok()); });
  }
  ASSERT_TRUE(run([](Transaction&) { return Result<void>(); }));
  EXPECT_EQ(won, (std::vector<bool>{true, false}));
  EXPECT_EQ(get("lease"), "first");
}

// --- ranges ---------------------------------------------------------------------------------------------------------

struct RangeCase {
  Range range;
  const char* entries;
};

TEST_P(StoreContract, ScansVisitTheirRangeInOrder) {
  for (const char* key : {"a", "b", "ba", "bb", "c", "d"}) put(key, "1");
  const RangeCase cases[] = {
      {{}, "a=1 b=1 ba=1 bb=1 c=1 d=1"},
      {{.begin = "b"}, "b=1 ba=1 bb=1 c=1 d=1"},
      {{.end = "b"}, "a=1"},
      {{.begin = "b", .end = "c"}, "b=1 ba=1 bb=1"},
      {{.begin = "b", .end = "b"}, ""},
      {{.begin = "c", .end = "b"}, ""},
      {{.begin = "c", .end = "b", .reverse = true}, ""},
      {{.begin = "x"}, ""},
      {{.begin = "x", .reverse = true}, ""},
      {{.begin = "b", .end = "c", .limit = 2}, "b=1 ba=1"},
      {{.begin = "b", .end = "c", .limit = 2, .reverse = true}, "bb=1 ba=1"},
      {{.begin = "b", .end = "c", .limit = 0}, ""},
      {{.limit = 100, .reverse = true}, "d=1 c=1 bb=1 ba=1 b=1 a=1"},
      {{.end = "bb", .limit = 1, .reverse = true}, "ba=1"},
      {Range::prefix("b"), "b=1 ba=1 bb=1"},
      {Range::prefix("e"), ""},
  };
  const auto check = [&](const Reader& r) {
    for (const RangeCase& c : cases)
      EXPECT_EQ(listed(r, c.range), c.entries)
          << c.range.begin << " to " << c.range.end << (c.range.reverse ? " reverse" : "");
  };
  check(*store_);
  check(*store_->snapshot());
  EXPECT_TRUE(run([&](Transaction& t) { return check(t), Result<void>(); }));
  // The same entries, some from the store and some from the transaction.
  ASSERT_TRUE(run(
      [](Transaction& t) { return t.erase("a"), t.erase("bb"), t.put("c", "0"), t.put("aa", "0"), Result<void>(); }));
  EXPECT_TRUE(run([&](Transaction& t) -> Result<void> {
                t.put("a", "1");
                t.put("bb", "1");
                t.put("c", "1");
                t.erase("aa");
                t.erase("zz");
                check(t);
                return kNo;
              }).code() == Code::kDenied);
}

TEST_P(StoreContract, AScanStopsWhenTheVisitorHasEnough) {
  for (const char* key : {"a", "b", "c"}) put(key, "1");
  EXPECT_TRUE(run([](Transaction& t) -> Result<void> {
    t.put("ab", "1");
    std::string seen;
    EXPECT_TRUE(t.scan({}, [&](std::string_view key, std::string_view) { return seen += key, seen.size() < 2; }));
    EXPECT_EQ(seen, "aab");
    return {};
  }));
}

TEST_P(StoreContract, APrefixOfHighOctetsEndsWhereItShould) {
  const std::string ff(1, '\xff');
  for (const std::string& key :
       {"\xfe" + ff, ff, ff + ff, ff + "a", std::string("a\xff"), std::string("a\xff\xff"), std::string("b")})
    put(key, "");
  const auto count = [&](std::string_view prefix) { return store_->list(Range::prefix(prefix))->size(); };
  EXPECT_EQ(count(ff), 3u);
  EXPECT_EQ(count(ff + ff), 1u);
  EXPECT_EQ(count("\xfe"), 1u);
  EXPECT_EQ(count("a\xff"), 2u);
  EXPECT_EQ(count("a"), 2u);
  EXPECT_EQ(count(""), 7u);
}

TEST_P(StoreContract, ScansDoNotShowBodies) {
  put("k", "body", Space::kBody);
  EXPECT_EQ(listed(*store_, {}), "");
}

TEST_P(StoreContract, ManyKeysAreLookedUpAtOnce) {
  std::vector<std::string> keys;
  for (int n = 0; n < 200; ++n) {
    keys.push_back("k" + std::to_string(1000 + n));
    if (n % 3 == 0) continue;
    put(keys.back(), "index" + std::to_string(n));
    put(keys.back(), std::string(static_cast<size_t>(n) * 200, 'b'), Space::kBody);
    if (n == 100) reopen();
  }
  keys.insert(keys.begin() + 8, keys[7]);  // the same twice
  const auto found = [&](const Reader& r, Space space) {
    std::string out;
    EXPECT_TRUE(r.get_many(
        keys,
        [&](size_t at, std::string_view value) {
          EXPECT_EQ(get(r, keys[at], space), std::string(value));
          out += std::to_string(at) + " ";
          return true;
        },
        space));
    return out;
  };
  const auto moment = store_->snapshot();
  const std::string before = found(*store_, Space::kIndex);
  EXPECT_TRUE(before.starts_with("1 2 4 5 7 8 9 ")) << before;
  EXPECT_EQ(found(*store_, Space::kBody), before);
  erase(keys[1]);
  erase(keys[1], Space::kBody);
  EXPECT_EQ(found(*store_, Space::kIndex), before.substr(2));
  EXPECT_EQ(found(*store_, Space::kBody), before.substr(2));
  EXPECT_EQ(found(*moment, Space::kIndex), before);
  EXPECT_EQ(found(*moment, Space::kBody), before);
  EXPECT_TRUE(store_->transact_and_wait([&](Transaction& t) -> Result<void> {
    t.put(keys[1], "again");
    EXPECT_EQ(found(t, Space::kIndex), before);
    return {};
  }));
  size_t visited = 0;
  EXPECT_TRUE(store_->get_many(keys, [&](size_t, std::string_view) { return ++visited < 5; }));
  EXPECT_EQ(visited, 5u);
}

TEST_P(StoreContract, ManyKeysLookedUpAtOnceExpireAsOthersDo) {
  const std::vector<std::string> keys = {"a", "b"};
  put("a", "1");
  EXPECT_TRUE(store_->transact_and_wait([&](Transaction& t) -> Result<void> {
    return t.put_until("b", "2", clock_.now() + seconds(5)), Result<void>();
  }));
  const auto count = [&] {
    size_t found = 0;
    EXPECT_TRUE(store_->get_many(keys, [&](size_t, std::string_view) { return ++found > 0; }));
    return found;
  };
  EXPECT_EQ(count(), 2u);
  clock_.advance(seconds(5));
  EXPECT_EQ(count(), 1u);
}

// --- spaces and limits ----------------------------------------------------------------------------------------------

TEST_P(StoreContract, TheTwoSpacesHaveSeparateKeys) {
  put("k", "index");
  put("k", "body", Space::kBody);
  EXPECT_EQ(get("k"), "index");
  EXPECT_EQ(get("k", Space::kBody), "body");
  erase("k");
  EXPECT_EQ(get("k"), std::nullopt);
  EXPECT_EQ(get("k", Space::kBody), "body");
}

TEST_P(StoreContract, LargeBodiesComeBackWhole) {
  SeededRandom random(1);
  const std::string large = random.bytes(20 << 20), small = random.bytes(100);
  put("large", large, Space::kBody);
  put("small", small, Space::kBody);
  put("large index", large.substr(0, 1 << 20));
  reopen();
  EXPECT_TRUE(get("large", Space::kBody) == large);
  EXPECT_EQ(get("small", Space::kBody), small);
  EXPECT_TRUE(get("large index") == large.substr(0, 1 << 20));
}

TEST_P(StoreContract, KeysAndValuesAboveTheLimitsAreRefusedAndNothingIsWritten) {
  const std::string longest(kMaxKey, 'k'), too_long(kMaxKey + 1, 'k'), too_large(kMaxValue + 1, 'v');
  put(longest, "1");
  EXPECT_EQ(get(longest), "1");
  EXPECT_EQ(get(too_long), std::nullopt);  // reading it is no error
  const std::function<void(Transaction&)> bad[] = {
      [&](Transaction& t) { t.put(too_long, "1"); },
      [&](Transaction& t) { t.put("", "1"); },
      [&](Transaction& t) { t.erase(too_long); },
      [&](Transaction& t) { t.erase(""); },
      [&](Transaction& t) { t.put_until(too_long, "1", clock_.now() + hours(1)); },
      [&](Transaction& t) { t.put("v", too_large); },
      [&](Transaction& t) { t.put("v", too_large, Space::kBody); },
      [&](Transaction& t) { t.put(too_long, "1", Space::kBody); },
  };
  for (const auto& write : bad) {
    EXPECT_EQ(run([&](Transaction& t) -> Result<void> {
                t.put("before", "1");
                write(t);
                t.put("after", "1");
                return {};
              }).code(),
              Code::kLimit);
    EXPECT_EQ(get("before"), std::nullopt);
    EXPECT_EQ(get("after"), std::nullopt);
  }
}

// --- snapshots ------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, ASnapshotShowsOneMomentWhateverHappensAfterwards) {
  put("a", "1");
  put("b", "1");
  put("body", "1", Space::kBody);
  const auto snapshot = store_->snapshot();
  put("a", "2");
  erase("b");
  put("c", "2");
  erase("body", Space::kBody);
  EXPECT_EQ(listed(*snapshot, {}), "a=1 b=1");
  EXPECT_EQ(get(*snapshot, "b"), "1");
  EXPECT_EQ(get(*snapshot, "c"), std::nullopt);
  EXPECT_EQ(get(*snapshot, "body", Space::kBody), "1");
  EXPECT_EQ(listed(*store_, {}), "a=2 c=2");
  EXPECT_EQ(listed(*store_->snapshot(), {}), "a=2 c=2");
}

TEST_P(StoreContract, ASnapshotNeverShowsHalfATransaction) {
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const auto snapshot = store_->snapshot();
      const auto left = get(*snapshot, "left"), right = get(*snapshot, "right");
      EXPECT_EQ(left, right);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const std::string value = std::to_string(i);
    EXPECT_TRUE(run([&](Transaction& t) { return t.put("left", value), t.put("right", value), Result<void>(); }));
  }
  stop = true;
  reader.join();
}

// --- expiry ---------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, AKeyVanishesAtItsTimeForEveryReader) {
  ASSERT_TRUE(run([&](Transaction& t) -> Result<void> {
    t.put_until("hour", "1", clock_.now() + hours(1));
    t.put_until("day", "1", clock_.now() + days(1));
    t.put_until("past", "1", clock_.now());
    t.put("ever", "1");
    EXPECT_EQ(listed(t, {}), "day=1 ever=1 hour=1");
    EXPECT_EQ(get(t, "past"), std::nullopt);
    EXPECT_EQ(get(t, "hour"), "1");
    return {};
  }));
  auto snapshot = store_->snapshot();
  clock_.advance(hours(1) - Duration(1));
  EXPECT_EQ(get("hour"), "1");
  EXPECT_EQ(listed(*store_, {}), "day=1 ever=1 hour=1");
  clock_.advance(Duration(1));
  EXPECT_EQ(get("hour"), std::nullopt);
  EXPECT_EQ(listed(*store_, {}), "day=1 ever=1");
  EXPECT_EQ(listed(*store_, {.limit = 1, .reverse = true}), "ever=1");
  EXPECT_EQ(listed(*snapshot, {}), "day=1 ever=1");
  EXPECT_TRUE(run([](Transaction& t) -> Result<void> {
    EXPECT_EQ(get(t, "hour"), std::nullopt);
    EXPECT_EQ(listed(t, {}), "day=1 ever=1");
    return {};
  }));
  snapshot.reset();
  reopen();
  EXPECT_EQ(listed(*store_, {}), "day=1 ever=1");
}

TEST_P(StoreContract, ExpiredEntriesDoNotCountAgainstALimit) {
  ASSERT_TRUE(run([&](Transaction& t) -> Result<void> {
    t.put_until("a", "1", clock_.now() + seconds(1));
    t.put("b", "1");
    t.put("c", "1");
    return {};
  }));
  clock_.advance(seconds(1));
  EXPECT_EQ(listed(*store_, {.limit = 1}), "b=1");
}

TEST_P(StoreContract, TheLastWriteDecidesWhetherAKeyExpires) {
  ASSERT_TRUE(run([&](Transaction& t) -> Result<void> {
    t.put_until("stays", "1", clock_.now() + seconds(1));
    t.put("stays", "2");
    t.put("goes", "1");
    t.put_until("goes", "2", clock_.now() + seconds(1));
    t.put_until("longer", "1", clock_.now() + seconds(1));
    return {};
  }));
  ASSERT_TRUE(
      run([&](Transaction& t) { return t.put_until("longer", "2", clock_.now() + seconds(2)), Result<void>(); }));
  clock_.advance(seconds(1));
  EXPECT_EQ(listed(*store_, {}), "longer=2 stays=2");
}

TEST_P(StoreContract, AConditionTakesAnExpiredKeyForAbsent) {
  ASSERT_TRUE(
      run([&](Transaction& t) { return t.put_until("lease", "me", clock_.now() + seconds(1)), Result<void>(); }));
  clock_.advance(seconds(1));
  std::promise<Result<void>> ended;
  store_->commit({{{"lease", {}}}, {{"lease", "you"}}},
                 [&](Result<void> result) { ended.set_value(std::move(result)); });
  EXPECT_TRUE(ended.get_future().get());
  EXPECT_EQ(get("lease"), "you");
}

// --- watches --------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, AWatchIsToldOfWritesAndErasuresOfItsExactKey) {
  std::atomic<int> told{0};
  const auto watch = store_->watch("key", [&] { ++told; });
  const auto changed = [&](Work work) {
    const int before = told;
    EXPECT_TRUE(run(std::move(work)));
    EXPECT_TRUE(run([](Transaction&) { return Result<void>(); }));  // the group above has been told of
    return told - before;
  };
  EXPECT_EQ(changed([](Transaction& t) { return t.put("key", "1"), Result<void>(); }), 1);
  EXPECT_EQ(changed([](Transaction& t) { return t.put("key", "1"), Result<void>(); }), 1);  // the same value
  EXPECT_EQ(changed([](Transaction& t) { return t.erase("key"), Result<void>(); }), 1);
  EXPECT_EQ(changed([&](Transaction& t) { return t.put_until("key", "1", clock_.now() + hours(1)), Result<void>(); }),
            1);
  EXPECT_EQ(changed([](Transaction& t) { return t.put("key2", "1"), t.put("ke", "1"), Result<void>(); }), 0);
  EXPECT_EQ(changed([](Transaction& t) { return t.put("key", "1", Space::kBody), Result<void>(); }), 0);
  EXPECT_EQ(changed([](Transaction&) { return Result<void>(); }), 0);
  EXPECT_EQ(run([](Transaction& t) { return t.put("key", "1"), Result<void>(kNo); }).code(), Code::kDenied);
  EXPECT_EQ(changed([](Transaction&) { return Result<void>(); }), 0);
}

TEST_P(StoreContract, AWatchSeesTheChangeItIsToldOf) {
  std::promise<std::optional<std::string>> seen;
  const auto watch = store_->watch("key", [&] { seen.set_value(*store_->get("key")); });
  put("key", "1");
  EXPECT_EQ(seen.get_future().get(), "1");
}

TEST_P(StoreContract, ChangesOfAGroupAreJoinedForAWatch) {
  std::atomic<int> told{0};
  const auto watch = store_->watch("key", [&] { ++told; });
  {
    Barrier barrier(*store_);
    for (int i = 0; i < 50; ++i)
      store_->transact([](Transaction& t) { return t.put("key", "1"), Result<void>(); }, [](Result<void>) {});
  }
  EXPECT_TRUE(run([](Transaction&) { return Result<void>(); }));
  EXPECT_TRUE(run([](Transaction&) { return Result<void>(); }));
  EXPECT_GE(told, 1);
  EXPECT_LE(told, 3);
}

TEST_P(StoreContract, EveryWatchOfAKeyIsToldAndNoneAfterItWasDropped) {
  int first = 0, second = 0, other = 0;
  auto a = store_->watch("key", [&] { ++first; });
  const auto b = store_->watch("key", [&] { ++second; });
  const auto c = store_->watch("other", [&] { ++other; });
  const auto settle = [&] { EXPECT_TRUE(run([](Transaction&) { return Result<void>(); })); };
  put("key", "1");
  settle();
  EXPECT_EQ(first + second * 10 + other * 100, 11);
  a.reset();
  put("key", "2");
  settle();
  EXPECT_EQ(first + second * 10 + other * 100, 21);
}

TEST_P(StoreContract, AWatchDroppedWhileCommitsRunIsNeverToldAfterwards) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) EXPECT_TRUE(run([](Transaction& t) { return t.put("key", "1"), Result<void>(); }));
  });
  uint64_t told = 0;
  for (int i = 0; i < 300; ++i) {
    auto alive =
        std::make_unique<std::atomic<uint64_t>>(0);  // freed with the watch: a late call is seen by the sanitizers
    auto watch = store_->watch("key", [count = alive.get()] { ++*count; });
    if (i % 3 == 0) {
      put("key", "2");
      EXPECT_TRUE(run([](Transaction&) { return Result<void>(); }));
    }
    watch.reset();
    told += *alive;
  }
  stop = true;
  writer.join();
  EXPECT_GE(told, 100u);
}

TEST_P(StoreContract, AWatchMayOutliveItsStore) {
  const auto watch = store_->watch("key", [] {});
  store_.reset();
}

// --- the end of a transaction ---------------------------------------------------------------------------------------

TEST_P(StoreContract, DoneIsCalledOnceForEachTransactionAlsoAtClose) {
  std::vector<int> calls(100, 0);
  std::atomic<int> ok{0};
  auto barrier = std::make_unique<Barrier>(*store_);
  for (size_t i = 0; i < calls.size(); ++i)
    store_->transact([i](Transaction& t) { return t.put("k" + std::to_string(i), "1"), Result<void>(); },
                     [&, i](Result<void> result) { ++calls[i], ok += result.ok(); });
  std::thread closer([&] { store_.reset(); });
  barrier.reset();
  closer.join();
  EXPECT_EQ(calls, std::vector<int>(100, 1));
  open();
  EXPECT_EQ(store_->list({})->size(), static_cast<size_t>(ok));  // what was acknowledged is there, and nothing else
}

TEST_P(StoreContract, DoneThatThrowsDoesNotHarmTheStore) {
  log::set_level(log::Level::kOff);
  store_->transact([](Transaction& t) { return t.put("a", "1"), Result<void>(); },
                   [](Result<void>) { throw std::runtime_error("oops"); });
  put("b", "1");
  log::set_level(log::Level::kInfo);
  EXPECT_EQ(listed(*store_, {}), "a=1 b=1");
}

TEST_P(StoreContract, DoneMayStartTheNextTransaction) {
  std::promise<Result<void>> ended;
  store_->transact([](Transaction& t) { return t.put("a", "1"), Result<void>(); },
                   [&](Result<void>) {
                     store_->transact([](Transaction& t) { return t.put("b", *get(t, "a")), Result<void>(); },
                                      [&](Result<void> result) { ended.set_value(std::move(result)); });
                   });
  EXPECT_TRUE(ended.get_future().get());
  EXPECT_EQ(get("b"), "1");
}

TEST_P(StoreContract, MoreThanTheQueueHoldsIsRefusedAtOnce) {
  reopen(3);
  std::vector<Code> refused;
  std::atomic<int> done{0};
  {
    Barrier barrier(*store_);
    for (int i = 0; i < 5; ++i)
      store_->transact([i](Transaction& t) { return t.put("k" + std::to_string(i), "1"), Result<void>(); },
                       [&](Result<void> result) {
                         if (result)
                           ++done;
                         else
                           refused.push_back(result.code());
                       });
    EXPECT_EQ(refused, (std::vector<Code>{Code::kLimit, Code::kLimit}));
  }
  while (store_->figures().transactions < 4)
    std::this_thread::yield();  // one more would be refused while the queue is full
  put("later", "1");
  EXPECT_EQ(done, 3);
  EXPECT_EQ(listed(*store_, {}), "k0=1 k1=1 k2=1 later=1");
}

// --- lasting --------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, OpeningAgainFindsEverything) {
  for (int round = 0; round < 3; ++round) {
    put("index" + std::to_string(round), "1");
    put("body" + std::to_string(round), std::string(5000, 'b'), Space::kBody);
    if (round == 1) erase("index0");
    reopen();
  }
  EXPECT_EQ(listed(*store_, {}), "index1=1 index2=1");
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(get("body" + std::to_string(round), Space::kBody), std::string(5000, 'b'));
}

TEST_P(StoreContract, OnlyOneMayHaveItOpen) {
  EXPECT_EQ(place_->open(clock_, 10).code(), Code::kUnavailable);
  put("a", "1");
  reopen();
  EXPECT_EQ(get("a"), "1");
}

// --- against a model ------------------------------------------------------------------------------------------------

// Random transactions, many to a group, each checked against a std::map while it runs and after it was committed.
class Model {
 public:
  struct Value {
    std::string bytes;
    std::optional<Time> expires;
  };
  using Map = std::map<std::string, Value>;

  static std::string listed(const Map& map, const Range& range, Time now) {
    std::vector<std::string> out;
    for (const auto& [key, value] : map) {
      if (key < range.begin || (!range.end.empty() && key >= range.end)) continue;
      if (value.expires && *value.expires <= now) continue;
      out.push_back(key + "=" + value.bytes);
    }
    if (range.reverse) std::reverse(out.begin(), out.end());
    if (out.size() > range.limit) out.resize(range.limit);
    std::string text;
    for (const std::string& entry : out) text += (text.empty() ? "" : " ") + entry;
    return text;
  }
};

TEST_P(StoreContract, RandomTransactionsBehaveAsAModelOfThem) {
  SeededRandom random(20261124);
  Model::Map model;
  const auto key = [&] { return std::string(1 + random.below(2), 'a') + static_cast<char>('a' + random.below(12)); };
  const auto range = [&] {
    Range r;
    if (random.below(4)) r.begin = key();
    if (random.below(4)) r.end = key();
    if (random.below(3) == 0) r.limit = random.below(5);
    r.reverse = random.below(2);
    return r;
  };
  for (int round = 0; round < 60; ++round) {
    std::unique_ptr<Snapshot> snapshot = store_->snapshot();
    const Model::Map at_snapshot = model;
    {
      Barrier barrier(*store_);
      const int transactions = static_cast<int>(random.below(30));
      for (int i = 0; i < transactions; ++i)
        store_->transact(
            [&](Transaction& t) -> Result<void> {
              Model::Map mine = model;
              for (uint64_t step = random.below(12); step-- > 0;) {
                const std::string k = key(), value = std::to_string(random.below(1000));
                switch (random.below(6)) {
                  case 0:
                  case 1:
                    t.put(k, value);
                    mine[k] = {value, {}};
                    break;
                  case 2:
                    t.erase(k);
                    mine.erase(k);
                    break;
                  case 3: {
                    const Time expires = clock_.now() + seconds(random.below(20));
                    t.put_until(k, value, expires);
                    mine[k] = {value, expires};
                    break;
                  }
                  case 4: {
                    const auto found = mine.find(k);
                    const bool there =
                        found != mine.end() && (!found->second.expires || *found->second.expires > clock_.now());
                    EXPECT_EQ(get(t, k), there ? std::optional(found->second.bytes) : std::nullopt);
                    break;
                  }
                  case 5: {
                    const Range r = range();
                    EXPECT_EQ(StoreContract::listed(t, r), Model::listed(mine, r, clock_.now()));
                    break;
                  }
                }
              }
              if (random.below(4) == 0) return kNo;
              model = std::move(mine);
              return {};
            },
            [](Result<void>) {});
    }
    ASSERT_TRUE(run([](Transaction&) { return Result<void>(); }));
    EXPECT_EQ(StoreContract::listed(*store_, {}), Model::listed(model, {}, clock_.now()));
    for (int i = 0; i < 10; ++i) {
      const Range r = range();
      EXPECT_EQ(StoreContract::listed(*store_, r), Model::listed(model, r, clock_.now()));
      EXPECT_EQ(StoreContract::listed(*snapshot, r), Model::listed(at_snapshot, r, clock_.now()));
    }
    snapshot.reset();
    clock_.advance(seconds(random.below(5)));
    if (round % 15 == 14) reopen();
    if (HasFailure()) FAIL() << "in round " << round;
  }
}

}  // namespace
}  // namespace pabal::store
