#include "objects/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "store/faulty.h"
#include "store/rocksdb_store.h"

namespace pabal::objects {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr mailbox::AccountId kAccount = 7;
constexpr Kind kKind = Kind::kCard;

struct ObjectsTest : testing::Test {
  ObjectsTest() {
    auto opened = store::open_rocksdb({.path = "/store", .env = disk.env()}, clock);
    PABAL_CHECK(opened.ok());
    store = std::move(*opened);
    boxes = std::make_unique<mailbox::Mailboxes>(*store, clock);
    EXPECT_TRUE(run([&](store::Transaction& t) { return boxes->create_account(t, kAccount, 0); }));
  }
  Result<void> run(const store::Work& work) { return store->transact_and_wait(work); }
  ObjectId make(const std::string& value) {
    ObjectId id = 0;
    EXPECT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      const auto made = add(t, kAccount, kKind, value);
      if (!made) return made.error();
      id = *made;
      return {};
    }));
    return id;
  }
  Result<void> set(ObjectId id, const std::string& value) {
    return run([&](store::Transaction& t) { return put(t, kAccount, kKind, id, value); });
  }
  Result<void> drop(ObjectId id) {
    return run([&](store::Transaction& t) { return remove(t, kAccount, kKind, id); });
  }
  State now() { return *state(*store, kAccount, kKind); }
  Changes since(ModSeq modseq, size_t limit = 100) { return *changes(*store, kAccount, kKind, modseq, limit); }

  ManualClock clock;
  store::FaultyDisk disk;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<mailbox::Mailboxes> boxes;
};

TEST_F(ObjectsTest, AreKeptByKindAndAccountWithTheirChanges) {
  const ObjectId a = make("one"), b = make("two");
  EXPECT_EQ(now().objects, 2u);
  EXPECT_EQ(now().octets, 6u);
  EXPECT_EQ((*get(*store, kAccount, kKind, a))->value, "one");
  EXPECT_FALSE(*get(*store, kAccount, Kind::kIdentity, a));
  EXPECT_FALSE(*get(*store, 8, kKind, a));
  const ModSeq before = now().modseq;
  ASSERT_TRUE(set(a, "longer"));
  EXPECT_EQ(now().octets, 9u);
  EXPECT_THAT(since(before).updated, ElementsAre(a));
  EXPECT_THAT(since(0).created, ElementsAre(b, a)) << "in the order of the last change";
  ASSERT_TRUE(drop(b));
  EXPECT_THAT(since(before).destroyed, ElementsAre(b));
  EXPECT_THAT(since(0).destroyed, IsEmpty()) << "whoever never saw it need not hear of its end";
  EXPECT_EQ(now().objects, 1u);
  EXPECT_EQ(set(b, "x").code(), Code::kNotFound);
  EXPECT_EQ(drop(b).code(), Code::kNotFound);
  EXPECT_GT(make("three"), b) << "ids are never used again";
  EXPECT_EQ(changes(*store, kAccount, kKind, now().modseq + 1, 10).code(), Code::kNotFound);
}

TEST_F(ObjectsTest, GoWithTheirAccountAndNeedOne) {
  make("one");
  EXPECT_EQ(run([&](store::Transaction& t) -> Result<void> {
              const auto made = add(t, 99, kKind, "x");
              return made ? Result<void>() : made.error();
            }).code(),
            Code::kNotFound);
  ASSERT_TRUE(run([&](store::Transaction& t) { return boxes->remove_account(t, kAccount); }));
  for (size_t left = 1; left > 0;)
    ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
      const auto swept = boxes->sweep_removed(t, 100);
      if (!swept) return swept.error();
      left = *swept;
      return {};
    }));
  EXPECT_EQ(now().objects, 0u);
  EXPECT_THAT(*all(*store, kAccount, kKind), IsEmpty());
}

TEST_F(ObjectsTest, TheLogForgetsTheOldestRemovals) {
  const ObjectId first = make("x");
  const ModSeq begin = now().modseq;
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    for (uint64_t i = 0; i <= kMaxDestroyedKnown; ++i) {
      const auto id = add(t, kAccount, kKind, "y");
      if (!id) return id.error();
      if (const auto gone = remove(t, kAccount, kKind, *id); !gone) return gone;
    }
    return {};
  }));
  EXPECT_EQ(changes(*store, kAccount, kKind, begin, 10).code(), Code::kNotFound);
  EXPECT_EQ(changes(*store, kAccount, kKind, 0, 10).code(), Code::kNotFound);
  ASSERT_TRUE(set(first, "z"));
  EXPECT_THAT(since(now().modseq - 1).updated, ElementsAre(first));
}

// A client that follows the changes page by page has the same as the server, whatever happened.
TEST_F(ObjectsTest, WhoFollowsTheChangesStaysInStep) {
  SeededRandom random(3);
  std::map<ObjectId, std::string> client;
  ModSeq seen = 0;
  for (int round = 0; round < 200; ++round) {
    const auto there = *all(*store, kAccount, kKind);
    const uint64_t what = random.below(4);
    if (what < 2 || there.empty())
      make("v" + std::to_string(round));
    else if (what == 2)
      ASSERT_TRUE(set(there[random.below(there.size())].id, "w" + std::to_string(round)));
    else
      ASSERT_TRUE(drop(there[random.below(there.size())].id));
    if (random.below(3)) continue;
    for (bool more = true; more;) {
      const Changes page = since(seen, 1 + random.below(3));
      for (const auto* list : {&page.created, &page.updated})
        for (const ObjectId id : *list) client[id] = (*get(*store, kAccount, kKind, id))->value;
      for (const ObjectId id : page.destroyed) client.erase(id);
      EXPECT_GE(page.to, seen);
      seen = page.to;
      more = page.more;
    }
    std::map<ObjectId, std::string> server;
    const auto now_there = *all(*store, kAccount, kKind);
    for (const Object& object : now_there) server[object.id] = object.value;
    ASSERT_EQ(client, server) << round;
    ASSERT_EQ(seen, now().modseq);
  }
}

}  // namespace
}  // namespace pabal::objects
