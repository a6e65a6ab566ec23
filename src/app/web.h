// What the server answers over HTTP, wired to the rooms.
#pragma once

#include <memory>

#include "app/config.h"
#include "app/rooms.h"
#include "web/fetch.h"
#include "web/logos.h"
#include "web/router.h"
#include "web/server.h"

namespace pabal::app {

class Web {
 public:
  // Rooms and resolver outlive it; it outlives the sessions, and dies before the loops.
  Web(const Config& config, Rooms& rooms, dns::Resolver& resolver);
  web::Services& services() { return services_; }

 private:
  std::unique_ptr<web::Fetcher> fetcher_;
  web::Logos logos_;
  web::Router router_;
  web::Connections connections_;
  web::Services services_;
};

}  // namespace pabal::app
