#include <arpa/inet.h>

#include "base/text.h"
#include "net/stream.h"

namespace pabal::net {

std::string Address::text() const {
  return (ip.find(':') == ip.npos ? ip : "[" + ip + "]") + ":" + std::to_string(port);
}

bool Address::loopback() const { return ip.starts_with("127.") || ip == "::1"; }

Result<Address> parse_address(std::string_view text) {
  const Error bad{Code::kInvalid, "an address is ip:port, such as 127.0.0.1:25 or [::1]:25"};
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return bad;
  const auto port = text::parse_u64(text.substr(colon + 1));
  std::string_view ip = text.substr(0, colon);
  if (!port || *port > 65535) return bad;
  const bool bracketed = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  unsigned char raw[16];
  char canonical[INET6_ADDRSTRLEN];
  const int family = bracketed ? AF_INET6 : AF_INET;
  if (inet_pton(family, std::string(ip).c_str(), raw) != 1) return bad;
  return Address{inet_ntop(family, raw, canonical, sizeof canonical), static_cast<uint16_t>(*port)};
}

}  // namespace pabal::net
