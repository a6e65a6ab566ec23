// One coroutine waits until somebody rings. A ring while nobody waits is kept: the next wait() ends at once. Loop
// thread only.
#pragma once

#include <coroutine>
#include <utility>

namespace pabal::access::imap {

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

 private:
  std::coroutine_handle<> waiting_;
  bool rung_ = false;
};

}  // namespace pabal::access::imap
