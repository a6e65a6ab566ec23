// Behind a reverse proxy: who the client is, by Forwarded (RFC 7239) or X-Forwarded-For and -Proto, where a trusted
// proxy says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trust/ip.h"
#include "web/http.h"

namespace pabal::web {

struct Network {
  trust::Ip ip;
  unsigned length = 0;  // bits
};
// "10.0.0.0/8", "2001:db8::1". kInvalid.
Result<Network> parse_network(std::string_view text);

using Networks = std::vector<Network>;

// Sets `client` and `scheme` from the fields, if `client` is a trusted proxy; else the fields say nothing. The client
// is the last address in the chain that is not a trusted proxy's itself. Both fields at once that disagree are not
// believed: the proxy writes one, and the other may be the client's own.
void believe(const Networks& trusted, Request& request);

}  // namespace pabal::web
