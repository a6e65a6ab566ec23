// room: identity
// SASL exchanges of any octets never crash, end within four messages, and let nobody in without the password.
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "identity/login.h"
#include "net/sim.h"
#include "store/store.h"

namespace {

using namespace pabal;

// Holds nothing: every name is unknown, and has a made-up salt.
class EmptyStore final : public store::Store {
 public:
  Result<std::optional<std::string>> get(std::string_view, store::Space) const override {
    return std::optional<std::string>();
  }
  Result<void> scan(const store::Range&, const Visit&) const override { return {}; }
  std::unique_ptr<store::Snapshot> snapshot() const override { return nullptr; }
  void transact(store::Work, store::Done done) override { done(Error{Code::kUnsupported, "read only"}); }
  std::unique_ptr<Watch> watch(std::string, std::function<void()>) override { return nullptr; }
  Figures figures() const override { return {}; }
};

// Always full: Argon2id would make the fuzzer slow, so passwords are never checked here.
class NoPool final : public net::Pool {
 public:
  bool submit(std::function<void()>) override { return false; }
};

Task<void> keep(Task<identity::SaslStep> task, std::optional<identity::SaslStep>* out) { out->emplace(co_await task); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static EmptyStore store;
  static SystemClock clock;
  static SeededRandom random(1);
  static identity::Directory directory(store, clock, random);
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  net::SimLoop loop;
  NoPool pool;
  identity::LoginGuard guard(loop);
  identity::Login login(directory, pool, guard, random);
  net::TlsInfo tls;
  tls.channel_binding = std::string(32, 'E');
  const char* mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "XOAUTH2"};
  const uint8_t choice = data[0];
  identity::SaslExchange exchange(login, loop, "192.0.2.1", choice & 64 ? &tls : nullptr);
  const auto messages = text::split(input.substr(1), '\n');

  std::optional<identity::SaslStep> step;
  loop.spawn(keep(exchange.start(mechanisms[choice % std::size(mechanisms)], {}), &step));
  loop.run_for(minutes(1));
  PABAL_CHECK(step);
  for (size_t i = 0; i < messages.size() && step && step->kind == identity::SaslStep::Kind::kChallenge; ++i) {
    PABAL_CHECK(i < 4);
    // "@" stands for the nonce that only the server knows, so that the fuzzer gets past it.
    std::string message(messages[i]);
    const size_t comma = step->data.find(',');
    if (const size_t at = message.find('@'); at != message.npos && step->data.starts_with("r="))
      message.replace(at, 1, step->data.substr(2, comma - 2));
    step.reset();
    loop.spawn(keep(exchange.next(message), &step));
    loop.run_for(minutes(1));
    PABAL_CHECK(step && step->kind != identity::SaslStep::Kind::kSuccess);
  }
  return 0;
}
