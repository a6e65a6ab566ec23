// Core/echo and the core capability (RFC 8620 §2, §4).
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/push_routes.h"

namespace pabal::jmap {
namespace {

json::object core_capability(const Services& services) {
  json::object out;
  out["maxSizeUpload"] = services.max_message_size;
  out["maxConcurrentUpload"] = kMaxConcurrentUpload;
  out["maxSizeRequest"] = kMaxSizeRequest;
  out["maxConcurrentRequests"] = kMaxConcurrentRequests;
  out["maxCallsInRequest"] = kMaxCallsInRequest;
  out["maxObjectsInGet"] = kMaxObjectsInGet;
  out["maxObjectsInSet"] = kMaxObjectsInSet;
  out["collationAlgorithms"] = json::array{"i;unicode-casemap", "i;ascii-casemap", "i;octet"};
  return out;
}

Answer echo(Call& call) { return std::move(call.arguments); }

}  // namespace

void add_core(Methods& methods) {
  Capability core;
  core.name = kCore;
  core.of_server = core_capability;
  core.of_account = [](const Services&, const Account&) { return json::object(); };
  core.primary = false;
  methods.add(core);
  Capability socket;  // RFC 8887; what there is to say of it the session says, which knows the origin
  socket.name = kWebSocket;
  socket.of_server = [](const Services&) { return json::object(); };
  socket.of_account = [](const Services&, const Account&) -> std::optional<json::object> { return std::nullopt; };
  socket.primary = false;
  methods.add(socket);
  Method method;
  method.name = "Core/echo";
  method.capability = kCore;
  method.read = echo;
  method.needs = {};
  method.takes = "*";
  method.for_account = false;
  methods.add(method);
}

}  // namespace pabal::jmap
