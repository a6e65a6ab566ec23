// Verifies what a message is signed with: DKIM (RFC 6376, 8301, 8463, 8616) and ARC (RFC 8617).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "dns/lookup.h"
#include "trust/verdict.h"

namespace pabal::trust {

// DKIM signatures of one message that are verified, from the top; one entry with kPolicy tells of the others. Mail that
// went through several services has three or four.
inline constexpr size_t kMaxDkimSignatures = 10;
// Records looked at of one name; there should be one (RFC 6376 §3.6.2.2).
inline constexpr size_t kMaxKeyRecords = 4;

struct Signatures {
  std::vector<Dkim> dkim;
  Arc arc;
};

// All of them in one pass over the body; each key is looked up once. Outcomes of DKIM, with `problem` for people:
//   kPass       also with a key that says t=y (`testing`)
//   kFail       body or header are not what was signed
//   kPermerror  the signature or its key breaks a rule, has expired (kClockSlack later), or there is no such key;
//               rsa-sha1 and RSA keys below 1024 bits are here (RFC 8301)
//   kTemperror  the key could not be looked up
//   kPolicy     it holds, but not for all that is shown: text behind l= or a second From are unsigned; or its t= lies
//               in the future; or there are too many signatures
// ARC knows pass and fail only, and a key that cannot be looked up is a fail (RFC 8617 §5.2.1).
// Expired and future are told by lookups.loop.now().
Task<Signatures> verify_signatures(dns::Lookups lookups, std::shared_ptr<const std::string> message);

}  // namespace pabal::trust
