// Who really sent a message: all checks of one that came in, and what is to become of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/task.h"
#include "dns/lookup.h"
#include "trust/verdict.h"

namespace pabal::trust {

struct Arrived {
  std::string ip, helo;
  std::string reverse_path;  // "" = <>
  std::string hostname;      // ours
  std::shared_ptr<const std::string> message;
};

constexpr size_t kMaxAuthors = 5;  // domains in From whose policies are asked for; more are junk
constexpr seconds kCheckTime{20};  // RFC 7208 §4.6.4; for all look-ups of one message

// Never fails: what cannot be looked up in time is a temperror of its method. `lookups.deadline` is the caller's.
Task<Verdict> authenticate(dns::Lookups lookups, Arrived arrived);

struct Disposition {
  enum class Kind : uint8_t {
    kAccept,
    kJunk,    // the domain's policy is quarantine (RFC 9989 §5)
    kRefuse,  // or reject
    kLater    // it may have to be refused, and that cannot be told now
  };
  Kind kind = Kind::kAccept;
  std::string reason;           // for the reply, the trace and the report; "" with kAccept
  std::string trusted_by = {};  // the forwarder whose seal took the policy's place (RFC 8617 §7.2.1); "": none
};

// `is_trusted` says of a domain whether its seals count (forwarders.h).
Disposition dispose(const Verdict& verdict, const std::function<bool(std::string_view)>& is_trusted);

}  // namespace pabal::trust
