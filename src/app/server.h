// One running server: a store, its roles on their listeners, the outbound worker and the admin socket. `serve` runs
// one, the demo two in one process.
#pragma once

#include <memory>
#include <vector>

#include "app/config.h"
#include "app/rooms.h"
#include "net/io_loop.h"

namespace pabal::app {

class Server {
 public:
  // Opens the store and listens. Nothing is left running when it fails.
  static Result<std::unique_ptr<Server>> start(const Config& config);
  ~Server();  // stop(): finishes what was acknowledged, ends sessions, closes the store

  // SIGHUP: certificates and log level anew; says what changed in the file but needs a restart.
  Result<void> reload();

  Rooms& rooms();
  const Config& config() const;
  std::vector<net::Address> addresses() const;  // as bound, in the order of the listeners

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pabal::app
