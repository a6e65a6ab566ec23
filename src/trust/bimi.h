// BIMI (draft-brand-indicators-for-message-identification): where a domain keeps the logo that mail programs may show
// beside its mail. Only mail that passes DMARC under a policy that keeps forged mail out may have one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dns/lookup.h"
#include "trust/verdict.h"

namespace pabal::trust {

struct BimiRecord {
  std::string location;   // l=: https URL of the logo; empty: the domain declines
  std::string authority;  // a=: https URL of the evidence, or empty
  std::string problem;    // for people; "": the record is good
};
// Nothing: the text does not begin with v=BIMI1, and is no record at all.
std::optional<BimiRecord> parse_bimi_record(std::string_view text);

// The record at SELECTOR._bimi.DOMAIN; nothing: there is none, or nobody knows which. Errors are those of the DNS.
Task<Result<std::optional<BimiRecord>>> find_bimi_record(dns::Lookups lookups, std::string domain,
                                                         std::string selector = "default");

// `selector` as the BIMI-Selector header field gives it (the caller has checked that DKIM covers that field); what is
// no label is taken for "default". None: not asked (no pass, no policy), no record, or declined (then `domain` says who
// did). Pass: there is a logo at `location`. Fail: the record is broken. Temperror: the DNS.
Task<Bimi> check_bimi(dns::Lookups lookups, Dmarc dmarc, std::string selector = "default");

}  // namespace pabal::trust
