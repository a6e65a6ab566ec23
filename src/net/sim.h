// A loop with virtual time and a network in memory: whole servers in one thread, replayed from a seed.
#pragma once

#include <map>
#include <memory>
#include <queue>

#include "net/loop.h"
#include "net/stream.h"

namespace pabal::net {

// Runs on the caller's thread. Time stands still while there is work, then jumps to the next timer.
class SimLoop final : public Loop {
 public:
  explicit SimLoop(Time start = from_unix(1'800'000'000));
  ~SimLoop() override;
  Time now() const override;
  void post(std::function<void()> f) override;  // thread-safe
  std::unique_ptr<Timer> at(Time when, std::function<void()> f) override;
  void waiting_outside(int change) override;  // a store commit or pool job under way: time waits for it

  void run_until_idle();     // runs what is posted; does not advance time
  void run_for(Duration d);  // runs everything due within d, jumping from timer to timer
  bool run_until(const std::function<bool()>& done, Duration at_most);  // false: `at_most` passed first

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// In-memory connections between addresses. TLS calls succeed without encrypting and set TlsInfo{"TLSv1.3","SIM"}.
class SimNetwork final : public Network {
 public:
  explicit SimNetwork(SimLoop& loop);
  ~SimNetwork() override;
  Result<std::unique_ptr<Listener>> listen(ListenOptions options, OnStream on_stream) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, std::string source_ip, Time deadline) override;

  // Faults. `refuse`: connecting to `ip` fails with kUnavailable. `blackhole`: it hangs until the deadline.
  // `cut_after`: the next connection to `ip` breaks (kIo both ways) after `octets` have been written by the client.
  void refuse(std::string ip, bool on = true);
  void blackhole(std::string ip, bool on = true);
  void cut_after(std::string ip, size_t octets);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Two ends of one in-memory stream, for protocol tests.
struct StreamPair {
  std::unique_ptr<Stream> client, server;
};
StreamPair make_stream_pair(SimLoop& loop);

}  // namespace pabal::net
