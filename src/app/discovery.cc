#include "app/discovery.h"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "base/codec.h"
#include "base/text.h"
#include "trust/xml.h"

namespace pabal::app {
namespace {

constexpr int kPolicyLife = 604'800;           // seconds; RFC 8461 §3.2 asks for weeks rather than days
constexpr size_t kMaxAutodiscover = 16 << 10;  // octets of a request
constexpr std::string_view kOutlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

bool covers(const std::string& certificate_pem, const std::string& name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
  return certificate && X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1;
}

bool listens(const Config& config, Protocol protocol, uint16_t port) {
  return std::any_of(config.listeners.begin(), config.listeners.end(),
                     [&](const ListenerConfig& one) { return one.protocol == protocol && one.address.port == port; });
}

// A proxy in front has port 443 and a certificate of its own, which cannot be seen from here.
std::string https_of(const Config& config, const std::string& name, const std::string& certificate) {
  if (!config.trusted_proxies.empty()) return "";
  if (!listens(config, Protocol::kHttps, 443)) return "it needs a [[listen]] with protocol https on port 443";
  if (config.tls_certificate.empty()) return "it needs a certificate that others trust: see [tls] in pabal.toml";
  if (!covers(certificate, name)) return "the certificate of [tls] must hold for " + name + ", too";
  return "";
}

// Of the domain whose settings are asked for: that of ?emailaddress=, or what stands behind `label` in Host.
std::string domain_asked(const web::Request& request, std::string_view label) {
  if (const std::string* address = request.query_value("emailaddress"))
    if (const size_t at = address->rfind('@'); at != address->npos) return address->substr(at + 1);
  const std::string host = request.host.substr(0, request.host.rfind(':'));
  return host.starts_with(label) ? host.substr(label.size()) : "";
}

web::Response nobody_here() {
  return web::problem(404, "this server has no mail of that domain; ask the one that its MX names");
}

class Discovery {
 public:
  Discovery(const Config& config, const identity::Directory& directory, const store::Store& store)
      : config_(config), directory_(directory), store_(store) {}

  // RFC 8461 §3.3: at https://mta-sts.DOMAIN only.
  Task<web::Response> policy(web::Request request) {
    if (!has(domain_asked(request, "mta-sts."))) co_return nobody_here();
    co_return web::with_body("text/plain; charset=utf-8", mta_sts_policy(config_));
  }
  Task<web::Response> autoconfig(web::Request request) { co_return settings(domain_asked(request, "autoconfig.")); }
  Task<web::Response> autoconfig_of_host(web::Request request) { co_return settings(domain_asked(request, "")); }
  Task<web::Response> autodiscover(web::Request request) {
    const auto address = autodiscover_address(request.body);
    if (!address) co_return web::problem(400, address.error().message);
    if (!has(address->substr(address->rfind('@') + 1))) co_return nobody_here();
    co_return web::with_body("application/xml; charset=utf-8", autodiscover_xml(config_, *address));
  }

 private:
  bool has(const std::string& domain) const {
    const auto found = directory_.domain(store_, domain);
    return found && *found && (*found)->enabled;
  }
  web::Response settings(const std::string& domain) const {
    if (!has(domain)) return nobody_here();
    return web::with_body("application/xml; charset=utf-8", autoconfig_xml(config_, domain));
  }

  const Config& config_;
  const identity::Directory& directory_;
  const store::Store& store_;
};

}  // namespace

std::string mta_sts_policy(const Config& config) {
  return fmt::format("version: STSv1\r\nmode: {}\r\nmx: {}\r\nmax_age: {}\r\n", config.mta_sts, config.hostname,
                     kPolicyLife);
}

std::string mta_sts_txt(const Config& config) {
  return "v=STSv1; id=" + text::hex(sha256(mta_sts_policy(config))).substr(0, 20) + ";";
}

std::string mta_sts_hindrance(const Config& config, std::string_view domain, const std::string& certificate) {
  if (config.mta_sts == "none") return "it is switched off: [tls] mta_sts in pabal.toml";
  // Others would refuse to deliver to a host whose certificate they do not believe (RFC 8461 §4.1).
  if (config.tls_certificate.empty()) return "it needs a certificate that others trust: see [tls] in pabal.toml";
  if (!covers(certificate, config.hostname)) return "the certificate of [tls] does not hold for " + config.hostname;
  return https_of(config, fmt::format("mta-sts.{}", domain), certificate);
}

std::string autoconfig_hindrance(const Config& config, std::string_view domain, const std::string& certificate) {
  if (listens(config, Protocol::kHttp, 80)) return "";
  return https_of(config, fmt::format("autoconfig.{}", domain), certificate);
}

std::string https_hindrance(const Config& config, const std::string& certificate) {
  return https_of(config, config.hostname, certificate);
}

std::vector<web::Door> doors_of(const Config& config) {
  constexpr std::tuple<Protocol, const char*, bool> kKinds[] = {
      {Protocol::kImaps, "IMAP", true},       {Protocol::kImap, "IMAP", false}, {Protocol::kSubmissions, "SMTP", true},
      {Protocol::kSubmission, "SMTP", false}, {Protocol::kPop3s, "POP3", true}, {Protocol::kPop3, "POP3", false}};
  std::vector<web::Door> out;
  for (const auto& [protocol, name, implicit_tls] : kKinds)
    for (const ListenerConfig& one : config.listeners) {
      if (one.protocol != protocol) continue;
      const bool told = std::any_of(out.begin(), out.end(), [&](const web::Door& door) {
        return door.protocol == name && door.port == one.address.port;
      });
      if (!told) out.push_back({name, one.address.port, implicit_tls});
    }
  return out;
}

std::string autoconfig_xml(const Config& config, std::string_view domain) {
  const std::string name = trust::xml_escape(domain);
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n<emailProvider id=\"{0}\">\n"
      "<domain>{0}</domain>\n<displayName>{0}</displayName>\n<displayShortName>{0}</displayShortName>\n",
      name);
  for (const web::Door& door : doors_of(config)) {
    const std::string kind = door.protocol == "SMTP" ? "outgoingServer" : "incomingServer";
    out += fmt::format(
        "<{0} type=\"{1}\">\n<hostname>{2}</hostname>\n<port>{3}</port>\n<socketType>{4}</socketType>\n"
        "<username>%EMAILADDRESS%</username>\n<authentication>password-cleartext</authentication>\n</{0}>\n",
        kind, text::lowered(door.protocol), trust::xml_escape(config.hostname), door.port,
        door.implicit_tls ? "SSL" : "STARTTLS");
  }
  return out + "</emailProvider>\n</clientConfig>\n";
}

std::string autodiscover_xml(const Config& config, std::string_view login) {
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n"
      "<Response xmlns=\"{}\">\n<Account>\n<AccountType>email</AccountType>\n<Action>settings</Action>\n",
      kOutlook);
  for (const web::Door& door : doors_of(config))
    out += fmt::format(
        "<Protocol>\n<Type>{}</Type>\n<Server>{}</Server>\n<Port>{}</Port>\n<LoginName>{}</LoginName>\n"
        "<DomainRequired>off</DomainRequired>\n<SPA>off</SPA>\n<SSL>on</SSL>\n<Encryption>{}</Encryption>\n"
        "<AuthRequired>on</AuthRequired>\n</Protocol>\n",
        door.protocol, trust::xml_escape(config.hostname), door.port, trust::xml_escape(login),
        door.implicit_tls ? "SSL" : "TLS");
  return out + "</Account>\n</Response>\n</Autodiscover>\n";
}

Result<std::string> autodiscover_address(std::string_view xml) {
  const std::string document = trust::xml_to_utf8(xml);
  trust::XmlReader reader(document);
  std::string address;
  bool inside = false;
  for (;;) {
    const auto token = reader.next();
    if (!token) return token.error();
    using Kind = trust::XmlReader::Token;
    if (token->kind == Kind::kDone) break;
    if (token->kind == Kind::kText && inside) address += token->text;
    if (token->kind != Kind::kText) inside = token->kind == Kind::kStart && token->name == "EMailAddress";
  }
  address = text::trim(address);
  if (address.find('@') == address.npos) return Error{Code::kInvalid, "the request names no address in <EMailAddress>"};
  return address;
}

void add_discovery(web::Router& router, const Config& config, const identity::Directory& directory,
                   const store::Store& store) {
  const auto all = std::make_shared<Discovery>(config, directory, store);
  router.add("GET", "/.well-known/mta-sts.txt", [all](web::Request r) { return all->policy(std::move(r)); });
  router.add("GET", "/mail/config-v1.1.xml", [all](web::Request r) { return all->autoconfig(std::move(r)); });
  router.add("GET", "/.well-known/autoconfig/mail/config-v1.1.xml",
             [all](web::Request r) { return all->autoconfig_of_host(std::move(r)); });
  for (const char* path : {"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"})
    router.add("POST", path, [all](web::Request r) { return all->autodiscover(std::move(r)); },
               {kMaxAutodiscover, false});
}

}  // namespace pabal::app
