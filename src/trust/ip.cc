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

bool is_public(const Ip& ip) {
  // RFC 6890 and its registries.
  struct Net {
    const char* ip;
    unsigned length;
  };
  constexpr Net kNotPublic[] = {{"0.0.0.0", 8},      {"10.0.0.0", 8},    {"100.64.0.0", 10},   {"127.0.0.0", 8},
                                {"169.254.0.0", 16}, {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},
                                {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24},
                                {"224.0.0.0", 3},    {"::", 96},         {"fc00::", 7},        {"fe80::", 10},
                                {"fec0::", 10},      {"2001:db8::", 32}, {"ff00::", 8}};
  for (const Net& net : kNotPublic)
    if (same_network(*parse_ip(net.ip), ip, net.length)) return false;
  const auto within = [&](size_t at) {
    Ip v4;
    std::copy_n(ip.octets.begin() + static_cast<std::ptrdiff_t>(at), 4, v4.octets.begin());
    return is_public(v4);
  };
  if (!ip.v6) return true;
  if (same_network(*parse_ip("::ffff:0:0"), ip, 96) || same_network(*parse_ip("64:ff9b::"), ip, 96)) return within(12);
  if (same_network(*parse_ip("2002::"), ip, 16)) return within(2);
  return true;
}

bool same_network(const Ip& a, const Ip& b, unsigned length) {
  if (a.v6 != b.v6) return false;
  const unsigned whole = length / 8, rest = length % 8;
  if (std::memcmp(a.octets.data(), b.octets.data(), whole) != 0) return false;
  return rest == 0 || (a.octets[whole] ^ b.octets[whole]) >> (8 - rest) == 0;
}

}  // namespace pabal::trust
