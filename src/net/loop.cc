#include "net/loop.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"

namespace pabal::net {
namespace {

void report(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    log::error("net", std::string("a session ended by an exception: ") + e.what());
  } catch (...) { log::error("net", "a session ended by an exception of unknown kind"); }
}

struct SleepAwaiter {
  Loop& loop;
  Time until;
  std::unique_ptr<Loop::Timer> timer = nullptr;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    timer = loop.at(until, [waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}
};

struct Together {
  size_t left;
  std::coroutine_handle<> waiting{};
  std::exception_ptr failure{};
};

struct TogetherAwaiter {
  Together& state;
  bool await_ready() const noexcept { return state.left == 0; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { state.waiting = waiting; }
  void await_resume() const noexcept {}
};

class ThreadPool final : public Pool {
 public:
  ThreadPool(size_t threads, size_t limit) : limit_(limit) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~ThreadPool() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  bool submit(std::function<void()> f) override {
    {
      std::lock_guard lock(mutex_);
      if (stopping_ || queue_.size() >= limit_) return false;
      queue_.push_back(std::move(f));
    }
    wake_.notify_one();
    return true;
  }

 private:
  void run() {
    for (;;) {
      std::function<void()> f;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;  // what was submitted is done even when stopping
        f = std::move(queue_.front());
        queue_.pop_front();
      }
      f();
    }
  }

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

void Loop::spawn(Task<void> task) {
  auto held = std::make_shared<Task<void>>(std::move(task));
  started();
  post([this, held] {
    start_detached(std::move(*held), [this](std::exception_ptr failure) {
      report(failure);
      ended();
    });
  });
}

Task<void> all(std::vector<Task<void>> tasks) {
  const auto state = std::make_shared<Together>(Together{tasks.size()});
  for (Task<void>& task : tasks)
    start_detached(std::move(task), [state](std::exception_ptr failure) {
      if (failure && !state->failure) state->failure = failure;
      if (--state->left == 0 && state->waiting) state->waiting.resume();
    });
  TogetherAwaiter awaiter{*state};
  co_await awaiter;
  if (state->failure) std::rethrow_exception(state->failure);
}

Task<void> sleep(Loop& loop, Duration d) {
  SleepAwaiter awaiter{loop, loop.now() + d};
  co_await awaiter;
}

std::unique_ptr<Pool> make_pool(size_t threads, size_t queue_limit) {
  return std::make_unique<ThreadPool>(threads, queue_limit);
}

}  // namespace pabal::net
