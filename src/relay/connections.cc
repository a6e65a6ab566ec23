#include "relay/connections.h"

#include <algorithm>

namespace pabal::relay {
namespace {

Task<void> say_goodbye(Connection connection) {
  Task<void> quitting = connection.client->quit();
  co_await quitting;
}

}  // namespace

Connections::Turn::Turn(Turn&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      destination_(std::move(other.destination_)),
      failure_(std::move(other.failure_)) {}

Connections::Turn::~Turn() {
  if (owner_) owner_->leave(destination_);
}

struct Connections::WaitAwaiter {
  Destination& destination;  // used before the suspension only
  Waiter& waiter;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiter.coroutine = waiting;
    destination.waiting.push_back(&waiter);
  }
  void await_resume() const noexcept {}
};

Task<Connections::Turn> Connections::take_turn(std::string destination, size_t limit) {
  if (stopping_) co_return Turn("4.3.2 the server is stopping");
  Waiter waiter;
  {
    Destination& d = destinations_[destination];
    if (d.in_use < limit) {
      ++d.in_use;
      co_return Turn(*this, destination);
    }
    if (lately_failed(d)) co_return Turn(d.failure);
    WaitAwaiter awaiter{d, waiter};
    co_await awaiter;
  }
  if (waiter.failure) co_return Turn(*waiter.failure);
  co_return Turn(*this, destination);  // whoever left handed his place over: in_use stayed
}

void Connections::leave(const std::string& destination) {
  const auto found = destinations_.find(destination);
  Destination& d = found->second;
  if (!d.waiting.empty()) {
    Waiter* const next = d.waiting.front();
    d.waiting.pop_front();
    loop_.post([next] { next->coroutine.resume(); });
    return;
  }
  if (--d.in_use == 0 && d.idle.empty() && !d.failed_at) destinations_.erase(found);
}

bool Connections::lately_failed(const std::string& destination) const {
  const auto found = destinations_.find(destination);
  return found != destinations_.end() && lately_failed(found->second);
}

void Connections::send_away(Destination& d, const std::string& why) {
  for (Waiter* const waiter : std::exchange(d.waiting, {})) {
    waiter->failure = why;
    loop_.post([waiter] { waiter->coroutine.resume(); });
  }
}

void Connections::failed(const std::string& destination, const std::string& why) {
  Destination& d = destinations_[destination];
  d.failed_at = loop_.now();
  d.failure = why;
  send_away(d, why);
  plan_sweep();
}

std::optional<Connection> Connections::warm(const std::string& destination, bool proven) {
  const auto found = destinations_.find(destination);
  if (found == destinations_.end()) return {};
  std::list<Connection>& idle = found->second.idle;
  const auto last = std::find_if(idle.rbegin(), idle.rend(), [&](const Connection& c) { return c.proven || !proven; });
  if (last == idle.rend()) return {};
  Connection taken = std::move(*last);
  idle.erase(std::next(last).base());
  return taken;
}

void Connections::keep(const std::string& destination, Connection connection) {
  if (stopping_ || !connection.client->usable() || connection.messages >= kMessagesPerConnection)
    return dismiss(std::move(connection));
  Destination& d = destinations_[destination];
  d.failed_at.reset();  // it answers
  connection.idle_since = loop_.now();
  d.idle.push_back(std::move(connection));
  plan_sweep();
}

void Connections::dismiss(Connection connection) { loop_.spawn(say_goodbye(std::move(connection))); }

void Connections::plan_sweep() {
  if (stopping_) return;  // a loop that stops fires every timer at once
  std::optional<Time> first;
  const auto at = [&](Time t) { first = std::min(first.value_or(t), t); };
  for (const auto& [name, d] : destinations_) {
    if (!d.idle.empty()) at(d.idle.front().idle_since + kKeepWarm);
    if (d.failed_at) at(*d.failed_at + kFailureShared);
  }
  if (!first)
    sweeper_.reset();
  else if (!sweeper_)
    sweeper_ = loop_.at(*first, [this] { sweep(); });
}

// Closes what nobody wanted for a while, and forgets old failures.
void Connections::sweep() {
  const Time now = loop_.now();
  for (auto it = destinations_.begin(); it != destinations_.end();) {
    Destination& d = it->second;
    while (!d.idle.empty() && d.idle.front().idle_since + kKeepWarm <= now) {
      dismiss(std::move(d.idle.front()));
      d.idle.pop_front();
    }
    if (!lately_failed(d)) d.failed_at.reset();
    const bool unused = d.in_use == 0 && d.idle.empty() && d.waiting.empty() && !d.failed_at;
    it = unused ? destinations_.erase(it) : std::next(it);
  }
  sweeper_.reset();
  plan_sweep();
}

void Connections::stop() {
  stopping_ = true;
  sweeper_.reset();
  for (auto& [name, d] : destinations_) {
    send_away(d, "4.3.2 the server is stopping");
    for (Connection& connection : std::exchange(d.idle, {})) dismiss(std::move(connection));
  }
}

size_t Connections::warm_count() const {
  size_t count = 0;
  for (const auto& [name, d] : destinations_) count += d.idle.size();
  return count;
}

}  // namespace pabal::relay
