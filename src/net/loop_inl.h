// The templates of loop.h.
#pragma once

#include <optional>

namespace pabal::net {

namespace detail {
template <typename T>
struct CallbackAwaiter {
  Loop& loop;
  std::function<void(std::function<void(T)>)> start;
  std::shared_ptr<std::optional<T>> slot = std::make_shared<std::optional<T>>();

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Loop* const home = &loop;
    // The awaiter may be gone as soon as the posted function has run: copy what is used after start().
    auto begin = std::move(start);
    home->waiting_outside(1);
    begin([home, waiting, result = slot](T value) {
      auto held = std::make_shared<T>(std::move(value));
      home->post([home, waiting, result, held] {
        home->waiting_outside(-1);
        result->emplace(std::move(*held));
        waiting.resume();
      });
    });
  }
  T await_resume() { return std::move(**slot); }
};
}  // namespace detail

template <typename T>
Task<T> from_callback(Loop& loop, std::function<void(std::function<void(T)>)> start) {
  detail::CallbackAwaiter<T> awaiter{loop, std::move(start)};
  co_return co_await awaiter;
}

template <typename T>
Task<Result<T>> run_on(Pool& pool, Loop& loop, std::function<Result<T>()> f) {
  // Named, not temporaries of the co_await expression: g++ 12 destroys those twice.
  std::function<void(std::function<void(Result<T>)>)> start = [&pool, f](std::function<void(Result<T>)> done) {
    if (!pool.submit([f, done] { done(f()); })) done(Error{Code::kLimit, "the server is busy; try again in a minute"});
  };
  Task<Result<T>> waiting = from_callback<Result<T>>(loop, start);
  co_return co_await waiting;
}

}  // namespace pabal::net
