// The rooms over one open store, as the server and the commands use them.
#pragma once

#include <memory>

#include "app/config.h"
#include "base/id.h"
#include "base/random.h"
#include "dns/resolver.h"
#include "identity/directory.h"
#include "mailbox/mailbox.h"
#include "push/outlets.h"
#include "queue/queue.h"
#include "sieve/scripts.h"
#include "store/store.h"
#include "watch/trace.h"

namespace pabal::app {

struct Rooms {
  std::string hostname;               // of the configuration
  Config config;                      // as read at the start
  dns::Resolver* resolver = nullptr;  // of the running server; null: a command opens its own
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<IdSource> ids;
  std::unique_ptr<identity::Directory> directory;
  std::unique_ptr<mailbox::Mailboxes> mailboxes;
  std::unique_ptr<queue::Queue> queue;
  std::unique_ptr<watch::Trace> trace;
  std::unique_ptr<sieve::Scripts> scripts;
  std::unique_ptr<push::Outlets> outlets;
};

// Opens (or makes) the store in config.store_dir(). kUnavailable: another process has it open.
Result<std::unique_ptr<Rooms>> open_rooms(const Config& config);

// The zones of the configuration, and behind them the world's DNS.
Result<std::unique_ptr<dns::Resolver>> open_resolver(const Config& config);

}  // namespace pabal::app
