#include "app/quickstart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <iostream>

#include "app/commands.h"
#include "app/config.h"
#include "app/dkim_rotation.h"
#include "app/dns_records.h"
#include "app/rooms.h"
#include "base/log.h"
#include "base/text.h"
#include "net/io_loop.h"

namespace pabal::app {
namespace {

namespace fs = std::filesystem;

constexpr seconds kProbeTime{10};

// --- the real world -------------------------------------------------------------------------------------------------

class RealProbe final : public Probe {
 public:
  RealProbe(std::unique_ptr<dns::Resolver> resolver) : loops_(1), resolver_(std::move(resolver)) {}

  Result<dns::Answer> query(const std::string& name, dns::Type type) override {
    auto answer = std::make_shared<std::promise<Result<dns::Answer>>>();
    auto future = answer->get_future();
    resolver_->query(name, type, [answer](Result<dns::Answer> a) { answer->set_value(std::move(a)); });
    if (future.wait_for(kProbeTime) != std::future_status::ready)
      return Error{Code::kTimeout, "no answer within 10 seconds"};
    return future.get();
  }
  Result<void> connect(const std::string& ip, uint16_t port) override {
    auto answer = std::make_shared<std::promise<Result<void>>>();
    auto future = answer->get_future();
    loops_.loop(0).spawn(dial(loops_, {ip, port}, answer));
    return future.get();
  }
  Result<void> can_listen(uint16_t port) override {
    const auto listener = loops_.network().listen({{"0.0.0.0", port}}, [](std::unique_ptr<net::Stream>) {});
    return listener ? Result<void>() : listener.error();
  }
  std::vector<std::string> addresses() override { return interface_addresses(); }

 private:
  static Task<void> dial(net::IoLoops& loops, net::Address to, std::shared_ptr<std::promise<Result<void>>> answer) {
    net::Loop& loop = loops.loop(0);
    Task<Result<std::unique_ptr<net::Stream>>> connecting =
        loops.network().connect(loop, to, "", loop.now() + kProbeTime);
    const auto stream = co_await connecting;
    answer->set_value(stream ? Result<void>() : stream.error());
  }

  net::IoLoops loops_;
  std::unique_ptr<dns::Resolver> resolver_;
};

// --- what is written ------------------------------------------------------------------------------------------------

// Remembers what was made, and unmakes it unless keep() is called.
class Made {
 public:
  ~Made() {
    std::error_code ignored;
    for (auto path = paths_.rbegin(); path != paths_.rend(); ++path) fs::remove_all(*path, ignored);
  }
  void keep() { paths_.clear(); }

  // The folder and what is missing above it. One that is there already keeps its mode.
  Result<void> folder(const fs::path& path, fs::perms mode) {
    std::error_code failure;
    fs::path top;
    for (fs::path missing = path; !missing.empty() && !fs::exists(missing, failure); missing = missing.parent_path())
      top = missing;
    if (top.empty() && fs::is_directory(path, failure)) return {};
    if (!top.empty()) paths_.push_back(top);
    fs::create_directories(path, failure);
    if (!failure) fs::permissions(path, mode, failure);
    if (failure)
      return Error{Code::kIo, fmt::format("cannot make {}: {}; run as root, or name another folder", path.string(),
                                          failure.message())};
    return {};
  }
  // Exclusively: a file that is there already is somebody's, and is never replaced.
  Result<void> file(const fs::path& path, std::string_view text, mode_t mode) {
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0)
      return Error{
          errno == EEXIST ? Code::kExists : Code::kIo,
          fmt::format("cannot make {}: {}{}", path.string(), std::strerror(errno),
                      errno == EEXIST ? "; remove it to start afresh" : "; run as root, or name another folder")};
    paths_.push_back(path);
    const bool written = ::fchmod(fd, mode) == 0 &&
                         ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    ::close(fd);
    if (!written) return Error{Code::kIo, "cannot write " + path.string() + "; is the disk full?"};
    return {};
  }

 private:
  std::vector<fs::path> paths_;
};

constexpr fs::perms kPrivate = fs::perms::owner_all, kPublic = fs::perms::owner_all | fs::perms::group_read |
                                                               fs::perms::group_exec | fs::perms::others_read |
                                                               fs::perms::others_exec;

std::string config_text(const QuickstartOptions& o) {
  std::string out = fmt::format(
      "# Pabal: what the server needs before it opens its store. Domains, accounts and the rest live in the store:\n"
      "# pabal domain, pabal account, pabal alias. After a change: systemctl reload pabal (listeners: restart).\n"
      "hostname = \"{}\"\ndata = \"{}\"\n",
      o.hostname, o.data_dir);
  if (!o.dns_forwarder.empty()) out += fmt::format("\n[dns]\nforwarder = \"{}\"\n", o.dns_forwarder);
  out +=
      "\n# A certificate from a CA goes here; without one a self-signed one is made at the first start.\n"
      "# [tls]\n# certificate = \"/etc/letsencrypt/live/" +
      o.hostname +
      "/fullchain.pem\"\n"
      "# key = \"/etc/letsencrypt/live/" +
      o.hostname +
      "/privkey.pem\"\n"
      "\n# Where outgoing port 25 is blocked: a relay that takes your mail.\n# [relay]\n# smarthost = "
      "\"[relay.example.net]:587\"\n";
  constexpr std::pair<const char*, int> kListeners[] = {{"smtp", 25},   {"submission", 587},   {"submissions", 465},
                                                        {"imap", 143},  {"imaps", 993},        {"pop3", 110},
                                                        {"pop3s", 995}, {"managesieve", 4190}, {"https", 443}};
  for (const auto& [protocol, port] : kListeners)
    for (const char* any : {"0.0.0.0", "[::]"})
      out += fmt::format("\n[[listen]]\nprotocol = \"{}\"\naddress = \"{}:{}\"\n", protocol, any, port);
  return out;
}

std::string unit_text(const QuickstartOptions& o) {
  std::error_code failure;
  fs::path program = fs::read_symlink("/proc/self/exe", failure);
  if (failure) program = "/usr/local/bin/pabal";
  return fmt::format(
      "[Unit]\nDescription=Pabal mail server\nAfter=network-online.target\nWants=network-online.target\n\n"
      "[Service]\nType=simple\nUser={0}\nExecStart={1} --config {2}/pabal.toml serve\nExecReload=/bin/kill -HUP "
      "$MAINPID\n"
      "Restart=on-failure\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
      "NoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nPrivateDevices=yes\nReadWritePaths={"
      "3}\n"
      "LimitNOFILE=65536\n\n[Install]\nWantedBy=multi-user.target\n",
      o.user, program.string(), o.config_dir, o.data_dir);
}

// The store with the domain, its keys and the first account; gives the password.
Result<std::string> fill_store(const QuickstartOptions& o, const Config& config, const identity::Domain& domain) {
  const auto rooms = open_rooms(config);
  if (!rooms) return rooms.error();
  const auto added = (*rooms)->store->transact_and_wait(
      [&](store::Transaction& t) { return (*rooms)->directory->add_domain(t, domain); });
  if (!added) return added.error();
  const Output account = run_command(**rooms, {"account", "add", o.account, "--admin"}, "");
  if (account.exit != 0) return Error{Code::kInvalid, std::string(text::trim(account.err))};
  const size_t at = account.out.find("password: ");
  if (o.account != "postmaster@" + o.domain) {  // RFC 5321 §4.5.1: postmaster always has somebody behind it
    const Output alias = run_command(**rooms, {"alias", "add", "postmaster@" + o.domain, o.account}, "");
    if (alias.exit != 0) return Error{Code::kInvalid, std::string(text::trim(alias.err))};
  }
  return std::string(text::trim(account.out.substr(at + 10)));
}

// One check after the other, each said as soon as it is known: some wait for far away servers.
void check_all(const QuickstartOptions& o, Probe& probe, const std::vector<std::string>& ips, std::ostream& out) {
  size_t seen = 0, bad = 0;
  const auto take = [&](const std::vector<Finding>& part) {
    out << to_text(part) << std::flush;
    seen += part.size();
    bad += static_cast<size_t>(
        std::count_if(part.begin(), part.end(), [](const Finding& f) { return f.verdict != Finding::Verdict::kGood; }));
  };
  out << "Looking at the world from here, as other mail servers will:\n" << std::flush;
  take(check_resolver(probe));
  take(check_host_name(probe, o.hostname, ips));
  take(check_reverse_dns(probe, o.hostname, ips));
  take(check_outgoing_smtp(probe));
  take(check_ports(probe, {25, 465, 587, 143, 993, 110, 995, 443}));
  take(check_block_lists(probe, ips));
  take(check_domain(probe, o.domain, o.hostname));
  out << (bad ? fmt::format("\n{} of {} need attention; the server can be set up all the same.\n\n", bad, seen)
              : "\nAll is well.\n\n");
}

// These go between quotes into pabal.toml and the unit.
bool is_plain(std::string_view s) {
  return std::none_of(s.begin(), s.end(), [](unsigned char c) {
    return c <= ' ' || c == '"' || c == '\\' || c == '%' || c == '$' || c == 0x7F;
  });
}

// Fills in what was not given; kInvalid for what is no domain.
Result<QuickstartOptions> completed(QuickstartOptions o) {
  const auto domain = dns::to_ascii(o.domain);
  if (!domain || domain->find('.') == std::string::npos)
    return Error{Code::kInvalid, o.domain + " is not a mail domain; give one such as example.com"};
  o.domain = *domain;
  if (o.hostname.empty()) {
    char own[256] = {};
    ::gethostname(own, sizeof own - 1);
    const std::string name = text::lowered(own);
    o.hostname = name.ends_with("." + o.domain) ? name : "mail." + o.domain;
  }
  const auto hostname = dns::to_ascii(o.hostname);
  if (!hostname || hostname->find('.') == std::string::npos)
    return Error{Code::kInvalid,
                 o.hostname + " is not a host name; give one such as mail." + o.domain + " with --hostname"};
  o.hostname = *hostname;
  if (o.account.empty()) o.account = "postmaster@" + o.domain;
  if (o.account.find('@') == o.account.npos) o.account += "@" + o.domain;
  for (const std::string& ip : o.public_ips)
    if (!net::parse_address(ip.find(':') == ip.npos ? ip + ":25" : "[" + ip + "]:25"))
      return Error{Code::kInvalid, ip + " is not an IP address"};
  for (std::string* folder : {&o.config_dir, &o.data_dir, &o.unit_dir}) {
    *folder = fs::absolute(*folder).lexically_normal();
    if (folder->size() > 1 && folder->back() == '/') folder->pop_back();
    if (!is_plain(*folder))
      return Error{Code::kInvalid, *folder + " cannot be used: choose a folder without blanks and quotes"};
  }
  if (!is_plain(o.user) || !is_plain(o.dns_forwarder))
    return Error{Code::kInvalid, "--user and --dns-forwarder have no blanks and quotes"};
  return o;
}

// All is the user's who runs the server; only root can give it away.
Result<void> give_to(const std::string& name, const std::string& folder) {
  const passwd* user = ::getpwnam(name.c_str());
  if (!user || ::geteuid() != 0) return {};
  std::vector<fs::path> all{folder};
  std::error_code failure;
  for (const auto& entry : fs::recursive_directory_iterator(folder, failure)) all.push_back(entry.path());
  for (const fs::path& path : all)
    if (failure || ::lchown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
      return Error{Code::kIo, "cannot give " + path.string() + " to " + name};
  return {};
}

struct Written {
  std::string records, password;
};

// Files, keys and store; whatever fails, all that was made before is unmade.
Result<Written> write_all(const QuickstartOptions& o, const std::vector<std::string>& ips) {
  const std::string config_file = o.config_dir + "/pabal.toml", store = o.data_dir + "/store";
  std::error_code ignored;
  if (fs::exists(store, ignored))
    return Error{Code::kExists, store + " holds a mail store already; name another folder with --data-dir"};
  Made made;
  if (const auto done = made.folder(o.config_dir, kPublic); !done) return done.error();
  if (const auto done = made.folder(o.unit_dir, kPublic); !done) return done.error();
  if (const auto done = made.folder(o.data_dir, kPrivate); !done) return done.error();
  // Files first: they say at once when something is in the way.
  const std::string config_body = config_text(o);
  if (const auto done = made.file(config_file, config_body, 0644); !done) return done.error();
  if (const auto done = made.file(o.unit_dir + "/pabal.service", unit_text(o), 0644); !done) return done.error();

  identity::Domain domain;
  domain.name = o.domain;
  auto keys = make_dkim_keys({}, identity::DkimKey::State::kActive, SystemClock().now());
  if (!keys) return keys.error();
  domain.dkim_keys = std::move(*keys);
  const auto config = parse_config(config_body, config_file);
  if (!config) return config.error();
  const auto wanted = wanted_records(plan_dns(*config, domain, ips));
  if (!wanted) return wanted.error();
  const std::string records = zone_text(domain.name, *wanted);
  if (const auto done = made.file(o.config_dir + "/dns-records.txt", records, 0644); !done) return done.error();
  if (const auto done = made.folder(store, kPrivate); !done) return done.error();
  const auto password = fill_store(o, *config, domain);
  if (!password) return password.error();
  if (const auto done = give_to(o.user, o.data_dir); !done) return done.error();
  made.keep();
  return Written{records, *password};
}

}  // namespace

void add_quickstart_options(const Command& app, QuickstartOptions& o) {
  app.option("domain", o.domain, "the mail domain, such as example.com").required();
  app.option("--hostname", o.hostname, "this server's public name (default: mail.DOMAIN)");
  app.option("--account", o.account, "the first account, an admin (default: postmaster@DOMAIN)");
  app.option("--public-ip", o.public_ips, "this server's public addresses (default: those of its interfaces)");
  app.option("--config-dir", o.config_dir, "where pabal.toml goes").show_default();
  app.option("--data-dir", o.data_dir, "where the mail goes").show_default();
  app.option("--unit-dir", o.unit_dir, "where the systemd unit goes").show_default();
  app.option("--user", o.user, "whom the server runs as").show_default();
  app.option("--dns-forwarder", o.dns_forwarder, "a resolver, ip@port (default: /etc/resolv.conf)");
  app.flag("--skip-checks", o.skip_checks, "write the files without looking at the world first");
}

int quickstart(const QuickstartOptions& given, Probe& probe, std::ostream& out, std::ostream& err) {
  const auto options = completed(given);
  if (!options) {
    err << options.error().message << "\n";
    return 2;
  }
  const QuickstartOptions& o = *options;
  std::vector<std::string> ips = o.public_ips;
  if (ips.empty())
    for (const std::string& ip : probe.addresses())
      if (is_public_ip(ip)) ips.push_back(ip);
  if (!o.skip_checks) check_all(o, probe, ips, out);

  const auto written = write_all(o, ips);
  if (!written) {
    err << "quickstart failed, nothing was left behind: " << written.error().message << "\n";
    return 1;
  }
  out << fmt::format(
      "Written: {}/pabal.toml, {}/pabal.service, {}\n\nFirst account (admin): {}\npassword: {}\n\n"
      "Publish these DNS records (also in {}/dns-records.txt):\n\n{}\nThen:\n",
      o.config_dir, o.unit_dir, o.data_dir, o.account, written->password, o.config_dir, written->records);
  if (!::getpwnam(o.user.c_str()))
    out << fmt::format("  useradd --system --home {0} {1} && chown -R {1}: {0}\n", o.data_dir, o.user);
  out << "  systemctl daemon-reload && systemctl enable --now pabal\n"
      << fmt::format("  pabal dns {}   says what the world sees of the records\n", o.domain);
  return 0;
}

int run_quickstart(const QuickstartOptions& options) {
  dns::UnboundOptions unbound;
  unbound.forwarder = options.dns_forwarder;
  auto resolver = dns::make_unbound(unbound);
  if (!resolver) {
    std::cerr << "pabal: " << resolver.error().message << "\n";
    return 1;
  }
  log::set_level(log::Level::kError);
  RealProbe probe(std::move(*resolver));
  return quickstart(options, probe, std::cout, std::cerr);
}

}  // namespace pabal::app
