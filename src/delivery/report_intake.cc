#include "delivery/report_intake.h"

#include <algorithm>

#include "trust/observed.h"
#include "trust/reported.h"
#include "trust/results.h"

namespace pabal::delivery {
namespace {

// The domain of ours that `domain` is or lies in; "": none.
Result<std::string> our_domain(const identity::Directory& directory, const store::Reader& r, std::string_view domain) {
  while (!domain.empty()) {
    const auto found = directory.domain(r, domain);
    if (!found) return found.error();
    if (*found) return (*found)->name;
    const size_t dot = domain.find('.');
    domain = dot == domain.npos ? "" : domain.substr(dot + 1);
  }
  return std::string();
}

// RFC 9990: reports pass DMARC themselves. Those of domains without a record are taken all the same.
bool is_forged(std::string_view results) {
  const auto read = trust::parse_results("here; " + std::string(results));
  return read && std::any_of(read->methods.begin(), read->methods.end(),
                             [](const auto& m) { return m.method == "dmarc" && m.result == "fail"; });
}

// What became of a report that was read. A refusal is for the trace; other errors end the transaction.
Result<Taken> kept(const Result<std::string>& done, const std::string& what) {
  if (done) return Taken{"taken", what + ": " + *done};
  const Code code = done.code();
  if (code != Code::kExists && code != Code::kInvalid && code != Code::kLimit) return done.error();
  return Taken{"dropped", what + ": " + done.error().message};
}

}  // namespace

Result<bool> takes_reports(const identity::Directory& directory, const store::Reader& r, std::string_view address) {
  if (!trust::is_report_address(address)) return false;
  const auto domain = directory.domain(r, address.substr(address.find('@') + 1));
  if (!domain) return domain.error();
  if (!*domain || !(*domain)->enabled) return false;
  const auto account = directory.account(r, address);
  if (!account) return account.error();
  const auto alias = directory.alias(r, address);
  if (!alias) return alias.error();
  return !*account && !*alias;
}

Result<Taken> take_report(store::Transaction& t, const identity::Directory& directory,
                          const Result<trust::IncomingReport>& report, std::string_view results, Time now) {
  if (is_forged(results)) return Taken{"dropped", "its sender is not who it says (dmarc=fail)"};
  if (!report) return Taken{"dropped", report.error().message};
  const auto& aggregate = report->aggregate;
  const std::string& about = aggregate ? aggregate->published.domain : report->failure->reported_domain;
  const auto ours = our_domain(directory, t, about);
  if (!ours) return ours.error();
  if (ours->empty()) return Taken{"dropped", "a report about " + about + ", which is no domain of ours"};
  if (aggregate)
    return kept(trust::keep_report(t, *ours, *aggregate, now), "report of " + aggregate->org_name + " about " + about);
  const auto done = trust::keep_failure(t, *ours, *report->failure, now);
  return kept(done ? Result<std::string>("from " + report->failure->source_ip) : done.error(),
              "failure report about " + about);
}

}  // namespace pabal::delivery
