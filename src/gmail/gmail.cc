#include "gmail/gmail.h"

#include "gmail/error.h"
#include "gmail/routes.h"

namespace pabal::gmail {
namespace {

Task<web::Response> nothing_here(web::Request) {
  co_return failure(404, "notFound", "There is no such method of the Gmail API here.");
}

}  // namespace

void add_routes(web::Router& router, Services& services) {
  add_messages(router, services);
  add_drafts(router, services);
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    router.add(method, "/gmail/v1/{path*}", [](web::Request request) { return nothing_here(std::move(request)); });
}

}  // namespace pabal::gmail
