// What the server answers by itself: GET /healthz for whoever watches it, and a page at / that says what it is.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "web/router.h"

namespace pabal::web {

// A door for mail programs, as the page names it: "IMAP", 993, TLS from the start or by STARTTLS.
struct Door {
  std::string protocol;
  uint16_t port = 0;
  bool implicit_tls = false;
};
// What / is for some requests in place of the page: the web mail, where somebody has signed in.
using Home = std::function<std::optional<Response>(const Request&)>;
void add_site(Router& router, std::string hostname, std::vector<Door> doors, Home home);

// Korean or English, whichever the client likes better (RFC 9110 §12.5.4); English where it says nothing.
bool prefers_korean(std::string_view accept_language);

}  // namespace pabal::web
