#include "app/web.h"

#include "app/discovery.h"
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

Web::Web(const Config& config, Rooms& rooms, dns::Resolver& resolver, identity::Login& login, net::Pool& pool,
         mailbox::Outgoing& outgoing, push::Hub& hub)
    : fetcher_(web::make_fetcher(resolver, {config.fetch_private})),
      logos_(*rooms.store, resolver, *fetcher_),
      callers_(login, config.hostname),
      gmail_{*rooms.store, *rooms.mailboxes, *rooms.directory,        callers_, pool, rooms.clock,
             rooms.random, config.hostname,  config.max_message_size, &outgoing},
      overviews_(*rooms.mailboxes),
      jmap_({*rooms.store, *rooms.mailboxes, *rooms.directory, callers_, pool, rooms.random, rooms.clock, overviews_,
             outgoing, *rooms.scripts, config.hostname, config.max_message_size, hub}),
      oauth_({*rooms.store, *rooms.directory, login, callers_, pool, rooms.clock, rooms.random, config.hostname,
              web_origin(config)}),
      gmail_for_scripts_(router_, {"/gmail/", "/upload/gmail/", "/batch", "/$discovery/", "/discovery/"},
                         {{"*"}, {"Location", "Range", "X-GUploader-UploadID"}}),
      oauth_for_scripts_(gmail_for_scripts_, {"/oauth/"}, {}),
      services_{oauth_for_scripts_, connections_, networks(config.trusted_proxies)} {
  web::add_site(router_, config.hostname, doors_of(config));
  add_discovery(router_, rooms.config, *rooms.directory, *rooms.store);
  logos_.add_to(router_);
  gmail::add_routes(router_, gmail_);
  jmap_.add_to(router_);
  oauth_.add_to(router_);
}

}  // namespace pabal::app
