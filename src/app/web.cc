#include "app/web.h"

#include "api/document.h"
#include "app/discovery.h"
#include "app/webmail.h"
#include "base/text.h"
#include "gmail/operations.h"
#include "jmap/operations.h"
#include "jmap/push_subscriptions.h"
#include "oauth/operations.h"
#include "web/site.h"

namespace pabal::app {
namespace {

web::Networks networks(const std::vector<std::string>& texts) {
  web::Networks out;
  for (const std::string& one : texts)
    if (const auto network = web::parse_network(one)) out.push_back(*network);
  return out;
}

api::HasGrant grants_of(Rooms& rooms) {
  const oauth::Book book(*rooms.directory, rooms.clock, rooms.random);
  return [&rooms, book](identity::AccountId account, uint64_t id) -> Result<bool> {
    const auto grant = book.grant(*rooms.store, account, id);
    if (!grant) return grant.error();
    return *grant && (*grant)->expires > rooms.clock.now();
  };
}

// Whom an outlet belongs to; "": it is to go.
std::string owner_of(Rooms& rooms, const push::Outlet& outlet) {
  const auto account = rooms.directory->account(*rooms.store, outlet.account);
  if (!account) return std::to_string(outlet.account);  // the store fails for a moment
  if (!*account) return "";
  return api::stands(*rooms.directory, grants_of(rooms), outlet.account, outlet.root) ? (*account)->name : "";
}

push::SenderServices telling(const Config& config, Rooms& rooms, push::Hub& hub, web::Poster& poster,
                             const jmap::Jmap& jmap) {
  push::SenderServices out{*rooms.store,
                           *rooms.mailboxes,
                           hub,
                           *rooms.outlets,
                           poster,
                           rooms.random,
                           "mailto:postmaster@" + config.hostname,
                           config.fetch_private};
  out.name_of = [&rooms](const push::Outlet& outlet) { return owner_of(rooms, outlet); };
  out.shared_with = [&jmap](mailbox::AccountId who) { return jmap::shared_with(jmap.services(), who); };
  out.state_change = [&jmap](const push::Outlet& outlet, const std::vector<push::News>& news) {
    return jmap::state_change(jmap.services(), outlet, news);
  };
  out.subscription_id = jmap::subscription_id;
  return out;
}

}  // namespace

Web::Web(const Config& config, Rooms& rooms, dns::Resolver& resolver, identity::Login& login, net::Pool& pool,
         mailbox::Outgoing& outgoing, push::Hub& hub, push::EcKey vapid, net::Loop& loop)
    : fetcher_(web::make_fetcher(resolver, {config.fetch_private})),
      poster_(web::make_poster(resolver, {config.fetch_private})),
      logos_(*rooms.store, resolver, *fetcher_),
      callers_(login, config.hostname),
      gmail_{*rooms.store,
             *rooms.mailboxes,
             *rooms.directory,
             callers_,
             pool,
             rooms.clock,
             rooms.random,
             config.hostname,
             config.max_message_size,
             &outgoing,
             rooms.outlets.get()},
      overviews_(*rooms.mailboxes),
      sender_(loop, telling(config, rooms, hub, *poster_, jmap_), std::move(vapid)),
      jmap_({*rooms.store, *rooms.mailboxes, *rooms.directory, callers_, pool, rooms.random, rooms.clock, overviews_,
             outgoing, *rooms.scripts, config.hostname, config.max_message_size, hub, *rooms.outlets,
             text::base64url(sender_.vapid_point()), grants_of(rooms), config.fetch_private}),
      oauth_({*rooms.store, *rooms.directory, login, callers_, pool, rooms.clock, rooms.random, config.hostname,
              web_origin(config)}),
      apis_for_scripts_(
          router_, {"/gmail/", "/upload/gmail/", "/batch", "/$discovery/", "/discovery/", "/jmap", "/.well-known/jmap"},
          {{"*"}, {"Location", "Range", "X-GUploader-UploadID"}}),
      oauth_for_scripts_(apis_for_scripts_, {"/oauth/"}, {}),
      services_{oauth_for_scripts_, connections_, networks(config.trusted_proxies)} {
  web::add_site(router_, config.hostname, doors_of(config),
                [this](const web::Request& request) { return webmail_home(request, callers_); });
  add_webmail(router_, callers_, *fetcher_);
  add_discovery(router_, rooms.config, *rooms.directory, *rooms.store);
  logos_.add_to(router_);
  gmail::add_routes(router_, gmail_);
  jmap_.add_to(router_);
  oauth_.add_to(router_);
  api::Described described = gmail::described();
  described.add(jmap::described());
  described.add(oauth::described());
  api::add_document(router_, {web_origin(config), config.hostname, PABAL_VERSION}, described);
}

}  // namespace pabal::app
