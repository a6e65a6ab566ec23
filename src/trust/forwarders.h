// Forwarders and mailing lists known here: where their seals (RFC 8617) say that a message was genuine when it came to
// them, it is not refused for what they changed. Operators name them; nobody is trusted from the start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace pabal::trust {

// `domain`: d= of the seals, in A-labels. kInvalid: no domain.
Result<void> trust_forwarder(store::Transaction& t, std::string_view domain);
Result<void> distrust_forwarder(store::Transaction& t, std::string_view domain);  // kNotFound
Result<bool> is_trusted_forwarder(const store::Reader& r, std::string_view domain);
Result<std::vector<std::string>> trusted_forwarders(const store::Reader& r);

}  // namespace pabal::trust
