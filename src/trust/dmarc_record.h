// The records of DMARC (RFC 9989 §4.7), also as RFC 7489 wrote them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/verdict.h"

namespace pabal::trust {

constexpr size_t kMaxDmarcUris = 20;          // of one list: more are not looked at
constexpr size_t kMaxDmarcRecord = 16 << 10;  // octets: the rest of a longer one is not looked at

struct DmarcRecord {
  enum class Psd : uint8_t { kUnsaid, kYes, kNo };
  // As published; empty: not said, or not a word of the standard.
  std::optional<Dmarc::Policy> p, sp, np;
  // p, sp or np has a word that is no policy (RFC 9989 §4.10.1).
  bool bad_policy = false;
  bool strict_dkim = false, strict_spf = false;  // adkim=s, aspf=s
  bool testing = false;                          // t=y
  Psd psd = Psd::kUnsaid;
  std::string fo = "0";
  std::vector<std::string> rua, ruf;  // URIs; the "!10m" of RFC 7489 is cut off (RFC 9989 §4.7: it says nothing now)

  Dmarc::Policy policy() const { return p.value_or(Dmarc::Policy::kNone); }
};

// Nothing: this text is not for DMARC (it does not begin with v=DMARC1). Unknown tags, pct among them, are passed over,
// and so is what breaks a rule: the default holds. Of a tag said twice the first counts.
std::optional<DmarcRecord> parse_dmarc_record(std::string_view text);

std::string_view policy_name(Dmarc::Policy policy);  // "quarantine"

// The address of a mailto: URI (RFC 6068), without what may follow it; "" when it is none.
std::string mailto_address(std::string_view uri);

}  // namespace pabal::trust
