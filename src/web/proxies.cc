#include "web/proxies.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace pabal::web {
namespace {

bool contains(const Networks& networks, const trust::Ip& ip) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& n) { return trust::same_network(n.ip, ip, n.length); });
}

struct Hop {
  std::optional<trust::Ip> from;  // nothing: unknown or hidden
  std::string proto;
};

// RFC 7239 §6: "192.0.2.1:47", "[2001:db8::1]:4711", and the bare IPv6 address of X-Forwarded-For.
std::optional<trust::Ip> parse_node(std::string_view node) {
  node = text::trim(node);
  if (node.size() >= 2 && node.front() == '"' && node.back() == '"') node = node.substr(1, node.size() - 2);
  if (node.starts_with('[')) {
    const size_t close = node.find(']');
    return close == node.npos ? std::nullopt : trust::parse_client_ip(node.substr(1, close - 1));
  }
  if (std::count(node.begin(), node.end(), ':') == 1) node = node.substr(0, node.find(':'));
  return trust::parse_client_ip(node);
}

// RFC 7239 §4. Quoted strings hold addresses and ports only, so that no comma is in them.
std::vector<Hop> parse_forwarded(std::string_view field) {
  std::vector<Hop> out;
  for (const std::string_view element : text::split(field, ',')) {
    Hop hop;
    for (const std::string_view pair : text::split(element, ';')) {
      const size_t equals = pair.find('=');
      if (equals == pair.npos) continue;
      const std::string_view name = text::trim(pair.substr(0, equals)), value = pair.substr(equals + 1);
      if (text::iequals(name, "for")) hop.from = parse_node(value);
      if (text::iequals(name, "proto")) hop.proto = text::lowered(text::trim(value));
    }
    out.push_back(std::move(hop));
  }
  return out;
}

std::vector<Hop> parse_x_forwarded(std::string_view from, std::string_view proto) {
  std::vector<Hop> out;
  for (const std::string_view one : text::split(from, ',')) out.push_back({parse_node(one), ""});
  const auto protos = text::split(proto, ',');
  out.back().proto = text::lowered(text::trim(protos.back()));
  return out;
}

// The last hop that no trusted proxy is; nothing when an address on the way cannot be read.
std::optional<Hop> client_of(const Networks& trusted, const std::vector<Hop>& hops) {
  std::optional<Hop> last;
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    if (!hop->from) return last;
    const std::string proto = hop->proto.empty() && last ? last->proto : hop->proto;
    last = Hop{hop->from, proto};
    if (!contains(trusted, *hop->from)) return last;
  }
  return last;
}

}  // namespace

Result<Network> parse_network(std::string_view text) {
  const size_t slash = text.find('/');
  const auto ip = trust::parse_client_ip(text.substr(0, slash));
  Network out;
  if (ip) out = {*ip, ip->bits()};
  const auto length = slash == text.npos ? out.length : text::parse_u64(text.substr(slash + 1));
  if (!ip || !length || *length > ip->bits())
    return Error{Code::kInvalid, std::string(text) + " is not an address or network, such as \"10.0.0.0/8\""};
  out.length = static_cast<unsigned>(*length);
  return out;
}

void believe(const Networks& trusted, Request& request) {
  const auto peer = trust::parse_client_ip(request.client.ip);
  if (!peer || !contains(trusted, *peer)) return;
  const std::string forwarded = request.headers.joined("Forwarded"), from = request.headers.joined("X-Forwarded-For");
  std::optional<Hop> client;
  if (!forwarded.empty()) client = client_of(trusted, parse_forwarded(forwarded));
  if (!from.empty()) {
    const auto other = client_of(trusted, parse_x_forwarded(from, request.headers.joined("X-Forwarded-Proto")));
    if (!forwarded.empty() && (!client || !other || client->from != other->from)) return;
    if (forwarded.empty()) client = other;
  }
  if (!client) return;
  request.client = {client->from->text(), 0};
  if (client->proto == "https" || client->proto == "http") request.scheme = client->proto;
}

}  // namespace pabal::web
