// What the server answers over HTTP, wired to the rooms.
#pragma once

#include <memory>

#include "api/caller.h"
#include "app/config.h"
#include "app/rooms.h"
#include "gmail/gmail.h"
#include "identity/login.h"
#include "jmap/jmap.h"
#include "mailbox/overview.h"
#include "oauth/provider.h"
#include "push/sender.h"
#include "web/cors.h"
#include "web/fetch.h"
#include "web/logos.h"
#include "web/router.h"
#include "web/server.h"

namespace pabal::app {

class Web {
 public:
  // All that it is given outlives it; it outlives the sessions, and dies before the loops.
  Web(const Config& config, Rooms& rooms, dns::Resolver& resolver, identity::Login& login, net::Pool& pool,
      mailbox::Outgoing& outgoing, push::Hub& hub, push::EcKey vapid, net::Loop& loop);
  web::Services& services() { return services_; }
  push::Sender& sender() { return sender_; }

 private:
  std::unique_ptr<web::Fetcher> fetcher_;
  std::unique_ptr<web::Poster> poster_;
  web::Logos logos_;
  api::Callers callers_;
  gmail::Services gmail_;
  mailbox::Overviews overviews_;
  push::Sender sender_;  // to push services and webhooks
  jmap::Jmap jmap_;
  oauth::Provider oauth_;
  web::Router router_;
  web::Cors apis_for_scripts_;
  web::Cors oauth_for_scripts_;
  web::Connections connections_;
  web::Services services_;
};

}  // namespace pabal::app
