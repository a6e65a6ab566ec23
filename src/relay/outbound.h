// relay::Outbound: takes due queue entries, finds routes, sends, and writes every outcome (entry, trace, reports) in one transaction.
// Its memory is the entries under way, not the queue. What it knows besides the store (connections, domains under way) may be
// lost at any time: after a crash the entries are due again.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "dns/resolver.h"
#include "mailbox/local_delivery.h"
#include "queue/queue.h"
#include "relay/dsn.h"
#include "relay/route.h"
#include "smtp/client.h"
#include "watch/trace.h"

namespace pabal::relay {

struct OutboundServices {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  dns::Resolver& resolver;
  net::Network& network;
  net::Pool& pool;
  IdSource& ids;
  Random& random;
};

struct OutboundOptions {
  std::string hostname;
  uint16_t port = 25;
  std::string source_ip;
  std::string smarthost;        // "[host]:port", or empty
  size_t max_active = 100;      // entries under way
  size_t per_domain = 8;        // connections to one domain
};

constexpr seconds kKeepWarm{5};             // a connection waits this long for the next message
constexpr size_t kMessagesPerConnection = 100;
constexpr seconds kConnectTime{30};
constexpr minutes kRecheck{1};              // the queue is looked at this often even when nothing wakes us

class Outbound {
 public:
  // Everything runs on `loop`. Stop it, and let its tasks end, before it is destroyed.
  Outbound(net::Loop& loop, OutboundServices services, OutboundOptions options);
  ~Outbound();
  void start();
  void stop();  // any thread; no new attempts
  size_t active() const { return active_.size(); }

 private:
  // What an attempt found out about one recipient.
  struct Outcome {
    std::string address;
    enum class Kind { kDelivered, kFailed, kDeferred } kind = Kind::kDeferred;
    std::string reply, host, tls;
    bool peer_reports = false;  // the next server does DSN itself
  };
  struct Connection {
    std::unique_ptr<smtp::ClientConnection> client;
    std::string host, tls;
    size_t messages = 0;
    Time idle_since;
  };
  struct Domain {
    size_t connections = 0;
    std::list<Connection> idle;
    std::list<std::function<void()>> waiting;
  };
  struct TurnAwaiter;

  void look();
  Task<void> attempt(queue::QueueId id);
  Task<std::vector<Outcome>> send(queue::Entry entry, std::string domain, std::vector<queue::Recipient> recipients);
  Task<std::vector<Outcome>> send_outside(queue::Entry entry, std::string domain, std::vector<queue::Recipient> recipients, std::string content);
  Task<Result<Connection>> connect(std::string domain);
  Task<Result<Connection>> connect_to(Hop hop, uint16_t port, bool tls);
  Task<void> record(queue::QueueId id, std::vector<Outcome> outcomes);
  Result<void> apply(store::Transaction& t, queue::QueueId id, const std::vector<Outcome>& outcomes, const std::string& original);
  Result<void> report(store::Transaction& t, DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about,
                      const std::string& original);
  Task<void> deliver_local(queue::Entry entry, std::vector<queue::Recipient> recipients, std::vector<Outcome>& out);
  Task<void> sweep();

  net::Loop& loop_;
  OutboundServices services_;
  OutboundOptions options_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<net::Loop::Timer> timer_;
  std::shared_ptr<store::Store::Watch> watch_;
  std::set<queue::QueueId> active_;
  std::map<std::string, Domain> domains_;
};

}  // namespace pabal::relay
