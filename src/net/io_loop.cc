#include "net/io_loop.h"

#include <pthread.h>
#include <signal.h>

#include <boost/asio/post.hpp>
#include <condition_variable>

#include "net/io_internal.h"

namespace pabal::net {

namespace asio = boost::asio;

constexpr milliseconds kStopPatience{3'000};

// Dropped from outside its own call it never runs; the shared state keeps Asio's handler harmless after the drop.
class IoLoop::IoTimer final : public Timer {
 public:
  IoTimer(IoLoop& loop, Time when, std::function<void()> f)
      : loop_(loop), timer_(loop.context_), call_(std::make_shared<std::function<void()>>(std::move(f))) {
    loop_.timers_.insert(this);
    const Time now = loop_.now();
    timer_.expires_after(loop_.stopping_ || when <= now ? Duration(0) : when - now);
    timer_.async_wait([call = call_](const boost::system::error_code&) {
      if (!*call) return;
      const auto run = std::exchange(*call, nullptr);  // once; it may drop this timer
      run();
    });
  }
  ~IoTimer() override {
    loop_.timers_.erase(this);
    *call_ = nullptr;
    timer_.cancel();
  }
  void fire_now() { timer_.cancel(); }

 private:
  IoLoop& loop_;
  asio::steady_timer timer_;
  std::shared_ptr<std::function<void()>> call_;
};

IoLoop::IoLoop() : work_(context_.get_executor()) {
  thread_ = std::thread([this] { context_.run(); });
}

IoLoop::~IoLoop() {
  begin_stop();
  finish_stop();
}

void IoLoop::post(std::function<void()> f) { asio::post(context_, std::move(f)); }

std::unique_ptr<Loop::Timer> IoLoop::at(Time when, std::function<void()> f) {
  return std::make_unique<IoTimer>(*this, when, std::move(f));
}

void IoLoop::begin_stop() {
  if (!work_) return;
  post([this] {
    stopping_ = true;
    const std::set<IoStream*> streams = streams_;
    for (IoStream* stream : streams)
      if (streams_.contains(stream)) stream->close();
    for (IoTimer* timer : timers_) timer->fire_now();
  });
}

void IoLoop::finish_stop() {
  if (!work_) return;
  for (auto end = clock_.now() + kStopPatience; tasks_ > 0 && clock_.now() < end;)
    std::this_thread::sleep_for(milliseconds(1));
  work_.reset();
  context_.stop();
  thread_.join();
}

struct IoLoops::Impl {
  std::vector<std::unique_ptr<IoLoop>> loops;
  std::unique_ptr<Network> network;
  bool stopped = false;
};

std::unique_ptr<Network> make_io_network(IoLoops& loops);  // listen.cc

IoLoops::IoLoops(size_t count) : impl_(std::make_unique<Impl>()) {
  ::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is an error of the write, not of the process
  for (size_t i = 0; i < std::max<size_t>(1, count); ++i) impl_->loops.push_back(std::make_unique<IoLoop>());
  impl_->network = make_io_network(*this);
}

IoLoops::~IoLoops() { stop(); }
size_t IoLoops::size() const { return impl_->loops.size(); }
Loop& IoLoops::loop(size_t index) { return *impl_->loops[index]; }
Network& IoLoops::network() { return *impl_->network; }

void IoLoops::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  for (const auto& loop : impl_->loops) loop->begin_stop();
  for (const auto& loop : impl_->loops) loop->finish_stop();
}

namespace {
sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}
}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int wait_signal() {
  const sigset_t set = handled_signals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {}
  return signal;
}

}  // namespace pabal::net
