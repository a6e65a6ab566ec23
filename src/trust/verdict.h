// What the checks of a message's sender have found: plain data, written into Authentication-Results (results.h), kept
// with the message, and shown. Words of results are those of RFC 8601 §2.7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pabal::trust {

// Not every method has every result: SPF has no kPolicy, DKIM no kSoftfail, and so on.
enum class Outcome : uint8_t { kNone, kNeutral, kPass, kFail, kSoftfail, kPolicy, kTemperror, kPermerror };
std::string_view outcome_name(Outcome outcome);  // "softfail"
std::optional<Outcome> outcome_of(std::string_view name);

struct Spf {
  Outcome result = Outcome::kNone;
  std::string domain;       // whose record was asked for
  std::string sender;       // local-part@domain it was asked about
  std::string mechanism;    // that decided, as written ("ip4:192.0.2.0/24"); "" when none did
  std::string problem;      // of temperror and permerror: what is wrong, for people
  std::string explanation;  // of fail: what the domain says why (RFC 7208 §6.2); "": nothing
};

struct Dkim {  // one signature
  Outcome result = Outcome::kNone;
  std::string domain, selector;  // d=, s=: A-labels, lower case
  std::string identity;          // i=, or its default "@" + d
  std::string algorithm;         // a=
  std::string signature_start;   // the first characters of b=, as header.b tells (RFC 6008)
  unsigned key_bits = 0;
  bool testing = false;  // t=y of the key: treat as unsigned (RFC 6376 §3.6.1)
  std::string problem;   // why it is no pass, for people
};

struct Arc {
  Outcome result = Outcome::kNone;  // none, pass or fail (RFC 8617 §4.4)
  struct Set {
    unsigned instance = 0;
    std::string domain, selector;  // of its ARC-Seal
    std::string results;           // ARC-Authentication-Results without "i=N;"
  };
  std::vector<Set> sets;     // by instance, from 1
  unsigned oldest_pass = 0;  // RFC 8617 §5.2
  std::string problem;
};

struct Dmarc {
  Outcome result = Outcome::kNone;  // none, pass, fail, temperror, permerror
  enum class Policy : uint8_t { kNone, kQuarantine, kReject };
  Policy policy = Policy::kNone;     // what the owner asks for this message (p, sp or np; t=y taken into account)
  Policy published = Policy::kNone;  // p= of the record as it stands
  std::string from_domain;           // RFC5322.From: A-labels
  std::string record_domain;         // where the record was found
  std::string organizational;        // the author's organisational domain
  std::string record;                // its text
  bool spf_aligned = false, dkim_aligned = false;
  bool testing = false;               // t=y
  std::vector<std::string> rua, ruf;  // URIs of the record
  std::string problem;
};

struct Iprev {
  Outcome result = Outcome::kNone;  // pass, fail, temperror, permerror (RFC 8601 §3)
  std::string name;                 // that the address has, and that has the address; or the first it claims
  std::string address{};            // the client's IP address
};

struct Bimi {
  Outcome result = Outcome::kNone;
  std::string domain, selector;
  std::string location;   // l=: https URL of the SVG logo; "": declined
  std::string authority;  // a=
};

// All about one message that came in.
struct Verdict {
  Iprev iprev;
  Spf helo, mail_from;
  std::vector<Dkim> dkim;
  Arc arc;
  Dmarc dmarc;
  Bimi bimi;
};

}  // namespace pabal::trust
