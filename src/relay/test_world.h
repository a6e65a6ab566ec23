// For the tests of this room: a store in memory that fails when told to, the simulated loop and network with faults of
// its own, zones, local people, and remote servers that follow a script. All on one thread, so that every run is the
// same.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "identity/directory.h"
#include "message/address.h"
#include "message/message.h"
#include "net/sim.h"
#include "relay/inbound.h"
#include "relay/outbound.h"
#include "smtp/server.h"

namespace pabal::relay::test {

// --- the store ------------------------------------------------------------------------------------------------------

// Transactions run at once on the caller's thread. fail_at(n): the n-th operation from now (read, write or commit)
// fails with kIo, once, or with `dead` all after it as well, as when the process has been killed there.
class MemoryStore final : public store::Store {
 public:
  void fail_at(uint64_t n, bool dead = false) {
    fail_at_ = operations_ + n;
    dead_ = dead;
  }
  void heal() { fail_at_ = UINT64_MAX; }
  uint64_t operations() const { return operations_; }
  size_t keys(std::string_view prefix) const {
    return static_cast<size_t>(
        std::count_if(maps_[0].begin(), maps_[0].end(), [&](const auto& e) { return e.first.starts_with(prefix); }));
  }
  size_t bodies() const { return maps_[1].size(); }
  void put_raw(const std::string& key, std::string value) { maps_[0][key] = std::move(value); }

  Result<std::optional<std::string>> get(std::string_view key, store::Space space) const override {
    if (!step()) return fault();
    const auto& map = maps_[static_cast<size_t>(space)];
    const auto found = map.find(key);
    return found == map.end() ? std::optional<std::string>() : found->second;
  }
  Result<void> scan(const store::Range& range, const Visit& visit) const override {
    if (!step()) return fault();
    auto at = maps_[0].lower_bound(range.begin),
         end = range.end.empty() ? maps_[0].end() : maps_[0].lower_bound(range.end);
    std::vector<store::Entry> found;
    for (; at != end; ++at) {
      found.push_back({at->first, at->second});
      if (!range.reverse && found.size() >= range.limit) break;
    }
    if (range.reverse) std::reverse(found.begin(), found.end());
    if (found.size() > range.limit) found.resize(range.limit);
    for (const auto& one : found)
      if (!visit(one.key, one.value)) break;
    return {};
  }
  std::unique_ptr<store::Snapshot> snapshot() const override {
    struct Copy final : store::Snapshot {
      MemoryStore copy;
      Result<std::optional<std::string>> get(std::string_view key, store::Space space) const override {
        return copy.get(key, space);
      }
      Result<void> scan(const store::Range& range, const Visit& visit) const override {
        return copy.scan(range, visit);
      }
    };
    auto made = std::make_unique<Copy>();
    for (size_t i = 0; i < 2; ++i) made->copy.maps_[i] = maps_[i];
    return made;
  }

  void transact(store::Work work, store::Done done) override {
    Writing t(*this);
    Result<void> result = work(t);
    if (result && (t.failed || !step())) result = fault();
    if (!result) t.undo();
    std::set<std::string> touched;
    if (result) touched = std::move(t.touched);
    done(result);
    for (const auto& [key, watch] : std::multimap<std::string, Watching*>(watches_))
      if (touched.contains(key)) watch->changed();
  }
  std::unique_ptr<Watch> watch(std::string key, std::function<void()> changed) override {
    auto made = std::make_unique<Watching>();
    made->store = this;
    made->changed = std::move(changed);
    watches_.emplace(key, made.get());
    return made;
  }
  Figures figures() const override { return {}; }

 private:
  using Map = std::map<std::string, std::string, std::less<>>;
  struct Watching final : Watch {
    MemoryStore* store = nullptr;
    std::function<void()> changed;
    ~Watching() override {
      std::erase_if(store->watches_, [&](const auto& w) { return w.second == this; });
    }
  };
  struct Writing final : store::Transaction {
    MemoryStore& store;
    bool failed = false;
    std::set<std::string> touched;
    struct Before {
      store::Space space;
      std::string key;
      std::optional<std::string> value;
    };
    std::vector<Before> before;
    explicit Writing(MemoryStore& s) : store(s) {}
    Result<std::optional<std::string>> get(std::string_view key, store::Space space) const override {
      return store.get(key, space);
    }
    Result<void> scan(const store::Range& range, const Visit& visit) const override { return store.scan(range, visit); }
    void put(std::string_view key, std::string_view value, store::Space space) override {
      write(key, std::string(value), space);
    }
    void put_until(std::string_view key, std::string_view value, Time) override {
      write(key, std::string(value), store::Space::kIndex);
    }
    void erase(std::string_view key, store::Space space) override { write(key, std::nullopt, space); }
    void write(std::string_view key, std::optional<std::string> value, store::Space space) {
      if (!store.step()) failed = true;
      Map& map = store.maps_[static_cast<size_t>(space)];
      const auto found = map.find(key);
      before.push_back({space, std::string(key), found == map.end() ? std::nullopt : std::optional(found->second)});
      if (space == store::Space::kIndex) touched.emplace(key);
      if (value)
        map.insert_or_assign(std::string(key), std::move(*value));
      else if (found != map.end())
        map.erase(found);
    }
    void undo() {
      for (; !before.empty(); before.pop_back()) {
        Map& map = store.maps_[static_cast<size_t>(before.back().space)];
        if (before.back().value)
          map.insert_or_assign(before.back().key, *before.back().value);
        else
          map.erase(before.back().key);
      }
    }
  };

  bool step() const {
    const uint64_t now = ++operations_;
    return now != fail_at_ && !(dead_ && now > fail_at_);
  }
  static Error fault() { return {Code::kIo, "the disk failed"}; }

  mutable uint64_t operations_ = 0;
  uint64_t fail_at_ = UINT64_MAX;
  bool dead_ = false;
  Map maps_[2];
  std::multimap<std::string, Watching*> watches_;
};

// --- the network ----------------------------------------------------------------------------------------------------

struct Faults {
  bool tls_fails = false;
  bool verified = false;               // what the check of the certificate finds
  std::optional<size_t> cut_received;  // octets the client gets before the next connection breaks
  size_t written = 0, received = 0;    // by the client, on the newest connection
  size_t connects = 0;
};

class FaultyStream final : public net::Stream {
 public:
  FaultyStream(std::unique_ptr<net::Stream> inner, Faults& faults)
      : inner_(std::move(inner)), faults_(faults), cut_(std::exchange(faults.cut_received, {})) {
    faults_.written = faults_.received = 0;
  }
  Task<Result<size_t>> read(std::span<char> buffer, Time deadline) override {
    if (is_cut()) co_return Error{Code::kIo, "the connection broke"};
    if (cut_) buffer = buffer.first(std::min(buffer.size(), *cut_ - received_));
    Task<Result<size_t>> reading = inner_->read(buffer, deadline);
    Result<size_t> got = co_await reading;
    if (got) faults_.received = received_ += *got;
    co_return got;
  }
  Task<Result<void>> write(std::string_view data, Time deadline) override {
    if (is_cut()) co_return Error{Code::kIo, "the connection broke"};
    faults_.written += data.size();
    Task<Result<void>> writing = inner_->write(data, deadline);
    co_return co_await writing;
  }
  Task<Result<void>> tls_accept(std::shared_ptr<net::TlsServer> server, Time deadline) override {
    return inner_->tls_accept(server, deadline);
  }
  Task<Result<void>> tls_connect(net::TlsClientOptions options, Time deadline) override {
    if (faults_.tls_fails || (options.require_verified && !faults_.verified))
      co_return Error{Code::kIo, "the handshake failed"};
    Task<Result<void>> shaking = inner_->tls_connect(options, deadline);
    Result<void> done = co_await shaking;
    info_ = *inner_->tls();
    info_.verified = faults_.verified;
    co_return done;
  }
  void close() override { inner_->close(); }
  const net::TlsInfo* tls() const override { return inner_->tls() ? &info_ : nullptr; }
  net::Address local() const override { return inner_->local(); }
  net::Address remote() const override { return inner_->remote(); }
  net::Loop& loop() override { return inner_->loop(); }

 private:
  bool is_cut() {
    if (!cut_ || received_ < *cut_) return false;
    inner_->close();
    return true;
  }
  std::unique_ptr<net::Stream> inner_;
  Faults& faults_;
  const std::optional<size_t> cut_;
  size_t received_ = 0;
  net::TlsInfo info_;
};

class FaultyNetwork final : public net::Network {
 public:
  explicit FaultyNetwork(net::SimNetwork& inner) : inner_(inner) {}
  std::map<std::string, Faults> at;
  std::vector<std::string> dialed;

  Result<std::unique_ptr<net::Listener>> listen(net::ListenOptions options, OnStream on_stream) override {
    return inner_.listen(options, on_stream);
  }
  Task<Result<std::unique_ptr<net::Stream>>> connect(net::Loop& loop, net::Address to, std::string source_ip,
                                                     Time deadline) override {
    dialed.push_back(to.ip);
    Task<Result<std::unique_ptr<net::Stream>>> connecting = inner_.connect(loop, to, source_ip, deadline);
    Result<std::unique_ptr<net::Stream>> made = co_await connecting;
    if (!made) co_return made;
    Faults& faults = at[to.ip];
    ++faults.connects;
    co_return std::make_unique<FaultyStream>(std::move(*made), faults);
  }

 private:
  net::SimNetwork& inner_;
};

struct InlinePool final : net::Pool {
  bool submit(std::function<void()> f) override {
    f();
    return true;
  }
};
struct NoTls final : net::TlsServer {
  Result<void> reload() override { return {}; }
};

// --- people here ----------------------------------------------------------------------------------------------------

// What delivery/ is to the server, as far as this room sees it.
struct LocalUsers final : mailbox::LocalDelivery {
  store::Store& store;
  identity::Directory& directory;
  mailbox::Mailboxes& mailboxes;
  std::map<std::string, Verdict> verdicts;  // instead of what the directory says
  std::map<std::string, Error> failures;    // of deliver()
  std::function<void()> on_deliver;

  LocalUsers(store::Store& s, identity::Directory& d, mailbox::Mailboxes& m) : store(s), directory(d), mailboxes(m) {}
  Verdict verify(std::string_view address, uint64_t) override {
    if (const auto told = verdicts.find(std::string(address)); told != verdicts.end()) return told->second;
    const auto resolution = directory.resolve(store, address);
    if (!resolution) return Verdict::kUnavailable;
    if (resolution->kind == identity::Resolution::Kind::kNotLocal) return Verdict::kNotLocal;
    return resolution->accounts.empty() ? Verdict::kUnknownUser : Verdict::kDeliverable;
  }
  Result<std::vector<Failure>> deliver(store::Transaction& t, const Mail& mail,
                                       const std::vector<Recipient>& recipients) override {
    if (on_deliver) on_deliver();
    std::vector<Failure> failed;
    for (const Recipient& r : recipients) {
      if (const auto told = failures.find(r.address); told != failures.end()) {
        if (told->second.code == Code::kIo || told->second.code == Code::kCorrupt) return told->second;
        failed.push_back({r.address, told->second});
        continue;
      }
      const auto resolution = directory.resolve(t, r.address);
      if (!resolution) return resolution.error();
      if (resolution->accounts.empty()) {
        failed.push_back({r.address, {Code::kNotFound, "5.1.1 there is no such mailbox here"}});
        continue;
      }
      mailbox::Filing filing;
      filing.prefix = "Return-Path: <" + mail.reverse_path + ">\r\n";
      filing.check_quota = false;
      const auto filed = mailboxes.file(t, resolution->accounts[0].account, *mail.prepared, mail.body, filing);
      if (!filed) return filed.error();
    }
    return failed;
  }
};

// --- servers elsewhere ----------------------------------------------------------------------------------------------

constexpr char kLetter[] =
    "Received: by us\r\nFrom: Alice <alice@example.com>\r\nTo: bob@univ.edu\r\nSubject: hello\r\nMessage-ID: "
    "<m1@example.com>\r\n\r\n"
    "Hello,\r\n.a line with a dot\r\nBye.\r\n";

struct Remote {
  struct Mail {
    smtp::MailParams mail;
    std::vector<smtp::RcptParams> recipients;
    std::string content;
    size_t connection = 0;
    bool tls = false;
    Time at;
  };
  net::SimLoop& loop;
  std::vector<Mail> mails;
  std::vector<Time> connected;
  size_t open = 0, peak = 0, transactions = 0;
  bool starttls = false;
  size_t max_recipients = 100;
  Duration think{0};  // before the reply to the message
  std::function<smtp::Reply()> on_connect = [] { return smtp::Reply{220, "", "ready"}; };
  std::function<smtp::Reply(const smtp::MailParams&)> on_mail = [](const auto&) {
    return smtp::Reply{250, "2.1.0", "Ok"};
  };
  std::function<smtp::Reply(const smtp::RcptParams&)> on_rcpt = [](const auto&) {
    return smtp::Reply{250, "2.1.5", "Ok"};
  };
  std::function<smtp::Reply()> on_message = [] { return smtp::Reply{250, "2.0.0", "Ok: queued"}; };
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::shared_ptr<smtp::MemoryBudget> budget = std::make_shared<smtp::MemoryBudget>(1 << 30);
  std::vector<std::weak_ptr<net::Stream>> streams;

  explicit Remote(net::SimLoop& l) : loop(l) {}
  void listen(net::Network& network, const std::string& ip, uint16_t port = 25);
};

class RemotePolicy final : public smtp::ServerPolicy {
 public:
  RemotePolicy(Remote& remote, size_t connection) : remote_(remote), connection_(connection) {}
  Task<smtp::Reply> on_connect(smtp::ClientInfo) override { co_return remote_.on_connect(); }
  Task<smtp::Reply> on_mail(smtp::ClientInfo, smtp::MailParams mail) override {
    ++remote_.transactions;
    mail_ = mail;
    recipients_.clear();
    co_return remote_.on_mail(mail);
  }
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo, smtp::RcptParams rcpt) override {
    smtp::Reply reply = remote_.on_rcpt(rcpt);
    if (reply.ok()) recipients_.push_back(std::move(rcpt));
    co_return reply;
  }
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo info, std::string content) override {
    Task<void> thinking = net::sleep(remote_.loop, remote_.think);
    if (remote_.think > Duration(0)) co_await thinking;
    const smtp::Reply reply = remote_.on_message();
    if (reply.ok()) {
      Remote::Mail mail;
      mail.mail = mail_;
      mail.recipients = recipients_;
      mail.content = std::move(content);
      mail.connection = connection_;
      mail.tls = info.tls != nullptr;
      mail.at = remote_.loop.now();
      remote_.mails.push_back(std::move(mail));
    }
    co_return std::vector<smtp::Reply>(1, reply);
  }

 private:
  Remote& remote_;
  const size_t connection_;
  smtp::MailParams mail_;
  std::vector<smtp::RcptParams> recipients_;
};

inline Task<void> run_remote(Remote& remote, std::unique_ptr<net::Stream> stream, smtp::ServerOptions options) {
  remote.connected.push_back(remote.loop.now());
  remote.peak = std::max(remote.peak, ++remote.open);
  Task<void> serving = smtp::serve(std::move(stream), options,
                                   std::make_shared<RemotePolicy>(remote, remote.connected.size()), remote.budget);
  co_await serving;
  --remote.open;
}

inline void Remote::listen(net::Network& network, const std::string& ip, uint16_t port) {
  auto listener = network.listen({{ip, port}}, [this](std::unique_ptr<net::Stream> stream) {
    smtp::ServerOptions options;
    options.hostname = "remote.test";
    options.max_recipients = max_recipients;
    if (starttls) options.tls = std::make_shared<NoTls>();
    loop.spawn(run_remote(*this, std::move(stream), options));
  });
  ASSERT_TRUE(listener) << listener.error().message;
  listeners.push_back(std::move(*listener));
}

// --- the whole ------------------------------------------------------------------------------------------------------

struct World {
  net::SimLoop loop;
  net::SimNetwork sim{loop};
  FaultyNetwork network{sim};
  MemoryStore store;
  SeededRandom random{7};
  IdSource ids{loop, random};
  InlinePool pool;
  identity::Directory directory{store, loop, random};
  mailbox::Mailboxes mailboxes{store, loop};
  queue::Queue queue{store};
  watch::Trace trace{store};
  dns::ZoneResolver zones;
  LocalUsers local{store, directory, mailboxes};
  OutboundOptions options;
  const trust::Signer* signer = nullptr;
  std::unique_ptr<Outbound> outbound;
  const Time start = loop.now();

  World() {
    options.hostname = "mail.example.com";
    add_domain("example.com");
    add_user("alice@example.com");
    zone("univ.edu", "@ MX 10 mx\nmx A 10.0.0.1\n");
  }
  ~World() { stop(); }

  void run(store::Work work) {
    const Result<void> done = store.transact_and_wait(std::move(work));
    ASSERT_TRUE(done) << done.error().message;
  }
  void add_domain(const std::string& name) {
    identity::Domain domain;
    domain.name = name;
    run([&](store::Transaction& t) { return directory.add_domain(t, domain); });
  }
  void add_user(const std::string& name) {
    identity::Account account;
    account.name = name;
    run([&](store::Transaction& t) -> Result<void> {
      const auto added = directory.add_account(t, account, identity::Directory::Secrets{});
      if (!added) return added.error();
      return mailboxes.create_account(t, added->id, 0);
    });
  }
  void zone(const std::string& origin, const std::string& text, bool secure = false) {
    const auto loaded = zones.load(origin, text, secure);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }

  OutboundServices services() {
    return {store, mailboxes, local, queue, trace, zones, network, pool, ids, random, signer};
  }
  void begin() {
    outbound = std::make_unique<Outbound>(loop, services(), options);
    outbound->start();
    loop.run_until_idle();
  }
  // As at the end of the process: those under way get a moment.
  void stop() {
    if (!outbound) return;
    outbound->stop();
    loop.run_for(hours(1));
    EXPECT_EQ(outbound->active(), 0u);
    outbound.reset();
  }

  // A message in the queue, as submission puts it there.
  queue::Entry entry(std::vector<std::string> to, std::string from = "alice@example.com") {
    queue::Entry e;
    e.id = ids.next();
    e.message_id = "<m1@example.com>";
    e.reverse_path = std::move(from);
    e.body = mailboxes.new_body_id();
    e.created = loop.now();
    e.expires = loop.now() + days(5);
    for (std::string& address : to) {
      queue::Recipient r;
      r.address = std::move(address);
      r.next_attempt = loop.now();
      e.recipients.push_back(std::move(r));
    }
    return e;
  }
  queue::QueueId add(queue::Entry e, const std::string& letter = kLetter) {
    const auto prepared = mailbox::prepare(letter);
    e.size = letter.size();
    run([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, e.body, *prepared); !put) return put;
      if (const auto held = mailboxes.hold_body(t, e.body); !held) return held;
      return queue.add(t, e);
    });
    return e.id;
  }
  queue::QueueId send(std::vector<std::string> to, std::string from = "alice@example.com") {
    return add(entry(std::move(to), std::move(from)));
  }

  std::optional<queue::Entry> queued(queue::QueueId id) { return *queue.get(store, id); }
  std::vector<queue::Entry> all_queued() { return *queue.list(store, "", 0, 100'000); }
  std::vector<std::string> inbox(const std::string& address) {
    std::vector<std::string> out;
    const auto account = *directory.account(store, address);
    const auto box = *mailboxes.find(store, account->id, "INBOX");
    EXPECT_TRUE(mailboxes.rows(store, account->id, box->id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      out.push_back(*mailboxes.content(store, account->id, row.message));
      return true;
    }));
    return out;
  }
  std::vector<std::string> actions(queue::QueueId id) {  // of the trace, in order
    std::vector<std::string> out;
    const auto events = trace.find(store, id_text(id));
    for (const auto& event : *events)
      if (event.id == id_text(id)) out.push_back(event.action);
    return out;
  }
  bool until_empty(Duration at_most) {
    return loop.run_until([&] { return queue.figures(store)->entries == 0 && outbound->active() == 0; }, at_most);
  }
};

// A report taken apart by message/.
struct Dsn {
  message::Message structure;
  std::vector<std::string> parts;  // bodies of its parts
  std::vector<std::string> part_types;
  std::vector<std::map<std::string, std::string>> fields;  // per message, then per recipient; names in lower case

  explicit Dsn(const std::string& bytes) : structure(message::parse(bytes)) {
    for (const message::Part& part : structure.root.children) {
      parts.emplace_back(part.body(bytes));
      part_types.push_back(part.type + "/" + part.subtype);
    }
    if (parts.size() < 2) return;
    std::string_view rest = parts[1];
    while (!text::trim(rest).empty()) {
      const size_t end = std::min(rest.find("\r\n\r\n"), rest.size() - std::min<size_t>(rest.size(), 2));
      fields.emplace_back();
      const std::string block = std::string(rest.substr(0, end)) + "\r\n\r\n";
      for (const auto& field : message::header_fields(block))
        fields.back()[text::lowered(field.name)] = message::unfold(field.raw_value);
      rest = rest.substr(std::min(end + 4, rest.size()));
    }
  }
};

}  // namespace pabal::relay::test
