#include "net/sim.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>

namespace pabal::net {

// --- SimLoop --------------------------------------------------------------------------------------------------------

struct SimLoop::Impl {
  struct Key {
    Time when;
    uint64_t order;
    auto operator<=>(const Key&) const = default;
  };
  Time now;
  uint64_t order = 0;
  std::map<Key, std::function<void()>> timers;
  std::mutex mutex;  // posts come from store and pool threads too
  std::condition_variable arrived;
  std::deque<std::function<void()>> posted;
  int outside = 0;  // loop thread only

  bool run_one() {
    std::function<void()> f;
    {
      std::unique_lock lock(mutex);
      // Another thread owes a result: its post comes in real time, which is not this loop's.
      if (outside > 0) arrived.wait_for(lock, std::chrono::seconds(30), [&] { return !posted.empty(); });
      if (posted.empty()) return false;
      f = std::move(posted.front());
      posted.pop_front();
    }
    f();
    return true;
  }
};

namespace {
struct SimTimer final : Loop::Timer {
  std::function<void()> cancel;
  ~SimTimer() override { cancel(); }
};
}  // namespace

SimLoop::SimLoop(Time start) : impl_(std::make_unique<Impl>()) { impl_->now = start; }
SimLoop::~SimLoop() = default;
Time SimLoop::now() const { return impl_->now; }

void SimLoop::post(std::function<void()> f) {
  // Under the lock to the end: once it is free, the loop may run `f` and be gone.
  std::lock_guard lock(impl_->mutex);
  impl_->posted.push_back(std::move(f));
  impl_->arrived.notify_one();
}

void SimLoop::waiting_outside(int change) { impl_->outside += change; }

std::unique_ptr<Loop::Timer> SimLoop::at(Time when, std::function<void()> f) {
  const Impl::Key key{std::max(when, impl_->now), impl_->order++};
  impl_->timers.emplace(key, std::move(f));
  auto timer = std::make_unique<SimTimer>();
  timer->cancel = [impl = impl_.get(), key] { impl->timers.erase(key); };
  return timer;
}

void SimLoop::run_until_idle() {
  while (impl_->run_one()) {}
}

void SimLoop::run_for(Duration d) {
  const Time end = impl_->now + d;
  run_until([] { return false; }, d);
  impl_->now = std::max(impl_->now, end);
}

bool SimLoop::run_until(const std::function<bool()>& done, Duration at_most) {
  const Time end = impl_->now + at_most;
  for (;;) {
    if (done()) return true;
    if (impl_->run_one()) continue;
    if (impl_->timers.empty() || impl_->timers.begin()->first.when > end) return false;
    auto node = impl_->timers.extract(impl_->timers.begin());
    impl_->now = node.key().when;
    node.mapped()();
  }
}

// --- streams in memory ----------------------------------------------------------------------------------------------

namespace {

constexpr size_t kWindow = 256 * 1024;  // octets a direction holds before the writer waits

// One direction of a connection.
struct Pipe {
  std::string data;
  bool closed = false;  // the writer has closed: readers get what is left, then 0
  bool broken = false;  // cut: both sides fail
  size_t cut_after = SIZE_MAX;
  std::function<void()> wake_reader, wake_writer;

  void wake(std::function<void()>& who) {
    if (auto f = std::exchange(who, nullptr)) f();
  }
};

// Suspends until the pipe calls, or the deadline passes.
struct PipeAwaiter {
  SimLoop& loop;
  std::function<void()>& slot;
  Time deadline;
  bool timed_out = false;
  std::unique_ptr<Loop::Timer> timer = nullptr;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    // Resume by post: the other side is in the middle of its own work.
    slot = [this, waiting] {
      timer.reset();
      loop.post([waiting] { waiting.resume(); });
    };
    timer = loop.at(deadline, [this, waiting] {
      timed_out = true;
      slot = nullptr;
      waiting.resume();
    });
  }
  void await_resume() const noexcept {}
};

class SimStream final : public Stream {
 public:
  SimStream(SimLoop& loop, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, Address local, Address remote)
      : loop_(loop), in_(std::move(in)), out_(std::move(out)), local_(std::move(local)), remote_(std::move(remote)) {}
  ~SimStream() override { close(); }

  Task<Result<size_t>> read(std::span<char> buffer, Time deadline) override {
    for (;;) {
      if (closed_) co_return Error{Code::kClosed, "the connection was closed here"};
      if (in_->broken) co_return Error{Code::kIo, "the connection broke"};
      if (!in_->data.empty()) {
        const size_t n = std::min(buffer.size(), in_->data.size());
        std::copy_n(in_->data.data(), n, buffer.data());
        in_->data.erase(0, n);
        in_->wake(in_->wake_writer);
        co_return n;
      }
      if (in_->closed) co_return size_t{0};
      PipeAwaiter awaiter{loop_, in_->wake_reader, deadline};
      co_await awaiter;
      if (awaiter.timed_out) co_return Error{Code::kTimeout, "nothing came in time"};
    }
  }

  Task<Result<void>> write(std::string_view data, Time deadline) override {
    while (!data.empty()) {
      if (closed_) co_return Error{Code::kClosed, "the connection was closed here"};
      if (out_->broken || out_->closed) co_return Error{Code::kIo, "the connection broke"};
      if (out_->data.size() >= kWindow) {
        PipeAwaiter awaiter{loop_, out_->wake_writer, deadline};
        co_await awaiter;
        if (awaiter.timed_out) co_return Error{Code::kTimeout, "the other side took nothing in time"};
        continue;
      }
      const size_t n = std::min({data.size(), kWindow - out_->data.size(), out_->cut_after});
      out_->data += data.substr(0, n);
      data.remove_prefix(n);
      if (out_->cut_after != SIZE_MAX) out_->cut_after -= n;
      if (out_->cut_after == 0) break_both();
      out_->wake(out_->wake_reader);
    }
    co_return Result<void>();
  }

  Task<Result<void>> tls_accept(std::shared_ptr<TlsServer>, Time) override { return pretend(); }
  Task<Result<void>> tls_connect(TlsClientOptions options, Time) override {
    info_.server_name = options.server_name;
    return pretend();
  }
  void close() override {
    if (std::exchange(closed_, true)) return;
    out_->closed = true;
    out_->wake(out_->wake_reader);
    in_->broken = true;  // what the peer still writes goes nowhere
    in_->wake(in_->wake_writer);
    in_->wake(in_->wake_reader);
  }
  const TlsInfo* tls() const override { return info_.version.empty() ? nullptr : &info_; }
  Address local() const override { return local_; }
  Address remote() const override { return remote_; }
  Loop& loop() override { return loop_; }

 private:
  Task<Result<void>> pretend() {
    info_.version = "TLSv1.3";
    info_.cipher = "SIM";
    co_return Result<void>();
  }
  void break_both() {
    for (const auto& pipe : {in_, out_}) {
      pipe->broken = true;
      pipe->wake(pipe->wake_reader);
      pipe->wake(pipe->wake_writer);
    }
  }

  SimLoop& loop_;
  std::shared_ptr<Pipe> in_, out_;
  Address local_, remote_;
  TlsInfo info_;
  bool closed_ = false;
};

StreamPair connect_pair(SimLoop& loop, Address client, Address server, size_t cut_after) {
  auto up = std::make_shared<Pipe>(), down = std::make_shared<Pipe>();
  up->cut_after = cut_after;
  return {std::make_unique<SimStream>(loop, down, up, client, server),
          std::make_unique<SimStream>(loop, up, down, server, client)};
}

}  // namespace

StreamPair make_stream_pair(SimLoop& loop) {
  return connect_pair(loop, {"127.0.0.1", 40000}, {"127.0.0.1", 25}, SIZE_MAX);
}

// --- SimNetwork -----------------------------------------------------------------------------------------------------

struct SimNetwork::Impl {
  SimLoop& loop;
  std::map<std::pair<std::string, uint16_t>, OnStream> listeners;
  std::set<std::string> refused, black;
  std::map<std::string, size_t> cuts;
  uint16_t next_port = 40001;
};

namespace {
struct SimListener final : Listener {
  Address address;
  std::function<void()> end;
  ~SimListener() override { end(); }
  Address local() const override { return address; }
};
}  // namespace

SimNetwork::SimNetwork(SimLoop& loop) : impl_(new Impl{loop, {}, {}, {}, {}}) {}
SimNetwork::~SimNetwork() = default;

Result<std::unique_ptr<Listener>> SimNetwork::listen(ListenOptions options, OnStream on_stream) {
  const auto key = std::pair(options.address.ip, options.address.port);
  if (!impl_->listeners.emplace(key, std::move(on_stream)).second)
    return Error{Code::kExists, options.address.text() + " is in use"};
  auto made = std::make_unique<SimListener>();
  made->address = options.address;
  made->end = [impl = impl_.get(), key] { impl->listeners.erase(key); };
  return std::unique_ptr<Listener>(std::move(made));
}

Task<Result<std::unique_ptr<Stream>>> SimNetwork::connect(Loop& loop, Address to, std::string source_ip,
                                                          Time deadline) {
  if (impl_->black.contains(to.ip)) {
    Task<void> waiting = sleep(loop, deadline - loop.now());
    co_await waiting;
    co_return Error{Code::kTimeout, "no answer from " + to.text()};
  }
  const auto found = impl_->listeners.find({to.ip, to.port});
  if (found == impl_->listeners.end() || impl_->refused.contains(to.ip))
    co_return Error{Code::kUnavailable, to.text() + " refuses connections"};
  size_t cut = SIZE_MAX;
  if (const auto planned = impl_->cuts.find(to.ip); planned != impl_->cuts.end()) {
    cut = planned->second;
    impl_->cuts.erase(planned);
  }
  StreamPair pair =
      connect_pair(impl_->loop, {source_ip.empty() ? "127.0.0.1" : source_ip, impl_->next_port++}, to, cut);
  auto server = std::make_shared<std::unique_ptr<Stream>>(std::move(pair.server));
  loop.post([on_stream = found->second, server] { on_stream(std::move(*server)); });
  co_return std::move(pair.client);
}

void SimNetwork::refuse(std::string ip, bool on) {
  on ? void(impl_->refused.insert(ip)) : void(impl_->refused.erase(ip));
}
void SimNetwork::blackhole(std::string ip, bool on) {
  on ? void(impl_->black.insert(ip)) : void(impl_->black.erase(ip));
}
void SimNetwork::cut_after(std::string ip, size_t octets) { impl_->cuts[ip] = octets; }

}  // namespace pabal::net
