#include "app/config.h"

#define TOML_EXCEPTIONS 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"
#include "message/address.h"
#include "web/proxies.h"

namespace pabal::app {
namespace {

constexpr std::pair<std::string_view, Protocol> kProtocols[] = {{"smtp", Protocol::kSmtp},
                                                                {"submission", Protocol::kSubmission},
                                                                {"submissions", Protocol::kSubmissions},
                                                                {"lmtp", Protocol::kLmtp},
                                                                {"imap", Protocol::kImap},
                                                                {"imaps", Protocol::kImaps},
                                                                {"pop3", Protocol::kPop3},
                                                                {"pop3s", Protocol::kPop3s},
                                                                {"managesieve", Protocol::kManageSieve},
                                                                {"https", Protocol::kHttps},
                                                                {"http", Protocol::kHttp}};

// One table of the file: hands out its values once, and names what nobody asked for.
class Section {
 public:
  Section(const toml::table& table, std::string name, const std::string& file)
      : table_(table), name_(std::move(name)), file_(file) {}

  std::string string(std::string_view key, std::string fallback = {}) {
    return value<std::string>(key, std::move(fallback), "a string");
  }
  int64_t integer(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
    const int64_t v = value<int64_t>(key, fallback, "a whole number");
    if (v < low || v > high) fail(key, fmt::format("must be between {} and {}", low, high));
    return v;
  }
  bool boolean(std::string_view key, bool fallback) { return value<bool>(key, fallback, "true or false"); }
  std::vector<std::string> strings(std::string_view key) {
    allow(key);
    std::vector<std::string> out;
    const toml::node* node = table_.get(key);
    const toml::array* list = node ? node->as_array() : nullptr;
    if (node && !list) fail(key, "must be a list of strings");
    for (size_t i = 0; list && i < list->size(); ++i) {
      const auto one = list->get(i)->value_exact<std::string>();
      if (!one) fail(key, "must be a list of strings");
      if (one) out.push_back(*one);
    }
    return out;
  }
  void allow(std::string_view key) { asked_.insert(std::string(key)); }
  void fail(std::string_view key, std::string_view why) {
    if (!error_.empty()) return;
    const toml::node* node = table_.get(key);
    const auto line = node ? node->source().begin.line : table_.source().begin.line;
    error_ = fmt::format("{}:{}: {}{}{} {}", file_, line, name_, name_.empty() ? "" : ".", key, why);
  }
  Result<void> finish() {
    for (const auto& [key, node] : table_)
      if (!asked_.contains(std::string(key.str())))
        fail(key.str(), "is not a setting of Pabal; see docs/configuration.md");
    if (!error_.empty()) return Error{Code::kInvalid, error_};
    return {};
  }

 private:
  template <typename T>
  T value(std::string_view key, T fallback, std::string_view kind) {
    allow(key);
    const toml::node* node = table_.get(key);
    if (!node) return fallback;
    if (const auto found = node->value_exact<T>()) return *found;
    fail(key, fmt::format("must be {}", kind));
    return fallback;
  }

  const toml::table& table_;
  std::string name_;
  const std::string& file_;
  std::set<std::string> asked_;
  std::string error_;
};

const toml::table kEmpty;

std::string at_line(const std::string& file, const toml::node& node, std::string_view what) {
  return fmt::format("{}:{}: {}", file, node.source().begin.line, what);
}

// The table of that name; an empty one when there is none, an error when it is something else.
Result<const toml::table*> table_of(const toml::table& root, std::string_view key, const std::string& file) {
  const toml::node* node = root.get(key);
  if (!node) return &kEmpty;
  if (const toml::table* table = node->as_table()) return table;
  return Error{Code::kInvalid, at_line(file, *node, fmt::format("{0} must be a table: [{0}]", key))};
}

// The tables of [[key]]; none when there is no such key.
Result<std::vector<const toml::table*>> tables_of(const toml::table& root, std::string_view key,
                                                  const std::string& file) {
  std::vector<const toml::table*> out;
  const toml::node* node = root.get(key);
  if (!node) return out;
  const Error bad{Code::kInvalid, at_line(file, *node, fmt::format("{0} must be an array of tables: [[{0}]]", key))};
  const toml::array* list = node->as_array();
  if (!list) return bad;
  for (const toml::node& one : *list) {
    if (!one.is_table()) return bad;
    out.push_back(one.as_table());
  }
  return out;
}

Result<void> read_listeners(const toml::table& root, const std::string& file, Config& config) {
  const auto tables = tables_of(root, "listen", file);
  if (!tables) return tables.error();
  if (tables->empty())
    return Error{Code::kInvalid, file + ": at least one [[listen]] with protocol and address is needed"};
  for (const toml::table* table : *tables) {
    Section section(*table, "listen", file);
    const std::string protocol = section.string("protocol");
    const std::string address = section.string("address");
    ListenerConfig listener;
    bool known = false;
    for (const auto& [name, value] : kProtocols)
      if (name == protocol) listener.protocol = value, known = true;
    if (!known)
      section.fail("protocol",
                   "must be smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, managesieve, https or "
                   "http");
    if (const auto parsed = net::parse_address(address))
      listener.address = *parsed;
    else
      section.fail("address", "must be ip:port, such as \"0.0.0.0:25\" or \"[::]:25\"");
    if (const auto done = section.finish(); !done) return done;
    config.listeners.push_back(listener);
  }
  return {};
}

Result<void> read_zones(const toml::table& root, const std::string& file, Config& config) {
  const auto tables = tables_of(root, "zone", file);
  if (!tables) return tables.error();
  for (const toml::table* table : *tables) {
    Section section(*table, "zone", file);
    ZoneConfig zone{section.string("origin"), section.string("text")};
    if (zone.origin.empty()) section.fail("origin", "is missing");
    if (const auto done = section.finish(); !done) return done;
    config.zones.push_back(std::move(zone));
  }
  return {};
}

Result<void> read_tls(const toml::table& root, const std::string& file, Config& config) {
  const auto table = table_of(root, "tls", file);
  if (!table) return table.error();
  Section tls(**table, "tls", file);
  config.tls_certificate = tls.string("certificate");
  config.tls_key = tls.string("key");
  if (config.tls_certificate.empty() != config.tls_key.empty())
    tls.fail(config.tls_key.empty() ? "certificate" : "key", "needs tls.certificate and tls.key together");
  config.mta_sts = tls.string("mta_sts", config.mta_sts);
  if (config.mta_sts != "enforce" && config.mta_sts != "testing" && config.mta_sts != "none")
    tls.fail("mta_sts", "must be \"enforce\", \"testing\" or \"none\"");
  return tls.finish();
}

bool is_ip(const std::string& s) {
  return net::parse_address(s.find(':') == s.npos ? s + ":25" : "[" + s + "]:25").ok();
}

bool is_port(std::string_view s) {
  const auto n = text::parse_u64(s);
  return n && *n > 0 && *n < 65536;
}

Result<void> read_relay(const toml::table& root, const std::string& file, Config& config) {
  const auto table = table_of(root, "relay", file);
  if (!table) return table.error();
  Section relay(**table, "relay", file);
  config.relay_port = static_cast<uint16_t>(relay.integer("port", 25, 1, 65535));
  config.relay_source_ip = relay.string("source_ip");
  if (!config.relay_source_ip.empty() && !is_ip(config.relay_source_ip))
    relay.fail("source_ip", "must be an IP address of this machine");
  config.relay_smarthost = relay.string("smarthost");
  const std::string_view host = config.relay_smarthost;
  const size_t end = host.rfind("]:");
  if (!host.empty() && (!host.starts_with('[') || end == host.npos || end < 2 || !is_port(host.substr(end + 2))))
    relay.fail("smarthost", "must be \"[host]:port\", such as \"[relay.example.net]:587\"");
  return relay.finish();
}

Result<void> read_dns(const toml::table& root, const std::string& file, Config& config) {
  const auto table = table_of(root, "dns", file);
  if (!table) return table.error();
  Section dns(**table, "dns", file);
  config.dns_forwarder = dns.string("forwarder");
  const std::string& to = config.dns_forwarder;
  const size_t at = to.find('@');
  if (!to.empty() && (!is_ip(to.substr(0, at)) || (at != to.npos && !is_port(to.substr(at + 1)))))
    dns.fail("forwarder", "must be an IP address, with @port where that is not 53");
  return dns.finish();
}

Result<void> read_web(const toml::table& root, const std::string& file, Config& config) {
  const auto table = table_of(root, "web", file);
  if (!table) return table.error();
  Section section(**table, "web", file);
  config.trusted_proxies = section.strings("trusted_proxies");
  for (const std::string& one : config.trusted_proxies)
    if (const auto network = web::parse_network(one); !network)
      section.fail("trusted_proxies", "is a list of addresses and networks: " + network.error().message);
  config.fetch_private = section.boolean("fetch_private", false);
  config.web_url = section.string("url");
  const std::string_view url = config.web_url;
  if (!url.empty() && (!(url.starts_with("https://") || url.starts_with("http://127.0.0.1:")) ||
                       url.find_first_of("/?#@ ", url.find("://") + 3) != url.npos))
    section.fail("url", "must be an origin, such as \"https://mail.example.com\"");
  return section.finish();
}

}  // namespace

std::string web_origin(const Config& config) {
  if (!config.web_url.empty()) return config.web_url;
  for (const ListenerConfig& one : config.listeners)
    if (one.protocol == Protocol::kHttps && one.address.port != 443)
      return fmt::format("https://{}:{}", config.hostname, one.address.port);
  return "https://" + config.hostname;
}

std::string_view protocol_name(Protocol protocol) {
  for (const auto& [name, value] : kProtocols)
    if (value == protocol) return name;
  return "?";
}

Result<Config> read_config(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(file, ignored))
    return Error{Code::kNotFound,
                 "cannot read " + file + ": make one with `pabal quickstart DOMAIN`, or name yours with --config"};
  std::ostringstream text;
  text << in.rdbuf();
  return parse_config(text.str(), file);
}

Result<Config> parse_config(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed)
    return Error{Code::kInvalid,
                 fmt::format("{}:{}: {}", file, parsed.error().source().begin.line, parsed.error().description())};
  const toml::table& root = parsed.table();

  Config config;
  config.file = file;
  Section top(root, "", file);
  config.hostname = text::lowered(top.string("hostname"));
  if (config.hostname.empty())
    top.fail("hostname", "is missing: the public name of this server, such as \"mail.example.com\"");
  config.data_dir = top.string("data");
  if (config.data_dir.empty()) top.fail("data", "is missing: the folder for the store, such as \"/var/lib/pabal\"");
  if (const auto& name = config.hostname;
      !name.empty() && (message::ascii_domain(name) != name || name.find('.') == name.npos))
    top.fail("hostname", "must be a full host name, such as \"mail.example.com\"");
  if (!config.data_dir.empty() && std::filesystem::path(config.data_dir).is_relative() && !file.empty())
    config.data_dir = (std::filesystem::absolute(file).parent_path() / config.data_dir).lexically_normal();
  config.threads = static_cast<size_t>(top.integer("threads", 0, 0, 1024));
  config.max_message_size = static_cast<uint64_t>(top.integer("max_message_size", 50ll << 20, 64 << 10, 100ll << 20));
  const std::string level = top.string("log", "info");
  constexpr std::pair<std::string_view, log::Level> kLevels[] = {{"debug", log::Level::kDebug},
                                                                 {"info", log::Level::kInfo},
                                                                 {"warn", log::Level::kWarn},
                                                                 {"error", log::Level::kError},
                                                                 {"off", log::Level::kOff}};
  bool known = false;
  for (const auto& [name, value] : kLevels)
    if (name == level) config.log_level = value, known = true;
  if (!known) top.fail("log", "must be debug, info, warn, error or off");
  for (const char* key : {"listen", "zone", "tls", "relay", "dns", "web"}) top.allow(key);
  if (const auto done = top.finish(); !done) return done.error();

  for (const auto read : {read_tls, read_relay, read_dns, read_web, read_listeners, read_zones})
    if (const auto done = read(root, file, config); !done) return done.error();
  return config;
}

}  // namespace pabal::app
