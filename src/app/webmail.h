// The web mail's files over HTTP: the program in the browser, and the empty frame that HTML mail is shown in. All else
// it does by JMAP, as any client does.
//   /               for a browser that has signed in: the web mail; what others see is web/site.h's
//   /mail/...       its pages; without a session to /login and back
//   /assets/...     its parts: their names change with their content, so they are kept for good
//   /mail/image     a picture that a letter names, fetched by the server: its owner learns nothing of the reader, and
//                   no private network is reached (web/fetch.h)
//   /frame          the frame for HTML mail: an opaque origin, one script known by its hash, and no way to any host
#pragma once

#include <optional>

#include "api/caller.h"
#include "web/fetch.h"
#include "web/router.h"

namespace pabal::app {

// `callers` and `fetcher` outlive the router.
void add_webmail(web::Router& router, const api::Callers& callers, web::Fetcher& fetcher);

// The web mail, where the browser has signed in: in place of the page at /.
std::optional<web::Response> webmail_home(const web::Request& request, const api::Callers& callers);

}  // namespace pabal::app
