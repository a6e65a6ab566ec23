// One run of advise(): the answers so far and what they come to. Not for others.
#pragma once

#include "app/dns_advice.h"

namespace pabal::app {

std::vector<std::string> values(const dns::Answer& answer);  // the data of its records

class Adviser {
 public:
  Adviser(dns::Lookups lookups, DnsPlan plan) : lookups_(lookups), plan_(std::move(plan)) {}
  Task<std::vector<Advice>> run();

 private:
  using Group = Advice::Group;
  using State = Advice::State;
  using Theme = Advice::Theme;
  using Type = dns::Type;

  Task<Result<dns::Answer>> ask(std::string name, Type type) { return dns::ask(lookups_, std::move(name), type); }
  // At the end of its group.
  Advice& add(Group group, Theme theme, std::string subject, State state, std::string seen, std::string fix = "",
              std::string problem = "");
  void unknown(Group group, Theme theme, std::string subject, const Error& why);
  // Those of a name and type that we want.
  std::vector<WantedRecord> wanted(std::string_view name, Type type) const;

  // dns_advice.cc: where mail goes, and how safely
  Task<void> mx();
  Task<void> addresses();
  // Where our mail comes from, as far as we know.
  std::vector<std::string> sending_ips() const;
  Task<void> reverse();
  void dnssec();
  // Those of the innermost zone that holds the domain.
  Task<void> name_servers();
  Task<void> tlsa();
  // RFC 8659 §3: the nearest name upwards that has any.
  Task<void> caa();
  Task<void> tls_reports();
  Task<void> services();
  Task<void> mta_sts();
  Task<void> set_up();
  // Does `name` lead to this server? Nothing: DNS does not say.
  Task<std::optional<bool>> leads_here(std::string name);

  // dns_advice_senders.cc: who may send in the name of the domain
  // How many terms ask DNS, with those of records included (RFC 7208 §4.6.4); kMaxSpfTerms + 1 for too many.
  Task<size_t> spf_cost(std::string name);
  // What is wrong with a record that is there; "" when nothing.
  Task<std::string> spf_problem(std::string name, std::string txt);
  Task<void> spf_of_both();
  Task<void> spf(std::string name);
  Task<void> dkim();
  Task<Result<std::vector<std::string>>> dmarc_records(std::string name);
  Task<void> dmarc();
  Task<void> bimi();

  const dns::Lookups lookups_;
  const DnsPlan plan_;
  std::vector<WantedRecord> wanted_;
  std::vector<Advice> out_;
  std::vector<std::string> shown_ips_;
  bool addresses_known_ = true, domain_secure_ = false, host_secure_ = true, dmarc_enforced_ = false;
};

}  // namespace pabal::app
