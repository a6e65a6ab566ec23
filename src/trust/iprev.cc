#include "trust/iprev.h"

#include <algorithm>

#include "base/text.h"
#include "trust/ip.h"

namespace pabal::trust {
namespace {

constexpr size_t kMaxNames = 10;  // as RFC 7208 §4.6.4 for the same look-ups

}  // namespace

Task<Iprev> check_iprev(dns::Lookups lookups, std::string ip) {
  Iprev out;
  const auto client = parse_client_ip(ip);
  if (!client) {  // a connection that has no IP address
    out.result = Outcome::kPermerror;
    co_return out;
  }
  out.address = client->text();
  Task<Result<dns::Answer>> asking = dns::ask(lookups, dns::reverse_name(client->text()), dns::Type::kPtr);
  const Result<dns::Answer> names = co_await asking;
  if (!names) {
    out.result = Outcome::kTemperror;
    co_return out;
  }
  out.result = names->records.empty() ? Outcome::kPermerror : Outcome::kFail;
  for (size_t i = 0; i < std::min(names->records.size(), kMaxNames); ++i) {
    const std::string& name = names->records[i].data;
    if (out.name.empty()) out.name = name;
    Task<Result<dns::Answer>> resolving = dns::ask(lookups, name, client->v6 ? dns::Type::kAaaa : dns::Type::kA);
    const Result<dns::Answer> addresses = co_await resolving;
    if (!addresses) {
      if (addresses.code() != Code::kInvalid) out.result = Outcome::kTemperror;
      continue;
    }
    for (const dns::Record& address : addresses->records) {
      if (parse_ip(address.data) != client) continue;
      out.name = name;
      out.result = Outcome::kPass;
      co_return out;
    }
  }
  co_return out;
}

}  // namespace pabal::trust
