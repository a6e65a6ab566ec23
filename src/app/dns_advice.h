// Does the world's DNS say what it should of a mail domain? Each piece of advice names what was looked at, what is
// seen, and what to do. The checklist is that of internet.nl's mail test, and what receivers refuse mail for.
#pragma once

#include <string>
#include <vector>

#include "app/dns_records.h"
#include "base/task.h"
#include "dns/lookup.h"

namespace pabal::app {

struct Advice {
  enum class Group : uint8_t { kDelivery, kTrust, kBetter };  // mail will fail; others may not trust it; better still
  enum class State : uint8_t {
    kOk,
    kMissing,
    kDiffers,     // there, but not right
    kCannotTell,  // the look-up failed
    kOptional     // not there, and mail goes on without it
  };
  enum class Theme : uint8_t { kNone, kIpv6, kDnssec, kAuthenticity, kTls };  // of internet.nl's test

  Group group = Group::kDelivery;
  Theme theme = Theme::kNone;
  std::string subject;  // "MX of example.com"
  State state = State::kOk;
  std::string seen;     // what DNS shows, or that it shows nothing
  std::string problem;  // what is wrong with what is there, where `seen` does not say it
  std::string fix;      // what to do; empty when ok
  std::vector<WantedRecord> publish;
};

// Nothing missing, different or unknown.
bool all_good(const std::vector<Advice>& advice);

// In the order of the groups. Some 40 look-ups, one after the other, within lookups.deadline.
Task<std::vector<Advice>> advise(dns::Lookups lookups, DnsPlan plan);

// For a terminal: what matters most first, long records in lines, internet.nl's groups as a score.
std::string advice_text(const DnsPlan& plan, const std::vector<Advice>& advice);
std::string advice_json(const DnsPlan& plan, const std::vector<WantedRecord>& wanted,
                        const std::vector<Advice>& advice);

}  // namespace pabal::app
