// iprev (RFC 8601 §3): has the client's address a name that leads back to it?
#pragma once

#include <string>

#include "base/task.h"
#include "dns/lookup.h"
#include "trust/verdict.h"

namespace pabal::trust {

// pass: one of the first 10 names has the address. fail: none has. permerror: it has no name. temperror: DNS does not
// answer now, and no name that could be asked about has the address.
Task<Iprev> check_iprev(dns::Lookups lookups, std::string ip);

}  // namespace pabal::trust
