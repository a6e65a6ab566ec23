#include <fmt/format.h>

#include <algorithm>

#include "app/dkim_rotation.h"
#include "app/dns_adviser.h"
#include "base/text.h"
#include "trust/bimi.h"
#include "trust/dmarc.h"
#include "trust/spf.h"
#include "trust/spf_record.h"

namespace pabal::app {
namespace {

using dns::Answer;

constexpr size_t kMaxSpfTerms = 10;  // that ask DNS (RFC 7208 §4.6.4)
constexpr size_t kMaxSpfRecords = 30;

}  // namespace

Task<size_t> Adviser::spf_cost(std::string name) {
  std::vector<std::string> to_read;
  to_read.push_back(std::move(name));
  size_t cost = 0;
  for (size_t i = 0; i < to_read.size() && i < kMaxSpfRecords && cost <= kMaxSpfTerms; ++i) {
    const std::string at = to_read[i];
    Task<Result<Answer>> asking = ask(at, Type::kTxt);
    const Result<Answer> answer = co_await asking;
    if (!answer) continue;
    for (const std::string& txt : values(*answer)) {
      if (!trust::is_spf_record(txt)) continue;
      const auto record = trust::parse_spf_record(txt);
      if (!record) continue;
      const auto follow = [&](std::string_view domain) {  // a macro leads elsewhere for each message
        if (domain.find('%') == domain.npos) to_read.emplace_back(domain);
      };
      using Mechanism = trust::SpfDirective::Mechanism;
      for (const trust::SpfDirective& one : record->directives) {
        if (one.mechanism != Mechanism::kAll && one.mechanism != Mechanism::kIp4 && one.mechanism != Mechanism::kIp6)
          ++cost;
        if (one.mechanism == Mechanism::kInclude) follow(one.domain_spec);
      }
      if (record->redirect) {
        ++cost;
        follow(*record->redirect);
      }
    }
  }
  co_return cost;
}

Task<std::string> Adviser::spf_problem(std::string name, std::string txt) {
  const auto record = trust::parse_spf_record(txt);
  if (!record) co_return "it breaks the standard, so it counts for nothing: " + record.error().message;
  Task<size_t> counting = spf_cost(name);
  const size_t cost = co_await counting;
  if (cost > kMaxSpfTerms)
    co_return "it needs more than 10 look-ups (RFC 7208 §4.6.4), so it counts for nothing: take includes out";
  if (plan_.smarthost.empty())
    for (const std::string& ip : sending_ips()) {
      trust::SpfQuery query;
      query.ip = ip;
      query.helo = plan_.hostname;
      query.reverse_path = "postmaster@" + name;
      query.receiver = plan_.hostname;
      Task<trust::Spf> checking = trust::check_spf(lookups_, query);
      const trust::Spf found = co_await checking;
      if (found.result != trust::Outcome::kPass)
        co_return fmt::format("mail from {} gets {}{}", ip, trust::outcome_name(found.result),
                              found.problem.empty() ? "" : ": " + found.problem);
    }
  for (const trust::SpfDirective& one : record->directives) {
    if (one.mechanism != trust::SpfDirective::Mechanism::kAll) continue;
    if (one.qualifier == trust::Outcome::kFail || one.qualifier == trust::Outcome::kSoftfail) co_return "";
    co_return fmt::format("\"{}\" lets everybody send in your name: end it with -all", one.text);
  }
  co_return record->redirect ? "" : "it says nothing of other senders: end it with -all";
}

Task<void> Adviser::spf_of_both() {
  Task<void> running = spf(plan_.domain.name);
  co_await running;
  if (plan_.hostname == plan_.domain.name) co_return;
  running = spf(plan_.hostname);
  co_await running;
}

Task<void> Adviser::spf(std::string name) {
  const bool of_host = name != plan_.domain.name;
  const std::string subject = "SPF of " + name;
  const Theme theme = of_host ? Theme::kNone : Theme::kAuthenticity;
  Task<Result<Answer>> asking = ask(name, Type::kTxt);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return unknown(Group::kTrust, theme, subject, answer.error());
  auto records = values(*answer);
  std::erase_if(records, [](const std::string& txt) { return !trust::is_spf_record(txt); });
  std::vector<WantedRecord> publish = wanted(name, Type::kTxt);
  if (records.empty()) {
    add(Group::kTrust, theme, subject, State::kMissing, "there is none",
        of_host ? "bounces have no other sender than this name: publish"
                : "anybody can send in your name, and receivers trust nobody: publish")
        .publish = std::move(publish);
    co_return;
  }
  if (records.size() > 1) {
    add(Group::kTrust, theme, subject, State::kDiffers,
        fmt::format("there are {} records, so none counts (RFC 7208 §4.5)", records.size()),
        "make one of them, such as")
        .publish = std::move(publish);
    co_return;
  }
  Task<std::string> looking = spf_problem(name, records.front());
  const std::string problem = co_await looking;
  if (problem.empty()) {
    add(Group::kTrust, theme, subject, State::kOk, records.front(), "",
        plan_.smarthost.empty()
            ? ""
            : "mail leaves by " + plan_.smarthost + ": its operator tells what belongs in here for it");
    co_return;
  }
  add(Group::kTrust, theme, subject, State::kDiffers, records.front(), "change it; for this server alone it is",
      problem)
      .publish = std::move(publish);
}

Task<void> Adviser::dkim() {
  using identity::DkimKey;
  const std::string& name = plan_.domain.name;
  const auto& keys = plan_.domain.dkim_keys;
  if (std::none_of(keys.begin(), keys.end(), [](const DkimKey& k) { return k.state == DkimKey::State::kActive; }))
    add(Group::kTrust, Theme::kAuthenticity, "DKIM of " + name, State::kMissing, "the domain has no key to sign with",
        "make keys and publish them: pabal dkim rotate " + name);
  Task<ShownKeys> looking = look_for_keys(lookups_, plan_.domain);
  const ShownKeys shown = co_await looking;
  for (const DkimKey& key : keys) {
    const ShownKey& seen = shown.at(key.selector);
    const std::string subject = "DKIM key " + key.selector;
    const bool active = key.state == DkimKey::State::kActive;
    const Theme theme = active ? Theme::kAuthenticity : Theme::kNone;
    if (!seen.looked) {
      const Error why{Code::kUnavailable, seen.problem};
      unknown(Group::kTrust, theme, subject, why);
      continue;
    }
    if (seen.good()) {
      add(Group::kTrust, theme, subject, State::kOk,
          active                                    ? "signs"
          : key.state == DkimKey::State::kPublished ? "waits until everybody sees it"
                                                    : "retired; stays until old mail has arrived");
      continue;
    }
    add(Group::kTrust, theme, subject, seen.there ? State::kDiffers : State::kMissing, seen.problem,
        active                                    ? "nobody can verify what this server signs: publish"
        : key.state == DkimKey::State::kPublished ? "the next key waits for its record: publish"
                                                  : "mail on its way cannot be verified: publish it a while longer")
        .publish = wanted(key.selector + "._domainkey." + name, Type::kTxt);
  }
}

Task<Result<std::vector<std::string>>> Adviser::dmarc_records(std::string name) {
  Task<Result<Answer>> asking = ask("_dmarc." + name, Type::kTxt);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return answer.error();
  auto records = values(*answer);
  std::erase_if(records, [](const std::string& txt) { return !trust::parse_dmarc_record(txt); });
  co_return records;
}

Task<void> Adviser::dmarc() {
  using Policy = trust::Dmarc::Policy;
  const std::string& name = plan_.domain.name;
  const std::string subject = "DMARC of " + name;
  const auto bad = [&](State state, std::string seen, std::string fix, std::string problem = "") {
    add(Group::kTrust, Theme::kAuthenticity, subject, state, std::move(seen), std::move(fix), std::move(problem))
        .publish = wanted("_dmarc." + name, Type::kTxt);
  };
  std::string at = name;
  Task<Result<std::vector<std::string>>> asking = dmarc_records(at);
  Result<std::vector<std::string>> records = co_await asking;
  if (records && records->empty()) {  // RFC 9989 §4.10: then that of the organisation counts
    Task<Result<std::string>> finding = trust::organizational_domain(lookups_, name);
    const Result<std::string> above = co_await finding;
    if (!above) co_return unknown(Group::kTrust, Theme::kAuthenticity, subject, above.error());
    at = *above;
    Task<Result<std::vector<std::string>>> again = dmarc_records(at);
    records = co_await again;
  }
  if (!records) co_return unknown(Group::kTrust, Theme::kAuthenticity, subject, records.error());
  if (records->empty())
    co_return bad(State::kMissing, "there is none", "readers cannot tell your mail from forged mail: publish");
  if (records->size() > 1)
    co_return bad(State::kDiffers, "there are several records, so none counts", "leave one of them, such as");
  const trust::DmarcRecord record = *trust::parse_dmarc_record(records->front());
  const Policy policy = at != name && record.sp ? *record.sp : record.policy();
  const std::string seen = records->front() + (at == name ? "" : " (of " + at + ")");
  dmarc_enforced_ = policy != Policy::kNone && !record.testing;
  if (record.bad_policy)
    bad(State::kDiffers, seen, "write it so", "its policy is no word of the standard");
  else if (record.testing)
    bad(State::kDiffers, seen, "take t=y out", "t=y says that the policy is only being tested");
  else if (policy == Policy::kNone)
    bad(State::kDiffers, seen, "when the reports (pabal reports) show nothing of yours that fails, write",
        "p=none: forged mail in your name is delivered like yours");
  else
    add(Group::kTrust, Theme::kAuthenticity, subject, State::kOk, seen);

  if (record.rua.empty())
    add(Group::kBetter, Theme::kNone, "DMARC reports", State::kOptional,
        "nobody is told who sends in the name of the domain", "add rua=mailto:dmarc-reports@" + name);
  for (const std::string& uri : record.rua) {
    const std::string address = trust::mailto_address(uri);
    if (is_in_zone(address.substr(address.rfind('@') + 1), at)) continue;  // at home: no consent is needed
    Task<Result<std::string>> finding = trust::report_destination(lookups_, at, uri);
    const Result<std::string> to = co_await finding;
    const std::string what = "DMARC reports to " + uri;
    if (!to) {
      unknown(Group::kBetter, Theme::kNone, what, to.error());
      continue;
    }
    if (!to->empty()) {
      add(Group::kBetter, Theme::kNone, what, State::kOk, "wanted there");
      continue;
    }
    if (address.empty()) {
      add(Group::kBetter, Theme::kNone, what, State::kDiffers, "it is no mail address",
          "write rua=mailto:dmarc-reports@" + name);
      continue;
    }
    WantedRecord consent;
    consent.name = at + "._report._dmarc." + address.substr(address.rfind('@') + 1);
    consent.record.type = Type::kTxt;
    consent.record.data = "v=DMARC1";
    add(Group::kBetter, Theme::kNone, what, State::kMissing, "the other domain has not agreed, so nobody sends them",
        "in the zone of the other domain, publish (RFC 9990 §4)")
        .publish.push_back(std::move(consent));
  }
}

Task<void> Adviser::bimi() {
  const std::string name = "default._bimi." + plan_.domain.name, subject = "BIMI of " + plan_.domain.name;
  Task<Result<Answer>> asking = ask(name, Type::kTxt);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return unknown(Group::kBetter, Theme::kNone, subject, answer.error());
  const auto records = values(*answer);
  if (records.empty()) {
    add(Group::kBetter, Theme::kNone, subject, State::kOptional, "no logo is shown beside your mail",
        "if you have one: " + name + ". TXT \"v=BIMI1; l=https://.../logo.svg\"" +
            (dmarc_enforced_ ? "" : "; it counts only with p=quarantine or p=reject in DMARC"));
    co_return;
  }
  const auto record = records.size() == 1 ? trust::parse_bimi_record(records.front()) : std::nullopt;
  const bool good = record && record->problem.empty();
  add(Group::kBetter, Theme::kNone, subject, good ? State::kOk : State::kDiffers,
      good                 ? records.front()
      : records.size() > 1 ? "there are several records, so none counts"
      : record             ? record->problem
                           : "it is no BIMI1 record",
      good ? "" : "write it as v=BIMI1; l=https://.../logo.svg");
}

}  // namespace pabal::app
