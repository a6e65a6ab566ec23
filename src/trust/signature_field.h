// One signature as it stands in the header: DKIM-Signature (RFC 6376 §3.5), ARC-Message-Signature and ARC-Seal
// (RFC 8617 §4.1), read and held against the rules that need neither the message nor the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "trust/canonical.h"
#include "trust/public_key.h"

namespace pabal::trust {

inline constexpr size_t kMaxSignatureFieldBytes = 32 << 10;  // one field; h= with 2,000 names fits
inline constexpr unsigned kMaxArcInstance = 50;              // RFC 8617 §4.2.1
// Clocks differ: x= is obeyed this much later, and t= may lie in the future by this much.
inline constexpr Duration kClockSlack = minutes(30);

struct SignatureField {
  enum class Kind : uint8_t { kDkim, kArcMessage, kArcSeal };
  Kind kind = Kind::kDkim;
  Algorithm algorithm = Algorithm::kRsaSha256;
  Canonicalization header = Canonicalization::kSimple, body = Canonicalization::kSimple;
  std::string algorithm_text, domain, selector, identity;  // as verdict.h has them
  std::string signature, body_hash;                        // b=, bh= decoded
  std::string signature_start;                             // the first digits of b=
  std::vector<std::string_view> names;                     // h=: views into the field
  std::optional<uint64_t> length, time, expires;           // l=, t=, x=
  unsigned instance = 0;                                   // i= of ARC
  std::string_view chain;                                  // cv=: none, pass or fail
  size_t value_begin = 0, value_end = 0;                   // of b= in the field, blanks around it included

  // The first rule broken; what could be read is filled in nevertheless.
  std::optional<Error> problem;
};

// `field`: from its name to its line end. It must outlive the result.
SignatureField read_signature(SignatureField::Kind kind, std::string_view field);

// x= has passed: kInvalid. t= is in the future: kDenied.
Result<void> check_times(const SignatureField& signature, Time now);

// Appends the field itself as it goes into the hash of its signature: b= empty, no line end (RFC 6376 §3.7).
void append_unsigned_field(std::string& out, const SignatureField& signature, std::string_view field);

// A domain or selector as DNS wants it: A-labels (RFC 8616), lower case. "": it is none.
std::string dns_name(std::string_view name);

}  // namespace pabal::trust
