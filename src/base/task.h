// Task<T>: a lazy coroutine that its awaiter owns. It starts when awaited and hands its result back on the same loop.
//
// Why not boost::asio::awaitable: this header compiles in milliseconds, so that only net/ pays for Asio, and a session
// written with it runs on the simulated loop of net/sim.h as well.
//
// Rules: one awaiter, one await. Parameters by value. A Task is not thread-safe: everything it awaits must resume it on
// the loop it started on. A Task that finishes without suspending does not grow the stack, however often it is awaited.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace pabal {

template <typename T>
class Task;

namespace task_detail {

struct PromiseBase {
  std::coroutine_handle<> awaiter;
  std::exception_ptr exception;
  bool finished = false;
  bool awaiter_suspended = false;

  struct Final {
    bool await_ready() noexcept { return false; }
    template <typename P>
    void await_suspend(std::coroutine_handle<P> self) noexcept {
      PromiseBase& promise = self.promise();
      promise.finished = true;
      // The awaiter may destroy this coroutine: nothing of it is touched after resume().
      if (promise.awaiter_suspended) promise.awaiter.resume();
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() noexcept {}
  void take() noexcept {}
};

}  // namespace task_detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiter) noexcept {
      handle.promise().awaiter = awaiter;
      handle.resume();
      if (handle.promise().finished) return false;  // done already: carry on without suspending
      handle.promise().awaiter_suspended = true;
      return true;
    }
    T await_resume() {
      if (handle.promise().exception) std::rethrow_exception(handle.promise().exception);
      return handle.promise().take();
    }
  };
  Awaiter operator co_await() && noexcept {
    PABAL_CHECK(handle_);
    return Awaiter{handle_};
  }
  Awaiter operator co_await() & noexcept {
    PABAL_CHECK(handle_);
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

namespace task_detail {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine nobody awaits: it frees itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};
}  // namespace task_detail

// Starts `task` now, on the calling thread, and forgets it; `on_end(exception_ptr)` is called when it has finished.
// Loops use this in spawn(); other code spawns by its loop.
template <typename OnEnd>
void start_detached(Task<void> task, OnEnd on_end) {
  [](Task<void> owned, OnEnd end) -> task_detail::Detached {
    std::exception_ptr failure;
    try {
      co_await owned;
    } catch (...) { failure = std::current_exception(); }
    end(failure);
  }(std::move(task), std::move(on_end));
}

}  // namespace pabal
