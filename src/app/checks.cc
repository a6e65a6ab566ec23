#include "app/checks.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"
#include "trust/ip.h"

namespace pabal::app {
namespace {

using Verdict = Finding::Verdict;
using dns::Answer;
using dns::Type;

Finding good(std::string what, std::string seen) { return {Verdict::kGood, std::move(what), std::move(seen), "", ""}; }

bool found(const Result<Answer>& answer) {
  return answer && answer->status == Answer::Status::kFound && !answer->records.empty();
}

// Neither there nor absent: the look-up itself failed. Says nothing about the world but that.
Finding unknown(std::string what, const Error& why) {
  return {Verdict::kWarning, std::move(what), "cannot be looked up: " + why.message,
          "it stays unknown whether this is in order", "see to the DNS resolver, then run this again"};
}

std::vector<std::string> values(const Result<Answer>& answer) {
  std::vector<std::string> out;
  if (answer)
    for (const dns::Record& record : answer->records) out.push_back(record.data);
  return out;
}

}  // namespace

std::vector<std::string> interface_addresses() {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* i = list; i; i = i->ifa_next) {
    char text[INET6_ADDRSTRLEN] = {};
    if (!i->ifa_addr) continue;
    if (i->ifa_addr->sa_family == AF_INET)
      ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(i->ifa_addr)->sin_addr, text, sizeof text);
    else if (i->ifa_addr->sa_family == AF_INET6)
      ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(i->ifa_addr)->sin6_addr, text, sizeof text);
    if (*text) out.emplace_back(text);
  }
  ::freeifaddrs(list);
  return out;
}

bool is_public_ip(const std::string& ip) {
  const auto parsed = trust::parse_ip(ip);
  return parsed && trust::is_public(*parsed);
}

std::vector<Finding> check_resolver(Probe& probe) {
  const auto root = probe.query(".", Type::kNs);
  if (!found(root))
    return {{Verdict::kBad, "DNS resolver", root ? "answers, but not for the root" : root.error().message,
             "without DNS no message finds its way out, and none that arrives can be checked",
             "name a working resolver in /etc/resolv.conf; best is one on this machine: apt install unbound, then put\n"
             "nameserver 127.0.0.1\ninto /etc/resolv.conf"}};
  std::vector<Finding> out{good("DNS resolver", "answers")};
  if (root->secure)
    out.push_back(good("DNSSEC", "answers are validated"));
  else
    out.push_back(
        {Verdict::kWarning, "DNSSEC", "answers are not validated",
         "without validation a forged DNS answer can divert your mail, and DANE cannot protect it",
         "use a resolver that passes DNSSEC records on: apt install unbound dns-root-data, then nameserver 127.0.0.1\n"
         "in /etc/resolv.conf"});
  return out;
}

std::vector<Finding> check_host_name(Probe& probe, const std::string& hostname,
                                     const std::vector<std::string>& public_ips) {
  if (public_ips.empty())
    return {
        {Verdict::kWarning, "public addresses", "no interface of this machine has one",
         "other servers must be able to reach port 25 here",
         "behind NAT, forward the ports 25, 465, 587, 143, 993, 110, 995 and 443 to this machine and give --public-ip "
         "ADDRESS"}};
  std::vector<std::string> pointed;
  for (const Type type : {Type::kA, Type::kAaaa}) {
    const auto answer = probe.query(hostname, type);
    if (!answer) return {unknown("addresses of " + hostname, answer.error())};
    for (std::string& ip : values(answer)) pointed.push_back(std::move(ip));
  }
  if (pointed.empty()) {
    std::string records;
    for (const std::string& ip : public_ips)
      records += fmt::format("{}. {} {}\n", hostname, ip.find(':') == ip.npos ? "A" : "AAAA", ip);
    return {{Verdict::kBad, "addresses of " + hostname, "it has none in DNS", "other servers find this one by its name",
             "publish:\n" + records + "or name another host with --hostname"}};
  }
  std::vector<Finding> out;
  for (const std::string& ip : pointed) {
    if (std::find(public_ips.begin(), public_ips.end(), ip) != public_ips.end())
      out.push_back(good("address of " + hostname, ip + " is this machine"));
    else
      out.push_back({Verdict::kWarning, "address of " + hostname, ip + " is not an address of this machine",
                     "mail for you would go to another machine",
                     "correct the record of " + hostname + ", or give --public-ip " + ip + " if it is forwarded here"});
  }
  return out;
}

std::vector<Finding> check_reverse_dns(Probe& probe, const std::string& hostname,
                                       const std::vector<std::string>& public_ips) {
  std::vector<Finding> out;
  for (const std::string& ip : public_ips) {
    const auto answer = probe.query(dns::reverse_name(ip), Type::kPtr);
    if (!answer) {
      out.push_back(unknown("reverse DNS of " + ip, answer.error()));
      continue;
    }
    const auto names = values(answer);
    if (std::find(names.begin(), names.end(), hostname) != names.end()) {
      out.push_back(good("reverse DNS of " + ip, hostname));
      continue;
    }
    out.push_back(
        {Verdict::kBad, "reverse DNS of " + ip, names.empty() ? "does not exist" : "is " + names.front(),
         "most large servers refuse mail from an address whose name does not lead back to it",
         fmt::format("at your provider (the owner of the address, not your DNS host), set the PTR of {} to {}", ip,
                     hostname)});
  }
  return out;
}

std::vector<Finding> check_outgoing_smtp(Probe& probe) {
  // Two large receivers: one may be down, two hardly.
  std::string last;
  for (const char* domain : {"gmail.com", "outlook.com"}) {
    const auto mx = probe.query(domain, Type::kMx);
    if (!found(mx)) continue;
    for (const std::string& ip : values(probe.query(mx->records.front().data, Type::kA))) {
      const auto connected = probe.connect(ip, 25);
      if (connected) return {good("outgoing port 25", fmt::format("{} answers", mx->records.front().data))};
      last = connected.error().message;
    }
  }
  if (last.empty())
    return {unknown("outgoing port 25", {Code::kUnavailable, "no large receiver's name has an answer"})};
  return {{Verdict::kBad, "outgoing port 25", last,
           "servers hand mail to each other on port 25 only; many hosters block it",
           "ask your provider to open outgoing TCP port 25, or set relay.smarthost in pabal.toml to a relay that takes "
           "your mail"}};
}

std::vector<Finding> check_ports(Probe& probe, const std::vector<uint16_t>& ports) {
  std::vector<Finding> out;
  for (const uint16_t port : ports) {
    const auto free = probe.can_listen(port);
    if (free) continue;
    out.push_back({Verdict::kBad, fmt::format("port {}", port), free.error().message, "Pabal needs it for itself",
                   fmt::format("find who holds it with `ss -ltnp sport = :{}` and stop that service", port)});
  }
  if (out.empty()) out.push_back(good("ports", "all are free"));
  return out;
}

std::vector<Finding> check_block_lists(Probe& probe, const std::vector<std::string>& public_ips) {
  struct List {
    const char* zone;
    const char* page;
  };
  constexpr List kLists[] = {{"zen.spamhaus.org", "https://check.spamhaus.org/"},
                             {"bl.spamcop.net", "https://www.spamcop.net/bl.shtml"},
                             {"b.barracudacentral.org", "https://www.barracudacentral.org/lookups"}};
  std::vector<Finding> out;
  std::string silent;
  for (const std::string& ip : public_ips) {
    std::string reversed = dns::reverse_name(ip);
    reversed = reversed.substr(0, reversed.rfind(ip.find(':') == ip.npos ? ".in-addr.arpa" : ".ip6.arpa"));
    for (const List& list : kLists) {
      const auto answer = probe.query(reversed + "." + list.zone, Type::kA);
      // RFC 5782 §2.1: listed addresses answer in 127.0.0.0/8. 127.255.255.0/24 is a refusal to answer this resolver.
      const auto codes = values(answer);
      const auto refuses = [](const std::string& c) { return c.starts_with("127.255.255."); };
      const bool listed = std::any_of(codes.begin(), codes.end(),
                                      [&](const std::string& c) { return c.starts_with("127.") && !refuses(c); });
      if (!answer || std::any_of(codes.begin(), codes.end(), refuses)) {
        if (silent.find(list.zone) == silent.npos) silent += (silent.empty() ? "" : ", ") + std::string(list.zone);
      }
      if (listed)
        out.push_back({Verdict::kBad, ip + " on " + list.zone, "is listed (" + codes.front() + ")",
                       "receivers that ask this list refuse your mail",
                       fmt::format("ask for removal at {}", list.page)});
    }
  }
  if (!silent.empty())
    out.push_back({Verdict::kWarning, "block lists", silent + " did not answer",
                   "large public resolvers are refused by these lists; whether this machine is listed stays unknown",
                   "use a resolver of your own (apt install unbound, nameserver 127.0.0.1), or look at " +
                       std::string(kLists[0].page)});
  if (out.empty() && !public_ips.empty()) out.push_back(good("block lists", "none lists this machine"));
  return out;
}

std::vector<Finding> check_domain(Probe& probe, const std::string& domain, const std::string& hostname) {
  const auto mx = probe.query(domain, Type::kMx);
  if (!mx) return {unknown("MX of " + domain, mx.error())};
  const auto hosts = values(mx);
  if (std::find(hosts.begin(), hosts.end(), hostname) != hosts.end()) return {good("MX of " + domain, hostname)};
  if (hosts.empty())
    return {{Verdict::kWarning, "MX of " + domain, "there is none yet",
             "it tells the world where mail for the domain goes", "publish the records shown at the end"}};
  return {{Verdict::kWarning, "MX of " + domain, "is " + hosts.front(),
           "mail for the domain goes there until it is changed",
           "when this server works, publish the records shown at the end"}};
}

std::string to_text(const std::vector<Finding>& findings) {
  const auto indent = [](const std::string& s) {
    std::string out;
    for (const std::string_view line : text::split(s, '\n'))
      if (!line.empty()) out += "          " + std::string(line) + "\n";
    return out;
  };
  std::string out;
  for (const Finding& f : findings) {
    const char* mark = f.verdict == Verdict::kGood ? "ok  " : f.verdict == Verdict::kWarning ? "warn" : "BAD ";
    out += fmt::format("  {}  {}: {}\n", mark, f.what, f.seen);
    if (f.verdict != Verdict::kGood) out += indent("why: " + f.why) + indent("fix: " + f.fix);
  }
  return out;
}

}  // namespace pabal::app
