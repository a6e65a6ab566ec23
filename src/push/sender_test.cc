// Outlets and their sender: what is kept, who is told what, and what comes of it when they do not answer.
#include "push/sender.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "identity/directory.h"
#include "mailbox/sharing.h"
#include "push/push_fixture.h"

namespace pabal::push {
namespace {

using mailbox::AccountId;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr AccountId kAlice = 1, kBob = 2;

// Keeps what is posted; answers as told, 201 when nothing was.
class Elsewhere final : public web::Poster {
 public:
  Task<Result<web::Posted>> post(net::Loop& loop, web::Post post) override {
    posts.push_back(post);
    times.push_back(loop.now());
    Task<void> way = net::sleep(loop, milliseconds(50));
    co_await way;
    if (answers.empty()) co_return web::Posted{201, ""};
    const Result<web::Posted> answer = answers.front();
    answers.pop_front();
    co_return answer;
  }
  std::vector<web::Post> posts;
  std::vector<Time> times;
  std::deque<Result<web::Posted>> answers;
};

std::string field(const web::Post& post, std::string_view name) {
  for (const std::string& one : post.fields)
    if (one.starts_with(std::string(name) + ": ")) return one.substr(name.size() + 2);
  return "";
}

class SenderTest : public PushFixture {
 protected:
  SenderTest() { begin(); }
  ~SenderTest() override { end(); }
  void begin() {
    SenderServices services{*store_, *boxes_, *hub_, outlets_, elsewhere_, random_, "mailto:postmaster@example.com"};
    services.anywhere = true;
    services.name_of = [this](const Outlet& o) {
      return o.account == gone_ || (!o.root.empty() && o.root == ended_) ? "" : "someone@example.com";
    };
    services.shared_with = [this](AccountId who) { return who == kAlice ? shared_ : std::vector<AccountId>(); };
    services.state_change = [this](const Outlet& outlet, const std::vector<News>& news) {
      std::string out;
      for (const News& one : news)
        if (one.account == outlet.account || std::count(shared_.begin(), shared_.end(), one.account))
          out += (out.empty() ? "state " : ", ") + std::to_string(one.account) + "=" + std::to_string(one.now.mail);
      return outlet.types && outlet.types->empty() ? "" : out;
    };
    services.subscription_id = [](uint64_t id) { return "P" + std::to_string(id); };
    sender_ = std::make_unique<Sender>(loop_, services, EcKey::generate(random_));
    sender_->start();
  }
  void end() {
    sender_->stop();
    loop_.run_for(minutes(1));
    sender_.reset();
  }
  Outlet add(Outlet outlet) {
    change([&](store::Transaction& t) -> Result<void> {
      outlet.told = *position_of(t, *boxes_, outlet.account);
      const auto added = outlets_.add(t, outlet);
      if (!added) return added.error();
      outlet = *added;
      return {};
    });
    return outlet;
  }
  Outlet webhook(AccountId account) {
    Outlet outlet;
    outlet.kind = Outlet::Kind::kWebhook;
    outlet.account = account;
    outlet.url = "https://script.example/hook";
    return add(outlet);
  }
  Outlet subscription() {
    Outlet outlet;
    outlet.account = kAlice;
    outlet.url = "https://push.example/1";
    outlet.code = "the code";
    return add(outlet);
  }
  void verify(Outlet outlet) {
    change([&](store::Transaction& t) -> Result<void> {
      Outlet fresh = **outlets_.get(t, outlet.account, outlet.id);
      fresh.verified = true;
      return outlets_.update(t, fresh);
    });
  }
  std::optional<Outlet> kept(const Outlet& outlet) { return *outlets_.get(*store_, outlet.account, outlet.id); }
  std::vector<web::Post> posted(Duration within = seconds(1)) {
    loop_.run_for(within);
    return std::exchange(elsewhere_.posts, {});
  }

  SeededRandom random_{1};
  Outlets outlets_{loop_, random_};
  Elsewhere elsewhere_;
  AccountId gone_ = 0;
  std::string ended_;
  std::vector<AccountId> shared_;  // with alice
  std::unique_ptr<Sender> sender_;
};

TEST_F(SenderTest, OutletsAreTheSameAfterAJourney) {
  Outlet all;
  all.kind = Outlet::Kind::kWatch;
  all.url = "https://push.example/", all.name = "projects/a/topics/b", all.root = "1-ab", all.code = "c";
  all.created = from_unix(1'800'000'000), all.expires = all.created + days(7), all.failing_since = all.created;
  all.keys = {"point", "auth"}, all.secret = "s", all.trouble = "t";
  all.types = {"Email"}, all.mailboxes = {1, 7}, all.told = {9, {1, 2, 3, 4, 5}, 6, 7, 8},
  all.told_of_others[7] = {5, {}};
  all.verified = all.code_sent = all.anywhere = all.every_change = all.all_but = all.off = true;
  EXPECT_EQ(*decode_outlet(encode_outlet(all)), all);
  EXPECT_EQ(*decode_outlet(encode_outlet(Outlet{})), Outlet{});
  const std::string record = encode_outlet(all);
  for (size_t size = 0; size < record.size(); ++size) EXPECT_FALSE(decode_outlet(record.substr(0, size)));
}

TEST(Outlets, OfOlderFormatsAreReadStill) {
  Outlet outlet;
  outlet.told = {77, {1, 2, 3, 4, 5}, 6, 7, 8};
  std::string record = encode_outlet(outlet);
  const size_t told = record.find(std::string("\x4d\1\2\3\4\5\6\7\x8"));
  ASSERT_NE(told, record.npos);
  record.erase(told + 5, 4);  // it had four collections and nothing behind them
  record[0] = 2;
  outlet.told = {77, {1, 2, 3, 4, 0}, 0, 0, 0};
  EXPECT_EQ(*decode_outlet(record), outlet);
  record[0] = 1, record.pop_back();  // nothing was told of others
  EXPECT_EQ(*decode_outlet(record), outlet);
  record[0] = 4;
  EXPECT_FALSE(decode_outlet(record));
}

TEST_F(SenderTest, SubscriptionsHearTheirCodeFirstAndNothingElseBefore) {
  const Outlet outlet = subscription();
  const auto first = posted();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].url, "https://push.example/1");
  EXPECT_THAT(first[0].body, HasSubstr("\"verificationCode\":\"the code\""));
  EXPECT_THAT(field(first[0], "Authorization"), StartsWith("vapid t="));
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), IsEmpty());
  verify(outlet);
  const auto second = posted();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(second[0].body, StartsWith("state "));
  EXPECT_EQ(field(second[0], "Urgency"), "normal");
  // Those that come soon after are told together.
  for (int i = 0; i < 5; ++i) deliver(kAlice);
  deliver(kBob);
  EXPECT_THAT(posted(kSubscriptionPause), SizeIs(1));
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

TEST_F(SenderTest, WhatThePushServiceSaysIsDone) {
  const Outlet outlet = subscription();
  posted();
  verify(outlet);
  elsewhere_.answers = {web::Posted{503, "100"}, Error{Code::kTimeout, "late"}, web::Posted{201, ""},
                        web::Posted{413, ""}};
  deliver(kAlice);
  EXPECT_THAT(posted(seconds(99)), SizeIs(1));
  EXPECT_THAT(posted(seconds(8)), SizeIs(1));   // Retry-After has passed
  EXPECT_THAT(posted(seconds(20)), SizeIs(1));  // its second failure: ten seconds and a little
  EXPECT_FALSE(kept(outlet)->failing_since);
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), SizeIs(1));  // too large: it will not be smaller
  elsewhere_.answers = {web::Posted{404, ""}};
  deliver(kAlice);
  EXPECT_THAT(posted(), SizeIs(1));
  EXPECT_FALSE(kept(outlet));
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

TEST_F(SenderTest, WebhooksNameWhatIsNewAndAreSigned) {
  const Outlet outlet = webhook(kAlice);
  EXPECT_THAT(outlet.secret, SizeIs(kWebhookSecret));
  EXPECT_THAT(posted(), IsEmpty());
  const mailbox::MessageId id = deliver(kAlice);
  const auto calls = posted();
  ASSERT_THAT(calls, SizeIs(1));
  char name[20];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(id));
  EXPECT_THAT(calls[0].body, HasSubstr("\"messagesAdded\":[{\"id\":\"" + std::string(name) + "\""));
  const auto stamp = text::parse_u64(field(calls[0], "webhook-timestamp"));
  ASSERT_TRUE(stamp);
  EXPECT_EQ(field(calls[0], "webhook-signature"), webhook_signature(outlet.secret, field(calls[0], "webhook-id"),
                                                                    static_cast<int64_t>(*stamp), calls[0].body));
  // Flags are nothing new.
  change([&](store::Transaction& t) -> Result<void> {
    const auto done = boxes_->edit_flags(t, kAlice, 1, {1}, [](mailbox::Flags& f) { f.system |= mailbox::kSeen; });
    return done ? Result<void>() : done.error();
  });
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

// https://github.com/standard-webhooks/standard-webhooks, the example of its libraries.
TEST_F(SenderTest, SignaturesAreThoseOfStandardWebhooks) {
  const std::string secret = *text::unbase64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_EQ(webhook_signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_F(SenderTest, TheSameCallIsTriedAgainLaterEachTime) {
  webhook(kAlice);
  elsewhere_.answers = {web::Posted{500, ""}, web::Posted{500, ""}, web::Posted{500, ""}};
  deliver(kAlice);
  posted();
  deliver(kAlice);  // it does not get into the call that is tried again
  elsewhere_.posts.clear();
  elsewhere_.times.clear();
  loop_.run_for(minutes(5));
  ASSERT_THAT(elsewhere_.posts, SizeIs(4));
  EXPECT_EQ(elsewhere_.posts[0].body, elsewhere_.posts[2].body);
  EXPECT_EQ(field(elsewhere_.posts[0], "webhook-id"), field(elsewhere_.posts[2], "webhook-id"));
  EXPECT_NE(elsewhere_.posts[2].body, elsewhere_.posts[3].body);
  EXPECT_GE(elsewhere_.times[1] - elsewhere_.times[0], 2 * kFirstRetry);
  EXPECT_GE(elsewhere_.times[2] - elsewhere_.times[1], 4 * kFirstRetry);
}

TEST_F(SenderTest, WhoFailsForDaysIsToldNoMore) {
  const Outlet outlet = webhook(kAlice);
  for (int i = 0; i < 200; ++i) elsewhere_.answers.push_back(web::Posted{500, ""});
  deliver(kAlice);
  loop_.run_for(kGiveUp + days(1));
  EXPECT_TRUE(kept(outlet)->off);
  EXPECT_THAT(posted(days(1)), SizeIs(testing::AllOf(testing::Gt(30u), testing::Lt(70u))));
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

TEST_F(SenderTest, NothingIsLostOverARestart) {
  webhook(kAlice);
  deliver(kAlice);
  EXPECT_THAT(posted(), SizeIs(1));
  end();
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), IsEmpty());
  begin();
  EXPECT_THAT(posted(), SizeIs(1));
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

TEST_F(SenderTest, OutletsGoWithTheirAccount) {
  const Outlet outlet = webhook(kBob);
  gone_ = kBob;
  end();
  begin();
  loop_.run_for(seconds(1));
  EXPECT_FALSE(kept(outlet));
  EXPECT_THAT(posted(), IsEmpty());
}

TEST_F(SenderTest, SubscriptionsHearOfWhatIsSharedAsLongAsItIs) {
  const auto rights = [&](mailbox::Rights given) {
    shared_ = given ? std::vector<AccountId>{kBob} : std::vector<AccountId>();
    change([&](store::Transaction& t) {
      return mailbox::change_acl(t, kBob, 1, {mailbox::Grantee::Kind::kAccount, kAlice, ""}, false, '=', given);
    });
  };
  verify(subscription());
  posted(minutes(1));
  deliver(kBob);
  EXPECT_THAT(posted(days(1)), IsEmpty());
  rights(mailbox::kLookup | mailbox::kRead);  // told at once: the client does not know of the account
  auto heard = posted(seconds(2));
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_THAT(heard[0].body, StartsWith("state 2="));
  EXPECT_EQ(field(heard[0], "Urgency"), "low");
  EXPECT_THAT(posted(days(1)), IsEmpty());
  deliver(kBob);
  heard = posted(seconds(2));
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_EQ(heard[0].body, "state 2=" + std::to_string(position_of(*store_, *boxes_, kBob)->mail));
  EXPECT_EQ(field(heard[0], "Urgency"), "normal");
  loop_.run_for(minutes(2));
  end();
  deliver(kBob);
  begin();  // nothing is lost over a restart, nor told twice
  EXPECT_THAT(posted(seconds(2)), SizeIs(1));
  EXPECT_THAT(posted(days(1)), IsEmpty());
  rights(0);
  deliver(kBob);
  EXPECT_THAT(posted(days(1)), IsEmpty());
  deliver(kAlice);
  EXPECT_THAT(posted(seconds(2)), SizeIs(1));
}

TEST_F(SenderTest, WhatASessionOrGrantMadeEndsWithItAtOnce) {
  Outlet outlet;
  outlet.account = kAlice;
  outlet.url = "https://push.example/1";
  outlet.root = "grant:7";
  outlet = add(outlet);
  posted(minutes(1));
  verify(outlet);
  deliver(kAlice);
  EXPECT_THAT(posted(minutes(1)), SizeIs(1));
  ended_ = "grant:7";
  change([&](store::Transaction& t) -> Result<void> {
    t.put(identity::standing_key(kAlice), "");
    return {};
  });
  loop_.run_for(seconds(2));
  EXPECT_FALSE(kept(outlet));
  deliver(kAlice);
  EXPECT_THAT(posted(days(1)), IsEmpty());
}

TEST_F(SenderTest, TheyAreLimited) {
  const auto try_add = [&](Outlet outlet) {
    std::optional<Code> code;
    change([&](store::Transaction& t) -> Result<void> {
      const auto added = outlets_.add(t, outlet);
      if (!added) code = added.code();
      return {};
    });
    return code;
  };
  Outlet outlet;
  outlet.account = kBob;
  outlet.kind = Outlet::Kind::kWebhook;
  for (size_t i = 0; i < kMaxOutlets; ++i) EXPECT_FALSE(try_add(outlet));
  EXPECT_EQ(try_add(outlet), Code::kLimit);
  outlet.account = kAlice;
  outlet.kind = Outlet::Kind::kSubscription;
  size_t made = 0;
  for (; made < 2 * kMaxAddedInHour && !try_add(outlet); ++made)
    change([&](store::Transaction& t) {
      return outlets_.remove(t, kAlice, outlets_.list(t, kAlice, Outlet::Kind::kSubscription)->front().id);
    });
  EXPECT_EQ(made, kMaxAddedInHour);
}

}  // namespace
}  // namespace pabal::push
