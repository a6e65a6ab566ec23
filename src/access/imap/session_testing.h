// For tests of whole sessions: a real store in a folder of its own, the account alice, and clients on the simulated
// loop.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "access/imap/imap.h"
#include "base/check.h"
#include "identity/login.h"
#include "mailbox/keys.h"
#include "mailbox/records.h"
#include "net/sim.h"
#include "store/rocksdb_store.h"

namespace pabal::access::imap::testing {

inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) (out += c == '\n' ? "\r" : "") += c;
  return out;
}

constexpr char kPassword[] = "correct horse";

// What sessions need, and hands to change the mail behind their backs.
class Backend {
 public:
  explicit Backend(uint64_t quota = 0) {
    std::string name = (std::filesystem::temp_directory_path() / "pabal-imap-XXXXXX").string();
    PABAL_CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    store::RocksOptions options;
    options.path = name;
    store = std::move(*store::open_rocksdb(options, clock));
    mailboxes = std::make_unique<mailbox::Mailboxes>(*store, clock);
    directory = std::make_unique<identity::Directory>(*store, clock, random_);
    change([&](store::Transaction& t) {
      identity::Domain domain;
      domain.name = "example.com";
      return directory->add_domain(t, domain);
    });
    alice = add_account("alice@example.com", quota);
    pool_ = net::make_pool(2, 100);
    guard_ = std::make_unique<identity::LoginGuard>(clock);
    login_ = std::make_unique<identity::Login>(*directory, *pool_, *guard_, random_);
    trace = std::make_unique<watch::Trace>(*store);
    services =
        std::make_unique<Services>(Services{*store, *mailboxes, *login_, *trace, *pool_, "mx.example.com", 1 << 20});
  }
  ~Backend() {
    pool_.reset();
    store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  mailbox::AccountId add_account(const std::string& name, uint64_t quota = 0) {
    static const auto secrets = *directory->make_secrets(kPassword);  // slow
    mailbox::AccountId id = 0;
    change([&](store::Transaction& t) -> Result<void> {
      identity::Account account;
      account.name = name;
      const auto added = directory->add_account(t, account, secrets);
      if (!added) return added.error();
      id = added->id;
      return mailboxes->create_account(t, id, quota);
    });
    return id;
  }
  void change(const store::Work& work) {
    const auto done = store->transact_and_wait(work);
    PABAL_CHECK(done.ok());
  }
  mailbox::Mailbox box(const std::string& name) const { return **mailboxes->find(*store, alice, name); }
  // Files a message, as a delivery does.
  mailbox::MessageId deliver(const std::string& text, const std::string& folder = "INBOX", mailbox::Flags flags = {},
                             Time received = from_unix(1'700'000'000)) {
    const auto prepared = mailbox::prepare(text);
    mailbox::MessageId id = 0;
    change([&](store::Transaction& t) -> Result<void> {
      const mailbox::BodyId body = mailboxes->new_body_id();
      if (const auto put = mailboxes->put_body(t, body, *prepared); !put) return put;
      mailbox::Filing filing;
      filing.mailboxes = {box(folder).id};
      filing.flags = flags;
      filing.received = received;
      const auto filed = mailboxes->file(t, alice, *prepared, body, filing);
      if (!filed) return filed.error();
      id = filed->message;
      return {};
    });
    return id;
  }
  void set_flags(mailbox::MessageId id, uint8_t flags) {  // in the first mailbox that has it
    change([&](store::Transaction& t) -> Result<void> {
      const mailbox::Message::Place place = (**mailboxes->message(t, alice, id)).places.front();
      const auto done =
          mailboxes->edit_flags(t, alice, place.mailbox, {place.uid}, [&](mailbox::Flags& f) { f.system = flags; });
      return done ? Result<void>() : done.error();
    });
  }
  void remove(mailbox::MessageId id, const std::string& folder = "INBOX") {
    change([&](store::Transaction& t) { return mailboxes->remove_place(t, alice, id, box(folder).id); });
  }

  // The change feed reaches back no further than now, as when an account has had more changes than are kept.
  void forget_changes() {
    change([&](store::Transaction& t) -> Result<void> {
      auto state = *mailbox::decode_state(**t.get(mailbox::keys::state(alice)));
      state.first_change = state.modseq + 1;
      t.put(mailbox::keys::state(alice), mailbox::encode(state));
      return {};
    });
  }

  ManualClock clock;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<mailbox::Mailboxes> mailboxes;
  std::unique_ptr<identity::Directory> directory;
  std::unique_ptr<watch::Trace> trace;
  std::unique_ptr<Services> services;
  mailbox::AccountId alice = 0;

 private:
  std::filesystem::path folder_;
  SeededRandom random_{1};
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<identity::LoginGuard> guard_;
  std::unique_ptr<identity::Login> login_;
};

// One end of a simulated connection. What comes is kept until it is taken. Must not outlive its loop's last run.
class Client {
 public:
  Client(net::SimLoop& loop, std::unique_ptr<net::Stream> stream) : loop_(loop), state_(std::make_shared<State>()) {
    state_->stream = std::move(stream);
    loop_.spawn(read(state_));
  }

  void send(std::string text) {
    state_->sending += text;
    if (!std::exchange(state_->writing, true)) loop_.spawn(write(state_));
  }
  // Sends "t command" CRLF and gives all that comes, up to the tagged answer.
  std::string talk(const std::string& command) {
    send("t " + command + "\r\n");
    return answer();
  }
  // All up to the next tagged answer or continuation request.
  std::string answer() {
    size_t end = std::string::npos;
    loop_.run_until([&] { return (end = answer_end()) != std::string::npos || state_->closed; }, minutes(10));
    if (end == std::string::npos) return take();
    std::string out = state_->received.substr(0, end);
    state_->received.erase(0, end);
    return out;
  }
  // Waits until `text` has come. With `outside` for what another thread sets off: virtual time stands still.
  bool wait_for(const std::string& text, bool outside = false) {
    if (outside) loop_.waiting_outside(1);
    const bool came = loop_.run_until(
        [&] { return state_->closed || state_->received.find(text) != std::string::npos; }, minutes(10));
    if (outside) loop_.waiting_outside(-1);
    return came && state_->received.find(text) != std::string::npos;
  }
  bool wait_closed(Duration at_most = hours(2)) {
    return loop_.run_until([&] { return state_->closed; }, at_most);
  }
  std::string take() { return std::exchange(state_->received, {}); }
  const std::string& received() const { return state_->received; }
  bool closed() const { return state_->closed; }
  void hang_up() { state_->stream->close(); }
  void pause(bool on) { state_->paused = on; }  // stops reading: what the server writes waits

 private:
  struct State {
    std::unique_ptr<net::Stream> stream;
    std::string received, sending;
    bool closed = false, writing = false, paused = false;
  };

  size_t answer_end() const {
    const std::string& text = state_->received;
    for (size_t at = 0; at < text.size();) {
      const size_t lf = text.find('\n', at);
      if (lf == text.npos) return text.npos;
      const std::string_view line = std::string_view(text).substr(at, lf - at);
      if (line.starts_with("t OK") || line.starts_with("t NO") || line.starts_with("t BAD") || line.starts_with("+ "))
        return lf + 1;
      at = lf + 1;
    }
    return text.npos;
  }
  static Task<void> read(std::shared_ptr<State> state) {
    std::string block(16384, '\0');
    for (;;) {
      net::Loop& loop = state->stream->loop();
      while (state->paused) {
        Task<void> waiting = net::sleep(loop, milliseconds(1));
        co_await waiting;
      }
      Task<Result<size_t>> reading = state->stream->read(block, loop.now() + hours(1'000));
      const Result<size_t> got = co_await reading;
      if (!got || *got == 0) break;
      state->received.append(block, 0, *got);
    }
    state->closed = true;
  }
  static Task<void> write(std::shared_ptr<State> state) {
    while (!state->sending.empty()) {
      const std::string text = std::exchange(state->sending, {});
      Task<Result<void>> writing = state->stream->write(text, state->stream->loop().now() + hours(1'000));
      if (!(co_await writing)) break;
    }
    state->writing = false;
  }

  net::SimLoop& loop_;
  std::shared_ptr<State> state_;
};

// Clients of one server. Each connects over the loopback unless told otherwise.
class World : public Backend {
 public:
  using Backend::Backend;
  ~World() {  // sessions end before what they use
    for (Client& client : clients_) client.hang_up();
    loop.run_for(hours(1));
  }

  Client& connect(Options options = {}) {
    net::StreamPair pair = net::make_stream_pair(loop);
    loop.spawn(serve(std::move(pair.server), std::move(options), *services));
    return clients_.emplace_back(loop, std::move(pair.client));
  }
  Client& greeted(Options options = {}) {
    Client& client = connect(std::move(options));
    client.wait_for("\r\n");
    client.take();
    return client;
  }
  Client& logged_in(const std::string& who = "alice@example.com") {
    Client& client = greeted();
    client.talk("LOGIN " + who + " \"" + kPassword + "\"");
    return client;
  }
  Client& selected(const std::string& mailbox = "INBOX") {
    Client& client = logged_in();
    client.talk("SELECT " + mailbox);
    return client;
  }

  void forget_clients() { clients_.clear(); }  // those that have hung up

  net::SimLoop loop;

 private:
  std::list<Client> clients_;
};

}  // namespace pabal::access::imap::testing
