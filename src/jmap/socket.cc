// JMAP over WebSocket (RFC 8887). Requests of one socket run one after the other, in their order; changes are told
// between.
#include "base/log.h"
#include "jmap/dispatch.h"
#include "jmap/fields.h"
#include "jmap/follower.h"
#include "jmap/push_routes.h"

namespace pabal::jmap {
namespace {

struct Line {  // one socket
  Jmap& jmap;
  api::Caller caller;
  std::string peer;
  push::Hub::Seat seat;
  std::shared_ptr<web::WebSocket> socket{};
  Time opened{};
  std::shared_ptr<Follower> follower{};
};

// What a message is, before its request is looked at.
struct Envelope {
  enum class Kind : uint8_t { kNone, kRequest, kPushEnable, kPushDisable } kind = Kind::kNone;
  json::value id;  // of the request; null: it has none
  TypeSet types = kAllTypes;
  Positions since;
  std::optional<Jmap::Reply> refused;
};

Envelope read_envelope(const std::string& text) {
  Envelope out;
  const auto parsed = api::parse_json(text);
  if (!parsed) {
    out.refused = parsed.code() == Code::kLimit ? problem(400, "limit", parsed.error().message, "maxSizeRequest")
                                                : problem(400, "notJSON", parsed.error().message);
    return out;
  }
  const json::string* type = api::string_member(*parsed, "@type");
  if (const json::string* id = api::string_member(*parsed, "id")) out.id = *id;
  if (type && *type == "Request") {
    out.kind = Envelope::Kind::kRequest;
  } else if (type && *type == "WebSocketPushEnable") {
    out.kind = Envelope::Kind::kPushEnable;
    Fields in(parsed->as_object());
    const auto types = in.strings("dataTypes");
    const auto state = in.string("pushState");
    if (!in.bad().empty()) out.refused = problem(400, "notRequest", "dataTypes is a list of strings or null");
    if (types) out.types = types_named({types->begin(), types->end()});
    if (state)
      if (auto known = parse_positions(*state)) out.since = std::move(*known);
  } else if (type && *type == "WebSocketPushDisable") {
    out.kind = Envelope::Kind::kPushDisable;
  } else {
    out.refused =
        problem(400, "notRequest", "\"@type\" is \"Request\", \"WebSocketPushEnable\" or \"WebSocketPushDisable\"");
  }
  return out;
}

// RFC 8887 §4.3.2 to §4.3.4.
std::string answer_text(Jmap::Reply reply, json::value id) {
  const bool good = reply.status == 200;
  reply.body["@type"] = good ? "Response" : "RequestError";
  if (!good || !id.is_null()) reply.body["requestId"] = std::move(id);
  return api::to_text(json::value(std::move(reply.body)));
}

// RFC 8887 §4.3.5.
void tell(Line& line) {
  if (line.follower->over()) {
    line.socket->close(web::CloseCode::kPolicy, "the access token is good no more");
    return;
  }
  auto change = line.follower->take();
  if (!change) return;
  (*change)["pushState"] = positions_text(line.follower->positions());
  line.socket->send(api::to_text(json::value(std::move(*change))));
}

Task<Result<void>> enable_push(std::shared_ptr<Line> line, TypeSet types, Positions since) {
  if (!line->caller.may(identity::kMailMetadata)) types = 0;  // nothing that this token may hear
  Task<Result<void>> starting = line->follower->start(types, std::move(since));
  co_return co_await starting;
}

// False: it is time to end.
Task<bool> answer_one(std::shared_ptr<Line> line, web::SocketMessage message) {
  net::Loop& loop = line->socket->loop();
  if (!may_go_on(line->jmap.services(), line->caller, line->opened)) {
    line->socket->close(web::CloseCode::kPolicy, "the access token is good no more");
    co_return false;
  }
  Envelope envelope;
  if (message.text) {
    const std::function<Result<Envelope>()> look = [text = &message.data]() -> Result<Envelope> {
      return read_envelope(*text);
    };
    Task<Result<Envelope>> looking = net::run_on<Envelope>(line->jmap.services().pool, loop, look);
    Result<Envelope> seen = co_await looking;
    if (seen)
      envelope = std::move(*seen);
    else
      envelope.refused = problem(503, "serverUnavailable", seen.error().message);
  } else {
    envelope.refused = problem(400, "notJSON", "a request comes as text, not in binary (RFC 8887 §4.1)");
  }
  if (!envelope.refused && envelope.kind == Envelope::Kind::kPushEnable) {
    Task<Result<void>> enabling = enable_push(line, envelope.types, std::move(envelope.since));
    const Result<void> done = co_await enabling;
    if (done) co_return true;
    envelope.refused = problem(503, "serverUnavailable", done.error().message);
  }
  if (!envelope.refused && envelope.kind == Envelope::Kind::kPushDisable) {
    line->follower->stop();
    co_return true;
  }
  if (!envelope.refused) {
    Task<Jmap::Reply> processing = line->jmap.process(loop, line->caller, std::move(message.data), line->peer);
    envelope.refused = co_await processing;
  }
  line->socket->send(answer_text(std::move(*envelope.refused), std::move(envelope.id)));
  Task<bool> writing = line->socket->drained();
  co_return co_await writing;
}

Task<void> talk(std::shared_ptr<Line> line) {
  const std::function<void()> ring = [weak = std::weak_ptr<Line>(line)] {
    if (const auto held = weak.lock()) tell(*held);
  };
  line->follower = Follower::make(line->jmap.services(), line->socket->loop(), line->caller, ring);
  for (;;) {
    Task<Result<web::SocketMessage>> receiving = line->socket->receive();
    Result<web::SocketMessage> message = co_await receiving;
    if (!message) break;
    Task<bool> answering = answer_one(line, std::move(*message));
    if (!co_await answering) break;
  }
  line->follower->stop();
}

}  // namespace

json::object websocket_capability(std::string_view origin) {
  // "https://host" becomes "wss://host".
  return {{"url", "ws" + std::string(origin.substr(std::string_view("http").size())) + std::string(kSocketPath)},
          {"supportsPush", true}};
}

void PushRoutes::add_to(web::Router& router) {
  router.add("GET", kEventsPath, [this](web::Request r) { return answer_events(std::move(r)); });
  router.add("GET", kSocketPath, [this](web::Request r) { return answer_socket(std::move(r)); });
}

Task<web::Response> PushRoutes::answer_socket(web::Request request) {
  Services& services = jmap_.services();
  Task<api::Admission> admitting = services.callers.admit(request, jmap_.methods().needs());
  api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  // RFC 8887 §3: the client offers the subprotocol.
  if (request.websocket && !request.headers.has_token("sec-websocket-protocol", "jmap"))
    co_return web::problem(400, "Sec-WebSocket-Protocol is to offer jmap");
  push::Hub::Seat seat = services.hub.take_seat(admission.caller->account.id);
  if (!seat) {
    web::Response response = web::problem(429, "too many connections listen already; close some");
    response.headers.set("Retry-After", "60");
    co_return response;
  }
  const auto line = std::make_shared<Line>(
      Line{jmap_, std::move(*admission.caller), "JMAP over WebSocket from " + request.client.ip, std::move(seat)});
  line->opened = request.loop->now();
  const web::Talk begin = [line](std::shared_ptr<web::WebSocket> socket) {
    line->socket = std::move(socket);
    return talk(line);
  };
  co_return web::upgrade(request, begin, "jmap", kMaxSizeRequest);
}

}  // namespace pabal::jmap
