#include "jmap/dispatch.h"

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"
#include "base/text.h"
#include "jmap/references.h"
#include "sharing/sharing.h"

namespace pabal::jmap {
namespace {

bool is_invocation(const json::value& value) {
  const json::array* array = value.if_array();
  return array && array->size() == 3 && (*array)[0].is_string() && (*array)[1].is_object() && (*array)[2].is_string();
}

// A fault of one method ends neither the pool nor the request.
Answer read_guarded(const Method& method, Call& call) {
  try {
    return method.read(call);
  } catch (const std::exception& fault) {
    log::error("jmap", method.name + ": " + fault.what());
    return Failure{"serverFail", "the server failed; its log says more"};
  }
}

}  // namespace

Jmap::Reply problem(int status, std::string_view type, std::string detail, std::string_view limit) {
  Jmap::Reply reply;
  reply.status = status;
  reply.body["type"] = "urn:ietf:params:jmap:error:" + std::string(type);
  reply.body["status"] = status;
  reply.body["detail"] = std::move(detail);
  if (!limit.empty()) reply.body["limit"] = limit;
  return reply;
}

Result<std::map<std::string, Account>> accounts_of(const Services& services, const store::Reader& r,
                                                   const api::Caller& caller) {
  const identity::Account& who = caller.account;
  std::map<std::string, Account> out;
  out[account_id(who.id)] = {who.id, who.name, true, {}};
  const auto shared = sharing::shared_with(services.directory, services.mailboxes, r, who.id);
  if (!shared) return shared.error();
  for (const sharing::SharedMailbox& one : *shared) {
    Account& account = out[account_id(one.owner)];
    account.id = one.owner;
    account.name = one.owner_name;
    account.shared[one.box.id] = one.rights;
  }
  for (auto& [id, account] : out) {
    account.caller = who.id;
    account.reads_mail = caller.may(identity::kMailRead);
    account.reads_scripts = caller.may(identity::kMailSettingsRead);
  }
  return out;
}

std::string session_state(const std::map<std::string, Account>& accounts) {
  Encoder all;
  for (const auto& [id, account] : accounts) {
    all.string(id).string(account.name);
    for (const auto& [box, rights] : account.shared) all.u32(box).u32(rights);
  }
  return text::hex(Encoder().u64(hash64(all.view())).view());
}

std::optional<Jmap::Reply> Dispatch::read(const std::string& text, Request& request) {
  auto parsed = api::parse_json(text);
  if (!parsed) {
    if (parsed.code() == Code::kLimit) return problem(400, "limit", parsed.error().message, "maxSizeRequest");
    return problem(400, "notJSON", parsed.error().message);
  }
  const json::array* use = api::array_member(*parsed, "using");
  const json::array* calls = api::array_member(*parsed, "methodCalls");
  const json::value* created = api::member(*parsed, "createdIds");
  if (!use || !calls) return problem(400, "notRequest", "a request has the arrays \"using\" and \"methodCalls\"");
  for (const json::value& one : *use) {
    const json::string* name = one.if_string();
    if (!name) return problem(400, "notRequest", "\"using\" is a list of strings");
    if (!methods_.capabilities().contains(std::string_view(*name)))
      return problem(400, "unknownCapability", "there is no capability \"" + std::string(*name) + "\" here");
    talk_.use.emplace(*name);
  }
  if (calls->size() > kMaxCallsInRequest)
    return problem(400, "limit", "too many calls in one request", "maxCallsInRequest");
  for (const json::value& call : *calls)
    if (!is_invocation(call)) return problem(400, "notRequest", "a call is [name, arguments, id]");
  if (created && !created->is_null()) {
    const json::object* ids = created->if_object();
    if (!ids) return problem(400, "notRequest", "\"createdIds\" is an object");
    for (const auto& [creation, id] : *ids) {
      if (!id.is_string()) return problem(400, "notRequest", "\"createdIds\" maps ids to ids");
      talk_.created[creation] = id.as_string();
    }
    request.created_ids = true;
  }
  request.calls = std::move(parsed->as_object()["methodCalls"].as_array());
  return {};
}

const Method* Dispatch::method_of(const Call& call) const {
  const Method* method = methods_.find(call.name());
  return method && talk_.use.contains(method->capability) ? method : nullptr;
}

// What must be right before any method runs.
std::optional<Failure> Dispatch::prepare(const Method* method, Call& call) {
  if (!method) return Failure{"unknownMethod", "there is no such method, or \"using\" lacks its capability"};
  if (auto failed = resolve_references(call.arguments, talk_.answers, talk_.octets_left)) return failed;
  const auto covered = [&](std::string_view need) { return talk_.caller.may(need); };
  if (!method->needs.empty() && std::none_of(method->needs.begin(), method->needs.end(), covered))
    return Call::lacks(method->needs.front());
  for (const auto& [name, value] : call.arguments)
    if (!method->has_argument(name)) return invalid_arguments("there is no argument " + text::printable(name));
  call.account_ = call.account(account_id(talk_.caller.account.id));
  if (!method->for_account) return {};
  const json::value* given = call.arguments.if_contains("accountId");
  if (!given || !given->is_string()) return invalid_arguments("accountId is needed");
  call.account_ = call.account(given->as_string());
  if (!call.account_) return Failure{"accountNotFound", ""};
  return {};
}

Call Dispatch::take_call(Request& request, size_t at) {
  json::array& invocation = request.calls[at].as_array();
  return {talk_, std::string(invocation[0].as_string()), std::move(invocation[1].as_object()),
          std::string(invocation[2].as_string())};
}

void Dispatch::add(Call& call, Answer answer) {
  if (answer && !call.spend(weight(*answer)))
    answer = Failure{"requestTooLarge", "the answers of this request are too large together; ask for less at a time"};
  json::array response;
  response.emplace_back(answer ? call.name_ : "error");
  response.emplace_back(answer ? std::move(*answer) : answer.failure().object());
  response.emplace_back(call.id_);
  talk_.answers.emplace_back(std::move(response));
  for (json::value& one : call.also_) talk_.answers.push_back(std::move(one));
}

size_t Dispatch::run_reads(Request& request, size_t from) {
  for (; from < request.calls.size(); ++from) {
    const Method* method = methods_.find(std::string_view(request.calls[from].as_array()[0].as_string()));
    if (method && method->run) break;
    Call call = take_call(request, from);
    method = method_of(call);
    const auto failed = prepare(method, call);
    add(call, failed ? Answer(*failed) : read_guarded(*method, call));
  }
  return from;
}

Task<void> Dispatch::run_one(Request& request, size_t at) {
  Call call = take_call(request, at);
  const Method* method = method_of(call);
  const auto failed = prepare(method, call);
  if (failed) {
    add(call, *failed);
    co_return;
  }
  Task<Answer> running = method->run(call);
  Answer answer = co_await running;
  add(call, std::move(answer));
}

Task<Jmap::Reply> Dispatch::run(std::string text) {
  // What must outlive the awaits lives here; the pool is waited for in any case.
  Request request;
  std::optional<Jmap::Reply> refused;
  Services& services = talk_.services;
  size_t at = 0;
  std::string state;
  std::function<Result<size_t>()> begin = [&]() -> Result<size_t> {
    refused = read(text, request);
    if (refused) return size_t{0};
    talk_.snapshot = services.store.snapshot();
    auto accounts = accounts_of(services, *talk_.snapshot, talk_.caller);
    if (!accounts) return accounts.error();
    talk_.accounts = std::move(*accounts);
    state = session_state(talk_.accounts);
    return run_reads(request, 0);
  };
  std::function<Result<size_t>()> go_on = [&]() -> Result<size_t> { return run_reads(request, at); };
  Task<Result<size_t>> first = net::run_on<size_t>(services.pool, talk_.loop, begin);
  Result<size_t> got = co_await first;
  while (got && !refused && *got < request.calls.size()) {
    at = *got;
    Task<void> one = run_one(request, at);
    co_await one;
    if (++at == request.calls.size()) break;
    Task<Result<size_t>> reading = net::run_on<size_t>(services.pool, talk_.loop, go_on);
    got = co_await reading;
  }
  if (refused) co_return std::move(*refused);
  if (!got) {
    log::warn("jmap", got.error().message);
    // With calls answered already, the others fail by themselves: what was done must be told.
    if (talk_.answers.empty()) co_return problem(503, "serverUnavailable", got.error().message);
    for (; at < request.calls.size(); ++at) {
      Call call = take_call(request, at);
      add(call, Failure{"serverUnavailable", got.error().message});
    }
  }
  Jmap::Reply reply;
  reply.body["methodResponses"] = std::move(talk_.answers);
  if (request.created_ids) {
    json::object created;
    for (const auto& [creation, id] : talk_.created) created[creation] = id;
    reply.body["createdIds"] = std::move(created);
  }
  reply.body["sessionState"] = state;
  co_return reply;
}

}  // namespace pabal::jmap
