#include "app/dns_advice.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/dkim_rotation.h"
#include "base/text.h"
#include "trust/bimi.h"
#include "trust/dmarc.h"
#include "trust/spf.h"
#include "trust/spf_record.h"

namespace pabal::app {
namespace {

using dns::Answer;
using dns::Record;
using dns::Type;
using Group = Advice::Group;
using State = Advice::State;
using Theme = Advice::Theme;

constexpr size_t kMaxSpfTerms = 10;  // that ask DNS (RFC 7208 §4.6.4)
constexpr size_t kMaxSpfRecords = 30;

std::vector<std::string> values(const Answer& answer) {
  std::vector<std::string> out;
  for (const Record& record : answer.records) out.push_back(record.data);
  return out;
}

bool has(const std::vector<std::string>& list, std::string_view one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

// One run: the answers so far and what they come to.
class Adviser {
 public:
  Adviser(dns::Lookups lookups, DnsPlan plan) : lookups_(lookups), plan_(std::move(plan)) {}

  Task<std::vector<Advice>> run() {
    auto wanted = wanted_records(plan_);
    if (!wanted) {
      add(Group::kTrust, Theme::kNone, "DKIM keys", State::kDiffers, wanted.error().message,
          "make new ones: pabal dkim rotate " + plan_.domain.name);
      co_return std::move(out_);
    }
    wanted_ = std::move(*wanted);
    using Step = Task<void> (Adviser::*)();
    static constexpr Step kSteps[] = {&Adviser::mx,           &Adviser::addresses, &Adviser::reverse,
                                      &Adviser::spf_of_both,  &Adviser::dkim,      &Adviser::dmarc,
                                      &Adviser::name_servers, &Adviser::tlsa,      &Adviser::caa,
                                      &Adviser::tls_reports,  &Adviser::services,  &Adviser::bimi};
    for (const Step step : kSteps) {
      Task<void> running = (this->*step)();
      co_await running;
    }
    dnssec();
    later();
    co_return std::move(out_);
  }

 private:
  Task<Result<Answer>> ask(std::string name, Type type) { return dns::ask(lookups_, std::move(name), type); }

  // At the end of its group.
  Advice& add(Group group, Theme theme, std::string subject, State state, std::string seen, std::string fix = "") {
    const auto behind = std::find_if(out_.begin(), out_.end(), [&](const Advice& one) { return one.group > group; });
    return *out_.insert(behind, Advice{group, theme, std::move(subject), state, std::move(seen), std::move(fix), {}});
  }
  void unknown(Group group, Theme theme, std::string subject, const Error& why) {
    add(group, theme, std::move(subject), State::kCannotTell, "the look-up failed: " + why.message,
        "look again later; if it stays, see to the resolver of this machine or to the name servers of the domain");
  }
  // Those of a name and type that we want.
  std::vector<WantedRecord> wanted(std::string_view name, Type type) const {
    std::vector<WantedRecord> out;
    for (const WantedRecord& one : wanted_)
      if (one.name == name && one.record.type == type) out.push_back(one);
    return out;
  }

  Task<void> mx() {
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
    Advice& bad = add(Group::kDelivery, Theme::kNone, subject, hosts.empty() ? State::kMissing : State::kDiffers, "",
                      "mail for the domain comes here only when it says so: publish");
    bad.seen = hosts.empty()                                ? "there is none"
               : hosts.size() == 1 && hosts.front().empty() ? "it says that the domain takes no mail (RFC 7505)"
                                                            : "mail goes to " + text::join(hosts, ", ");
    bad.publish = wanted(plan_.domain.name, Type::kMx);
  }

  Task<void> addresses() {
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
          add(Group::kBetter, theme, subject, State::kOptional,
              "there is none: servers with IPv6 only do not reach you",
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

  // Where our mail comes from, as far as we know.
  std::vector<std::string> sending_ips() const {
    std::vector<std::string> out = plan_.ips.empty() ? shown_ips_ : plan_.ips;
    out.insert(out.end(), plan_.sources.begin(), plan_.sources.end());
    return out;
  }

  Task<void> reverse() {
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

  // How many terms ask DNS, with those of records included (RFC 7208 §4.6.4); kMaxSpfTerms + 1 for too many.
  Task<size_t> spf_cost(std::string name) {
    std::vector<std::string> todo;
    todo.push_back(std::move(name));
    size_t cost = 0;
    for (size_t i = 0; i < todo.size() && i < kMaxSpfRecords && cost <= kMaxSpfTerms; ++i) {
      const std::string at = todo[i];
      Task<Result<Answer>> asking = ask(at, Type::kTxt);
      const Result<Answer> answer = co_await asking;
      if (!answer) continue;
      for (const std::string& txt : values(*answer)) {
        if (!trust::is_spf_record(txt)) continue;
        const auto record = trust::parse_spf_record(txt);
        if (!record) continue;
        const auto follow = [&](std::string_view domain) {  // a macro leads elsewhere for each message
          if (domain.find('%') == domain.npos) todo.emplace_back(domain);
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

  // What is wrong with a record that is there; "" when nothing.
  Task<std::string> spf_problem(std::string name, std::string txt) {
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

  Task<void> spf_of_both() {
    Task<void> running = spf(plan_.domain.name);
    co_await running;
    if (plan_.hostname == plan_.domain.name) co_return;
    running = spf(plan_.hostname);
    co_await running;
  }

  Task<void> spf(std::string name) {
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
      add(Group::kTrust, theme, subject, State::kOk,
          records.front() + (plan_.smarthost.empty() ? ""
                                                     : "\nmail leaves by " + plan_.smarthost +
                                                           ": its operator tells what belongs in here for it"));
      co_return;
    }
    add(Group::kTrust, theme, subject, State::kDiffers, records.front() + "\n" + problem,
        "change it; for this server alone it is")
        .publish = std::move(publish);
  }

  Task<void> dkim() {
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

  Task<Result<std::vector<std::string>>> dmarc_records(std::string name) {
    Task<Result<Answer>> asking = ask("_dmarc." + name, Type::kTxt);
    const Result<Answer> answer = co_await asking;
    if (!answer) co_return answer.error();
    auto records = values(*answer);
    std::erase_if(records, [](const std::string& txt) { return !trust::parse_dmarc_record(txt); });
    co_return records;
  }

  Task<void> dmarc() {
    using Policy = trust::Dmarc::Policy;
    const std::string& name = plan_.domain.name;
    const std::string subject = "DMARC of " + name;
    const auto bad = [&](State state, std::string seen, std::string fix) {
      add(Group::kTrust, Theme::kAuthenticity, subject, state, std::move(seen), std::move(fix)).publish =
          wanted("_dmarc." + name, Type::kTxt);
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
      bad(State::kDiffers, seen + "\nits policy is no word of the standard", "write it so");
    else if (record.testing)
      bad(State::kDiffers, seen + "\nt=y says that the policy is only being tested", "take t=y out");
    else if (policy == Policy::kNone)
      bad(State::kDiffers, seen + "\np=none: forged mail in your name is delivered like yours",
          "when the reports (pabal reports) show nothing of yours that fails, write");
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

  void dnssec() {
    const auto say = [this](const std::string& name, bool secure) {
      add(Group::kBetter, Theme::kDnssec, "DNSSEC of " + name, secure ? State::kOk : State::kOptional,
          secure ? "signed" : "not signed, or the resolver of this machine does not validate",
          secure ? "" : "switch DNSSEC on where the zone is kept: without it, a forged answer can divert your mail");
    };
    say(plan_.domain.name, domain_secure_);
    if (plan_.hostname != plan_.domain.name) say(plan_.hostname, host_secure_);
  }

  // Those of the innermost zone that holds the domain.
  Task<void> name_servers() {
    const std::string subject = "name servers of " + plan_.domain.name;
    for (std::string name = plan_.domain.name; name.find('.') != name.npos; name = name.substr(name.find('.') + 1)) {
      Task<Result<Answer>> asking = ask(name, Type::kNs);
      const Result<Answer> answer = co_await asking;
      if (!answer) co_return unknown(Group::kBetter, Theme::kIpv6, subject, answer.error());
      if (answer->records.empty()) continue;
      size_t with_v6 = 0;
      for (const std::string& server : values(*answer)) {
        Task<Result<Answer>> looking = ask(server, Type::kAaaa);
        const Result<Answer> v6 = co_await looking;
        with_v6 += v6 && !v6->records.empty() ? 1 : 0;
      }
      const bool good = with_v6 >= 2;
      add(Group::kBetter, Theme::kIpv6, subject, good ? State::kOk : State::kOptional,
          fmt::format("{} of {} have an IPv6 address", with_v6, answer->records.size()),
          good ? "" : "keep the zone where two name servers at least have IPv6");
      co_return;
    }
  }

  Task<void> tlsa() {
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

  // RFC 8659 §3: the nearest name upwards that has any.
  Task<void> caa() {
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
    add(Group::kBetter, Theme::kTls, subject, State::kOptional,
        "any authority may give out a certificate for your names",
        fmt::format("name the one you use, such as: {}. CAA 0 issue \"letsencrypt.org\"", plan_.domain.name));
  }

  Task<void> tls_reports() {
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

  Task<void> services() {
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

  Task<void> bimi() {
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

  void later() {
    const std::string& name = plan_.domain.name;
    add(Group::kBetter, Theme::kNone, "MTA-STS of " + name, State::kLater, "its policy is served by HTTPS",
        "this version does not serve one: publish nothing yet");
    add(Group::kBetter, Theme::kNone, "autoconfig, autodiscover", State::kLater, "their pages are served by HTTPS",
        "this version does not serve them: publish nothing yet");
  }

  const dns::Lookups lookups_;
  const DnsPlan plan_;
  std::vector<WantedRecord> wanted_;
  std::vector<Advice> out_;
  std::vector<std::string> shown_ips_;
  bool addresses_known_ = true, domain_secure_ = false, host_secure_ = true, dmarc_enforced_ = false;
};

}  // namespace

bool all_good(const std::vector<Advice>& advice) {
  return std::all_of(advice.begin(), advice.end(), [](const Advice& one) {
    return one.state == State::kOk || one.state == State::kOptional || one.state == State::kLater;
  });
}

Task<std::vector<Advice>> advise(dns::Lookups lookups, DnsPlan plan) {
  Adviser adviser(lookups, std::move(plan));
  Task<std::vector<Advice>> running = adviser.run();
  co_return co_await running;
}

}  // namespace pabal::app
