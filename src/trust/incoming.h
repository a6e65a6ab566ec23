// A report found in a mail.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "message/message.h"
#include "trust/aggregate.h"
#include "trust/failure.h"

namespace pabal::trust {

struct IncomingReport {
  std::optional<AggregateReport> aggregate;
  std::optional<FailureReport> failure;  // one of the two
};

// `message` is the parse of `bytes`. The report may be the whole mail or any of its parts, whatever type and name that
// has; the first that holds one counts. The error says why there is none. Unpacks and parses up to 10 MiB: on a pool.
Result<IncomingReport> read_report(std::string_view bytes, const message::Message& message);

}  // namespace pabal::trust
