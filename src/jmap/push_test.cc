// What is told of changes: positions, types, events.
#include <gmock/gmock.h>

#include "jmap/follower.h"
#include "jmap/ids.h"
#include "jmap/testing.h"
#include "mailbox/sharing.h"

namespace pabal::jmap {
namespace {

using ::testing::HasSubstr;
using testing::World;

TEST(Positions, AreTheSameAfterAJourney) {
  Positions some;
  some[7] = {120, {1, 0, 3, UINT64_MAX, 2}, 5, 4096, 0};
  some[12] = {};
  EXPECT_EQ(positions_text(some), "A7=120.1.0.3.18446744073709551615.2.5.4096.0,A12=0.0.0.0.0.0.0.0.0");
  EXPECT_EQ(parse_positions(positions_text(some)), some);
  for (const char* bad :
       {"", "A7", "A7=", "A7=1.2.3.4.5", "A7=1.2.3.4.5.6.7.8", "A7=1.2.3.4.5.6.7.8.9.10", "A7=1.2.3.4.5.6.7.8.x",
        "B7=1.2.3.4.5.6.7.8.9", "A7=1.2.3.4.5.6.7.8.9,", "A99999999999=1.2.3.4.5.6.7.8.9", "A7=-1.2.3.4.5.6.7.8.9",
        "A7=1.2.3.4.5.6.7.8.18446744073709551616"})
    EXPECT_FALSE(parse_positions(bad)) << bad;
  Positions many;
  for (mailbox::AccountId i = 1; i <= kMaxFollowed; ++i) many[i] = {};
  EXPECT_TRUE(parse_positions(positions_text(many)));
  many[999] = {};
  EXPECT_FALSE(parse_positions(positions_text(many)));
}

std::string names(TypeSet types) {
  std::string out;
  for (size_t i = 0; i < kPushTypes.size(); ++i)
    if (types >> i & 1) out += std::string(out.empty() ? "" : " ") + std::string(kPushTypes[i]);
  return out;
}

TEST(Types, FollowFromWhatHappened) {
  using Kind = mailbox::Change::Kind;
  const auto bit = [](Kind kind) { return 1u << static_cast<int>(kind); };
  Account own{1, "alice@example.com", true, {}}, shared{1, "alice@example.com", false, {{5, mailbox::kAllRights}}};
  push::News news;
  const auto happens = [&](Kind kind, mailbox::MailboxId box) {
    news.kinds = bit(kind);
    news.boxes = {{box, bit(kind)}};
  };
  const std::pair<Kind, const char*> cases[] = {{Kind::kAdded, "Email EmailDelivery Mailbox Thread"},
                                                {Kind::kRemoved, "Email Mailbox Thread"},
                                                {Kind::kFlags, "Email Mailbox"},
                                                {Kind::kMailboxRenamed, "Mailbox"},
                                                {Kind::kRights, "Mailbox"},
                                                {Kind::kAnnotations, ""}};
  for (const auto& [kind, types] : cases) {
    happens(kind, 5);
    EXPECT_EQ(names(types_changed(news, own)), types);
    EXPECT_EQ(names(types_changed(news, shared)), types);
    happens(kind, 6);
    EXPECT_EQ(names(types_changed(news, shared)), "");
    news.any_box = true;
    EXPECT_EQ(names(types_changed(news, shared)), types);
    news.any_box = false;
  }
  push::News cards;
  cards.now.collections = {0, 0, 0, 4, 0};
  EXPECT_EQ(names(types_changed(cards, own)), "ContactCard");
  EXPECT_EQ(names(types_changed(cards, shared)), "");  // contacts are their owner's
  EXPECT_EQ(api::to_text(json::value(type_states(types_changed(cards, own), cards.now))), R"({"ContactCard":"4"})");
  push::News others;
  others.now.scripts = 3, others.now.octets = 4096, others.now.quota = 9000;
  EXPECT_EQ(names(types_changed(others, own)), "SieveScript Quota");
  EXPECT_EQ(names(types_changed(others, shared)), "");
  EXPECT_EQ(api::to_text(json::value(type_states(types_changed(others, own), others.now))),
            R"({"SieveScript":"3","Quota":"4096-9000"})");
  EXPECT_EQ(names(types_named({"Email", "ContactCard", "Other"})), "Email ContactCard");
}

// The next piece of a stream; empty: its end, or nothing within `patience`.
struct Heard {
  std::shared_ptr<web::BodySource> source;
  World& world;
  std::shared_ptr<std::optional<std::string>> piece{};  // asked for, and perhaps not there yet

  std::string next(Duration patience = seconds(1)) {
    if (!piece) {
      piece = std::make_shared<std::optional<std::string>>();
      world.loop.spawn(read(source, piece));
    }
    world.loop.run_until([&] { return piece->has_value(); }, patience);
    if (!*piece) return "(nothing)";
    return std::exchange(piece, nullptr)->value();
  }
  static Task<void> read(std::shared_ptr<web::BodySource> from, std::shared_ptr<std::optional<std::string>> to) {
    Task<Result<std::string>> reading = from->next();
    const Result<std::string> got = co_await reading;
    *to = got ? *got : "(broken)";
  }
};

// Watches are told after the commit; when this one is done, they have been.
void settle(World& world) {
  world.change([](store::Transaction& t) -> Result<void> {
    t.put("mark", "");
    return {};
  });
}

TEST(Events, CommentsKeepAnIdleStreamAndTheTokenItsReader) {
  World world;
  const std::string token = world.token(world.alice);
  const auto response = world.http("GET", "/jmap/eventsource", "", token);
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(*response.headers.get("content-type"), "text/event-stream");
  Heard heard{response.source, world};
  EXPECT_EQ(heard.next(), ":\n\n");
  EXPECT_EQ(heard.next(kSilence), ":\n\n");
  world.deliver(world.alice, "Subject: hello\n\nhello\n");
  settle(world);
  const std::string event = heard.next();
  EXPECT_THAT(event, HasSubstr("event: state\ndata: {\"@type\":\"StateChange\",\"changed\":{\"" +
                               account_id(world.alice) + "\":{\"Email\":\""));
  EXPECT_TRUE(parse_positions(std::string_view(event).substr(4, event.find('\n') - 4))) << event;
  // Revoked: the stream ends at once.
  world.change([&](store::Transaction& t) { return world.directory->revoke_tokens(t, world.alice); });
  settle(world);
  EXPECT_EQ(heard.next(), "");
}

TEST(Events, TellOfWhatIsSharedAsLongAsItIs) {
  World world;
  const auto response = world.http("GET", "/jmap/eventsource", "", world.token(world.alice));
  Heard heard{response.source, world};
  EXPECT_EQ(heard.next(), ":\n\n");
  const auto rights = [&](mailbox::Rights given) {
    world.change([&](store::Transaction& t) {
      return mailbox::change_acl(t, world.bob, 1, {mailbox::Grantee::Kind::kAccount, world.alice, ""}, false, '=',
                                 given);
    });
    settle(world);
  };
  const auto deliver = [&] {
    world.deliver(world.bob, "Subject: hello\n\nhello\n");
    settle(world);
  };
  deliver();
  EXPECT_EQ(heard.next(), "(nothing)");
  rights(mailbox::kLookup | mailbox::kRead);  // told, so that the client looks at its session
  const std::string bobs = "\"changed\":{\"" + account_id(world.bob) + "\":{\"Email\":";
  EXPECT_THAT(heard.next(), HasSubstr(bobs));
  deliver();
  EXPECT_THAT(heard.next(), HasSubstr(bobs));
  rights(0);
  world.loop.run_for(2 * push::kStandingPause);
  for (std::string last = heard.next(milliseconds(100)); last != "(nothing)"; last = heard.next(milliseconds(100)))
    EXPECT_THAT(last, HasSubstr("\"Mailbox\"")) << "the loss itself";
  deliver();
  EXPECT_EQ(heard.next(), "(nothing)");
  world.change([&](store::Transaction& t) { return world.directory->revoke_tokens(t, world.alice); });
  settle(world);
  EXPECT_EQ(heard.next(2 * push::kStandingPause), "") << "the end";
}

// Whether a Follower ends when `ending` is done to what its token was made with.
bool ends(World& world, api::Caller caller, const store::Work& ending) {
  caller.token.expires = world.clock.now() + days(1);
  const auto follower = Follower::make(world.jmap->services(), world.loop, caller, [] {});
  world.loop.run_for(seconds(2));
  EXPECT_FALSE(follower->over());
  world.change(ending);
  settle(world);
  world.loop.run_for(seconds(2));
  return follower->over();
}

TEST(Followers, EndWithTheGrantSessionOrAccountThatTheyCameBy) {
  World world;
  const auto session = [&](identity::Token::Kind kind) {
    const std::string secret = world.directory->make_token(world.alice);
    identity::Token token;
    token.kind = kind;
    token.scopes = {"mail.read"};
    token.expires = world.clock.now() + days(1);
    world.change([&](store::Transaction& t) -> Result<void> {
      const auto issued = world.directory->issue_token(t, world.alice, secret, token);
      if (issued) token = *issued;
      return issued ? Result<void>() : issued.error();
    });
    return token;
  };
  const store::Work password = [&](store::Transaction& t) { return world.directory->set_secrets(t, world.alice, {}); };
  api::Caller caller = world.caller(world.alice);
  caller.token = session(identity::Token::Kind::kSession);
  EXPECT_TRUE(ends(world, caller, password));
  caller.token = session(identity::Token::Kind::kAccess);
  EXPECT_FALSE(ends(world, caller, password));  // what programs have been given stays
  EXPECT_TRUE(
      ends(world, caller, [&](store::Transaction& t) { return world.directory->revoke_token(t, caller.token.id); }));
  // By a ticket, which is gone since: what it was made with counts.
  const identity::Token parent = session(identity::Token::Kind::kSession);
  caller.token = {};
  caller.token.kind = identity::Token::Kind::kTicket;
  caller.token.parent = parent.id;
  EXPECT_TRUE(ends(world, caller, [&](store::Transaction& t) { return world.directory->revoke_token(t, parent.id); }));
  world.grants = {7};
  caller.token.grant = "7";
  EXPECT_TRUE(ends(world, caller, [&](store::Transaction& t) {
    world.grants.clear();
    return world.directory->revoke_tokens(t, world.alice);
  }));
  caller.token = session(identity::Token::Kind::kAccess);
  EXPECT_TRUE(ends(world, caller, [&](store::Transaction& t) {
    identity::Account off = caller.account;
    off.enabled = false;
    return world.directory->update_account(t, off);
  }));
}

TEST(Events, EndWhenTheReaderGoes) {
  World world;
  const auto response = world.http("GET", "/jmap/eventsource", "", world.token(world.alice));
  Heard heard{response.source, world};
  EXPECT_EQ(heard.next(), ":\n\n");
  const auto piece = std::make_shared<std::optional<std::string>>();
  world.loop.spawn(Heard::read(response.source, piece));
  world.loop.run_until_idle();
  EXPECT_FALSE(piece->has_value());
  response.source->cancel();
  world.loop.run_until_idle();
  EXPECT_EQ(*piece, "");
}

}  // namespace
}  // namespace pabal::jmap
