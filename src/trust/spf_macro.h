// Macros of SPF (RFC 7208 §7): a text with %{...} in it, checked against the grammar and filled in. Pure: the caller
// finds the validated name for %{p} first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pabal::trust {

// What a text is for decides what it may hold.
enum class MacroUse : uint8_t {
  kDomain,       // domain-spec: ends in a top label or a macro; no c, r, t
  kUnknown,      // value of a modifier we do not know: macro-string; no c, r, t either (§7.2)
  kExplanation,  // explain-string: blanks, and c, r, t too
};

// Empty: it obeys the grammar. Otherwise what is wrong, for people.
std::string check_macros(std::string_view text, MacroUse use);

bool uses_validated_name(std::string_view text);  // %{p} is in it
bool uses_local_part(std::string_view text);      // %{s} or %{l} is

struct MacroValues {
  std::string local, sender_domain;  // of <sender>; the domain in A-labels
  std::string domain;                // <domain>, changes with include and redirect
  std::string ip;                    // for %{i}: dots between IPv6 nibbles
  std::string readable_ip;           // for %{c}
  std::string validated;             // for %{p}: "unknown" when there is none
  std::string helo;
  std::string receiver;
  int64_t now = 0;  // Unix seconds
  bool v6 = false;
};

// Fills in a text that check_macros has found good. kLimit when it grows beyond 4,096 octets: names have at most 253,
// and nobody reads a longer explanation.
Result<std::string> expand_macros(std::string_view text, const MacroValues& values);

// An expanded domain-spec as a name to look up: no final dot, at most 253 octets by removing labels at the left
// (RFC 7208 §7.3), lower case. Empty when it is no domain name: an empty or overlong label, not ASCII.
std::string target_name(std::string expanded);

}  // namespace pabal::trust
