// room: trust
// Any message is verified within bounds, with keys there for every name; what we sign holds, whatever the message, and
// a sealed message has one ARC set more or its chain is closed. The body's hash is the same in any pieces.
#include <optional>
#include <string>

#include "base/check.h"
#include "net/sim.h"
#include "trust/arc_chain.h"
#include "trust/canonical.h"
#include "trust/dkim_key.h"
#include "trust/header_index.h"
#include "trust/sign.h"
#include "trust/signatures.h"

namespace {

using namespace pabal;
using namespace pabal::trust;

// The keys of RFC 8463 §A.2, one at its selector, the other at any.
class Keys final : public dns::Resolver {
 public:
  void query(std::string name, dns::Type, dns::Callback done) override {
    PABAL_CHECK(++asked <= kMaxDkimSignatures + 2 * kMaxArcInstance);
    dns::Answer answer;
    answer.status = dns::Answer::Status::kFound;
    answer.records.push_back({dns::Type::kTxt, 300, name.starts_with("brisbane.") ? kEd25519 : kRsa, 0});
    done(answer);
  }
  size_t asked = 0;

 private:
  const std::string kEd25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
  const std::string kRsa =
      "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
      "J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+"
      "2kryOTIKT+l/K4w3QIDAQAB";
};

Task<void> verify_into(dns::Lookups lookups, std::shared_ptr<const std::string> message, Signatures* out) {
  Task<Signatures> verifying = verify_signatures(lookups, message);
  *out = co_await verifying;
}

Signatures verify(const std::string& message) {
  net::SimLoop loop(from_unix(1'800'000'000));
  Keys keys;
  Signatures out;
  loop.spawn(verify_into({loop, keys}, std::make_shared<const std::string>(message), &out));
  loop.run_until_idle();
  return out;
}

std::string body_hash(std::string_view body, Canonicalization how, size_t piece) {
  BodyHasher hasher;
  hasher.want(how);
  hasher.want(how, body.size() / 2);
  for (size_t at = 0; at < body.size(); at += piece) hasher.feed(body.substr(at, piece));
  hasher.finish();
  return hasher.hash(how) + hasher.hash(how, body.size() / 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SigningKey key = *SigningKey::load(
      "football.example.com", "brisbane",
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE "
      "KEY-----\n");
  const std::string message(reinterpret_cast<const char*>(data), size);
  const Signatures found = verify(message);
  PABAL_CHECK(found.dkim.size() <= kMaxDkimSignatures + 1);
  for (const Dkim& dkim : found.dkim) PABAL_CHECK((dkim.result == Outcome::kPass) == dkim.problem.empty());
  PABAL_CHECK((found.arc.result == Outcome::kFail) == !found.arc.problem.empty());

  const HeaderIndex header(message);
  for (const auto how : {Canonicalization::kSimple, Canonicalization::kRelaxed}) {
    const std::string whole = body_hash(header.body(), how, message.size() + 1);
    for (const size_t piece : {size_t{1}, size_t{5}, size_t{40}})
      PABAL_CHECK(body_hash(header.body(), how, piece) == whole);
  }

  // A message that begins with a field or a blank line: others are none (and our field would run into their text).
  // Nor near the end of what is looked at of a header, where one field more is too many.
  if (header.fields().empty() || header.fields()[0].offset != 0 || header.fields().size() > 4'000) return 0;
  const Time now = from_unix(1'800'000'000);
  const auto fields = sign_dkim(message, {key}, now);
  if (!fields) return 0;
  const Signatures after = verify(*fields + message);
  PABAL_CHECK(!after.dkim.empty() && after.dkim[0].result == Outcome::kPass);
  const auto sealed = seal_arc(message, found.arc, "spf=pass; dkim=none", "mx.example.com", key, now);
  PABAL_CHECK(sealed || sealed.code() == Code::kLimit);
  if (!sealed || sealed->empty()) return 0;
  const Arc chain = verify(*sealed + message).arc;
  PABAL_CHECK((chain.result == Outcome::kPass) == (found.arc.result != Outcome::kFail));
  return 0;
}
