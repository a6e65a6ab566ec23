#include "app/dns_records.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/checks.h"
#include "app/discovery.h"
#include "base/codec.h"
#include "base/text.h"
#include "trust/dkim_key.h"

namespace pabal::app {
namespace {

using dns::Record;
using dns::Type;

constexpr uint32_t kTtl = 3600;

// RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8: what mail programs look for, the best first.
constexpr struct {
  Protocol protocol;
  const char* name;
  uint16_t priority;
} kServices[] = {{Protocol::kSubmissions, "_submissions._tcp", 0},
                 {Protocol::kSubmission, "_submission._tcp", 10},
                 {Protocol::kImaps, "_imaps._tcp", 0},
                 {Protocol::kImap, "_imap._tcp", 10},
                 {Protocol::kPop3s, "_pop3s._tcp", 20},
                 {Protocol::kPop3, "_pop3._tcp", 30},
                 {Protocol::kManageSieve, "_sieve._tcp", 0}};

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (octet < 0x20 || octet > 0x7E)
      out += fmt::format("\\{:03}", octet);
    else
      out += c;
  }
  return out + "\"";
}

// In strings of at most 255 octets (RFC 1035 §3.3.14).
std::string txt_text(std::string_view txt) {
  std::string out = quoted(txt.substr(0, 255));
  for (size_t at = 255; at < txt.size(); at += 255) out += " " + quoted(txt.substr(at, 255));
  return out;
}

std::string host(std::string_view name) { return std::string(name) + "."; }

Record record(Type type, std::string data) {
  Record out;
  out.type = type;
  out.ttl = kTtl;
  out.data = std::move(data);
  return out;
}

bool is_v6(std::string_view ip) { return ip.find(':') != ip.npos; }

void unite(std::vector<std::string>& into, const std::vector<std::string>& more) {
  for (const std::string& one : more)
    if (std::find(into.begin(), into.end(), one) == into.end()) into.push_back(one);
}

}  // namespace

DnsPlan plan_dns(const Config& config, identity::Domain domain, std::vector<std::string> ips) {
  DnsPlan plan;
  plan.domain = std::move(domain);
  plan.hostname = config.hostname;
  plan.smarthost = config.relay_smarthost;
  std::vector<std::string> named, all;  // addresses that listeners name; and those of "any address"
  for (const ListenerConfig& one : config.listeners) {
    if (one.protocol == Protocol::kSmtp) {
      const bool any = one.address.ip == "0.0.0.0" || one.address.ip == "::";
      if (!any) unite(named, {one.address.ip});
      for (const std::string& ip : any ? interface_addresses() : std::vector<std::string>())
        if (is_v6(ip) == is_v6(one.address.ip)) unite(all, {ip});
    }
    for (const auto& service : kServices)
      if (const auto same = [&](const DnsPlan::Service& s) { return s.name == service.name; };
          service.protocol == one.protocol && std::none_of(plan.services.begin(), plan.services.end(), same))
        plan.services.push_back({service.name, service.priority, one.address.port});
  }
  if (ips.empty()) {
    ips = named;
    for (const std::string& ip : all)
      if (is_public_ip(ip)) unite(ips, {ip});
    // A listener's private address is the world's only where there is no other (a laboratory, the demo).
    if (std::any_of(ips.begin(), ips.end(), is_public_ip))
      std::erase_if(ips, [](const std::string& ip) { return !is_public_ip(ip); });
  }
  plan.ips = std::move(ips);
  if (!config.relay_source_ip.empty() &&
      std::find(plan.ips.begin(), plan.ips.end(), config.relay_source_ip) == plan.ips.end())
    plan.sources.push_back(config.relay_source_ip);
  std::ifstream file(config.tls_certificate.empty() ? config.data_dir + "/tls/certificate.pem" : config.tls_certificate,
                     std::ios::binary);
  const std::string certificate(std::istreambuf_iterator<char>(file), {});
  if (auto tlsa = tlsa_of(certificate)) plan.tlsa = std::move(*tlsa);
  plan.mta_sts = mta_sts_txt(config);
  plan.mta_sts_hindrance = mta_sts_hindrance(config, plan.domain.name, certificate);
  plan.autoconfig_hindrance = autoconfig_hindrance(config, plan.domain.name, certificate);
  plan.autodiscover_hindrance = https_hindrance(config, certificate);
  return plan;
}

Result<std::vector<WantedRecord>> wanted_records(const DnsPlan& plan) {
  const std::string& name = plan.domain.name;
  std::vector<WantedRecord> out;
  for (const std::string& ip : plan.ips) out.push_back({plan.hostname, record(is_v6(ip) ? Type::kAaaa : Type::kA, ip)});
  Record mx = record(Type::kMx, plan.hostname);
  mx.preference = 10;
  out.push_back({name, mx});

  std::string others;
  for (const std::string& ip : plan.sources) others += (is_v6(ip) ? " ip6:" : " ip4:") + ip;
  if (plan.smarthost.empty()) {
    others += " -all";
  } else {  // its other addresses are for its operator to tell: not -all, while they are not in here
    const std::string relay = plan.smarthost.substr(1, plan.smarthost.find(']') - 1);
    const bool v6 = is_v6(relay), is_ip = v6 || text::parse_u64(relay.substr(relay.rfind('.') + 1));
    others += (v6 ? " ip6:" : is_ip ? " ip4:" : " a:") + relay + " ~all";
  }
  out.push_back({name, record(Type::kTxt, "v=spf1 mx" + others)});
  // Bounces have no other sender than the name in EHLO (RFC 7208 §2.3).
  if (plan.hostname != name) out.push_back({plan.hostname, record(Type::kTxt, "v=spf1 a" + others)});

  for (const identity::DkimKey& key : plan.domain.dkim_keys) {
    auto txt = trust::dkim_txt(key.private_pem);
    if (!txt) return txt.error();
    out.push_back({key.selector + "._domainkey." + name, record(Type::kTxt, std::move(*txt))});
  }
  out.push_back({"_dmarc." + name, record(Type::kTxt, fmt::format("v=DMARC1; p={}; rua=mailto:dmarc-reports@{}",
                                                                  plan.dmarc_policy, name))});
  // RFC 8460 §3.
  out.push_back({"_smtp._tls." + name, record(Type::kTxt, "v=TLSRPTv1; rua=mailto:postmaster@" + name)});
  const auto alias = [&](const std::string& label) {
    out.push_back({label + "." + name, record(Type::kCname, plan.hostname)});
  };
  if (plan.mta_sts_hindrance.empty()) {  // RFC 8461 §3.1, §3.3
    out.push_back({"_mta-sts." + name, record(Type::kTxt, plan.mta_sts)});
    alias("mta-sts");
  }
  if (!plan.tlsa.empty()) out.push_back({"_25._tcp." + plan.hostname, record(Type::kTlsa, plan.tlsa)});
  for (const DnsPlan::Service& service : plan.services) {
    Record srv = record(Type::kSrv, plan.hostname);
    srv.preference = service.priority;
    srv.weight = 1;
    srv.port = service.port;
    out.push_back({service.name + "." + name, srv});
  }
  if (plan.autoconfig_hindrance.empty()) alias("autoconfig");
  if (plan.autodiscover_hindrance.empty()) {
    Record srv = record(Type::kSrv, plan.hostname);
    srv.weight = 1;
    srv.port = 443;
    out.push_back({"_autodiscover._tcp." + name, srv});
  }
  return out;
}

std::string_view rdata_type(Type type) {
  switch (type) {
    case Type::kA:
      return "A";
    case Type::kNs:
      return "NS";
    case Type::kCname:
      return "CNAME";
    case Type::kPtr:
      return "PTR";
    case Type::kMx:
      return "MX";
    case Type::kTxt:
      return "TXT";
    case Type::kAaaa:
      return "AAAA";
    case Type::kSrv:
      return "SRV";
    case Type::kTlsa:
      return "TLSA";
    case Type::kCaa:
      return "CAA";
  }
  return "?";
}

std::string rdata_text(const Record& r) {
  switch (r.type) {
    case Type::kA:
    case Type::kAaaa:
      return r.data;
    case Type::kTxt:
      return txt_text(r.data);
    case Type::kMx:
      return fmt::format("{} {}", r.preference, host(r.data));
    case Type::kSrv:
      return fmt::format("{} {} {} {}", r.preference, r.weight, r.port, host(r.data));
    case Type::kNs:
    case Type::kCname:
    case Type::kPtr:
      return host(r.data);
    case Type::kTlsa:
      if (r.data.size() < 4) return "";
      return fmt::format("{} {} {} {}", static_cast<unsigned char>(r.data[0]), static_cast<unsigned char>(r.data[1]),
                         static_cast<unsigned char>(r.data[2]), text::hex(std::string_view(r.data).substr(3)));
    case Type::kCaa: {  // RFC 8659 §4.1
      const size_t tag = r.data.size() < 2 ? 0 : static_cast<unsigned char>(r.data[1]);
      if (tag == 0 || r.data.size() < 2 + tag) return "";
      return fmt::format("{} {} {}", static_cast<unsigned char>(r.data[0]), r.data.substr(2, tag),
                         quoted(std::string_view(r.data).substr(2 + tag)));
    }
  }
  return "";
}

std::string zone_line(const WantedRecord& wanted) {
  return fmt::format("{} {} {}", host(wanted.name), rdata_type(wanted.record.type), rdata_text(wanted.record));
}

bool is_in_zone(std::string_view name, std::string_view domain) {
  return name == domain || (name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.');
}

std::string zone_text(std::string_view domain, const std::vector<WantedRecord>& wanted) {
  std::string out = fmt::format("$ORIGIN {}.\n$TTL {}\n", domain, kTtl);
  for (const WantedRecord& one : wanted)
    out += (is_in_zone(one.name, domain) ? "" : "; for another zone: ") + zone_line(one) + "\n";
  return out;
}

Result<std::string> tlsa_of(const std::string& certificate_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  if (!certificate) return Error{Code::kInvalid, "this is not a certificate in PEM form"};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return Error{Code::kInvalid, "the certificate has no public key"};
  const std::string hash = sha256({reinterpret_cast<char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return std::string("\x03\x01\x01", 3) + hash;
}

}  // namespace pabal::app
