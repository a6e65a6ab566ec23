#include "gmail/call.h"

#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/respond.h"

namespace pabal::gmail {

using api::json::value;

namespace {

constexpr size_t kParsedHere = 64 << 10;  // octets of JSON read on the loop
// One of these is enough (identity/tokens.h).
std::vector<std::string_view> needs_of(Need need) {
  switch (need) {
    case Need::kProfile:
      return {identity::kMailMetadata, identity::kMailDrafts};
    case Need::kMetadata:
      return {identity::kMailMetadata};
    case Need::kRead:
      return {identity::kMailRead};
    case Need::kModify:
      return {identity::kMailModify};
    case Need::kInsert:
      return {identity::kMailInsert};
    case Need::kSend:
    case Need::kSendDraft:
      return {identity::kMailSend};
    case Need::kReadDrafts:
      return {identity::kMailDrafts, identity::kMailRead};
    case Need::kDraft:
      return {identity::kMailDrafts};
    case Need::kReadLabels:
      return {identity::kMailMetadata, identity::kMailLabels};
    case Need::kLabels:
      return {identity::kMailLabels};
    case Need::kDelete:
      return {identity::kMailDelete};
    case Need::kReadSettings:
      return {identity::kMailSettingsRead};
    case Need::kSettings:
      return {identity::kMailSettings};
    case Need::kShareSettings:
      return {identity::kMailSharing};
  }
  return {};
}

Task<web::Response> serve(Services* services, Need need, Act act, web::Request request) {
  std::string text = std::exchange(request.body, {});
  Task<Admitted> admitting = admit(services, need, std::move(request));
  Admitted admitted = co_await admitting;
  if (!admitted.call) co_return std::move(admitted.refused);
  const CallPtr call = admitted.call;
  Task<Result<value>> reading = read_json(services, call->request.loop, std::move(text));
  Result<value> body = co_await reading;
  if (!body) co_return failure(body.error());
  call->body = std::move(*body);
  Task<Result<value>> acting = act(call);
  Result<value> done = co_await acting;
  if (!done) co_return failure(done.error());
  co_return respond(call->request, std::move(*done));
}

}  // namespace

std::vector<std::string> Call::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, text] : request.query)
    if (key == name) out.push_back(text);
  return out;
}

Result<size_t> Call::number(std::string_view name, size_t usual, size_t most) const {
  const std::string* text = query(name);
  if (!text) return usual;
  const auto number = text::parse_u64(*text);
  if (!number) return Error{Code::kInvalid, "Invalid value for " + std::string(name) + ": a whole number is needed"};
  return std::clamp<uint64_t>(*number, 1, most);
}

Result<bool> Call::flag(std::string_view name) const {
  const std::string* text = query(name);
  if (!text || *text == "false") return false;
  if (*text == "true") return true;
  return Error{Code::kInvalid, "Invalid value for " + std::string(name) + ": it is true or false"};
}

void add(web::Router& router, Services& services, std::string method, std::string_view path, Need need, Act act,
         size_t body_limit) {
  router.add(std::move(method), "/gmail/v1/users/{userId}" + std::string(path),
             [&services, need, act](web::Request request) { return serve(&services, need, act, std::move(request)); },
             {body_limit, false});
}

Task<Admitted> admit(Services* services, Need need, web::Request request) {
  Admitted out;
  Task<api::Admission> admitting = services->callers.admit(request, needs_of(need));
  api::Admission admission = co_await admitting;
  if (!admission.caller) {
    out.refused = failure(admission);
    co_return out;
  }
  if (need == Need::kSendDraft && !admission.caller->may(identity::kMailDrafts)) {
    out.refused = failure(403, "insufficientPermissions", "the access token is not for drafts");
    co_return out;
  }
  const std::string& user = request.params.at("userId");
  const identity::Account& account = admission.caller->account;
  if (user != "me" && !text::iequals(user, account.name)) {
    out.refused = failure(403, "forbidden", "Delegation denied for " + account.name);
    co_return out;
  }
  out.call = std::make_shared<Call>(Call{*services, std::move(*admission.caller), std::move(request)});
  co_return out;
}

Task<Result<value>> read_json(Services* services, net::Loop* loop, std::string text) {
  if (text::trim(text).empty()) co_return value(nullptr);
  const auto held = std::make_shared<const std::string>(std::move(text));
  const std::function<Result<value>()> parse = [held]() -> Result<value> {
    auto parsed = api::parse_json(*held);
    if (!parsed) return Error{Code::kInvalid, "Parse Error: " + parsed.error().message};
    if (!parsed->is_object()) return Error{Code::kInvalid, "Parse Error: the body is to be a JSON object"};
    return parsed;
  };
  if (held->size() <= kParsedHere) co_return parse();
  Task<Result<value>> parsing = run<value>(services, loop, parse);
  co_return co_await parsing;
}

Task<Result<value>> look(CallPtr call, Where where, Look f) {
  const std::function<Result<value>()> read = [call, f = std::move(f)]() -> Result<value> {
    const auto moment = call->services.store.snapshot();
    return f(*call, *moment);
  };
  if (where == Where::kHere) co_return read();
  Task<Result<value>> reading = run<value>(&call->services, call->request.loop, read);
  co_return co_await reading;
}

Task<Result<void>> commit(CallPtr call, store::Work work) {
  const std::function<void(std::function<void(Result<void>)>)> start =
      [call, work = std::move(work)](std::function<void(Result<void>)> done) {
        call->services.store.transact(work, std::move(done));
      };
  Task<Result<void>> committing = net::from_callback<Result<void>>(*call->request.loop, start);
  co_return co_await committing;
}

}  // namespace pabal::gmail
