// IP addresses as the checks of a sender compare them: bits, not text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pabal::trust {

struct Ip {
  bool v6 = false;
  std::array<uint8_t, 16> octets{};  // of IPv4 the first 4

  unsigned bits() const { return v6 ? 128 : 32; }
  std::string text() const;
  bool operator==(const Ip&) const = default;
};

std::optional<Ip> parse_ip(std::string_view text);
// As it comes from a socket: ::ffff:192.0.2.1 is IPv4 (RFC 7208 §5).
std::optional<Ip> parse_client_ip(std::string_view text);

// An Internet host may have it: not private, loopback, link-local, shared, documentation, multicast; nor IPv4 of that
// kind within IPv6 (mapped, 6to4, NAT64).
bool is_public(const Ip& ip);

// The first `length` bits agree. Addresses of two families never do.
bool same_network(const Ip& a, const Ip& b, unsigned length);

}  // namespace pabal::trust
