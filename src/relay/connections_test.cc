#include "relay/connections.h"

#include <gtest/gtest.h>

#include "net/sim.h"

namespace pabal::relay {
namespace {

struct Got {
  std::optional<Connections::Turn> turn;
};
Task<void> take(Connections& connections, std::string destination, size_t limit, std::shared_ptr<Got> got) {
  Task<Connections::Turn> taking = connections.take_turn(destination, limit);
  Connections::Turn turn = co_await taking;
  got->turn.emplace(std::move(turn));
}

struct Turns : ::testing::Test {
  net::SimLoop loop;
  Connections connections{loop};
  std::shared_ptr<Got> ask(std::string destination, size_t limit = 2) {
    auto got = std::make_shared<Got>();
    loop.spawn(take(connections, std::move(destination), limit, got));
    loop.run_until_idle();
    return got;
  }
  void drop(const std::shared_ptr<Got>& got) {
    got->turn.reset();
    loop.run_until_idle();
  }
  static bool has(const std::shared_ptr<Got>& got) { return got->turn && *got->turn; }
};

TEST_F(Turns, AreHandedOverInTheOrderAsked) {
  const auto a = ask("x.org"), b = ask("x.org"), c = ask("x.org"), d = ask("x.org"), elsewhere = ask("y.org");
  EXPECT_TRUE(has(a) && has(b) && has(elsewhere));
  EXPECT_FALSE(c->turn || d->turn);
  drop(b);
  EXPECT_TRUE(has(c));
  EXPECT_FALSE(d->turn);
  drop(a);
  EXPECT_TRUE(has(d));
  for (const auto& one : {c, d, elsewhere}) drop(one);
  EXPECT_EQ(connections.destinations(), 0u) << "nothing is remembered of whom nobody writes to";
}

TEST_F(Turns, WhoWaitsSharesAFailure) {
  const auto a = ask("x.org"), b = ask("x.org"), c = ask("x.org");
  connections.failed("x.org", "4.4.1 nobody answers");
  loop.run_until_idle();
  ASSERT_TRUE(c->turn);
  EXPECT_FALSE(has(c));
  EXPECT_EQ(c->turn->failure(), "4.4.1 nobody answers");
  const auto d = ask("x.org");
  EXPECT_FALSE(has(d)) << "would have to wait";
  EXPECT_TRUE(d->turn);
  drop(a);
  const auto e = ask("x.org");
  EXPECT_TRUE(has(e)) << "who need not wait tries";
  loop.run_for(kFailureShared);
  EXPECT_FALSE(connections.lately_failed("x.org"));
  const auto f = ask("x.org");
  EXPECT_FALSE(f->turn) << "waits again";
  drop(b);
  EXPECT_TRUE(has(f));
  drop(e);
  drop(f);
  EXPECT_EQ(connections.destinations(), 0u);
}

TEST_F(Turns, StopSendsAwayThoseWhoWaitAndComeLater) {
  const auto a = ask("x.org", 1), b = ask("x.org", 1);
  connections.stop();
  loop.run_until_idle();
  ASSERT_TRUE(b->turn);
  EXPECT_FALSE(has(b));
  EXPECT_FALSE(has(ask("z.org", 1)));
  drop(a);
}

TEST_F(Turns, AFailureIsForgottenWithoutAnybodyAsking) {
  connections.failed("x.org", "4.4.1 no");
  EXPECT_EQ(connections.destinations(), 1u);
  loop.run_for(minutes(2));
  EXPECT_EQ(connections.destinations(), 0u);
}

}  // namespace
}  // namespace pabal::relay
