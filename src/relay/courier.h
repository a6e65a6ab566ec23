// relay::Courier: carries one message to one destination: a warm connection or the hosts of its route in order,
// STARTTLS, and the fail-over from one host to the next. It says what became of each recipient and writes nothing down.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "dns/resolver.h"
#include "net/stream.h"
#include "queue/queue.h"
#include "relay/connections.h"
#include "relay/outcome.h"
#include "relay/route.h"

namespace pabal::relay {

struct CourierOptions {
  std::string hostname;
  uint16_t port = 25;
  std::string source_ip;
  std::string smarthost;  // "[host]:port": everything goes there; empty: to the MX of each domain
};

constexpr seconds kConnectTime{30};
constexpr size_t kHostsThatAnswer = 2;  // so many hosts of a domain may say "later" in one attempt; then it waits

class Courier {
 public:
  Courier(net::Loop& loop, dns::Resolver& resolver, net::Network& network, Random& random, Connections& connections)
      : loop_(loop), resolver_(resolver), network_(network), random_(random), connections_(connections) {}

  // The caller has a turn for `destination`. One outcome for each of `recipients`, in order.
  Task<std::vector<Outcome>> carry(CourierOptions options, std::shared_ptr<const queue::Entry> entry,
                                   std::string destination, std::vector<queue::Recipient> recipients,
                                   std::shared_ptr<const std::string> content);

 private:
  struct Load;
  Task<Result<Route>> find(const CourierOptions& options, std::string destination);
  Task<void> hand_over(Connection connection, Load& load);
  Task<Result<Connection>> reach(const CourierOptions& options, Hop hop, uint16_t port, bool must_prove,
                                 bool route_proven);
  Task<Result<Connection>> connect(const CourierOptions& options, Hop hop, uint16_t port, bool tls, bool must_prove,
                                   bool route_proven);

  net::Loop& loop_;
  dns::Resolver& resolver_;
  net::Network& network_;
  Random& random_;
  Connections& connections_;
};

}  // namespace pabal::relay
