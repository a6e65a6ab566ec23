// GET /bimi/{domain}: the logo of a domain, for the web mail to show beside mail that has passed BIMI. Browsers never
// ask the domain's own server, so that it does not learn who reads what when; and what they get can do nothing.
#pragma once

#include "dns/lookup.h"
#include "store/store.h"
#include "web/fetch.h"
#include "web/router.h"

namespace pabal::web {

class Logos {
 public:
  // All outlive it.
  Logos(store::Store& store, dns::Resolver& resolver, Fetcher& fetcher)
      : store_(store), resolver_(resolver), fetcher_(fetcher) {}
  // ?selector= names another than "default". 404 where there is no logo that may be shown, with the reason.
  void add_to(Router& router);

 private:
  struct Logo {
    std::string svg;       // empty: none
    std::string problem;   // why
    bool passing = false;  // the trouble may be over soon: nothing to keep
  };
  Task<Response> handle(Request request);
  Task<Logo> find(net::Loop& loop, std::string domain, std::string selector);

  store::Store& store_;
  dns::Resolver& resolver_;
  Fetcher& fetcher_;
};

}  // namespace pabal::web
