// app: the pabal program: configuration, wiring of the roles, commands, demo, quickstart.
//
// pabal.toml holds what a process needs before it can open its store. Domains, accounts and policy live in the store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "net/stream.h"

namespace pabal::app {

enum class Protocol {
  kSmtp,
  kSubmission,
  kSubmissions,
  kLmtp,
  kImap,
  kImaps,
  kPop3,
  kPop3s,
  kManageSieve,
  kHttps,
  kHttp
};

struct ListenerConfig {
  Protocol protocol = Protocol::kSmtp;
  net::Address address;
};

struct ZoneConfig {  // answered in process, before any real look-up
  std::string origin;
  std::string text;  // master-file form
};

struct Config {
  std::string file;             // where it was read from, for messages and reload
  std::string hostname;         // the name in greetings, Received and EHLO
  std::string data_dir;         // store, admin socket, certificates made at first start
  std::string tls_certificate;  // PEM chain; empty: DATA/tls/certificate.pem, self-signed at first start
  std::string tls_key;
  std::string mta_sts = "enforce";  // the mode of our policy (RFC 8461 §3.2): enforce, testing or none
  std::vector<ListenerConfig> listeners;
  size_t threads = 0;  // event loops; 0: one a core
  uint64_t max_message_size = 50ull << 20;
  log::Level log_level = log::Level::kInfo;

  uint16_t relay_port = 25;     // where other servers listen; other than 25 only in tests and the demo
  std::string relay_source_ip;  // empty: the system chooses
  std::string relay_smarthost;  // "[host]:port", or empty: by MX
  std::string dns_forwarder;    // "127.0.0.1@5353", or empty: /etc/resolv.conf
  std::vector<ZoneConfig> zones;

  std::vector<std::string> trusted_proxies;  // addresses and networks whose Forwarded and X-Forwarded-For are believed
  std::string web_url;         // as browsers reach us, without a slash at its end: "https://mail.example.com"
  bool fetch_private = false;  // tests: private addresses are good, too: for logos and push services

  std::string admin_socket() const { return data_dir + "/admin.sock"; }
  std::string store_dir() const { return data_dir + "/store"; }
};

// kNotFound, kInvalid with file, line and what is expected. Unknown keys are errors: a typo must not pass silently.
Result<Config> read_config(const std::string& file);
Result<Config> parse_config(std::string_view text, const std::string& file);

std::string_view protocol_name(Protocol protocol);
// As browsers and programs reach the HTTP side: web_url, or else what follows from host name and listeners.
std::string web_origin(const Config& config);

}  // namespace pabal::app
