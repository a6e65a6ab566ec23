// What the server tells others of itself over HTTP, by well-known addresses: the MTA-STS policy of each domain here
// (RFC 8461), and how mail programs are to be set up (Mozilla's autoconfig, Microsoft's autodiscover). They hold for
// every address of a domain, so that nobody learns who has an account.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "identity/directory.h"
#include "web/router.h"
#include "web/site.h"

namespace pabal::app {

// RFC 8461 §3.2: the mode of [tls] mta_sts, and this host as the only MX. The same for all domains.
std::string mta_sts_policy(const Config& config);
// RFC 8461 §3.1, for _mta-sts.DOMAIN. The id is made of the policy: whoever changes one has changed the other.
std::string mta_sts_txt(const Config& config);
// Why others could not fetch the policy of a domain from this server, or could not keep to it; "": they can.
// `certificate`: PEM, the first is ours.
std::string mta_sts_hindrance(const Config& config, std::string_view domain, const std::string& certificate);
// The same for autoconfig.DOMAIN: mail programs ask it by HTTPS, or by HTTP on port 80.
std::string autoconfig_hindrance(const Config& config, std::string_view domain, const std::string& certificate);
// HTTPS of the host itself, which autodiscover is asked by.
std::string https_hindrance(const Config& config, const std::string& certificate);

// The doors of this server for mail programs, the usual ones first.
std::vector<web::Door> doors_of(const Config& config);
std::string autoconfig_xml(const Config& config, std::string_view domain);
std::string autodiscover_xml(const Config& config, std::string_view login);
// <EMailAddress> of an autodiscover request (MS-OXDSCLI §2.2.3.1); kInvalid.
Result<std::string> autodiscover_address(std::string_view xml);

// What they refer to outlives the router.
void add_discovery(web::Router& router, const Config& config, const identity::Directory& directory,
                   const store::Store& store);

}  // namespace pabal::app
