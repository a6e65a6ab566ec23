// dmarc-reports@DOMAIN, where nobody has that name: reports of DMARC that come there are read and kept as data
// (trust/reported.h), not filed in a mailbox. What is no report is dropped, and the trace says why; nothing is ever
// answered or bounced.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "identity/directory.h"
#include "trust/incoming.h"

namespace pabal::delivery {

// Whether mail for this address is taken as reports: before aliases, accounts and catch-alls are looked at.
Result<bool> takes_reports(const identity::Directory& directory, const store::Reader& r, std::string_view address);

struct Taken {
  std::string_view action;  // for the trace: "taken" or "dropped"
  std::string reason;
};
// Keeps it when it is about one of our domains, and its sender is not known to be another than it says: `results` is
// what the checks found (mailbox::LocalDelivery::Mail::results).
Result<Taken> take_report(store::Transaction& t, const identity::Directory& directory,
                          const Result<trust::IncomingReport>& report, std::string_view results, Time now);

}  // namespace pabal::delivery
