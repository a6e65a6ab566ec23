#include "app/web.h"

#include "web/site.h"

namespace pabal::app {
namespace {

web::Networks networks(const std::vector<std::string>& texts) {
  web::Networks out;
  for (const std::string& one : texts)
    if (const auto network = web::parse_network(one)) out.push_back(*network);
  return out;
}

}  // namespace

Web::Web(const Config& config, Rooms& rooms, dns::Resolver& resolver)
    : fetcher_(web::make_fetcher(resolver, {config.fetch_private})),
      logos_(*rooms.store, resolver, *fetcher_),
      services_{router_, connections_, networks(config.trusted_proxies)} {
  web::add_site(router_, config.hostname);
  logos_.add_to(router_);
}

}  // namespace pabal::app
