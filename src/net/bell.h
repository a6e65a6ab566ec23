// One coroutine waits until somebody rings. A ring while nobody waits is kept: the next wait() ends at once. Loop
// thread only.
#pragma once

#include <coroutine>
#include <memory>
#include <utility>

#include "net/loop.h"

namespace pabal::net {

class Bell {
 public:
  void ring() {
    if (waiting_)
      std::exchange(waiting_, nullptr).resume();
    else
      rung_ = true;
  }

  struct Awaiter {
    Bell& bell;
    bool await_ready() const noexcept { return std::exchange(bell.rung_, false); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { bell.waiting_ = waiting; }
    void await_resume() const noexcept {}
  };
  Awaiter wait() { return Awaiter{*this}; }

  // Gives false when nobody has rung until `deadline`.
  struct TimedAwaiter {
    Bell& bell;
    Loop& loop;
    Time deadline;
    std::unique_ptr<Loop::Timer> timer = nullptr;
    bool late = false;
    bool await_ready() const noexcept { return std::exchange(bell.rung_, false); }
    void await_suspend(std::coroutine_handle<> waiting) {
      bell.waiting_ = waiting;
      timer = loop.at(deadline, [this] {
        late = true;
        std::exchange(bell.waiting_, nullptr).resume();
      });
    }
    bool await_resume() noexcept {
      timer.reset();
      return !late;
    }
  };
  TimedAwaiter wait_until(Loop& loop, Time deadline) { return TimedAwaiter{*this, loop, deadline}; }

 private:
  std::coroutine_handle<> waiting_;
  bool rung_ = false;
};

}  // namespace pabal::net
