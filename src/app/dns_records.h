// What a mail domain publishes, as lines of a zone file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "identity/directory.h"

namespace pabal::app {

// Addresses of the host (none: left out), MX, SPF, DKIM, DMARC and the records by which mail programs find their
// servers.
Result<std::string> dns_records(const identity::Domain& domain, std::string_view hostname,
                                const std::vector<std::string>& ips);

}  // namespace pabal::app
