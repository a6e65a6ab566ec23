// The hub: who hears of what, when and how often.
#include "push/hub.h"

#include <gmock/gmock.h>

#include "identity/directory.h"
#include "mailbox/sharing.h"
#include "push/push_fixture.h"

namespace pabal::push {
namespace {

using mailbox::AccountId;
using mailbox::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class HubTest : public PushFixture {
 protected:
  mailbox::MailboxId make(AccountId account, const std::string& name) {
    mailbox::MailboxId id = 0;
    change([&](store::Transaction& t) -> Result<void> {
      const auto made = boxes_->create(t, account, name);
      if (!made) return made.error();
      id = *made;
      return {};
    });
    return id;
  }
  std::unique_ptr<Hub::Listener> listen(AccountId account, std::vector<News>& heard) {
    return hub_->listen(loop_, account, [&heard](const News& news) { heard.push_back(news); });
  }
  Position now(AccountId account) { return *position_of(*store_, *boxes_, account); }
};

TEST_F(HubTest, ListenersHearOfTheirAccountOnlyAndAtOnce) {
  std::vector<News> first, second, other;
  const auto a = listen(1, first), b = listen(1, second), c = listen(2, other);
  EXPECT_EQ(hub_->channels(), 2u);
  EXPECT_EQ(a->since, now(1));
  const Position before = now(1);
  deliver(1);
  loop_.run_until_idle();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(second.size(), 1u);
  EXPECT_THAT(other, IsEmpty());
  EXPECT_EQ(first[0].account, 1u);
  EXPECT_EQ(first[0].since, before);
  EXPECT_EQ(first[0].now, now(1));
  EXPECT_TRUE(first[0].has(Change::Kind::kAdded));
  EXPECT_FALSE(first[0].has(Change::Kind::kMailboxCreated));
  EXPECT_THAT(first[0].boxes, ElementsAre(Pair(1, 1u << static_cast<int>(Change::Kind::kAdded))));
  EXPECT_FALSE(first[0].any_box);
}

TEST_F(HubTest, ChangesThatComeFastAreToldTogether) {
  std::vector<News> heard;
  const auto listener = listen(1, heard);
  deliver(1);
  loop_.run_until_idle();
  const Position once = now(1);
  for (int i = 0; i < 10; ++i) {
    deliver(1);
    loop_.run_until_idle();
  }
  make(1, "work");
  loop_.run_until_idle();
  EXPECT_EQ(heard.size(), 1u);
  loop_.run_for(kTogether);
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[1].since, once);
  EXPECT_EQ(heard[1].now, now(1));
  EXPECT_TRUE(heard[1].has(Change::Kind::kAdded));
  EXPECT_TRUE(heard[1].has(Change::Kind::kMailboxCreated));
}

TEST_F(HubTest, CollectionsAreToldOfToo) {
  std::vector<News> heard;
  const auto listener = listen(1, heard);
  change([&](store::Transaction& t) -> Result<void> {
    const auto added = objects::add(t, 1, objects::Kind::kCard, "{}");
    return added ? Result<void>() : added.error();
  });
  loop_.run_until_idle();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].kinds, 0u);
  EXPECT_EQ(heard[0].now.mail, heard[0].since.mail);
  EXPECT_NE(heard[0].now.collections, heard[0].since.collections);
}

TEST_F(HubTest, WhoHasGoneHearsNothingEvenWhileOthersAreTold) {
  std::vector<News> first, second;
  std::unique_ptr<Hub::Listener> b;
  const auto a = hub_->listen(loop_, 1, [&](const News& news) {
    first.push_back(news);
    b.reset();
  });
  b = listen(1, second);
  deliver(1);
  loop_.run_until_idle();
  EXPECT_EQ(first.size(), 1u);
  EXPECT_THAT(second, IsEmpty());
  auto last = listen(2, second);
  EXPECT_EQ(hub_->channels(), 2u);
  deliver(2);
  last.reset();  // what is posted finds nobody
  EXPECT_EQ(hub_->channels(), 1u);
  loop_.run_until_idle();
  EXPECT_THAT(second, IsEmpty());
}

TEST_F(HubTest, ListenersLookAgainWhenRightsOrTokensChange) {
  int looked = 0, other = 0;
  const auto a = hub_->listen(loop_, 1, [](const News&) {}, [&] { ++looked; });
  const auto b = hub_->listen(loop_, 2, [](const News&) {}, [&] { ++other; });
  const auto share = [&](const mailbox::Grantee& who, mailbox::Rights rights) {
    change([&](store::Transaction& t) { return mailbox::change_acl(t, 2, 1, who, false, '=', rights); });
    loop_.run_until_idle();
  };
  using Kind = mailbox::Grantee::Kind;
  share({Kind::kAccount, 1, ""}, mailbox::kLookup);
  EXPECT_EQ(std::pair(looked, other), std::pair(1, 0));
  loop_.run_for(kStandingPause);
  share({Kind::kAccount, 1, ""}, 0);
  EXPECT_EQ(std::pair(looked, other), std::pair(2, 0));
  for (int i = 0; i < 10; ++i) share({Kind::kAccount, 1, ""}, i % 2 ? 0 : mailbox::kRead);
  EXPECT_EQ(looked, 2);
  loop_.run_for(kStandingPause);
  EXPECT_EQ(looked, 3);  // they are told together
  loop_.run_for(kStandingPause);
  share({Kind::kGroup, 0, "team@example.com"}, mailbox::kLookup);
  EXPECT_EQ(std::pair(looked, other), std::pair(4, 1));
  loop_.run_for(kStandingPause);
  change([](store::Transaction& t) -> Result<void> {
    t.put(identity::standing_key(2), "");
    return {};
  });
  loop_.run_until_idle();
  EXPECT_EQ(std::pair(looked, other), std::pair(4, 2));
}

TEST_F(HubTest, ReadingFromLongAgoSaysWhatItCannotName) {
  const Position start = now(1);
  EXPECT_FALSE(read_news(*store_, *boxes_, 1, start));
  EXPECT_FALSE(read_news(*store_, *boxes_, 9, {}));
  for (size_t i = 0; i <= kMaxBoxesNamed; ++i) make(1, "box" + std::to_string(i));
  const auto many = read_news(*store_, *boxes_, 1, start);
  ASSERT_TRUE(many);
  EXPECT_EQ(many->boxes.size(), kMaxBoxesNamed);
  EXPECT_TRUE(many->any_box);
  EXPECT_FALSE(many->has(Change::Kind::kAdded));
  Position future = now(1);
  future.mail += 100;  // a backup was restored
  const auto unknown = read_news(*store_, *boxes_, 1, future);
  ASSERT_TRUE(unknown);
  EXPECT_TRUE(unknown->has(Change::Kind::kAdded) && unknown->any_box);
  EXPECT_EQ(unknown->now, now(1));
}

TEST_F(HubTest, SeatsAreCountedByPerson) {
  std::vector<Hub::Seat> seats;
  for (size_t i = 0; i < kMaxSeatsOfAccount; ++i) seats.push_back(hub_->take_seat(1));
  EXPECT_TRUE(seats.back());
  EXPECT_FALSE(hub_->take_seat(1));
  EXPECT_TRUE(hub_->take_seat(2));
  seats.pop_back();
  EXPECT_TRUE(hub_->take_seat(1));
}

}  // namespace
}  // namespace pabal::push
