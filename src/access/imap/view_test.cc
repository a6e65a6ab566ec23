#include "access/imap/view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace pabal::access::imap {
namespace {

using mailbox::Change;
using mailbox::ModSeq;
using mailbox::Uid;
using Kind = Change::Kind;

constexpr mailbox::MailboxId kBoxId = 7;
const mailbox::Mailbox kBox = [] {
  mailbox::Mailbox box;
  box.id = kBoxId;
  return box;
}();

mailbox::UidMap first(Uid count) {
  mailbox::UidMap map;
  if (count > 0) map.append({1, count});
  return map;
}
Change change(ModSeq modseq, Kind kind, Uid uid, mailbox::MailboxId box = kBoxId) {
  return {modseq, kind, box, uid, uid};
}

TEST(View, ExpungesWaitWhileSequenceNumbersMayBeOnTheirWay) {
  View view(kBox, first(5), 10);
  view.note(change(11, Kind::kRemoved, 2));
  view.note(change(12, Kind::kAdded, 6));
  auto news = view.take(false);
  EXPECT_TRUE(news.expunged.empty());
  EXPECT_EQ(news.exists, 6u);  // the removed one is counted still
  EXPECT_EQ(view.uids().sequence(3), 3u);
  news = view.take(true);
  EXPECT_EQ(news.expunged, std::vector<uint32_t>{2});
  EXPECT_FALSE(news.exists);
  EXPECT_EQ(view.uids().sequence(3), 2u);
  EXPECT_TRUE(view.take(true).empty());
}

TEST(View, ManyExpungesCountDown) {
  View view(kBox, first(6), 10);
  for (const Uid uid : {2, 5, 3}) view.note(change(11, Kind::kRemoved, uid));
  EXPECT_EQ(view.take(true).expunged, (std::vector<uint32_t>{5, 3, 2}));
  EXPECT_EQ(view.uids().count(), 3u);
  EXPECT_EQ(view.uids().at(2), 4u);
}

TEST(View, WhatCameAndWentBetweenIsNeverTold) {
  View view(kBox, first(1), 10);
  view.note(change(11, Kind::kAdded, 2));
  view.note(change(12, Kind::kFlags, 2));
  view.note(change(13, Kind::kRemoved, 2));
  EXPECT_TRUE(view.take(true).empty());
  EXPECT_EQ(view.seen(), 13u);
}

TEST(View, OtherMailboxesAreNoNews) {
  View view(kBox, first(1), 10);
  view.note(change(11, Kind::kRemoved, 1, 8));
  EXPECT_TRUE(view.take(true).empty());
  EXPECT_EQ(view.seen(), 11u);
}

TEST(View, AChangeThatWasToldIsNoNewsALaterOneIs) {
  View view(kBox, first(2), 10);
  view.told(1, 12);
  view.told(2, 12);
  view.note(change(11, Kind::kFlags, 1));  // of another session, but the answer at 12 had it
  view.note(change(12, Kind::kFlags, 1));
  view.note(change(13, Kind::kFlags, 2));
  EXPECT_EQ(view.take(false).changed, std::vector<Uid>{2});
}

TEST(View, ASilentChangeHidesOnlyItself) {
  View view(kBox, first(2), 10);
  view.silent(1, 12);
  view.silent(2, 13);
  view.note(change(11, Kind::kFlags, 1));  // of another session: the client does not know
  view.note(change(12, Kind::kFlags, 1));
  view.note(change(13, Kind::kFlags, 2));
  EXPECT_EQ(view.take(false).changed, std::vector<Uid>{1});
}

TEST(View, WhatThisClientDidNeedNotBeReadWhenItComesNext) {
  View view(kBox, first(3), 10);
  EXPECT_FALSE(view.did(12)) << "somebody was before";
  EXPECT_EQ(view.seen(), 10u);
  view.note(change(11, Kind::kFlags, 2));
  EXPECT_TRUE(view.did(12));
  EXPECT_EQ(view.seen(), 12u);
  EXPECT_EQ(view.take(false).changed, std::vector<Uid>{2}) << "of others";
  EXPECT_EQ(view.told_through(), 12u);
  view.note(change(13, Kind::kFlags, 1));
  EXPECT_EQ(view.take(false).changed, std::vector<Uid>{1});
}

TEST(View, ARemovedMailboxIsNews) {
  View view(kBox, first(2), 10);
  view.note(change(11, Kind::kMailboxRemoved, 0));
  EXPECT_TRUE(view.take(true).mailbox_removed);
}

TEST(View, AUidIsNotToldTwiceAfterTheLastWasExpunged) {
  View view(kBox, first(3), 10);
  view.note(change(11, Kind::kRemoved, 3));
  view.take(true);
  mailbox::UidMap now;
  now.append({1, 2});
  now.append({5, 5});
  view.replace(now, {1}, 20, 20);
  auto news = view.take(true);
  EXPECT_EQ(news.exists, 3u);
  EXPECT_EQ(news.changed, std::vector<Uid>{1});
  EXPECT_EQ(view.uids(), now);
}

// Two clients and a mailbox under random changes: whatever the order of news, after the last take() a client's picture,
// built from what it was told alone, is the mailbox.
TEST(View, ClientsConvergeWhateverHappens) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SeededRandom random(seed);
    std::vector<std::pair<Uid, int>> store;  // uid, flags
    std::vector<Change> feed;
    Uid next = 1;
    ModSeq modseq = 0;
    const auto add = [&] { store.emplace_back(next, 0), feed.push_back(change(++modseq, Kind::kAdded, next++)); };
    for (uint64_t i = random.below(20); i > 0; --i) add();

    struct Client {
      View view;
      size_t fed = 0;
      std::vector<std::pair<Uid, int>> picture;  // by sequence number
    };
    std::vector<Client> clients(2);
    const auto uids_now = [&] {
      mailbox::UidMap map;
      for (const auto& [uid, flags] : store) map.add(uid);
      return map;
    };
    for (Client& c : clients) c = {View(kBox, uids_now(), modseq), feed.size(), store};

    const auto sync = [&](Client& c, bool may_expunge) {
      if (random.below(8) == 0) {  // the feed was cut: compare
        std::vector<Uid> changed;
        for (size_t i = c.fed; i < feed.size(); ++i)
          if (feed[i].kind == Kind::kFlags) changed.push_back(feed[i].uid);
        c.view.replace(uids_now(), changed, modseq, modseq);
        c.fed = feed.size();
      }
      for (; c.fed < feed.size(); ++c.fed) c.view.note(feed[c.fed]);
      const View::News news = c.view.take(may_expunge);
      for (const uint32_t sequence : news.expunged) {
        ASSERT_TRUE(sequence >= 1 && sequence <= c.picture.size());
        c.picture.erase(c.picture.begin() + sequence - 1);
      }
      if (news.exists) {
        ASSERT_GE(*news.exists, c.picture.size());
        while (c.picture.size() < *news.exists) {  // the client fetches what is new
          const Uid uid = c.view.uids().at(static_cast<uint32_t>(c.picture.size()) + 1);
          const auto found = std::find_if(store.begin(), store.end(), [&](const auto& m) { return m.first == uid; });
          c.picture.emplace_back(uid, found == store.end() ? -1 : found->second);
        }
      }
      for (const Uid uid : news.changed) {
        const uint32_t sequence = c.view.uids().sequence(uid);
        ASSERT_GT(sequence, 0u);
        const auto found = std::find_if(store.begin(), store.end(), [&](const auto& m) { return m.first == uid; });
        if (found != store.end()) c.picture[sequence - 1].second = found->second;
      }
      // Both sides number alike, always.
      ASSERT_EQ(c.view.uids().count(), c.picture.size());
      for (uint32_t n = 1; n <= c.picture.size(); ++n) ASSERT_EQ(c.view.uids().at(n), c.picture[n - 1].first);
    };

    for (int step = 0; step < 60; ++step) {
      const uint64_t what = random.below(5);
      if (what == 0)
        add();
      else if (what == 1 && !store.empty()) {
        const size_t i = random.below(store.size());
        feed.push_back(change(++modseq, Kind::kRemoved, store[i].first));
        store.erase(store.begin() + static_cast<long>(i));
      } else if (what == 2 && !store.empty()) {
        auto& [uid, flags] = store[random.below(store.size())];
        flags = static_cast<int>(random.below(100));
        feed.push_back(change(++modseq, Kind::kFlags, uid));
        Client& own = clients[random.below(2)];  // one of them did it
        const uint32_t sequence = own.view.uids().sequence(uid);
        if (sequence > 0 && sequence <= own.picture.size()) {
          const bool silent = random.below(2);
          // A silent STORE tells the client nothing: it knows the whole only when nobody else had changed it before.
          own.picture[sequence - 1].second = flags;
          if (random.below(2) && own.view.did(modseq))
            own.fed = feed.size();
          else
            silent ? own.view.silent(uid, modseq) : own.view.told(uid, modseq);
          sync(own, random.below(2));
        }
      } else {
        sync(clients[random.below(2)], random.below(2));
      }
      if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
    for (Client& c : clients) {
      sync(c, true);
      ASSERT_EQ(c.picture, store) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace pabal::access::imap
