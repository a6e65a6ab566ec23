// A task awaited by a thread that is no event loop.
#pragma once

#include <future>
#include <memory>

#include "base/task.h"
#include "net/loop.h"

namespace pabal::app {

template <typename T>
Task<void> fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  T value = co_await task;
  promise->set_value(std::move(value));
}

// Runs the task on the loop, which must outlive it, and waits for what it gives.
template <typename T>
T wait_for(net::Loop& loop, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  loop.spawn(fulfil(std::move(task), promise));
  return future.get();
}

}  // namespace pabal::app
