// RDATA of RFC 1035 as it comes from the network. Pure; never reads past the end.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/resolver.h"

namespace pabal::dns {

// An uncompressed domain name at the start of `wire`: lower case, labels joined by dots, no final dot ("" is the root).
// kInvalid when it is cut, too long, or has an octet in it that no host name has (a dot or a control character inside a
// label).
Result<std::string> name_from_wire(std::string_view wire);

// The data of one record, as Record describes it; the TTL is the caller's. kInvalid: malformed.
Result<Record> record_from_wire(Type type, std::string_view rdata);

}  // namespace pabal::dns
