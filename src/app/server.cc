#include "app/server.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "access/imap/imap.h"
#include "access/managesieve/managesieve.h"
#include "access/pop3/pop3.h"
#include "app/admin.h"
#include "app/dkim_rotation.h"
#include "app/dmarc_job.h"
#include "app/extract_job.h"
#include "app/web.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "delivery/imap_events.h"
#include "dns/resolver.h"
#include "extract/child.h"
#include "mailbox/attached.h"
#include "push/hub.h"
#include "relay/inbound.h"
#include "relay/outbound.h"
#include "smtp/server.h"
#include "submission/session.h"
#include "submission/submit.h"
#include "trust/signer.h"
#include "web/server.h"

namespace pabal::app {
namespace {

constexpr size_t kPoolQueue = 1'000;
constexpr size_t kMessageMemory = 512 << 20;  // octets of messages under way in all sessions
constexpr size_t kFoldFrom = 500;             // word lists of an account before they are folded
constexpr seconds kHousekeeping{2};
constexpr minutes kReadFiles{1};  // when none that come wake it
constexpr minutes kErrands{5};
constexpr size_t kPurgeAtOnce = 200;
constexpr uint16_t kManageSievePort = 4190;
constexpr days kCertificateLife{3650};

Result<void> write_file(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return Error{Code::kIo, "cannot write " + path};
  ::chmod(path.c_str(), mode);
  return {};
}

// The certificate of the configuration, or one made by ourselves at the first start.
// `protocols` for ALPN.
Result<std::shared_ptr<net::TlsServer>> open_tls(const Config& config, const Clock& clock,
                                                 std::vector<std::string> protocols = {}) {
  if (!config.tls_certificate.empty())
    return net::make_tls_server(config.tls_certificate, config.tls_key, std::move(protocols));
  const std::string folder = config.data_dir + "/tls", chain = folder + "/certificate.pem", key = folder + "/key.pem";
  if (!std::filesystem::exists(chain)) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    const auto made = net::make_self_signed({config.hostname}, clock.now() - hours(24), kCertificateLife);
    if (!made) return made.error();
    if (const auto done = write_file(key, made->key_pem, 0600); !done) return done.error();
    if (const auto done = write_file(chain, made->certificate_pem, 0644); !done) return done.error();
    log::info("app", "made a certificate of our own in " + folder + "; mail programs will ask whether to trust it");
  }
  return net::make_tls_server(chain, key, std::move(protocols));
}

// RFC 5804 §3; "": nobody can store a script.
std::string sieve_url(const Config& config) {
  for (const ListenerConfig& one : config.listeners) {
    if (one.protocol != Protocol::kManageSieve) continue;
    const bool usual = one.address.port == 0 || one.address.port == kManageSievePort;
    return "sieve://" + config.hostname + (usual ? "" : ":" + std::to_string(one.address.port));
  }
  return "";
}

}  // namespace

// Members are destroyed from the last to the first: who listens goes before what serves it, the store last.
struct Server::Impl {
  explicit Impl(const Config& c) : config(c) {}

  Config config;
  std::unique_ptr<Rooms> rooms;
  std::unique_ptr<dns::Resolver> resolver;
  std::shared_ptr<net::TlsServer> tls, web_tls;  // one certificate
  std::unique_ptr<net::Pool> pool;
  std::unique_ptr<identity::LoginGuard> guard;
  std::unique_ptr<identity::Login> login;
  std::unique_ptr<trust::Signer> signer;
  std::unique_ptr<delivery::Delivery> delivery;
  std::unique_ptr<delivery::ImapEvents> imap_events;
  std::shared_ptr<smtp::MemoryBudget> budget = std::make_shared<smtp::MemoryBudget>(kMessageMemory);
  std::unique_ptr<submission::Services> submission;
  std::unique_ptr<mailbox::Outgoing> outgoing;
  std::unique_ptr<relay::InboundServices> inbound;
  std::unique_ptr<access::imap::Services> imap;
  access::pop3::Locks maildrops;
  std::unique_ptr<access::pop3::Services> pop3;
  std::unique_ptr<access::managesieve::Services> managesieve;
  std::optional<push::EcKey> vapid;
  std::unique_ptr<push::Hub> hub;  // outlives what waits on the loops
  std::unique_ptr<net::IoLoops> loops;
  std::unique_ptr<relay::Outbound> outbound;
  std::unique_ptr<Web> web;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::unique_ptr<net::Listener> admin;
  std::atomic<bool> stopping{false};
  std::mutex stop_mutex;
  std::condition_variable stop_wake;
  std::thread housekeeper, errands, files;

  void wire();
  static relay::OutboundOptions outbound_options(const Config& config);
  Result<void> listen();
  void serve(Protocol protocol, std::unique_ptr<net::Stream> stream);
  void keep_house();
  void run_errands();
  void read_files();
};

void Server::Impl::wire() {
  Rooms& r = *rooms;
  guard = std::make_unique<identity::LoginGuard>(r.clock);
  login = std::make_unique<identity::Login>(*r.directory, *pool, *guard, r.random);
  const delivery::Services delivering{*r.store, *r.directory, *r.mailboxes, *r.queue,       *r.trace,
                                      *r.ids,   r.clock,      *r.scripts,   config.hostname};
  signer = std::make_unique<trust::Signer>(*r.directory, *r.store, r.clock, config.hostname);
  delivery = std::make_unique<delivery::Delivery>(delivering);
  imap_events = std::make_unique<delivery::ImapEvents>(delivering, *delivery, *pool);
  submission = std::make_unique<submission::Services>(
      submission::Services{*r.store, *login, *r.mailboxes, *delivery, *r.queue, *r.trace, *pool, *r.ids, r.random,
                           r.clock, config.hostname, config.max_message_size});
  outgoing = std::make_unique<submission::Submitter>(*submission);
  inbound = std::make_unique<relay::InboundServices>(relay::InboundServices{
      *r.store, *r.mailboxes, *delivery, *r.queue, *r.trace, *pool, *r.ids, r.clock, config.hostname, resolver.get()});
  imap = std::make_unique<access::imap::Services>(
      access::imap::Services{*r.store, *r.mailboxes, *login, *r.trace, *pool, config.hostname, config.max_message_size,
                             imap_events.get(), sieve_url(config)});
  pop3 = std::make_unique<access::pop3::Services>(
      access::pop3::Services{*r.store, *r.mailboxes, *login, *r.trace, *pool, maildrops, config.hostname});
  managesieve = std::make_unique<access::managesieve::Services>(
      access::managesieve::Services{*r.store, *r.scripts, *login, *pool, config.hostname});
  hub = std::make_unique<push::Hub>(*r.store, *r.mailboxes);
  web = std::make_unique<Web>(config, r, *resolver, *login, *pool, *outgoing, *hub, *vapid, loops->loop(0));
  outbound = std::make_unique<relay::Outbound>(
      loops->loop(0),
      relay::OutboundServices{*r.store, *r.mailboxes, *delivery, *r.queue, *r.trace, *resolver, loops->network(), *pool,
                              *r.ids, r.random, signer.get()},
      outbound_options(config));
}

relay::OutboundOptions Server::Impl::outbound_options(const Config& config) {
  relay::OutboundOptions options;
  options.hostname = config.hostname;
  options.port = config.relay_port;
  options.source_ip = config.relay_source_ip;
  options.smarthost = config.relay_smarthost;
  return options;
}

void Server::Impl::serve(Protocol protocol, std::unique_ptr<net::Stream> stream) {
  net::Loop& loop = stream->loop();
  if (protocol == Protocol::kImap || protocol == Protocol::kImaps) {
    access::imap::Options options;
    options.tls = tls;
    options.implicit_tls = protocol == Protocol::kImaps;
    return loop.spawn(access::imap::serve(std::move(stream), options, *imap));
  }
  if (protocol == Protocol::kPop3 || protocol == Protocol::kPop3s) {
    access::pop3::Options options;
    options.tls = tls;
    options.implicit_tls = protocol == Protocol::kPop3s;
    return loop.spawn(access::pop3::serve(std::move(stream), options, *pop3));
  }
  if (protocol == Protocol::kManageSieve)
    return loop.spawn(access::managesieve::serve(std::move(stream), {tls}, *managesieve));
  if (protocol == Protocol::kHttps || protocol == Protocol::kHttp)
    return loop.spawn(
        web::serve(std::move(stream), {protocol == Protocol::kHttps ? web_tls : nullptr}, web->services()));
  smtp::ServerOptions options;
  options.hostname = config.hostname;
  options.tls = tls;
  options.max_size = config.max_message_size;
  options.lmtp = protocol == Protocol::kLmtp;
  options.implicit_tls = protocol == Protocol::kSubmissions;
  options.auth_in_clear = stream->remote().loopback();
  std::shared_ptr<smtp::ServerPolicy> policy;
  if (protocol == Protocol::kSubmission || protocol == Protocol::kSubmissions) {
    options.max_hold = mailbox::Outgoing::kMaxDelay;
    policy = std::make_shared<submission::Session>(*submission, loop);
  } else
    policy = std::make_shared<relay::Inbound>(*inbound, loop);
  loop.spawn(smtp::serve(std::move(stream), options, policy, budget));
}

Result<void> Server::Impl::listen() {
  for (ListenerConfig& one : config.listeners) {
    auto listener = loops->network().listen(
        {one.address},
        [this, protocol = one.protocol](std::unique_ptr<net::Stream> stream) { serve(protocol, std::move(stream)); });
    if (!listener)
      return Error{listener.code(), std::string(protocol_name(one.protocol)) + ": " + listener.error().message};
    one.address = (*listener)->local();
    log::info("app", fmt::format("{} listens on {}", protocol_name(one.protocol), one.address.text()));
    listeners.push_back(std::move(*listener));
  }
  auto opened = serve_admin(*loops, *pool, *rooms, config.admin_socket());
  if (!opened) return opened.error();
  admin = std::move(*opened);
  return {};
}

// Folds word lists, frees what removed accounts left and what the undelete window has passed, one account at a time.
void Server::Impl::keep_house() {
  // Small transactions, so that deliveries between them do not wait.
  const auto in_steps = [this](const std::function<Result<size_t>(store::Transaction&)>& step) {
    for (size_t freed = kPurgeAtOnce; freed == kPurgeAtOnce && !stopping;) {
      freed = 0;
      const auto done = rooms->store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
        const auto some = step(t);
        if (!some) return some.error();
        freed = *some;
        return {};
      });
      if (!done) log::error("app", done.error().message);
    }
  };
  Time purge_at = rooms->clock.now() + minutes(1);
  for (;;) {
    {
      std::unique_lock lock(stop_mutex);
      if (stop_wake.wait_for(lock, kHousekeeping, [this] { return stopping.load(); })) return;
    }
    const auto due = rooms->mailboxes->accounts_to_fold(kFoldFrom);
    if (!due) {
      log::error("app", due.error().message);
      continue;
    }
    for (const mailbox::AccountId account : *due)
      for (size_t folded = kFoldFrom; folded == kFoldFrom && !stopping;) {
        const auto some = rooms->mailboxes->fold(account, kFoldFrom);
        if (!some) log::error("app", some.error().message);
        folded = some ? *some : 0;
      }
    in_steps([this](store::Transaction& t) { return rooms->mailboxes->sweep_removed(t, kPurgeAtOnce); });
    if (rooms->clock.now() < purge_at) continue;
    purge_at = rooms->clock.now() + hours(1);
    const auto accounts = rooms->directory->accounts(*rooms->store, "");
    if (!accounts) continue;
    for (const auto& account : *accounts)
      in_steps([&](store::Transaction& t) { return rooms->mailboxes->purge_expired(t, account.id, kPurgeAtOnce); });
  }
}

// Reads the text of attached files. What waits since before this process is read as well; on a system that does not let
// it be read safely it goes on waiting.
void Server::Impl::read_files() {
  const std::vector<std::string> command = {"/proc/self/exe", "extract"};
  if (const auto tried = extract::in_child(command, "", stopping); !tried && tried.code() != Code::kClosed) {
    log::error("app", "the text of attached files will not be found: " + tried.error().message);
    return;
  }
  std::atomic<bool> came{true};
  const auto watch = mailbox::watch_files(*rooms->store, [this, &came] {
    came = true;
    const std::lock_guard lock(stop_mutex);  // who looks whether to wait has not looked yet, or waits
    stop_wake.notify_all();
  });
  for (;;) {
    {
      std::unique_lock lock(stop_mutex);
      stop_wake.wait_for(lock, kReadFiles, [&] { return stopping || came; });
      if (stopping) return;
    }
    came = false;
    Result<size_t> read = kFilesAtOnce;
    while (read && *read == kFilesAtOnce && !stopping) read = read_attached(*rooms, command, stopping);
    if (!read && read.code() != Code::kClosed) log::error("app", read.error().message);
  }
}

// What waits for the DNS, and so would keep the house waiting: changes DKIM keys in time, sends reports.
void Server::Impl::run_errands() {
  Time rotate_at = rooms->clock.now() + minutes(10);
  for (;;) {
    {
      std::unique_lock lock(stop_mutex);
      if (stop_wake.wait_for(lock, kErrands, [this] { return stopping.load(); })) return;
    }
    if (rooms->clock.now() >= rotate_at) {
      rotate_at = rooms->clock.now() + days(1);
      rotate_all_keys(*rooms, *resolver, stopping);
    }
    const auto sent = send_reports(*rooms, *resolver, false, [this] { return stopping.load(); });
    if (!sent) log::error("dmarc", sent.error().message);
    for (size_t i = 0; sent && i < sent->told.size(); ++i) log::info("dmarc", "report " + sent->told[i]);
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  log::set_level(config.log_level);
  auto impl = std::make_unique<Impl>(config);
  auto rooms = open_rooms(config);
  if (!rooms) return rooms.error();
  impl->rooms = std::move(*rooms);
  auto tls = open_tls(config, impl->rooms->clock);
  if (!tls) return tls.error();
  impl->tls = std::move(*tls);
  auto web_tls = open_tls(config, impl->rooms->clock, {"h2", "http/1.1", "http/1.0"});
  if (!web_tls) return web_tls.error();
  impl->web_tls = std::move(*web_tls);
  auto resolver = open_resolver(config);
  if (!resolver) return resolver.error();
  impl->resolver = std::move(*resolver);
  impl->rooms->resolver = impl->resolver.get();
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  impl->pool = net::make_pool(std::max<size_t>(2, cores), kPoolQueue);
  impl->loops = std::make_unique<net::IoLoops>(config.threads ? config.threads : cores);
  auto vapid = push::vapid_key(*impl->rooms->store, impl->rooms->random);
  if (!vapid) return vapid.error();
  impl->vapid = std::move(*vapid);
  impl->wire();
  auto server = std::unique_ptr<Server>(new Server(std::move(impl)));
  if (const auto done = server->impl_->listen(); !done) return done.error();
  server->impl_->outbound->start();
  server->impl_->web->sender().start();
  server->impl_->housekeeper = std::thread([raw = server->impl_.get()] { raw->keep_house(); });
  server->impl_->files = std::thread([raw = server->impl_.get()] { raw->read_files(); });
  server->impl_->errands = std::thread([raw = server->impl_.get()] { raw->run_errands(); });
  return server;
}

Server::~Server() {
  {
    std::lock_guard lock(impl_->stop_mutex);
    impl_->stopping = true;
  }
  impl_->stop_wake.notify_all();
  impl_->admin.reset();
  impl_->listeners.clear();
  impl_->web->services().connections.drain();
  impl_->outbound->stop();
  impl_->web->sender().stop();
  impl_->loops->stop();
  if (impl_->housekeeper.joinable()) impl_->housekeeper.join();
  if (impl_->errands.joinable()) impl_->errands.join();
  if (impl_->files.joinable()) impl_->files.join();
  impl_->pool.reset();
  impl_->rooms->store.reset();  // commits what waits while the loops that are told of it still exist
}

Result<void> Server::reload() {
  auto fresh = impl_->config.file.empty() ? Result<Config>(impl_->config) : read_config(impl_->config.file);
  if (!fresh) return fresh.error();
  log::set_level(fresh->log_level);
  if (fresh->tls_certificate != impl_->config.tls_certificate || fresh->hostname != impl_->config.hostname ||
      fresh->data_dir != impl_->config.data_dir || fresh->listeners.size() != impl_->config.listeners.size())
    log::warn("app", "listeners, folders, names and certificate paths change at the next restart only");
  fresh->hostname = impl_->config.hostname;
  impl_->outbound->set_options(Impl::outbound_options(*fresh));
  for (const auto& tls : {impl_->tls, impl_->web_tls})
    if (const auto done = tls->reload(); !done) return done;
  log::info("app", "reloaded certificates, log level and relay settings");
  return {};
}

Rooms& Server::rooms() { return *impl_->rooms; }
const Config& Server::config() const { return impl_->config; }

std::vector<net::Address> Server::addresses() const {
  std::vector<net::Address> out;
  for (const auto& listener : impl_->listeners) out.push_back(listener->local());
  return out;
}

}  // namespace pabal::app
