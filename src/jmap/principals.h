// Principals (RFC 9670 §2): whom one shares with. They are the accounts and aliases of the caller's domain, "anyone",
// and besides whoever shares something with him or has something of his: nobody looks around in other domains.
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

constexpr std::string_view kPrincipals = "urn:ietf:params:jmap:principals";

struct Principal {
  mailbox::Grantee who;
  std::string id, name, email;  // email: empty for "anyone"
  mailbox::AccountId account() const { return who.kind == mailbox::Grantee::Kind::kAccount ? who.account : 0; }
};
// In the order of their addresses; "anyone" is the first.
Result<std::vector<Principal>> principals_of(const Services& services, const store::Reader& r,
                                             const api::Caller& caller, const std::map<std::string, Account>& accounts);
std::string principal_id(const mailbox::Grantee& who);

}  // namespace pabal::jmap
