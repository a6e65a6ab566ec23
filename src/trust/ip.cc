#include "trust/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace pabal::trust {

std::string Ip::text() const {
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, octets.data(), out, sizeof out);
}

std::optional<Ip> parse_ip(std::string_view text) {
  char word[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof word || text.find('\0') != text.npos) return {};
  word[text.copy(word, text.size())] = '\0';
  Ip ip;
  ip.v6 = text.find(':') != text.npos;
  if (inet_pton(ip.v6 ? AF_INET6 : AF_INET, word, ip.octets.data()) != 1) return {};
  return ip;
}

std::optional<Ip> parse_client_ip(std::string_view text) {
  auto ip = parse_ip(text);
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!ip || !ip->v6 || std::memcmp(ip->octets.data(), kMapped, sizeof kMapped) != 0) return ip;
  Ip v4;
  std::copy_n(ip->octets.begin() + 12, 4, v4.octets.begin());
  return v4;
}

bool same_network(const Ip& a, const Ip& b, unsigned length) {
  if (a.v6 != b.v6) return false;
  const unsigned whole = length / 8, rest = length % 8;
  if (std::memcmp(a.octets.data(), b.octets.data(), whole) != 0) return false;
  return rest == 0 || (a.octets[whole] ^ b.octets[whole]) >> (8 - rest) == 0;
}

}  // namespace pabal::trust
