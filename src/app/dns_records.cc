#include "app/dns_records.h"

#include <fmt/format.h>

#include "trust/dkim_key.h"

namespace pabal::app {
namespace {

// A TXT record's value in quoted strings of at most 255 octets (RFC 1035 §3.3.14).
std::string quoted_txt(std::string_view txt) {
  std::string out;
  for (; !txt.empty(); txt.remove_prefix(std::min<size_t>(txt.size(), 255)))
    out += fmt::format("{}\"{}\"", out.empty() ? "" : " ", txt.substr(0, 255));
  return out;
}

}  // namespace

Result<std::string> dns_records(const identity::Domain& domain, std::string_view hostname,
                                const std::vector<std::string>& ips) {
  std::string out;
  for (const std::string& ip : ips)
    out += fmt::format("{}. {} {}\n", hostname, ip.find(':') == ip.npos ? "A" : "AAAA", ip);
  out += fmt::format("{0}. MX 10 {1}.\n{0}. TXT \"v=spf1 mx -all\"\n", domain.name, hostname);
  for (const identity::DkimKey& key : domain.dkim_keys) {
    const auto txt = trust::dkim_txt(key.private_pem);
    if (!txt) return txt.error();
    out += fmt::format("{}._domainkey.{}. TXT {}\n", key.selector, domain.name, quoted_txt(*txt));
  }
  out += fmt::format("_dmarc.{0}. TXT \"v=DMARC1; p=none; rua=mailto:postmaster@{0}\"\n", domain.name);
  // RFC 6186, RFC 8314 §5.1: mail programs find their servers by these.
  return out + fmt::format(
                   "_submissions._tcp.{0}. SRV 0 1 465 {1}.\n_submission._tcp.{0}. SRV 10 1 587 {1}.\n"
                   "_imaps._tcp.{0}. SRV 0 1 993 {1}.\n_imap._tcp.{0}. SRV 10 1 143 {1}.\n"
                   "_pop3s._tcp.{0}. SRV 20 1 995 {1}.\n_pop3._tcp.{0}. SRV 30 1 110 {1}.\n"
                   "_sieve._tcp.{0}. SRV 0 1 4190 {1}.\n",  // RFC 5804 §1.8
                   domain.name, hostname);
}

}  // namespace pabal::app
