#include "app/demo.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <iostream>

#include "app/commands.h"
#include "app/dns_records.h"
#include "app/letter.h"
#include "app/server.h"
#include "app/wait_for.h"
#include "base/log.h"
#include "net/io_loop.h"

namespace pabal::app {
namespace {

constexpr const char* kPassword = "pabal-demo";

Config config_of(const std::string& folder, const std::string& domain, const std::string& ip) {
  Config config;
  config.hostname = "mail." + domain;
  config.data_dir = folder + "/" + domain;
  config.threads = 1;
  config.log_level = log::Level::kWarn;
  config.relay_port = 2525;
  config.relay_source_ip = ip;
  constexpr std::pair<Protocol, uint16_t> kPorts[] = {{Protocol::kSmtp, 2525},        {Protocol::kSubmission, 2587},
                                                      {Protocol::kSubmissions, 2465}, {Protocol::kImap, 2143},
                                                      {Protocol::kImaps, 2993},       {Protocol::kPop3, 2110},
                                                      {Protocol::kPop3s, 2995},       {Protocol::kLmtp, 2424},
                                                      {Protocol::kManageSieve, 2190}, {Protocol::kHttps, 8443}};
  for (const auto& [protocol, port] : kPorts) config.listeners.push_back({protocol, {ip, port}});
  return config;
}

// The domain and its person, unless they are there from the last time. Gives what the domain publishes.
Result<ZoneConfig> populate(const Config& config, const std::string& domain, const std::string& account,
                            const std::string& name) {
  const auto rooms = open_rooms(config);
  if (!rooms) return rooms.error();
  const auto known = (*rooms)->directory->account(*(*rooms)->store, account);
  if (!known) return known.error();
  if (!*known)
    for (const auto& [args, input] :
         {std::pair(std::vector<std::string>{"domain", "add", domain}, ""),
          std::pair(std::vector<std::string>{"account", "add", account, "--name", name, "--password-stdin"},
                    kPassword)})
      if (const Output done = run_command(**rooms, args, input); done.exit != 0)
        return Error{Code::kInternal, done.err};
  const auto found = (*rooms)->directory->domain(*(*rooms)->store, domain);
  if (!found) return found.error();
  if (!*found) return Error{Code::kNotFound, "the store of the demo has no domain " + domain + "; remove its folder"};
  DnsPlan plan = plan_dns(config, **found);
  plan.dmarc_policy = "reject";  // so that a forged letter can be seen refused
  const auto wanted = wanted_records(plan);
  if (!wanted) return wanted.error();
  return ZoneConfig{domain, zone_text(domain, *wanted)};
}

std::string demo_folder(const DemoOptions& options) {
  if (!options.data_dir.empty()) return options.data_dir;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return std::string(data) + "/pabal-demo";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.local/share/pabal-demo";
  return "/tmp/pabal-demo";
}

void say(const std::string& line) { std::cout << line << std::endl; }

void show_trace(Server& server, const std::string& message_id) {
  const auto events = server.rooms().trace->find(*server.rooms().store, message_id);
  if (!events) return say(events.error().message);
  say(fmt::format("Trace at {}:", server.config().hostname));
  say(watch::to_text(*events));
}

constexpr const char* kThingsToTry =
    "Things to try (the password is pabal-demo for both):\n"
    "  telnet 127.0.0.2 2525                      HELO, MAIL FROM:<you@example.com>, RCPT TO:<bob@univ.edu>, DATA, ., "
    "QUIT\n"
    "  swaks -s 127.0.0.1:2587 -tls -au alice@example.com -ap pabal-demo -f alice@example.com -t bob@univ.edu\n"
    "  curl -k imaps://127.0.0.2:2993/INBOX -u bob@univ.edu:pabal-demo -X 'FETCH 1:* ENVELOPE'\n"
    "  curl -k pop3s://127.0.0.2:2995/1 -u bob@univ.edu:pabal-demo\n"
    "  curl -k https://127.0.0.1:8443/\n"
    "  any mail program: IMAP 127.0.0.2:2993 (TLS), SMTP 127.0.0.2:2587 (STARTTLS), user bob@univ.edu\n";

}  // namespace

int run_demo(const DemoOptions& options) {
  net::block_signals();
  const std::string folder = demo_folder(options);
  const auto fail = [](const Error& error) {
    std::cerr << "pabal demo: " << error.message << "\n";
    return 1;
  };
  say("Pabal demo: a small Internet on this machine. Its mail is kept in " + folder + "\n");
  Config of_here = config_of(folder, "example.com", "127.0.0.1"), of_there = config_of(folder, "univ.edu", "127.0.0.2");
  const auto zone_here = populate(of_here, "example.com", "alice@example.com", "Alice");
  if (!zone_here) return fail(zone_here.error());
  const auto zone_there = populate(of_there, "univ.edu", "bob@univ.edu", "Bob");
  if (!zone_there) return fail(zone_there.error());
  // Both hosts answer for both domains from memory: the demo's whole DNS. No other names exist in it.
  of_here.zones = of_there.zones = {*zone_here,
                                    *zone_there,
                                    {".", ""},
                                    {"127.in-addr.arpa", "1.0.0 PTR mail.example.com.\n2.0.0 PTR mail.univ.edu.\n"}};
  auto here = Server::start(of_here);
  if (!here) return fail(here.error());
  auto there = Server::start(of_there);
  if (!there) return fail(there.error());

  say("  alice@example.com   127.0.0.1   SMTP 2525  submission 2587  submissions 2465  IMAP 2143  IMAPS 2993  POP3 "
      "2110  "
      "POP3S 2995  ManageSieve 2190  LMTP 2424  HTTPS 8443");
  say("  bob@univ.edu        127.0.0.2   the same ports                                       password of both: "
      "pabal-demo\n");

  net::IoLoops loops(1);
  Rooms& rooms = (*here)->rooms();
  const Letter letter = first_letter(rooms.random, rooms.clock.now());
  const auto sent =
      wait_for(loops.loop(0), send_letter(loops.loop(0), loops.network(), {"127.0.0.1", 2587}, kPassword, letter, say));
  if (!sent) return fail(sent.error());
  const auto read = wait_for(loops.loop(0), read_letter(loops.loop(0), loops.network(), {"127.0.0.2", 2993}, kPassword,
                                                        letter.message_id, say));
  if (!read) return fail(read.error());
  say("\nBob reads:\n");
  say(*read);
  show_trace(**here, letter.message_id);
  show_trace(**there, letter.message_id);
  if (options.once) return 0;

  say(kThingsToTry);
  say("Both servers are up until Ctrl-C.");
  while (net::wait_signal() == SIGHUP) {}
  return 0;
}

}  // namespace pabal::app
