// room: trust
// Any record, explanation, sender and HELO name come to a result, with the look-ups that RFC 7208 allows, and to a
// field of one message header. DNS says the same to every question: records of the input, in turn.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "net/sim.h"
#include "trust/spf.h"
#include "trust/spf_macro.h"
#include "trust/srs.h"

namespace {

using namespace pabal;

struct CannedDns final : dns::Resolver {
  std::vector<std::string> texts;
  size_t queries = 0;
  uint8_t mood = 0;

  void query(std::string name, dns::Type type, dns::Callback done) override {
    PABAL_CHECK(!name.empty() && name.size() <= 253 && text::is_ascii(name));
    ++queries;
    if (mood & 1 && queries % 5 == 4) return done(Error{Code::kUnavailable, "canned"});
    dns::Answer answer;
    if (mood & 2 && type != dns::Type::kTxt && queries % 3 == 2) return done(answer);
    answer.status = dns::Answer::Status::kFound;
    const std::string& text = texts[queries % texts.size()];
    switch (type) {
      case dns::Type::kTxt:
        answer.records.push_back({type, 1, text, 0});
        break;
      case dns::Type::kMx:
      case dns::Type::kPtr:
        for (unsigned i = 0; i < (mood >> 4); ++i)
          answer.records.push_back({type, 1, text.substr(std::min<size_t>(i, text.size())), 0});
        break;
      default:
        answer.records.push_back({type, 1, mood & 4 ? "192.0.2.7" : text, 0});
    }
    done(std::move(answer));
  }
};

Task<void> keep(Task<trust::Spf> checking, std::optional<trust::Spf>& out) {
  trust::Spf spf = co_await checking;
  out = std::move(spf);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.empty() || size > 20'000) return 0;
  CannedDns dns;
  dns.mood = data[0];
  rest.remove_prefix(1);
  std::vector<std::string_view> parts = text::split(rest, '\n');
  trust::SpfQuery query;
  query.receiver = "mx.test";
  query.ip = dns.mood & 8 ? "2001:db8::7" : "192.0.2.7";
  query.reverse_path = parts[0];
  query.helo = parts.size() > 1 ? parts[1] : "client.test";
  query.of_helo = query.reverse_path.empty();
  for (size_t i = 2; i < std::min<size_t>(parts.size(), 20); ++i)
    dns.texts.push_back((i % 2 ? "" : "v=spf1 ") + std::string(parts[i]));
  if (dns.texts.empty()) dns.texts.push_back("v=spf1 " + std::string(rest));

  net::SimLoop loop;
  std::optional<trust::Spf> spf;
  loop.spawn(keep(trust::check_spf({loop, dns, loop.now() + seconds(20)}, query), spf));
  loop.run_until_idle();
  PABAL_CHECK(spf.has_value());
  // 10 terms of an MX with 10 hosts each, the record of each include, 11 for the client's names, and exp=.
  PABAL_CHECK(dns.queries <= 10 * 11 + 11 + 11 + 2);
  PABAL_CHECK(spf->explanation.size() <= 500);
  for (char c : spf->explanation) PABAL_CHECK(c >= ' ' && c <= '~');
  const std::string field = trust::received_spf(*spf, query);
  PABAL_CHECK(field.starts_with("Received-SPF: ") && field.ends_with("\r\n"));
  for (size_t at = 0; (at = field.find('\n', at)) != field.npos; ++at) {
    PABAL_CHECK(field[at - 1] == '\r');
    PABAL_CHECK(at + 1 == field.size() || field[at + 1] == '\t');
  }
  for (const std::string_view line : text::split(field, '\n')) PABAL_CHECK(line.size() < 999);

  // An address that was turned is turned back; what an enemy says is not.
  const std::vector<std::string> secrets{"secret"};
  const Time now = from_unix(1'800'000'000);
  const std::string ours = trust::srs_forward(query.reverse_path, "us.test", "secret", now);
  if (ours != query.reverse_path) PABAL_CHECK(trust::srs_reverse(ours, secrets, now).has_value());
  static_cast<void>(trust::srs_reverse(query.helo, secrets, now));
  return 0;
}
