#include "trust/authenticate.h"

#include <algorithm>

#include "base/text.h"
#include "message/header.h"
#include "message/message.h"
#include "net/loop.h"
#include "trust/bimi.h"
#include "trust/dmarc.h"
#include "trust/iprev.h"
#include "trust/results.h"
#include "trust/signatures.h"
#include "trust/spf.h"

namespace pabal::trust {
namespace {

struct Checking {
  dns::Lookups lookups;
  Arrived arrived;
  Verdict verdict;
};

Task<void> check_address(std::shared_ptr<Checking> c) {
  Task<Iprev> checking = check_iprev(c->lookups, c->arrived.ip);
  c->verdict.iprev = co_await checking;
}

Task<void> check_paths(std::shared_ptr<Checking> c) {
  SpfQuery query{c->arrived.ip, c->arrived.helo, c->arrived.reverse_path, c->arrived.hostname};
  query.of_helo = true;
  Task<Spf> helo = check_spf(c->lookups, query);
  c->verdict.helo = co_await helo;
  query.of_helo = false;
  if (c->arrived.reverse_path.empty()) {  // RFC 7208 §2.4: postmaster at the HELO name
    c->verdict.mail_from = c->verdict.helo;
    co_return;
  }
  Task<Spf> mail_from = check_spf(c->lookups, query);
  c->verdict.mail_from = co_await mail_from;
}

Task<void> check_signatures(std::shared_ptr<Checking> c) {
  Task<Signatures> checking = verify_signatures(c->lookups, c->arrived.message);
  Signatures found = co_await checking;
  c->verdict.dkim = std::move(found.dkim);
  c->verdict.arc = std::move(found.arc);
}

// Of all From fields: there should be one, with one address.
std::vector<std::string> author_domains(const std::vector<message::HeaderField>& fields) {
  std::vector<std::string> out;
  for (const message::HeaderField& field : fields) {
    if (!text::iequals(field.name, "From")) continue;
    for (const message::AddressItem& item : message::parse_address_list(field.raw_value)) {
      if (item.kind != message::AddressItem::kMailbox) continue;
      const std::string domain = message::ascii_domain(item.domain);
      if (std::find(out.begin(), out.end(), domain) == out.end()) out.push_back(domain);
    }
  }
  return out;
}

// Whom a reader might take for the author: with several, the strictest of their policies counts (RFC 9989 leaves such
// messages to us), and forging one name by adding another helps nobody.
Task<Dmarc> check_authors(std::shared_ptr<Checking> c, std::vector<std::string> authors) {
  DmarcQuery query{authors, c->verdict.mail_from, c->verdict.helo, c->verdict.dkim};
  std::optional<Dmarc> worst;
  const auto weight = [](const Dmarc& d) {
    return (d.result == Outcome::kFail || d.result == Outcome::kTemperror) ? static_cast<int>(d.policy) + 1 : 0;
  };
  for (size_t i = 0; authors.size() > 1 && i < authors.size() && i < kMaxAuthors; ++i) {
    query.from_domains = {authors[i]};
    Task<Dmarc> checking = check_dmarc(c->lookups, query);
    Dmarc one = co_await checking;
    if (!worst || weight(one) > weight(*worst)) worst = std::move(one);
  }
  if (worst && authors.size() <= kMaxAuthors && weight(*worst) > 0) co_return std::move(*worst);
  query.from_domains = authors;
  Task<Dmarc> checking = check_dmarc(c->lookups, std::move(query));
  Dmarc out = co_await checking;
  if (authors.size() > kMaxAuthors) out.policy = Dmarc::Policy::kQuarantine;
  co_return out;
}

std::optional<Outcome> result_of(std::string_view field, std::string_view method) {
  const auto parsed = parse_results(field);
  if (!parsed) return {};
  for (const auto& one : parsed->methods)
    if (one.method == method) return outcome_of(one.result);
  return {};
}

// RFC 8617 §7.2.1: somebody we trust saw DMARC pass, and everybody since has passed it on whole.
std::string trusted_sealer(const Arc& arc, const std::function<bool(std::string_view)>& is_trusted) {
  if (arc.result != Outcome::kPass || arc.sets.empty()) return "";
  const bool all =
      std::all_of(arc.sets.begin(), arc.sets.end(), [&](const auto& set) { return is_trusted(set.domain); });
  return all && result_of(arc.sets.front().results, "dmarc") == Outcome::kPass ? arc.sets.front().domain : "";
}

}  // namespace

Task<Verdict> authenticate(dns::Lookups lookups, Arrived arrived) {
  const auto c = std::make_shared<Checking>(Checking{lookups, std::move(arrived), {}});
  std::vector<Task<void>> checks;
  checks.push_back(check_address(c));
  checks.push_back(check_paths(c));
  checks.push_back(check_signatures(c));
  Task<void> together = net::all(std::move(checks));
  co_await together;

  const std::string_view bytes = *c->arrived.message;
  const auto fields = message::header_fields(bytes.substr(0, message::header_size(bytes)));
  Task<Dmarc> policy = check_authors(c, author_domains(fields));
  c->verdict.dmarc = co_await policy;
  Task<Bimi> logo = check_bimi(lookups, c->verdict.dmarc);
  c->verdict.bimi = co_await logo;
  co_return std::move(c->verdict);
}

Disposition dispose(const Verdict& verdict, const std::function<bool(std::string_view)>& is_trusted) {
  using Kind = Disposition::Kind;
  const Dmarc& dmarc = verdict.dmarc;
  if (dmarc.result == Outcome::kPermerror && dmarc.policy != Dmarc::Policy::kNone)
    return {Kind::kJunk, "the message has authors of more than " + std::to_string(kMaxAuthors) + " domains"};
  const bool undecided = dmarc.result == Outcome::kTemperror;
  if ((dmarc.result != Outcome::kFail && !undecided) || dmarc.policy == Dmarc::Policy::kNone) return {};
  Disposition out;
  out.trusted_by = trusted_sealer(verdict.arc, is_trusted);
  if (!out.trusted_by.empty()) return out;
  const std::string asked = "the policy of " + dmarc.from_domain + " is " + std::string(policy_name(dmarc.policy));
  if (undecided) {
    if (dmarc.policy != Dmarc::Policy::kReject) return {};
    out.kind = Kind::kLater;
    out.reason = asked + ", and whether it sent this cannot be looked up now";
    return out;
  }
  out.kind = dmarc.policy == Dmarc::Policy::kReject ? Kind::kRefuse : Kind::kJunk;
  out.reason = asked +
               " for mail that it neither sent nor signed (spf=" + std::string(outcome_name(verdict.mail_from.result)) +
               (verdict.mail_from.domain.empty() ? "" : " of " + text::printable(verdict.mail_from.domain)) + ", dkim=";
  if (verdict.dkim.empty()) out.reason += "none";
  for (size_t i = 0; i < verdict.dkim.size() && i < 3; ++i)
    out.reason += (i ? ", " : "") + std::string(outcome_name(verdict.dkim[i].result)) + " of " +
                  text::printable(verdict.dkim[i].domain);
  out.reason += ")";
  return out;
}

}  // namespace pabal::trust
