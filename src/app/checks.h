// Is this machine fit to run mail? Each finding says what was seen, why it matters and the exact fix. Used by
// quickstart before it writes anything.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "dns/resolver.h"

namespace pabal::app {

// The world as the checks see it; waits for answers. Tests pass one of their own.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual Result<dns::Answer> query(const std::string& name, dns::Type type) = 0;
  virtual Result<void> connect(const std::string& ip, uint16_t port) = 0;
  virtual Result<void> can_listen(uint16_t port) = 0;
  virtual std::vector<std::string> addresses() = 0;  // of the interfaces
};

struct Finding {
  enum class Verdict { kGood, kWarning, kBad } verdict = Verdict::kGood;
  std::string what;  // "reverse DNS of 203.0.113.5"
  std::string seen;  // "does not exist"
  std::string why;   // empty when good
  std::string fix;   // empty when good
};

std::vector<std::string> interface_addresses();  // of this machine
bool is_public_ip(const std::string& ip);  // not loopback, link-local, private, shared, documentation or unique-local

std::vector<Finding> check_resolver(Probe& probe);
std::vector<Finding> check_host_name(Probe& probe, const std::string& hostname,
                                     const std::vector<std::string>& public_ips);
std::vector<Finding> check_reverse_dns(Probe& probe, const std::string& hostname,
                                       const std::vector<std::string>& public_ips);
std::vector<Finding> check_outgoing_smtp(Probe& probe);
std::vector<Finding> check_ports(Probe& probe, const std::vector<uint16_t>& ports);
std::vector<Finding> check_block_lists(Probe& probe, const std::vector<std::string>& public_ips);
std::vector<Finding> check_domain(Probe& probe, const std::string& domain, const std::string& hostname);

std::string to_text(const std::vector<Finding>& findings);

}  // namespace pabal::app
