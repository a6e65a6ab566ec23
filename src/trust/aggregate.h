// Aggregate reports of DMARC (RFC 9990, and as RFC 7489 and its drafts had them) as data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pabal::trust {

constexpr size_t kMaxReportRows = 50'000;  // of one report
constexpr size_t kMaxReportResults = 100;  // signatures, and reasons, of one row (RFC 9990)
constexpr size_t kMaxReportText = 1'000;   // octets of one value: the tail of a longer one is left out

// Words are in lower case and may be any: other people write them. Texts are UTF-8.
struct AggregateReport {
  struct Reason {
    std::string type, comment;
  };
  struct Dkim {
    std::string domain, selector, result, human_result;
  };
  struct Spf {
    std::string domain, scope, result, human_result;
  };
  struct Row {
    std::string source_ip;
    uint64_t count = 0;
    std::string disposition;  // "none", "pass" (RFC 9990), "quarantine", "reject"
    std::string dkim, spf;    // "pass", "fail": aligned or not
    std::vector<Reason> reasons;
    std::string header_from, envelope_from, envelope_to;
    std::vector<Dkim> dkim_results;
    std::vector<Spf> spf_results;
  };
  std::string version = "1.0";
  std::string org_name, email, extra_contact_info, report_id, generator;
  int64_t begin = 0, end = 0;  // Unix time
  std::vector<std::string> errors;
  struct Published {
    std::string domain, discovery_method, p, sp, np, fo, adkim, aspf, testing;
  } published;
  std::vector<Row> rows;
};

// As RFC 9990 has it, with the elements of its schema in their order. What is empty and may be left out is.
std::string to_xml(const AggregateReport& report);

// Lenient: namespaces, order, letter case and what is missing matter little. Rows without an address or a count are
// left out. kInvalid: no XML, no report in it, or nothing says of which domain and time; kLimit.
Result<AggregateReport> parse_aggregate(std::string_view xml);

}  // namespace pabal::trust
