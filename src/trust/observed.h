// What this server saw of other people's domains: counted message by message, and reported to their owners once a day
// (RFC 9990; app/dmarc_job.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "trust/aggregate.h"
#include "trust/verdict.h"

namespace pabal::trust {

constexpr size_t kMaxObservedRows = 10'000;     // of one domain and day; what is beyond is only counted
constexpr size_t kMaxObservedDomains = 20'000;  // of one day: strangers choose the domains, and each costs a mail
constexpr days kObservedLife{5};                // after its day: reports that cannot be sent by then are not

// One message, with what became of it.
struct Observation {
  Time at;
  std::string source_ip;
  Dmarc::Policy disposition = Dmarc::Policy::kNone;  // what was done with it for DMARC's sake
  // Why that is milder than the owner wants: "local_policy", "mailing_list", "trusted_forwarder" (RFC 9990).
  // Test mode is seen from the verdict.
  std::vector<AggregateReport::Reason> reasons;
};

// Call it in the transaction that takes the message, or in one of its own when it is refused for good; not for messages
// to report addresses alone (is_report_address): two servers would report each other's reports for ever. Writes nothing
// when the domain's owner wants no reports by mail, or DMARC came to no result.
Result<void> observe(store::Transaction& t, const Verdict& verdict, const Observation& seen);

struct ObservedDay {
  uint32_t day = 0;  // since 1970, UTC
  std::string domain;
  std::string record;     // the last one seen
  uint64_t rows = 0;      // kinds of messages
  uint64_t left_out = 0;  // messages beyond the limit
};
// Days that are over at `now`, oldest first.
Result<std::vector<ObservedDay>> observed_days(const store::Reader& r, Time now);
Result<std::vector<AggregateReport::Row>> observed_rows(const store::Reader& r, const ObservedDay& day);
Result<void> forget(store::Transaction& t, const ObservedDay& day);

// dmarc-reports@...: where reports about our domains come in (delivery/report_intake.h).
constexpr std::string_view kReportMailbox = "dmarc-reports";
bool is_report_address(std::string_view address);

}  // namespace pabal::trust
