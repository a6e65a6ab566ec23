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
};
constexpr size_t kMaxMxHosts = 10;
constexpr size_t kMaxHops = 16;

// An error's message begins with an enhanced code: "5.1.2 ..." is final, "4.4.3 ..." passes. `self`: our own host name; MX hosts of
// its preference and worse are left out (RFC 5321 §5.1), and 5.4.6 says that nothing else is left.
Task<Result<Route>> find_route(net::Loop& loop, dns::Resolver& resolver, Random& random, std::string domain, std::string self);

}  // namespace pabal::relay
