// The Sender Rewriting Scheme (M. S. Wong, S. Shevek: "The Sender Rewriting Scheme", 2004): mail that is forwarded goes
// on with a reverse path of ours, so that SPF of the next hop sees a domain that sends from here; what bounces comes
// back to us and is passed on to the sender the address holds. Pure; nothing is stored.
//
//   alice@a.example                     ->  SRS0=hhhhhh=tt=a.example=alice@us.example
//   SRS0=xxxx=yy=a.example=alice@b.example  ->  SRS1=hhhhhh=b.example==xxxx=yy=a.example=alice@us.example
//   SRS1=xxxx=b.example==...@c.example      ->  SRS1=hhhhhh=b.example==...@us.example
//
// hhhhhh are 30 bits of an HMAC-SHA256 under our secret in base32, tt the day in base32, as the paper has it. Local
// parts are put into lower case by some on the way: neither the hash nor its comparison minds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pabal::trust {

// The reverse path for forwarding. Given back unchanged: the null path; addresses of `our_domain`; what has no domain
// name; and what would have a local part of more than 64 octets (RFC 5321 §4.5.3.1.1). A shorter one could not be
// turned back without storing it, so that bounces would be lost; unchanged, only SPF fails at the next hop, and DKIM,
// DMARC and our ARC seal speak for the message.
std::string srs_forward(std::string_view reverse_path, std::string_view our_domain, std::string_view secret, Time now);

// Whom a bounce to one of our rewritten addresses is for: the sender, or of SRS1 the SRS0 address of the first
// forwarder. Nothing: no such address, its hash is of none of `secrets` (the newest first; old ones stay for 21 days),
// or an SRS0 address is older than 21 days.
std::optional<std::string> srs_reverse(std::string_view address, const std::vector<std::string>& secrets, Time now);

}  // namespace pabal::trust
