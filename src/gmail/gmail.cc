#include "gmail/gmail.h"

#include "gmail/batch.h"
#include "gmail/discovery.h"
#include "gmail/error.h"
#include "gmail/routes.h"
#include "gmail/settings.h"
#include "gmail/uploads.h"

namespace pabal::gmail {
namespace {

Task<web::Response> nothing_here(web::Request) {
  co_return failure(404, "notFound", "There is no such method of the Gmail API here.");
}

}  // namespace

void add_routes(web::Router& router, Services& services) {
  add_messages(router, services);
  add_drafts(router, services);
  add_settings(router, services);
  add_filters(router, services);
  add_forwarding(router, services);
  add_senders(router, services);
  add_batch(router);
  add_uploads(router, services);
  add_threads(router, services);
  add_changes(router, services);
  add_labels(router, services);
  add_history(router, services);
  add_watch(router, services);
  add_discovery(router, services.max_message_size);
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    router.add(method, "/gmail/v1/{path*}", [](web::Request request) { return nothing_here(std::move(request)); });
}

}  // namespace pabal::gmail
