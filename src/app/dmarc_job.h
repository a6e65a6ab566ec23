// Reports for the owners of domains that mail came in as (RFC 9990): once a day for each, written from what was counted
// (trust/observed.h), packed, and put into the queue in the transaction that forgets the counts. Owners are told at
// different hours of the night, each always at the same.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/lookup.h"
#include "trust/observed.h"

namespace pabal::app {

struct Rooms;

constexpr minutes kReportsAfter{15};   // midnight UTC: messages on their way are counted by then
constexpr hours kReportsWithin{6};     // over which the reports of a day are spread
constexpr size_t kReportsAtOnce = 50;  // days of domains in one step
constexpr size_t kMaxReportTo = 5;     // addresses of one record

// When the report of that day is due.
Time report_due(const trust::ObservedDay& day, std::string_view reporter);

// The report as it is sent. `reporter`: the domain that sends it. `id`: of letters and digits (RFC 9990).
trust::AggregateReport make_report(const trust::ObservedDay& day, std::vector<trust::AggregateReport::Row> rows,
                                   std::string_view reporter, std::string_view id, Time now);

struct SentReports {
  size_t sent = 0;
  std::vector<std::string> told;  // what was done and why not, for people
};
// Sends what is due, reports of single messages (trust/failing.h) always; with `all`, everything counted so far,
// today's too. In any order, until `stop` says so. Waits for DNS and commits: not on an event loop.
Result<SentReports> send_reports(
    Rooms& rooms, dns::Resolver& resolver, bool all, const std::function<bool()>& stop = [] { return false; });

}  // namespace pabal::app
