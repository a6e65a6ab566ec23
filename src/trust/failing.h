// Single messages that failed DMARC, for the owner of their author's domain (RFC 9991). They hold addresses and
// subjects of people here: nothing is kept or sent before an operator has switched it on (`pabal reports failures on`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "trust/verdict.h"

namespace pabal::trust {

constexpr size_t kMaxFailingADay = 1'000;       // of all domains; those beyond are not told
constexpr size_t kMaxFailingOfOne = 50;         // of one domain: RFC 9991 wants a limit
constexpr size_t kMaxFailingHeader = 16 << 10;  // octets of the message's header that are told
constexpr days kFailingLife{2};                 // what cannot be sent by then is not

struct Failing {
  Time at;
  std::string domain;       // whose record asks for it
  std::string from_domain;  // of the author
  std::vector<std::string> ruf;
  std::string source_ip, reverse_path;
  std::string results;      // as in Authentication-Results
  std::string disposition;  // "none", "quarantine", "reject": what was done
  std::string header;       // of the message
};

Result<bool> failures_told(const store::Reader& r);
Result<void> tell_failures(store::Transaction& t, bool on);

// In the transaction that takes or refuses the message. Nothing unless it is switched on and there is room.
Result<void> note_failing(store::Transaction& t, const Failing& one);

struct WaitingFailing {
  std::string key;  // to erase when it is told
  Failing failing;
};
Result<std::vector<WaitingFailing>> waiting_failing(const store::Reader& r, size_t limit);  // oldest first

// The report as a whole message (RFC 6591 §3, RFC 5965).
struct FailureLetter {
  std::string from, hostname, message_id;
  std::vector<std::string> to;
  Time now;
};
std::string build_failure(const Failing& failing, const FailureLetter& letter);

}  // namespace pabal::trust
