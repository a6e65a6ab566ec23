// Connections that stay open: events (RFC 8620 §7.3) and JMAP over WebSocket (RFC 8887).
#pragma once

#include "api/caller.h"
#include "api/json.h"
#include "web/router.h"
#include "web/websocket.h"

namespace pabal::jmap {

class Jmap;

constexpr seconds kMinPing{5}, kMaxPing{900};  // RFC 8620 §7.3 wants 30 to 300 to be possible at least
constexpr seconds kSilence{50};                // a comment then, where no ping was asked for: proxies forget after 60

constexpr std::string_view kWebSocket = "urn:ietf:params:jmap:websocket";
constexpr std::string_view kEventsPath = "/jmap/eventsource", kSocketPath = "/jmap/ws";

// RFC 8887 §3.
api::json::object websocket_capability(std::string_view origin);

class PushRoutes {
 public:
  explicit PushRoutes(Jmap& jmap) : jmap_(jmap) {}
  void add_to(web::Router& router);

 private:
  Task<web::Response> answer_events(web::Request request);  // event_source.cc
  Task<web::Response> answer_socket(web::Request request);  // socket.cc

  Jmap& jmap_;
};

}  // namespace pabal::jmap
