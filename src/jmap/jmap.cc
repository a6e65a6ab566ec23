#include "jmap/jmap.h"

#include "base/log.h"
#include "base/text.h"
#include "jmap/dispatch.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

web::Response json_response(int status, const json::object& body) {
  web::Response response = web::with_body(status == 200 ? "application/json" : "application/problem+json",
                                          api::to_text(json::value(body)), status);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

// application/json, perhaps with a charset, which changes nothing (RFC 8259 §8.1).
bool is_json(const web::Request& request) {
  const std::string* type = request.headers.get("content-type");
  return type && text::iequals(text::trim(std::string_view(*type).substr(0, type->find(';'))), "application/json");
}

}  // namespace

Jmap::Jmap(Services services) : services_(std::move(services)) { add_modules(methods_); }

void Jmap::add_to(web::Router& router) {
  router.add("GET", "/.well-known/jmap", [this](web::Request r) { return answer_session(std::move(r)); });
  router.add("GET", "/jmap/session", [this](web::Request r) { return answer_session(std::move(r)); });
  router.add("POST", "/jmap", [this](web::Request r) { return answer_api(std::move(r)); }, {SIZE_MAX, true});
  blobs_.add_to(router);
  push_.add_to(router);
}

Result<json::object> Jmap::session(const api::Caller& caller, std::string_view origin) const {
  const auto snapshot = services_.store.snapshot();
  const auto accounts = accounts_of(services_, *snapshot, caller);
  if (!accounts) return accounts.error();
  json::object capabilities, of_accounts, primary;
  const std::string own = account_id(caller.account.id);
  for (const auto& [name, capability] : methods_.capabilities())
    if (capability.in_session)
      capabilities[name] = capability.of_server ? capability.of_server(services_) : json::object();
  for (const auto& [id, account] : *accounts) {
    json::object one = account_object(methods_, services_, account);
    if (id == own)
      for (const auto& [name, value] : one["accountCapabilities"].as_object())
        if (methods_.capabilities().find(std::string_view(name))->second.primary) primary[name] = id;
    of_accounts[id] = std::move(one);
  }
  const std::string at(origin);
  capabilities[kWebSocket] = websocket_capability(origin);
  json::object out;
  out["capabilities"] = std::move(capabilities);
  out["accounts"] = std::move(of_accounts);
  out["primaryAccounts"] = std::move(primary);
  out["username"] = caller.account.name;
  out["apiUrl"] = at + "/jmap";
  out["downloadUrl"] = at + "/jmap/download/{accountId}/{blobId}/{name}?accept={type}";
  out["uploadUrl"] = at + "/jmap/upload/{accountId}/";
  out["eventSourceUrl"] = at + std::string(kEventsPath) + "?types={types}&closeafter={closeafter}&ping={ping}";
  out["state"] = session_state(*accounts);
  return out;
}

Task<web::Response> Jmap::answer_session(web::Request request) {
  Task<api::Admission> admitting = services_.callers.admit(request, methods_.needs());
  api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const auto found = session(*admission.caller, request.scheme + "://" + request.host);
  if (!found) co_return web::problem(503, found.error().message);
  co_return json_response(200, *found);
}

Task<web::Response> Jmap::answer_api(web::Request request) {
  Task<api::Admission> admitting = services_.callers.admit(request, methods_.needs());
  api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  if (!is_json(request)) {
    const Reply refused = problem(400, "notJSON", "the type of a request is application/json");
    co_return json_response(refused.status, refused.body);
  }
  std::string text;
  while (request.stream) {
    Task<Result<std::string>> reading = request.stream->next();
    Result<std::string> some = co_await reading;
    if (!some) co_return web::problem(400, some.error().message);
    if (some->empty()) break;
    text += *some;
    if (text.size() > kMaxSizeRequest) break;
  }
  const std::string peer = "JMAP from " + request.client.ip;
  Task<Reply> processing = process(*request.loop, std::move(*admission.caller), std::move(text), peer);
  const Reply reply = co_await processing;
  co_return json_response(reply.status, reply.body);
}

Task<Jmap::Reply> Jmap::process(net::Loop& loop, api::Caller caller, std::string text, std::string peer) {
  if (text.size() > kMaxSizeRequest)
    co_return problem(400, "limit", "the request is larger than the server takes", "maxSizeRequest");
  struct Place {
    Jmap& jmap;
    mailbox::AccountId account;
    ~Place() {
      std::lock_guard lock(jmap.mutex_);
      if (--jmap.under_way_[account] == 0) jmap.under_way_.erase(account);
    }
  };
  const mailbox::AccountId account = caller.account.id;
  size_t together = 0;
  {
    std::lock_guard lock(mutex_);
    together = ++under_way_[account];
  }
  const Place place{*this, account};
  if (together > kMaxConcurrentRequests)
    co_return problem(429, "limit", "too many requests at once", "maxConcurrentRequests");
  Dispatch dispatch(methods_, services_, loop, std::move(caller), std::move(peer));
  Task<Reply> running = dispatch.run(std::move(text));
  Reply reply = co_await running;
  co_return reply;
}

}  // namespace pabal::jmap
