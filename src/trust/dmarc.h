// DMARC (RFC 9989): whether what SPF and DKIM have proven is the domain that the reader sees in From, and what its
// owner wants done when it is not.
#pragma once

#include <string>
#include <vector>

#include "dns/lookup.h"
#include "trust/dmarc_record.h"
#include "trust/verdict.h"

namespace pabal::trust {

constexpr size_t kMaxTreeQueries = 8;  // RFC 9989 §4.10
constexpr size_t kMaxTreeWalks = 10;   // for one message: of its author and of signers that might be aligned

struct DmarcQuery {
  std::vector<std::string> from_domains;  // of all addresses in all From fields: A-labels
  Spf mail_from, helo;
  std::vector<Dkim> dkim;
};

// kNone: the author's domain does not take part. kPermerror: there is no author's domain, or several (RFC 9989 §5.3.1
// leaves them to us): `policy` is kNone, and what to do with such a message is the caller's to say. kTemperror: the DNS
// could not be asked, and without it nothing is proven. A signature made with a key in test mode counts as none (RFC
// 6376 §3.6.1). With t=y the policy is one step milder (RFC 9989 §4.7).
Task<Dmarc> check_dmarc(dns::Lookups lookups, DmarcQuery query);

// RFC 9989 §4.10.2. `domain` in A-labels. kUnavailable, kTimeout, kDenied: the DNS.
Task<Result<std::string>> organizational_domain(dns::Lookups lookups, std::string domain);

// Where reports of `policy_domain` for that URI of its record go: the address in the URI, or another at the same host
// when that host wants so (RFC 9990 §4). "": nowhere, it is no mail address or the host has not agreed. Errors: the
// DNS, try again later.
Task<Result<std::string>> report_destination(dns::Lookups lookups, std::string policy_domain, std::string uri);

}  // namespace pabal::trust
