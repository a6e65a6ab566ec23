// The text of an SPF record (RFC 7208 §4.5, §4.6, §5, §6) taken apart. Pure; the work is linear in the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/ip.h"
#include "trust/verdict.h"

namespace pabal::trust {

// Views point into the text that was parsed.
struct SpfDirective {
  enum class Mechanism : uint8_t { kAll, kInclude, kA, kMx, kPtr, kIp4, kIp6, kExists };
  Outcome qualifier = Outcome::kPass;  // pass, fail, softfail or neutral: what a match means
  Mechanism mechanism = Mechanism::kAll;
  std::string_view domain_spec;          // "": <domain>
  Ip network;                            // of ip4 and ip6
  unsigned prefix4 = 32, prefix6 = 128;  // of ip4, ip6, a and mx
  std::string_view text;                 // as written
};

struct SpfRecord {
  std::vector<SpfDirective> directives;
  std::optional<std::string_view> redirect, exp;  // domain-specs
};

// A TXT record is one of SPF: the version, in any case, and a blank or the end behind it (§4.5).
bool is_spf_record(std::string_view txt);

// kInvalid says in words for people which term is wrong and why: any error anywhere is one of the whole (§4.6). kLimit:
// longer than what DNS can carry.
Result<SpfRecord> parse_spf_record(std::string_view txt);

}  // namespace pabal::trust
