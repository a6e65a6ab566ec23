// room: smtp
// Whatever a client sends, in whatever pieces: the server answers replies, takes messages only whole, gives its memory
// back and ends. The first octet chooses SMTP or LMTP, AUTH, the size of the pieces, and whether the envelope is there
// already.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "net/sim.h"
#include "smtp/server.h"

namespace smtp = pabal::smtp;
namespace net = pabal::net;
using pabal::Result;
using pabal::Task;

namespace {

constexpr size_t kBudget = 100'000;

struct Policy final : smtp::ServerPolicy {
  size_t recipients = 0;
  Task<smtp::Reply> on_connect(smtp::ClientInfo) override { co_return smtp::Reply{220, "", "fuzz"}; }
  Task<smtp::Reply> on_mail(smtp::ClientInfo info, smtp::MailParams) override {
    PABAL_CHECK(!info.helo.empty());
    recipients = 0;
    co_return smtp::Reply{250, "2.1.0", "Ok"};
  }
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo, smtp::RcptParams rcpt) override {
    if (rcpt.address.size() % 3 == 0) co_return smtp::Reply{550, "5.1.1", "no " + rcpt.address};
    ++recipients;
    co_return smtp::Reply{250, "2.1.5", "Ok"};
  }
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo info, std::string content) override {
    PABAL_CHECK(recipients > 0 && content.size() <= 20'000);
    co_return std::vector<smtp::Reply>(info.lmtp ? recipients : 1, smtp::Reply{250, "2.0.0", "Ok"});
  }
  void on_reset() override { recipients = 0; }
  std::vector<std::string> auth_mechanisms(const smtp::ClientInfo&) override { return {"PLAIN"}; }
  Task<smtp::AuthStep> auth_start(smtp::ClientInfo, std::string, std::optional<std::string> initial) override {
    smtp::AuthStep step;
    step.kind = initial ? smtp::AuthStep::Kind::kFailure : smtp::AuthStep::Kind::kChallenge;
    step.failure = {535, "5.7.8", "wrong"};
    co_return step;
  }
  Task<smtp::AuthStep> auth_continue(std::string data) override {
    smtp::AuthStep step;
    step.kind = data.size() % 2 ? smtp::AuthStep::Kind::kSuccess : smtp::AuthStep::Kind::kChallenge;
    step.user = "u";
    co_return step;
  }
};

Task<void> send(std::shared_ptr<net::Stream> stream, std::string octets, size_t piece) {
  for (size_t at = 0; at < octets.size(); at += piece) {
    const std::string part = octets.substr(at, piece);
    Task<Result<void>> writing = stream->write(part, stream->loop().now() + pabal::hours(1));
    if (const Result<void> done = co_await writing; !done) co_return;
    Task<void> pause = net::sleep(stream->loop(), pabal::milliseconds(1));
    co_await pause;
  }
}
Task<void> listen(std::shared_ptr<net::Stream> stream, std::shared_ptr<std::string> out) {
  char block[4096];
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + pabal::days(1));
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
    out->append(block, *got);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t mode = data[0];
  net::SimLoop loop;
  net::StreamPair pair = net::make_stream_pair(loop);
  auto policy = std::make_shared<Policy>();
  auto budget = std::make_shared<smtp::MemoryBudget>(kBudget);
  smtp::ServerOptions options;
  options.hostname = "fuzz.example";
  options.lmtp = mode & 1;
  options.auth_in_clear = mode & 2;
  options.max_size = 20'000;
  options.max_recipients = 5;
  loop.spawn(smtp::serve(std::move(pair.server), options, policy, budget));
  std::shared_ptr<net::Stream> client = std::move(pair.client);
  auto said = std::make_shared<std::string>();
  loop.spawn(listen(client, said));
  const size_t piece = mode & 4 ? 1 + mode / 16 : SIZE_MAX / 2;
  std::string octets =
      mode & 8 ? std::string(mode & 1 ? "LHLO" : "EHLO") + " x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@dd>\r\n" : "";
  if ((mode & 8) && (mode & 128)) octets += "DATA\r\n";
  octets.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  loop.spawn(send(client, octets, piece));
  loop.run_for(pabal::minutes(4));
  client->close();
  loop.run_for(pabal::hours(1));

  PABAL_CHECK(policy.use_count() == 1);  // the session is over
  PABAL_CHECK(budget->left() == kBudget);
  PABAL_CHECK(said->starts_with("220 "));
  for (const std::string_view line : pabal::text::split(*said, '\n')) {
    if (line.empty()) continue;
    PABAL_CHECK(line.size() >= 5 && line.ends_with('\r') && line[0] >= '2' && line[0] <= '5' &&
                (line[3] == ' ' || line[3] == '-'));
  }
  return 0;
}
