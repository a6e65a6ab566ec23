// What push/ has to know of JMAP to tell its clients.
#pragma once

#include <string>
#include <vector>

#include "push/outlets.h"

namespace pabal::jmap {

struct Services;

std::string subscription_id(uint64_t outlet);  // "P7"
// The accounts of others of which something is shared with that one; at most as many as one follows.
std::vector<mailbox::AccountId> shared_with(const Services& services, mailbox::AccountId who);
// A StateChange (RFC 8620 §7.1) of the types that the subscription wants, of what its owner may see now. "": nothing of
// them has changed.
std::string state_change(const Services& services, const push::Outlet& outlet, const std::vector<push::News>& news);

}  // namespace pabal::jmap
