// What push/ has to know of JMAP to tell its clients.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "push/hub.h"

namespace pabal::jmap {

std::string subscription_id(uint64_t outlet);  // "P7"
// A StateChange (RFC 8620 §7.1) for the owner of the account, of these types; nothing: of all. "": none of them has
// changed.
std::string state_change(const push::News& news, const std::optional<std::vector<std::string>>& types);

}  // namespace pabal::jmap
