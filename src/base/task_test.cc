#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace pabal {
namespace {

// Something to wait for: whoever awaits it goes on when the test opens it.
struct Gate {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiting, {}).resume(); }
};

struct Outcome {
  bool ended = false;
  std::string failure;
};
void start(Task<void> task, Outcome& outcome) {
  start_detached(std::move(task), [&outcome](std::exception_ptr failure) {
    outcome.ended = true;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) { outcome.failure = e.what(); }
  });
}

Task<int> answer(int n) { co_return n; }
Task<int> answer_after(Gate& gate, int n) {
  co_await gate;
  co_return n;
}
Task<int> fail(std::string why) {
  throw std::runtime_error(why);
  co_return 0;
}
Task<int> fail_after(Gate& gate, std::string why) {
  co_await gate;
  throw std::runtime_error(why);
}
Task<void> store_answer(Task<int> task, int& result) { result = co_await task; }

TEST(Task, IsLazy) {
  bool ran = false;
  const auto mark = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  {
    Task<void> never = mark(ran);
    EXPECT_FALSE(ran);
  }
  EXPECT_FALSE(ran);
  Outcome outcome;
  start(mark(ran), outcome);
  EXPECT_TRUE(ran && outcome.ended);
}

TEST(Task, GivesItsValueAtOnceOrLater) {
  Gate gate;
  Outcome at_once, later;
  int first = 0, second = 0;
  start(store_answer(answer(42), first), at_once);
  EXPECT_TRUE(at_once.ended);
  EXPECT_EQ(first, 42);
  start(store_answer(answer_after(gate, 43), second), later);
  EXPECT_FALSE(later.ended);
  gate.open();
  EXPECT_TRUE(later.ended);
  EXPECT_EQ(second, 43);
}

TEST(Task, MovesValuesThatCannotBeCopied) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const auto use = [](Task<std::unique_ptr<int>> made, int& out) -> Task<void> {
    const std::unique_ptr<int> got = co_await made;
    out = *got;
  };
  int out = 0;
  Outcome outcome;
  start(use(make(), out), outcome);
  EXPECT_EQ(out, 7);
}

TEST(Task, ThrowsWhereItIsAwaited) {
  int result = -1;
  Outcome at_once, later;
  start(store_answer(fail("now"), result), at_once);
  EXPECT_EQ(at_once.failure, "now");
  Gate gate;
  start(store_answer(fail_after(gate, "later"), result), later);
  EXPECT_FALSE(later.ended);
  gate.open();
  EXPECT_EQ(later.failure, "later");
  EXPECT_EQ(result, -1);
}

Task<std::string> caught(Task<int> risky) {
  try {
    const int n = co_await risky;
    co_return std::to_string(n);
  } catch (const std::runtime_error& e) { co_return std::string("caught ") + e.what(); }
}
Task<void> store_text(Task<std::string> task, std::string& out) { out = co_await task; }

TEST(Task, AnExceptionIsCaughtByTheCoroutineAboveAndGoesNoFurther) {
  std::string text;
  Outcome outcome;
  start(store_text(caught(fail("it")), text), outcome);
  EXPECT_EQ(text, "caught it");
  EXPECT_TRUE(outcome.ended && outcome.failure.empty());
}

Task<int> deep(Gate& gate, int depth) {
  if (depth == 0) {
    co_await gate;
    co_return 0;
  }
  Task<int> below = deep(gate, depth - 1);
  const int n = co_await below;
  co_return n + 1;
}

TEST(Task, AChainOfAwaitersGoesOnFromTheInside) {
  Gate gate;
  int depth = 0;
  Outcome outcome;
  start(store_answer(deep(gate, 1000), depth), outcome);
  EXPECT_FALSE(outcome.ended);
  gate.open();
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(depth, 1000);
}

Task<void> sum(int count, long& total) {
  for (int i = 0; i < count; ++i) {
    Task<int> next = answer(1);
    total += co_await next;
  }
}

TEST(Task, AMillionTasksThatDoNotSuspendKeepTheStackFlat) {
  long total = 0;
  Outcome outcome;
  start(sum(1'000'000, total), outcome);
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(total, 1'000'000);
}

Task<void> wait_often(Gate& gate, int count, int& passed) {
  for (int i = 0; i < count; ++i) {
    Task<int> next = answer_after(gate, 1);
    passed += co_await next;
  }
}

TEST(Task, WaitingOftenKeepsTheStackFlatToo) {
  Gate gate;
  int passed = 0;
  Outcome outcome;
  start(wait_often(gate, 100'000, passed), outcome);
  while (gate.waiting) gate.open();
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(passed, 100'000);
}

struct Counted {
  explicit Counted(int& n) : count(n) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  int& count;
};
Task<void> hold(Gate& gate, int& alive) {
  const Counted local(alive);
  co_await gate;
}
Task<void> hold_below(Gate& gate, int& alive) {
  const Counted local(alive);
  Task<void> below = hold(gate, alive);
  co_await below;
}

TEST(Task, WhatItHoldsIsFreedWhenItEnds) {
  Gate gate;
  int alive = 0;
  Outcome outcome;
  start(hold_below(gate, alive), outcome);
  EXPECT_EQ(alive, 2);
  gate.open();
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(alive, 0);
}

TEST(Task, MovingHandsOverTheCoroutineAndAssignmentFreesTheOldOne) {
  auto witness = std::make_shared<int>(1);
  const auto keep = [](std::shared_ptr<int>) -> Task<void> { co_return; };
  Task<void> a = keep(witness);
  EXPECT_EQ(witness.use_count(), 2);
  Task<void> b = std::move(a);
  EXPECT_EQ(witness.use_count(), 2);
  b = keep(std::make_shared<int>(2));
  EXPECT_EQ(witness.use_count(), 1);
  Outcome outcome;
  start(std::move(b), outcome);
  EXPECT_TRUE(outcome.ended);
}

// The owner may end inside resume(): a session that closes itself destroys what it awaited.
Task<void> own_and_end(std::vector<Task<int>>& tasks, int& result) {
  result = co_await tasks.front();
  tasks.clear();
}

TEST(Task, TheAwaiterMayDestroyTheTaskItWaitedFor) {
  Gate gate;
  std::vector<Task<int>> tasks;
  tasks.push_back(answer_after(gate, 5));
  int result = 0;
  Outcome outcome;
  start(own_and_end(tasks, result), outcome);
  gate.open();
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(result, 5);
  EXPECT_TRUE(tasks.empty());
}

TEST(TaskDeathTest, AwaitingNothingIsAFaultOfOurs) {
  EXPECT_DEATH(
      {
        Outcome outcome;
        int result = 0;
        start(store_answer(Task<int>(), result), outcome);
      },
      "a fault of ours: handle_");
}

}  // namespace
}  // namespace pabal
