// pabal quickstart DOMAIN: checks the world, then writes pabal.toml, a systemd unit, the store with the domain, its
// DKIM keys and the first admin account, and prints the DNS records to publish. A failed run leaves nothing behind.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "app/checks.h"
#include "app/command_line.h"

namespace pabal::app {

struct QuickstartOptions {
  std::string domain;
  std::string hostname;                 // empty: mail.DOMAIN, or this host's own name when it is below DOMAIN
  std::string account;                  // empty: postmaster@DOMAIN
  std::vector<std::string> public_ips;  // empty: those of the interfaces
  std::string config_dir = "/etc/pabal";
  std::string data_dir = "/var/lib/pabal";
  std::string unit_dir = "/etc/systemd/system";
  std::string dns_forwarder;   // "ip@port" instead of /etc/resolv.conf
  std::string user = "pabal";  // whom the unit runs as
  bool skip_checks = false;
};

void add_quickstart_options(const Command& app, QuickstartOptions& options);
int run_quickstart(const QuickstartOptions& options);

// The part behind the real world: what run_quickstart does with a probe of its own. Findings go to `out` as they are
// made; why it failed to `err`.
int quickstart(const QuickstartOptions& options, Probe& probe, std::ostream& out, std::ostream& err);

}  // namespace pabal::app
