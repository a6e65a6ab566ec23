// Where mail for a domain goes: MX hosts by preference, or the domain's own address (RFC 5321 §5.1).
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "dns/resolver.h"
#include "net/loop.h"

namespace pabal::relay {

struct Hop {
  std::string host;  // A-labels, for EHLO checks, SNI and the trace
  std::string ip;
};

struct Route {
  std::vector<Hop> hops;  // in the order to try; at most kMaxHops
  bool proven =
      false;          // the hosts' names can be trusted: DNSSEC signed the MX, or there was none to forge (RFC 8689 §2)
  uint16_t port = 0;  // 0: the usual one
};
constexpr size_t kMaxMxHosts = 10;
constexpr size_t kMaxHops = 16;

// An error's message begins with an enhanced code: "5.1.2 ..." is final, "4.4.3 ..." passes. `self`: our own host name;
// MX hosts of its preference and worse are left out (RFC 5321 §5.1), and 5.4.6 says that nothing else is left.
// Parameters must outlive the task.
Task<Result<Route>> find_route(net::Loop& loop, dns::Resolver& resolver, Random& random, std::string domain,
                               std::string self);

// The addresses of one host, without looking for an MX: a smarthost, by name or IP.
Task<Result<Route>> find_host(net::Loop& loop, dns::Resolver& resolver, std::string host);

}  // namespace pabal::relay
