// What others have reported about our domains: aggregate reports summed by day, and reports of single messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "trust/aggregate.h"
#include "trust/failure.h"

namespace pabal::trust {

constexpr days kReportedLife{400};
// What one day may bring about one domain, from whoever writes reports; more is refused until tomorrow.
constexpr size_t kMaxReportsADay = 1'000;
constexpr size_t kMaxReportedRowsADay = 5'000;  // kinds of messages
constexpr size_t kMaxFailuresADay = 200;

// `domain`: ours, which the report is about or above. Gives what to say of it: "12 messages of 3 kinds". kExists: had
// before (RFC 9990). kInvalid: of a time that is not the last 400 days. kLimit.
Result<std::string> keep_report(store::Transaction& t, std::string_view domain, const AggregateReport& report,
                                Time now);
Result<void> keep_failure(store::Transaction& t, std::string_view domain, const FailureReport& report, Time now);

struct ReportedRow {
  uint32_t day = 0;      // since 1970, UTC: of the report's beginning
  std::string reporter;  // its org_name
  AggregateReport::Row row;
};
// Oldest day first, of days from `since` on; until `visit` returns false.
Result<void> each_reported_row(const store::Reader& r, std::string_view domain, Time since,
                               const std::function<bool(const ReportedRow&)>& visit);

struct ReportNote {  // of one report that came in
  Time at;
  std::string org_name, email, report_id, about;  // about: the policy domain
  int64_t begin = 0, end = 0;
  uint64_t rows = 0, messages = 0;
  uint64_t left_out = 0;  // rows beyond the day's limit
};
Result<std::vector<ReportNote>> report_notes(const store::Reader& r, std::string_view domain,
                                             size_t limit);  // newest first

struct FailureNote {
  Time at;
  FailureReport report;
};
Result<std::vector<FailureNote>> failure_notes(const store::Reader& r, std::string_view domain,
                                               size_t limit);  // newest first

}  // namespace pabal::trust
