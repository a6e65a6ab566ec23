#include "app/dns_advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/dns_adviser.h"
#include "base/text.h"

namespace pabal::app {
namespace {

using dns::Answer;
using dns::Record;

constexpr size_t kMaxShown = 500;  // octets of what DNS says
constexpr size_t kMaxHosts = 20;   // name servers, or addresses, that are looked at

bool has(const std::vector<std::string>& list, std::string_view one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

// What others wrote into DNS is shown, but cannot pretend to be lines of ours.
std::string harmless(std::string_view s) {
  const std::string out = text::printable(s, kMaxShown);
  if (text::is_utf8(out)) return out;
  std::string ascii;
  for (const char c : out) ascii += text::is_ascii({&c, 1}) ? std::string(1, c) : "\\x" + text::hex({&c, 1});
  return ascii;
}

}  // namespace

std::vector<std::string> values(const Answer& answer) {
  std::vector<std::string> out;
  for (const Record& record : answer.records) out.push_back(record.data);
  return out;
}

Task<std::vector<Advice>> Adviser::run() {
  auto wanted = wanted_records(plan_);
  if (!wanted) {
    add(Group::kTrust, Theme::kNone, "DKIM keys", State::kDiffers, wanted.error().message,
        "make new ones: pabal dkim rotate " + plan_.domain.name);
    co_return std::move(out_);
  }
  wanted_ = std::move(*wanted);
  using Step = Task<void> (Adviser::*)();
  static constexpr Step kSteps[] = {
      &Adviser::mx,      &Adviser::addresses,    &Adviser::reverse, &Adviser::spf_of_both, &Adviser::dkim,
      &Adviser::dmarc,   &Adviser::name_servers, &Adviser::tlsa,    &Adviser::caa,         &Adviser::tls_reports,
      &Adviser::mta_sts, &Adviser::services,     &Adviser::set_up,  &Adviser::bimi};
  for (const Step step : kSteps) {
    Task<void> running = (this->*step)();
    co_await running;
  }
  dnssec();
  co_return std::move(out_);
}

Advice& Adviser::add(Group group, Theme theme, std::string subject, State state, std::string seen, std::string fix,
                     std::string problem) {
  const auto behind = std::find_if(out_.begin(), out_.end(), [&](const Advice& one) { return one.group > group; });
  return *out_.insert(
      behind, Advice{group, theme, harmless(subject), state, harmless(seen), harmless(problem), std::move(fix), {}});
}

void Adviser::unknown(Group group, Theme theme, std::string subject, const Error& why) {
  add(group, theme, std::move(subject), State::kCannotTell, "the look-up failed: " + why.message,
      "look again later; if it stays, see to the resolver of this machine or to the name servers of the domain");
}

std::vector<WantedRecord> Adviser::wanted(std::string_view name, Type type) const {
  std::vector<WantedRecord> out;
  for (const WantedRecord& one : wanted_)
    if (one.name == name && one.record.type == type) out.push_back(one);
  return out;
}

Task<void> Adviser::mx() {
  const std::string subject = "MX of " + plan_.domain.name;
  Task<Result<Answer>> asking = ask(plan_.domain.name, Type::kMx);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return unknown(Group::kDelivery, Theme::kNone, subject, answer.error());
  domain_secure_ = answer->secure;
  const auto hosts = values(*answer);
  if (has(hosts, plan_.hostname)) {
    add(Group::kDelivery, Theme::kNone, subject, State::kOk, text::join(hosts, ", "));
    co_return;
  }
  const std::string seen = hosts.empty()                                ? "there is none"
                           : hosts.size() == 1 && hosts.front().empty() ? "it says that the domain takes no mail "
                                                                          "(RFC 7505)"
                                                                        : "mail goes to " + text::join(hosts, ", ");
  add(Group::kDelivery, Theme::kNone, subject, hosts.empty() ? State::kMissing : State::kDiffers, seen,
      "mail for the domain comes here only when it says so: publish")
      .publish = wanted(plan_.domain.name, Type::kMx);
}

Task<void> Adviser::addresses() {
  const std::string& host = plan_.hostname;
  static constexpr Type kTypes[] = {Type::kA, Type::kAaaa};
  for (const Type type : kTypes) {
    const bool v6 = type == Type::kAaaa;
    const std::string subject = (v6 ? "AAAA of " : "A of ") + host;
    const Theme theme = v6 ? Theme::kIpv6 : Theme::kNone;
    Task<Result<Answer>> asking = ask(host, type);
    const Result<Answer> answer = co_await asking;
    if (!answer) {
      unknown(Group::kDelivery, theme, subject, answer.error());
      addresses_known_ = false;
      continue;
    }
    host_secure_ = host_secure_ && answer->secure;
    const auto shown = values(*answer);
    shown_ips_.insert(shown_ips_.end(), shown.begin(), shown.end());
    const auto publish = wanted(host, type);
    if (!shown.empty() && answer->canonical != host) {  // RFC 2181 §10.3, RFC 5321 §5.1
      add(Group::kDelivery, theme, subject, State::kDiffers, "it is an alias of " + answer->canonical,
          "the name of a mail server may not be an alias: replace the CNAME by address records")
          .publish = publish;
      continue;
    }
    if (shown.empty() && publish.empty()) {
      if (v6)
        add(Group::kBetter, theme, subject, State::kOptional, "there is none: servers with IPv6 only do not reach you",
            "give this machine an IPv6 address and publish it");
      continue;
    }
    std::string foreign, absent;
    for (const std::string& ip : shown)
      if (!plan_.ips.empty() && !has(plan_.ips, ip)) foreign += (foreign.empty() ? "" : ", ") + ip;
    for (const WantedRecord& one : publish)
      if (!has(shown, one.record.data)) absent += (absent.empty() ? "" : ", ") + one.record.data;
    if (!foreign.empty())
      add(Group::kDelivery, theme, subject, State::kDiffers, foreign + " is not an address of this machine",
          "correct the record; behind NAT name the public addresses with --public-ip")
          .publish = publish;
    else if (!absent.empty())
      add(v6 || !shown.empty() ? Group::kTrust : Group::kDelivery, theme, subject,
          shown.empty() ? State::kMissing : State::kDiffers, absent + " of this machine is missing",
          "mail that leaves by an address which the name does not have is refused by many: publish")
          .publish = publish;
    else
      add(Group::kDelivery, theme, subject, State::kOk,
          text::join(shown, ", ") + (plan_.ips.empty() ? " (this machine does not know its public address)" : ""));
  }
  if (addresses_known_ && shown_ips_.empty() && plan_.ips.empty())
    add(Group::kDelivery, Theme::kNone, "addresses of " + host, State::kMissing, "it has none",
        "publish the address by which the world reaches this machine; --public-ip ADDRESS shows how");
}

std::vector<std::string> Adviser::sending_ips() const {
  std::vector<std::string> out = plan_.ips.empty() ? shown_ips_ : plan_.ips;
  if (out.size() > kMaxHosts) out.resize(kMaxHosts);
  out.insert(out.end(), plan_.sources.begin(), plan_.sources.end());
  return out;
}

Task<void> Adviser::reverse() {
  if (!plan_.smarthost.empty()) co_return;  // the relay's business
  for (const std::string& ip : sending_ips()) {
    const std::string subject = "PTR of " + ip;
    Task<Result<Answer>> asking = ask(dns::reverse_name(ip), Type::kPtr);
    const Result<Answer> answer = co_await asking;
    if (!answer) {
      unknown(Group::kTrust, Theme::kNone, subject, answer.error());
      continue;
    }
    const auto names = values(*answer);
    const bool good = has(names, plan_.hostname);
    add(Group::kTrust, Theme::kNone, subject,
        good            ? State::kOk
        : names.empty() ? State::kMissing
                        : State::kDiffers,
        names.empty() ? "there is none" : text::join(names, ", "),
        good ? ""
             : "at the provider of the address (not in your zone), set its name to " + plan_.hostname +
                   ": large receivers refuse mail from addresses without");
  }
}

void Adviser::dnssec() {
  const auto say = [this](const std::string& name, bool secure) {
    add(Group::kBetter, Theme::kDnssec, "DNSSEC of " + name, secure ? State::kOk : State::kOptional,
        secure ? "signed" : "not signed, or the resolver of this machine does not validate",
        secure ? "" : "switch DNSSEC on where the zone is kept: without it, a forged answer can divert your mail");
  };
  say(plan_.domain.name, domain_secure_);
  if (plan_.hostname != plan_.domain.name) say(plan_.hostname, host_secure_);
}

Task<void> Adviser::name_servers() {
  const std::string subject = "name servers of " + plan_.domain.name;
  for (std::string name = plan_.domain.name; name.find('.') != name.npos; name = name.substr(name.find('.') + 1)) {
    Task<Result<Answer>> asking = ask(name, Type::kNs);
    const Result<Answer> answer = co_await asking;
    if (!answer) co_return unknown(Group::kBetter, Theme::kIpv6, subject, answer.error());
    if (answer->records.empty()) continue;
    auto servers = values(*answer);
    if (servers.size() > kMaxHosts) servers.resize(kMaxHosts);
    size_t with_v6 = 0;
    for (const std::string& server : servers) {
      Task<Result<Answer>> looking = ask(server, Type::kAaaa);
      const Result<Answer> v6 = co_await looking;
      with_v6 += v6 && !v6->records.empty() ? 1 : 0;
    }
    const bool good = with_v6 >= 2;
    add(Group::kBetter, Theme::kIpv6, subject, good ? State::kOk : State::kOptional,
        fmt::format("{} of {} have an IPv6 address", with_v6, servers.size()),
        good ? "" : "keep the zone where two name servers at least have IPv6");
    co_return;
  }
}

Task<void> Adviser::tlsa() {
  const std::string name = "_25._tcp." + plan_.hostname, subject = "TLSA of " + plan_.hostname;
  Task<Result<Answer>> asking = ask(name, Type::kTlsa);
  const Result<Answer> answer = co_await asking;
  // Mail from those who look is put off as long as this fails (RFC 7672 §2.1.1).
  if (!answer) co_return unknown(Group::kDelivery, Theme::kTls, subject, answer.error());
  std::vector<WantedRecord> publish = wanted(name, Type::kTlsa);
  if (answer->records.empty()) {
    add(Group::kBetter, Theme::kTls, subject, State::kOptional, "there is none: others cannot insist on encryption",
        publish.empty() ? "start the server once, so that there is a certificate"
                        : "in a signed zone, publish it, and keep the key of the certificate when it is renewed")
        .publish = std::move(publish);
    co_return;
  }
  if (publish.empty()) {
    add(Group::kBetter, Theme::kTls, subject, State::kCannotTell, "the certificate of this server cannot be read",
        "see to [tls] in pabal.toml");
    co_return;
  }
  const bool ours = has(values(*answer), publish.front().record.data);
  if (ours && answer->secure)
    add(Group::kBetter, Theme::kTls, subject, State::kOk, "the key of our certificate");
  else if (ours)
    add(Group::kBetter, Theme::kTls, subject, State::kOptional, "the key of our certificate, but nobody can trust it",
        "it counts only in a zone that is signed: switch DNSSEC on");
  else
    add(answer->secure ? Group::kDelivery : Group::kBetter, Theme::kTls, subject, State::kDiffers,
        "not the key of our certificate" +
            std::string(answer->secure ? ": servers that look at it do not deliver" : ""),
        "replace it, or give the server the certificate with the key that is published")
        .publish = std::move(publish);
}

Task<void> Adviser::caa() {
  const std::string subject = "CAA of " + plan_.hostname;
  for (std::string name = plan_.hostname; name.find('.') != name.npos; name = name.substr(name.find('.') + 1)) {
    Task<Result<Answer>> asking = ask(name, Type::kCaa);
    const Result<Answer> answer = co_await asking;
    if (!answer) co_return unknown(Group::kBetter, Theme::kTls, subject, answer.error());
    if (answer->records.empty()) continue;
    std::vector<std::string> shown;
    for (const Record& record : answer->records) shown.push_back(rdata_text(record));
    add(Group::kBetter, Theme::kTls, subject, State::kOk, text::join(shown, ", "));
    co_return;
  }
  add(Group::kBetter, Theme::kTls, subject, State::kOptional, "any authority may give out a certificate for your names",
      fmt::format("name the one you use, such as: {}. CAA 0 issue \"letsencrypt.org\"", plan_.domain.name));
}

Task<void> Adviser::tls_reports() {
  const std::string name = "_smtp._tls." + plan_.domain.name, subject = "TLSRPT of " + plan_.domain.name;
  Task<Result<Answer>> asking = ask(name, Type::kTxt);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return unknown(Group::kBetter, Theme::kNone, subject, answer.error());
  std::vector<WantedRecord> publish = wanted(name, Type::kTxt);
  const auto records = values(*answer);
  if (records.empty())
    add(Group::kBetter, Theme::kNone, subject, State::kOptional, "nobody tells you when encryption to you fails",
        "publish")
        .publish = std::move(publish);
  else if (records.size() == 1 && records.front().starts_with("v=TLSRPTv1") &&
           records.front().find("rua=") != std::string::npos)
    add(Group::kBetter, Theme::kNone, subject, State::kOk, records.front());
  else  // RFC 8460 §3
    add(Group::kBetter, Theme::kNone, subject, State::kDiffers, text::join(records, " and "),
        "one record belongs there")
        .publish = std::move(publish);
}

Task<void> Adviser::services() {
  std::string seen;
  std::vector<WantedRecord> absent, different;
  for (const DnsPlan::Service& service : plan_.services) {
    const std::string name = service.name + "." + plan_.domain.name;
    Task<Result<Answer>> asking = ask(name, Type::kSrv);
    const Result<Answer> answer = co_await asking;
    if (!answer) co_return unknown(Group::kBetter, Theme::kNone, "SRV of " + service.name, answer.error());
    const bool ours = std::any_of(answer->records.begin(), answer->records.end(), [&](const Record& record) {
      return record.data == plan_.hostname && record.port == service.port;
    });
    if (!ours)
      for (WantedRecord& one : wanted(name, Type::kSrv))
        (answer->records.empty() ? absent : different).push_back(std::move(one));
  }
  if (plan_.services.empty()) co_return;
  const std::string subject = "SRV for mail programs";
  const bool all_ours = different.empty() && absent.empty();
  if (!different.empty())
    add(Group::kBetter, Theme::kNone, subject, State::kDiffers, "mail programs are sent to another server or port",
        "correct these")
        .publish = std::move(different);
  if (!absent.empty())
    add(Group::kBetter, Theme::kNone, subject, State::kOptional,
        fmt::format("{} of {} are missing: people type server names by hand", absent.size(), plan_.services.size()),
        "publish")
        .publish = std::move(absent);
  if (all_ours) add(Group::kBetter, Theme::kNone, subject, State::kOk, "mail programs find this server");
}

Task<std::optional<bool>> Adviser::leads_here(std::string name) {
  static constexpr Type kTypes[] = {Type::kA, Type::kAaaa};
  bool somewhere = false, here = false;
  for (const Type type : kTypes) {
    Task<Result<Answer>> asking = ask(name, type);
    const Result<Answer> answer = co_await asking;
    if (!answer) co_return std::nullopt;
    for (const Record& record : answer->records) {
      somewhere = true;
      here = here || has(shown_ips_, record.data) || has(plan_.ips, record.data);
    }
  }
  co_return somewhere&& here;
}

Task<void> Adviser::mta_sts() {
  const std::string name = "_mta-sts." + plan_.domain.name, subject = "MTA-STS of " + plan_.domain.name;
  Task<Result<Answer>> asking = ask(name, Type::kTxt);
  const Result<Answer> answer = co_await asking;
  if (!answer) co_return unknown(Group::kBetter, Theme::kNone, subject, answer.error());
  const auto records = values(*answer);
  const std::string& hindrance = plan_.mta_sts_hindrance;
  if (!hindrance.empty()) {
    if (records.empty())
      add(Group::kBetter, Theme::kNone, subject, State::kOptional, "there is none: others cannot insist on encryption",
          hindrance);
    else  // who has fetched a policy once keeps to it (RFC 8461 §5.1)
      add(Group::kBetter, Theme::kNone, subject, State::kDiffers, text::join(records, " and "),
          "this server has no such policy: " + hindrance + "; or take the record out of the zone");
    co_return;
  }
  Task<std::optional<bool>> looking = leads_here("mta-sts." + plan_.domain.name);
  const std::optional<bool> here = co_await looking;
  if (!here) co_return unknown(Group::kBetter, Theme::kNone, subject, {Code::kUnavailable, "no answer for mta-sts"});
  std::vector<WantedRecord> publish = wanted(name, Type::kTxt);
  for (WantedRecord& one : wanted("mta-sts." + plan_.domain.name, Type::kCname)) publish.push_back(std::move(one));
  if (records.empty())
    add(Group::kBetter, Theme::kNone, subject, State::kOptional, "there is none: others cannot insist on encryption",
        "publish")
        .publish = std::move(publish);
  else if (!*here)
    add(Group::kBetter, Theme::kNone, subject, State::kDiffers,
        "mta-sts." + plan_.domain.name + " does not lead here, where the policy is", "publish")
        .publish = std::move(publish);
  else if (records.size() != 1 || records.front() != plan_.mta_sts)
    add(Group::kBetter, Theme::kNone, subject, State::kDiffers, text::join(records, " and "),
        "others hear of our policy by its id: one record belongs there")
        .publish = std::move(publish);
  else
    add(Group::kBetter, Theme::kNone, subject, State::kOk, records.front());
}

// Autoconfig and autodiscover: programs that ask for an address and a password, and nothing else.
Task<void> Adviser::set_up() {
  const std::string subject = "autoconfig, autodiscover", name = plan_.domain.name;
  Task<std::optional<bool>> looking = leads_here("autoconfig." + name);
  const std::optional<bool> configured = co_await looking;
  Task<Result<Answer>> asking = ask("_autodiscover._tcp." + name, Type::kSrv);
  const Result<Answer> answer = co_await asking;
  if (!configured || !answer)
    co_return unknown(Group::kBetter, Theme::kNone, subject,
                      answer ? Error{Code::kUnavailable, "no answer for autoconfig." + name} : answer.error());
  const bool discovered = has(values(*answer), plan_.hostname);
  std::vector<WantedRecord> publish;
  if (!*configured) publish = wanted("autoconfig." + name, Type::kCname);
  if (!discovered)
    for (WantedRecord& one : wanted("_autodiscover._tcp." + name, Type::kSrv)) publish.push_back(std::move(one));
  const std::string& hindrance =
      !plan_.autoconfig_hindrance.empty() ? plan_.autoconfig_hindrance : plan_.autodiscover_hindrance;
  if (publish.empty() && hindrance.empty())
    add(Group::kBetter, Theme::kNone, subject, State::kOk, "mail programs set themselves up");
  else
    add(Group::kBetter, Theme::kNone, subject, State::kOptional, "not every mail program sets itself up",
        publish.empty() ? hindrance : "publish")
        .publish = std::move(publish);
}

bool all_good(const std::vector<Advice>& advice) {
  return std::all_of(advice.begin(), advice.end(), [](const Advice& one) {
    return one.state == Advice::State::kOk || one.state == Advice::State::kOptional;
  });
}

Task<std::vector<Advice>> advise(dns::Lookups lookups, DnsPlan plan) {
  Adviser adviser(lookups, std::move(plan));
  Task<std::vector<Advice>> running = adviser.run();
  co_return co_await running;
}

}  // namespace pabal::app
