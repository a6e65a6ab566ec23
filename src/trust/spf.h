// SPF (RFC 7208): may this client send mail in this domain's name? check_host() of the RFC, with its limits: 10 terms
// that ask DNS, 2 of them in vain, 10 hosts of an MX, 10 names of an address; and lookups.deadline over all, after
// which the result is temperror (§4.6.4 asks for 20 seconds at least).
#pragma once

#include <string>

#include "base/task.h"
#include "dns/lookup.h"
#include "trust/verdict.h"

namespace pabal::trust {

struct SpfQuery {
  std::string ip;            // of the client; ::ffff:192.0.2.1 is taken for 192.0.2.1
  std::string helo;          // the name it gave
  std::string reverse_path;  // without angle brackets; "" = <>: postmaster@helo is asked about (§2.4)
  std::string receiver;      // our host name, for %{r} and Received-SPF
  bool of_helo = false;      // ask about the HELO identity (§2.3), not about MAIL FROM
};

// Never fails: what cannot be found out is one of the results.
Task<Spf> check_spf(dns::Lookups lookups, SpfQuery query);

// RFC 7208 §9.1: the whole field with its final CRLF, folded. Foreign words in it are cut short and quoted.
std::string received_spf(const Spf& spf, const SpfQuery& query);

}  // namespace pabal::trust
