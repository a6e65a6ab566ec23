#include "app/web.h"

#include <algorithm>
#include <tuple>

#include "web/site.h"

namespace pabal::app {
namespace {

web::Networks networks(const std::vector<std::string>& texts) {
  web::Networks out;
  for (const std::string& one : texts)
    if (const auto network = web::parse_network(one)) out.push_back(*network);
  return out;
}

// What people set their mail programs to, the usual choice first.
std::vector<web::Door> doors(const Config& config) {
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

}  // namespace

Web::Web(const Config& config, Rooms& rooms, dns::Resolver& resolver, identity::Login& login, net::Pool& pool)
    : fetcher_(web::make_fetcher(resolver, {config.fetch_private})),
      logos_(*rooms.store, resolver, *fetcher_),
      callers_(login, config.hostname),
      gmail_{*rooms.store, *rooms.mailboxes, *rooms.directory,       callers_, pool, rooms.clock,
             rooms.random, config.hostname,  config.max_message_size},
      gmail_for_scripts_(router_, "/gmail/", {}),
      services_{gmail_for_scripts_, connections_, networks(config.trusted_proxies)} {
  web::add_site(router_, config.hostname, doors(config));
  logos_.add_to(router_);
  gmail::add_routes(router_, gmail_);
}

}  // namespace pabal::app
