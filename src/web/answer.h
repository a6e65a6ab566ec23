// What HTTP/1.1 and HTTP/2 share: from a request to the response as it goes out, whatever the wire.
#pragma once

#include <string>

#include "web/http1_parser.h"
#include "web/proxies.h"

namespace pabal::web {

// What is needed of a request after its handler has had it.
struct Asked {
  bool head = false, conditional = false;  // HEAD; GET or HEAD with If-None-Match
  bool secure = false;
  std::string accept_encoding, if_none_match;
};

// Fills in what follows from the target, the connection and the proxies.
Refusal complete(Request& request, net::Stream& stream, const Networks& trusted_proxies);

// Why a request is refused when Connections::budget() is used up.
constexpr std::string_view kBusy = "the server holds as much of requests under way as it may; try again in a moment";

// The status for a body that could not be read; 0: nobody is there to hear it.
int status_of_body(Code code);

Asked what_is_asked(const Request& request);

// Calls the handler; what it throws is logged and a 500.
Task<Response> answer(Handler& handler, Request request);

// A response to a request that no handler has seen, or to the answer of one: 304 where it fits, coding, the fields of
// security, Date, Server; nothing in the fields that could split them. Content-Length is the wire's to say.
Response finished(Response response, const Asked& asked, Time now);

// 1xx, 204 and 304 have no body and no Content-Length (RFC 9110 §6.4.1).
bool has_no_body(int status);

}  // namespace pabal::web
