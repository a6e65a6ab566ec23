// The ARC sets of a header (RFC 8617 §4.2), put in order. Whether their signatures hold is for signatures.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trust/header_index.h"
#include "trust/signature_field.h"

namespace pabal::trust {

inline constexpr size_t kMaxArcResultsBytes = 8 << 10;  // kept of one set; real ones are under 2 KiB

struct ArcChain {
  struct Set {
    size_t results_at = 0, message_at = 0, seal_at = 0;  // fields of the index
    SignatureField message, seal;
    std::string results;  // ARC-Authentication-Results without "i=N;", unfolded
  };
  unsigned highest = 0;   // instance found; 0: none; the last there can be where there are too many fields
  bool present = false;   // there is an ARC field
  bool closed = false;    // the newest seal says cv=fail: nothing more is to be done (RFC 8617 §5.1)
  std::vector<Set> sets;  // by instance, from 1; whole when there is no problem
  std::string problem;    // what is wrong with the structure (RFC 8617 §5.2, steps 1 to 3); "": nothing
};

// Views into the message of `header`.
ArcChain read_chain(const HeaderIndex& header);

// What the seal of set `instance` signs, RFC 8617 §5.1.1: the sets up to it, its own b= empty.
std::string sealed_text(const HeaderIndex& header, const ArcChain& chain, unsigned instance);
// Its beginning: the sets before that.
std::string sealed_before(const HeaderIndex& header, const ArcChain& chain, unsigned instance);

}  // namespace pabal::trust
