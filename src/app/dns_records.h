// What a mail domain publishes in DNS, as data. Zone text, advice and checks are made of this one list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "dns/resolver.h"
#include "identity/directory.h"

namespace pabal::app {

// What the records of a domain follow from.
struct DnsPlan {
  identity::Domain domain;
  std::string hostname;
  std::vector<std::string> ips;      // where the world reaches the host; empty: not known here (NAT)
  std::vector<std::string> sources;  // addresses that our mail leaves from, beside `ips`
  std::string smarthost;             // of the configuration
  struct Service {
    std::string name;  // _imaps._tcp
    uint16_t priority = 0, port = 0;
  };
  std::vector<Service> services;
  std::string tlsa;  // RDATA for our certificate; empty: there is none yet
  // What is served over HTTP, and so has records; empty: it is, else why not (discovery.h).
  std::string mta_sts_hindrance, autoconfig_hindrance, autodiscover_hindrance;
  std::string mta_sts;  // the TXT record of our policy
  std::string dmarc_policy = "quarantine";
};
// `ips` empty: those of the listeners, or of the machine's interfaces.
DnsPlan plan_dns(const Config& config, identity::Domain domain, std::vector<std::string> ips = {});

struct WantedRecord {
  std::string name;  // A-labels, no final dot
  dns::Record record;
};
// Addresses of the host (none known: left out), MX, SPF of both, DKIM in every state, DMARC, TLSRPT, MTA-STS, TLSA,
// SRV, autoconfig. All of it works when published: what Pabal does not serve is not here. kCorrupt: a DKIM key is
// damaged.
Result<std::vector<WantedRecord>> wanted_records(const DnsPlan& plan);

std::string_view rdata_type(dns::Type type);  // "MX"
// "10 mail.example.com.", the data of a record in master-file form (RFC 1035 §5.1).
std::string rdata_text(const dns::Record& record);
// "example.com. MX 10 mail.example.com.", no line end.
std::string zone_line(const WantedRecord& wanted);
// Lines to paste into the zone of `domain`; what belongs into another zone stands in comments.
std::string zone_text(std::string_view domain, const std::vector<WantedRecord>& wanted);
bool is_in_zone(std::string_view name, std::string_view domain);

// RFC 7671 §5.1: 3 1 1, the SHA-256 of the public key of the first certificate in a PEM text. kInvalid.
Result<std::string> tlsa_of(const std::string& certificate_pem);

}  // namespace pabal::app
