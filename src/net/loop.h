// net: event loops, streams, TLS, listeners, connecting. Only the .cc files of this room include Asio.
//
// Loop: one thread's event loop. A session stays on the loop that accepted it; everything it awaits resumes it there.
// Two kinds: the real one (io_loop.h) and the simulated one with virtual time (sim.h).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

namespace pabal::net {

class Loop : public Clock {
 public:
  // Runs `f` soon on this loop's thread. Thread-safe. Functions of one poster run in the order posted.
  virtual void post(std::function<void()> f) = 0;

  // Runs `f` at `when` on this loop, unless the Timer is dropped before. Loop thread only.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  virtual std::unique_ptr<Timer> at(Time when, std::function<void()> f) = 0;

  // Starts `task` on this loop (thread-safe) and owns it until it ends; an escaping exception is logged.
  void spawn(Task<void> task);

  // from_callback tells when it begins and ends to wait for another thread: virtual time stands still meanwhile.
  virtual void waiting_outside(int change) { static_cast<void>(change); }

 protected:
  // Tell a loop of its spawned tasks, so that it can wait for them when it stops. Any thread.
  virtual void started() {}
  virtual void ended() {}
};

// Suspends for `d`. Loop thread only.
Task<void> sleep(Loop& loop, Duration d);

// Runs them side by side and waits for all. They start at once, on the calling loop; what they refer to must live till
// then. The first exception is passed on.
Task<void> all(std::vector<Task<void>> tasks);

// Bridges callbacks (store commits, pools, DNS) to coroutines: `start` receives a function that any thread may call
// once with the result; the awaiting coroutine resumes on `loop`. The callback must come, always.
template <typename T>
Task<T> from_callback(Loop& loop, std::function<void(std::function<void(T)>)> start);

// A few threads for work that blocks or burns (password hashing, big searches). Bounded: kLimit when full.
class Pool {
 public:
  virtual ~Pool() = default;
  virtual bool submit(std::function<void()> f) = 0;  // false: the queue is full
};
std::unique_ptr<Pool> make_pool(size_t threads, size_t queue_limit);

// Runs `f` on the pool; the result comes back on `loop`. kLimit when the pool is full.
template <typename T>
Task<Result<T>> run_on(Pool& pool, Loop& loop, std::function<Result<T>()> f);

}  // namespace pabal::net

#include "net/loop_inl.h"
