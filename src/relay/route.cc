#include "relay/route.h"

#include <algorithm>

#include "base/text.h"
#include "dns/lookup.h"
#include "message/address.h"

namespace pabal::relay {
namespace {

using Answer = dns::Answer;

// DNSSEC's "forged" passes too: it is as often a broken signer as an attacker, and nothing is sent meanwhile.
Error passing(const std::string& what, const Error& why) {
  return {Code::kUnavailable, "4.4.3 " + what + " cannot be looked up now: " + why.message};
}

// IPv6 first (RFC 6724 prefers it), IPv4 behind. kNotFound: the host has no address.
Task<Result<void>> add_addresses(net::Loop& loop, dns::Resolver& resolver, std::string host, std::vector<Hop>& hops) {
  const size_t had = hops.size();
  std::optional<Error> trouble;
  for (int i = 0; i < 2; ++i) {
    const dns::Type type = i == 0 ? dns::Type::kAaaa : dns::Type::kA;
    Task<Result<Answer>> asking = dns::ask({loop, resolver}, host, type);
    const Result<Answer> answer = co_await asking;
    if (!answer) {
      trouble = answer.error();
      continue;
    }
    for (const dns::Record& record : answer->records)
      if (hops.size() < kMaxHops) hops.push_back({host, record.data});
  }
  if (hops.size() > had) co_return Result<void>();
  if (trouble) co_return *trouble;
  co_return Error{Code::kNotFound, host + " has no address"};
}

// The address in "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3); empty when it is none.
std::string literal_ip(std::string_view literal) {
  std::string_view ip = literal.substr(1, literal.size() - 2);
  const bool v6 = text::istarts_with(ip, "IPv6:");
  if (v6) ip.remove_prefix(5);
  const bool good = !dns::reverse_name(ip).empty() && (ip.find(':') != ip.npos) == v6;
  return good ? text::lowered(ip) : std::string();
}

}  // namespace

Task<Result<Route>> find_route(net::Loop& loop, dns::Resolver& resolver, Random& random, std::string domain,
                               std::string self) {
  Route route;
  if (domain.size() > 2 && domain.front() == '[' && domain.back() == ']') {
    const std::string ip = literal_ip(domain);
    if (ip.empty()) co_return Error{Code::kInvalid, "5.1.2 " + domain + " is not an address"};
    route.hops.push_back({domain, ip});
    route.proven = true;
    co_return route;
  }
  const std::string name = message::ascii_domain(domain);
  if (name.empty()) co_return Error{Code::kInvalid, "5.1.2 " + domain + " is not a domain"};
  Task<Result<Answer>> asking = dns::ask({loop, resolver}, name, dns::Type::kMx);
  const Result<Answer> mx = co_await asking;
  if (!mx) co_return passing("the MX of " + name, mx.error());
  if (mx->status == Answer::Status::kNxDomain) co_return Error{Code::kNotFound, "5.1.2 there is no domain " + name};
  route.proven = mx->secure;
  const Error ourselves{Code::kDenied,
                        "5.4.6 mail for " + name + " leads to this server, which does not have that domain"};

  if (mx->status == Answer::Status::kNoData || mx->records.empty()) {  // RFC 5321 §5.1: the implicit MX
    if (text::iequals(name, self)) co_return ourselves;
    Task<Result<void>> adding = add_addresses(loop, resolver, name, route.hops);
    const Result<void> added = co_await adding;
    if (!added && added.code() != Code::kNotFound) co_return passing(name, added.error());
    if (!added) co_return Error{Code::kNotFound, "5.1.2 " + name + " takes no mail: it has neither MX nor address"};
    route.proven = true;  // the certificate is checked against the domain itself
    co_return route;
  }

  std::vector<dns::Record> hosts = mx->records;
  // RFC 7505 §3: a null MX stands alone; beside others it means nothing.
  std::erase_if(hosts, [](const dns::Record& r) { return r.data.empty() || r.data == "."; });
  if (hosts.empty()) co_return Error{Code::kDenied, "5.1.10 " + name + " says that it takes no mail (null MX)"};
  // By preference; those of one preference stay in random order, to spread the load: sort cannot tell them apart.
  for (size_t i = hosts.size(); i > 1; --i) std::swap(hosts[i - 1], hosts[random.below(i)]);
  std::sort(hosts.begin(), hosts.end(),
            [](const dns::Record& a, const dns::Record& b) { return a.preference < b.preference; });
  const auto us =
      std::find_if(hosts.begin(), hosts.end(), [&](const dns::Record& r) { return text::iequals(r.data, self); });
  if (us != hosts.end()) {
    const uint16_t ours = us->preference;
    std::erase_if(hosts, [&](const dns::Record& r) { return r.preference >= ours; });
    if (hosts.empty()) co_return ourselves;
  }
  if (hosts.size() > kMaxMxHosts) hosts.resize(kMaxMxHosts);
  std::optional<Error> trouble;
  for (const dns::Record& host : hosts) {
    Task<Result<void>> adding = add_addresses(loop, resolver, host.data, route.hops);
    const Result<void> added = co_await adding;
    if (!added && added.code() != Code::kNotFound) trouble = added.error();
  }
  if (!route.hops.empty()) co_return route;
  if (trouble) co_return passing("the MX hosts of " + name, *trouble);
  co_return Error{Code::kNotFound, "5.4.4 no MX host of " + name + " has an address"};
}

Task<Result<Route>> find_host(net::Loop& loop, dns::Resolver& resolver, std::string host) {
  Route route;
  route.proven = true;  // named by our own configuration
  if (!dns::reverse_name(host).empty()) {
    route.hops.push_back({host, text::lowered(host)});
    co_return route;
  }
  const std::string name = message::ascii_domain(host);
  if (name.empty()) co_return Error{Code::kInvalid, "4.3.5 " + host + " is not a host name"};
  Task<Result<void>> adding = add_addresses(loop, resolver, name, route.hops);
  const Result<void> added = co_await adding;
  if (!added) co_return passing("the address of " + name, added.error());
  co_return route;
}

}  // namespace pabal::relay
