// The device flow (RFC 8628): a program without a browser gets a code, and its user says yes with another device.
#include "api/json.h"
#include "base/text.h"
#include "oauth/provider.h"
#include "oauth/redirect.h"

namespace pabal::oauth {

Task<web::Response> Provider::device_authorization(web::Request request) {
  const auto form = Form::read(request);
  if (!form) co_return error_answer(400, "invalid_request", form.error().message);
  if (const std::string repeated = form->repeated(); !repeated.empty())
    co_return error_answer(400, "invalid_request", repeated + " comes twice");
  const Authenticated who = authenticate(request, *form);
  if (!who.client) co_return who.refusal;
  if (!who.client->device)
    co_return error_answer(400, "unauthorized_client", "the client is not registered for the device flow");
  Device device;
  device.client = who.client->id;
  for (const std::string& scope : scope_list(form->get("scope")))
    if (identity::is_scope(scope)) device.scopes.push_back(scope);
  if (device.scopes.empty()) co_return error_answer(400, "invalid_scope", "scope names nothing that there is here");
  device.user_code = book_.make_user_code();
  device.expires = services_.clock.now() + kDeviceLife;
  const std::string secret = "pabald_" + text::base64url(services_.random.bytes(32));
  store::Work work = [this, secret, device](store::Transaction& t) -> Result<void> {
    const auto taken = book_.device_by_code(t, device.user_code);
    if (!taken) return taken.error();
    if (*taken) return Error{Code::kUnavailable, "the code is taken by chance; ask again"};
    book_.put_device(t, secret, device);
    return {};
  };
  Task<Result<void>> committing = commit(*request.loop, work);
  const Result<void> done = co_await committing;
  if (!done) co_return down_answer(done.error());
  const std::string page = services_.issuer + "/device";
  api::json::object out;
  out["device_code"] = secret;
  out["user_code"] = device.user_code;
  out["verification_uri"] = page;
  out["verification_url"] = page;  // as Google's clients call it
  out["verification_uri_complete"] = with_parameters(page, {{"user_code", device.user_code}});
  out["expires_in"] = seconds(kDeviceLife).count();
  out["interval"] = kDeviceInterval.count();
  co_return json_answer(api::to_text(out));
}

Task<web::Response> Provider::device_form(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const std::string* typed = request.query_value("user_code");
  const std::string code = typed ? typed->substr(0, 20) : "";
  const Result<api::Caller> caller = services_.callers.signed_in(request);
  if (!caller && caller.code() != Code::kDenied) co_return page(view, Notice::kDown);
  if (!caller) {
    Pairs pairs;
    if (!code.empty()) pairs.emplace_back("user_code", code);
    co_return see_other(with_parameters("/login", {{"next", with_parameters("/device", pairs)}}));
  }
  DevicePage empty;
  empty.user_code = code;
  co_return page(view, empty);
}

// The code first; then, with `decision`, the answer to what it asks for.
Task<web::Response> Provider::device_answer(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const auto form = Form::read(request);
  if (!form || !api::same_origin(request)) co_return page(view, Notice::kForged);
  const Result<api::Caller> caller = services_.callers.signed_in(request);
  if (!caller && caller.code() != Code::kDenied) co_return page(view, Notice::kDown);
  if (!caller) co_return see_other(with_parameters("/login", {{"next", "/device"}}));
  const std::string code = form->get("user_code");
  if (form->has("decision")) {
    if (!text::same_secret(form->get("csrf"), csrf_of(request))) co_return page(view, Notice::kForged);
    Task<web::Response> deciding =
        device_decision(*request.loop, view, code, form->get("decision") == "allow", *caller);
    co_return co_await deciding;
  }
  // RFC 8628 §5.1: who tries codes waits longer each time, like one who tries passwords.
  DevicePage again;
  again.user_code = code.substr(0, 20);
  Task<Result<void>> waiting = services_.login.wait_turn(*request.loop, "", request.client.ip);
  const Result<void> turn = co_await waiting;
  if (!turn) {
    again.trouble = DevicePage::Trouble::kWait;
    co_return page(view, again);
  }
  const auto device = book_.device_by_code(services_.store, code);
  if (!device) co_return page(view, Notice::kDown);
  const bool open =
      *device && (*device)->state == Device::State::kPending && (*device)->expires > services_.clock.now();
  const auto client =
      open ? book_.client(services_.store, (*device)->client) : Result<std::optional<Client>>(std::optional<Client>());
  if (!client) co_return page(view, Notice::kDown);
  if (!*client) {
    services_.login.settle("", request.client.ip, false);
    again.trouble = DevicePage::Trouble::kUnknown;
    co_return page(view, again);
  }
  ConsentPage consent;
  consent.client = (*client)->name;
  consent.account = caller->account.name;
  consent.scopes = (*device)->scopes;
  consent.stays = true;
  consent.unknown_here = (*client)->registered;
  consent.csrf = csrf_of(request);
  consent.action = "/device";
  consent.name = "user_code";
  consent.value = consent.user_code = (*device)->user_code;
  consent.other_account =
      with_parameters("/login", {{"next", with_parameters("/device", {{"user_code", (*device)->user_code}})}});
  co_return page(view, consent);
}

Task<web::Response> Provider::device_decision(net::Loop& loop, View view, std::string user_code, bool yes,
                                              api::Caller caller) {
  store::Work work = [this, user_code, yes, id = caller.account.id, at = caller.token.created](store::Transaction& t) {
    return book_.answer_device(t, user_code, yes, id, at);
  };
  Task<Result<void>> committing = commit(loop, work);
  const Result<void> done = co_await committing;
  if (!done && done.code() == Code::kNotFound) {
    DevicePage again;
    again.trouble = DevicePage::Trouble::kUnknown;
    co_return page(view, again);
  }
  if (!done) co_return page(view, Notice::kDown);
  co_return page(view, yes ? Notice::kDeviceDone : Notice::kDeviceRefused);
}

}  // namespace pabal::oauth
