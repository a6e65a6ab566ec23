// For the tests of this room and of those above: a server over a stream in memory, spoken to as by telnet, with a
// policy that does as it is told.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/sim.h"
#include "smtp/server.h"

namespace pabal::smtp {

// Takes all mail. Addresses decide: "unknown@..." 550, "later@..." 451, "slow@..." 250 after ten seconds; "full@..." is
// taken, and refused per recipient in LMTP. AUTH PLAIN and LOGIN know alice with "secret".
class ScriptedPolicy : public ServerPolicy {
 public:
  explicit ScriptedPolicy(net::Loop& loop) : loop_(loop) {}

  struct Accepted {
    ClientInfo info;
    MailParams mail;
    std::vector<RcptParams> recipients;
    std::string content;
  };
  std::vector<Accepted> accepted;
  Reply greeting{220, "", "test"};
  Reply verdict{250, "2.0.0", "Ok: queued as 1"};
  Duration think{0};  // before the verdict
  bool offers_auth = true;
  size_t resets = 0;

  Task<Reply> on_connect(ClientInfo) override { co_return greeting; }
  Task<Reply> on_mail(ClientInfo, MailParams mail) override {
    if (mail.reverse_path.starts_with("banned@")) co_return Reply{550, "5.7.1", "no"};
    mail_ = std::move(mail);
    recipients_.clear();
    co_return Reply{250, "2.1.0", "Ok"};
  }
  Task<Reply> on_rcpt(ClientInfo, RcptParams rcpt) override {
    if (rcpt.address.starts_with("unknown@")) co_return Reply{550, "5.1.1", "nobody"};
    if (rcpt.address.starts_with("later@")) co_return Reply{451, "4.3.0", "later"};
    if (rcpt.address.starts_with("slow@")) {
      Task<void> waiting = net::sleep(loop_, seconds(10));
      co_await waiting;
    }
    recipients_.push_back(std::move(rcpt));
    co_return Reply{250, "2.1.5", "Ok"};
  }
  Task<std::vector<Reply>> on_message(ClientInfo info, std::string content) override {
    if (think > Duration(0)) {
      Task<void> waiting = net::sleep(loop_, think);
      co_await waiting;
    }
    std::vector<Reply> replies(info.lmtp ? recipients_.size() : 1, verdict);
    for (size_t i = 0; info.lmtp && i < recipients_.size(); ++i)
      if (recipients_[i].address.starts_with("full@")) replies[i] = {452, "4.2.2", "full"};
    Accepted one;
    one.info = std::move(info);
    one.mail = mail_;
    one.recipients = recipients_;
    one.content = std::move(content);
    if (verdict.ok()) accepted.push_back(std::move(one));
    co_return replies;
  }
  void on_reset() override {
    ++resets;
    recipients_.clear();
  }
  std::vector<std::string> auth_mechanisms(const ClientInfo&) override {
    return offers_auth ? std::vector<std::string>{"PLAIN", "LOGIN"} : std::vector<std::string>{};
  }
  Task<AuthStep> auth_start(ClientInfo, std::string mechanism, std::optional<std::string> initial) override {
    login_ = mechanism == "LOGIN";
    login_user_.reset();
    AuthStep step;
    step.kind = AuthStep::Kind::kChallenge;
    if (login_) step.data = "Username:";
    if (!initial) co_return step;
    Task<AuthStep> going = auth_continue(*initial);
    co_return co_await going;
  }
  Task<AuthStep> auth_continue(std::string data) override {
    AuthStep step;
    if (login_ && !login_user_) {
      login_user_ = data;
      step.kind = AuthStep::Kind::kChallenge;
      step.data = "Password:";
      co_return step;
    }
    const bool good = login_ ? *login_user_ == "alice" && data == "secret" : data == std::string("\0alice\0secret", 13);
    if (good) {
      step.kind = AuthStep::Kind::kSuccess;
      step.user = "alice";
    } else
      step.failure = {535, "5.7.8", "wrong"};
    co_return step;
  }

 private:
  net::Loop& loop_;
  MailParams mail_;
  std::vector<RcptParams> recipients_;
  bool login_ = false;
  std::optional<std::string> login_user_;
};

// One end of a stream, driven by hand.
class Peer {
 public:
  Peer(net::SimLoop& loop, std::unique_ptr<net::Stream> stream) : loop_(loop), stream_(std::move(stream)) {
    loop_.spawn(listen(*this));
  }
  ~Peer() {
    close();
    loop_.run_until_idle();
  }

  // Sends and lets everybody do what they can without time going by.
  void send(std::string octets) {
    loop_.spawn(write(stream_, std::move(octets)));
    loop_.run_until_idle();
  }
  // What has come since the last call.
  std::string heard() {
    loop_.run_until_idle();
    return std::exchange(heard_, {});
  }
  std::string ask(const std::string& line) {
    send(line + "\r\n");
    return heard();
  }
  bool closed() const { return over_; }  // by the other side
  void close() { stream_->close(); }
  net::Stream& stream() { return *stream_; }
  void secure(bool client) {
    loop_.spawn(handshake(stream_, client));
    loop_.run_until_idle();
  }

 private:
  static Task<void> listen(Peer& self) {
    const std::shared_ptr<net::Stream> stream = self.stream_;
    std::string block(65536, '\0');
    for (;;) {
      Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + days(1));
      const Result<size_t> got = co_await reading;
      if (got.ok() && *got > 0) {
        self.heard_.append(block, 0, *got);
        continue;
      }
      if (got.ok() || got.code() != Code::kClosed) self.over_ = true;
      co_return;
    }
  }
  static Task<void> write(std::shared_ptr<net::Stream> stream, std::string octets) {
    Task<Result<void>> writing = stream->write(octets, stream->loop().now() + days(1));
    const Result<void> ignored = co_await writing;
    static_cast<void>(ignored);
  }
  static Task<void> handshake(std::shared_ptr<net::Stream> stream, bool client) {
    net::TlsClientOptions options;
    Task<Result<void>> shaking =
        client ? stream->tls_connect(options, stream->loop().now()) : stream->tls_accept(nullptr, stream->loop().now());
    const Result<void> ignored = co_await shaking;
    static_cast<void>(ignored);
  }

  net::SimLoop& loop_;
  std::shared_ptr<net::Stream> stream_;
  std::string heard_;
  bool over_ = false;
};

struct NoTls final : net::TlsServer {  // the simulated stream needs none
  Result<void> reload() override { return {}; }
};

// A server and who speaks with it.
class TestServer {
 public:
  static constexpr size_t kBudget = 1 << 20;
  static ServerOptions options() {
    ServerOptions o;
    o.hostname = "foo.com";
    o.tls = std::make_shared<NoTls>();
    o.max_size = 100'000;
    o.max_recipients = 10;
    return o;
  }

  explicit TestServer(ServerOptions o = options(), size_t budget_octets = kBudget, Reply greeting = {220, "", "test"})
      : policy(std::make_shared<ScriptedPolicy>(loop)), budget(std::make_shared<MemoryBudget>(budget_octets)) {
    policy->greeting = std::move(greeting);
    net::StreamPair pair = net::make_stream_pair(loop);
    peer.emplace(loop, std::move(pair.client));
    loop.spawn(serve(std::move(pair.server), std::move(o), policy, budget));
    loop.run_until_idle();
  }
  ~TestServer() {
    peer.reset();
    loop.run_for(minutes(1));
  }

  // Without the greeting; EHLO is said, and with `envelope` MAIL and RCPT.
  void begin(bool envelope = true) {
    peer->heard();
    peer->ask("EHLO bar.com");
    if (!envelope) return;
    peer->ask("MAIL FROM:<a@bar.com>");
    peer->ask("RCPT TO:<b@foo.com>");
  }

  net::SimLoop loop;
  std::shared_ptr<ScriptedPolicy> policy;
  std::shared_ptr<MemoryBudget> budget;
  std::optional<Peer> peer;
};

}  // namespace pabal::smtp
