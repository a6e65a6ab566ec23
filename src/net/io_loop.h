// The real loops and sockets: one thread a loop, Asio underneath.
#pragma once

#include <memory>
#include <vector>

#include "net/loop.h"
#include "net/stream.h"

namespace pabal::net {

// `count` loops, each with its thread, started at once. Streams of a listener are dealt round robin over the loops.
// Listeners and streams must be dropped before it.
class IoLoops {
 public:
  explicit IoLoops(size_t count);
  ~IoLoops();  // stop()
  IoLoops(const IoLoops&) = delete;
  IoLoops& operator=(const IoLoops&) = delete;

  size_t size() const;
  Loop& loop(size_t index);
  Network& network();
  // Closes all streams, fires all timers, and gives the tasks three seconds to end by that; then ends the threads. A
  // task that still waits for somebody else (a pool) is abandoned: its frame is not freed. Idempotent; call it from
  // outside the loops.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Unix-domain stream sockets for the admin channel. The file is created with mode 0600 and removed on drop.
Result<std::unique_ptr<Listener>> listen_unix(IoLoops& loops, std::string path, Network::OnStream on_stream);

// SIGTERM/SIGINT/SIGHUP as a blocking wait for the main thread: returns the signal number. Call block_signals() before
// any thread starts.
void block_signals();
int wait_signal();

}  // namespace pabal::net
