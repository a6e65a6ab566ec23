// The authorisation endpoint: from a request by a browser to a code that is sent to the client (RFC 6749 §4.1).
#include <algorithm>

#include "base/text.h"
#include "oauth/provider.h"
#include "oauth/redirect.h"
#include "web/target.h"

namespace pabal::oauth {

web::Response Provider::tell(const Asked& asked, Pairs parameters) const {
  if (!asked.state.empty()) parameters.emplace_back("state", asked.state);
  parameters.emplace_back("iss", services_.issuer);  // RFC 9207
  return see_other(with_parameters(asked.redirect, parameters));
}

web::Response Provider::tell(const Wrong& wrong) const {
  Asked asked;
  asked.redirect = wrong.redirect;
  asked.state = wrong.state;
  return tell(asked, {{"error", wrong.error}, {"error_description", wrong.why}});
}

// Whether the account has granted as much to this client before. Only of clients that prove who they are: anybody can
// say that he is a public one (RFC 8252 §8.6).
Result<bool> Provider::remembered(const Asked& asked, const api::Caller& caller) const {
  if (asked.client.is_public() || asked.consent) return false;
  const auto grants = book_.grants(services_.store, caller.account.id);
  if (!grants) return grants.error();
  return std::any_of(grants->begin(), grants->end(), [&](const Grant& grant) {
    return grant.client == asked.client.id && within(asked.scopes, grant.scopes);
  });
}

Task<web::Response> Provider::authorize(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const Form form(request.query);
  const auto parsed = read_request(services_.store, book_, form);
  if (!parsed) co_return page(view, Notice::kDown);
  if (const Wrong* wrong = std::get_if<Wrong>(&*parsed))
    co_return wrong->redirect.empty() ? page(view, Notice::kBadClient, wrong->why) : tell(*wrong);
  const Asked& asked = std::get<Asked>(*parsed);

  const Result<api::Caller> caller = services_.callers.signed_in(request);
  if (!caller && caller.code() != Code::kDenied) co_return page(view, Notice::kDown);
  const bool stale = caller && asked.max_age && services_.clock.now() - caller->token.created > *asked.max_age;
  if (!caller || asked.login || stale) {
    if (asked.none) co_return tell(asked, {{"error", "login_required"}});
    co_return see_other(with_parameters("/login", {{"next", asked_again(form)}}));
  }
  const auto known = remembered(asked, *caller);
  if (!known) co_return page(view, Notice::kDown);
  if (*known) {
    Task<web::Response> giving = give_code(*request.loop, asked, *caller);
    co_return co_await giving;
  }
  if (asked.none) co_return tell(asked, {{"error", "consent_required"}});

  ConsentPage consent;
  consent.client = asked.client.name;
  consent.account = caller->account.name;
  consent.scopes = asked.scopes;
  consent.stays = asked.refresh;
  consent.unknown_here = asked.client.registered;
  consent.target = csp_source(asked.redirect);
  consent.csp_source = csp_source(asked.redirect);
  consent.csrf = csrf_of(request);
  consent.action = "/oauth/consent";
  consent.name = "request";
  consent.value = asked_again(form);
  consent.other_account = with_parameters("/login", {{"next", asked_again(form)}});
  co_return page(view, consent);
}

// OpenID Connect Core §3.1.2.1: by POST, too. As GET it can be gone back to after signing in.
Task<web::Response> Provider::authorize_by_form(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const auto form = Form::read(request);
  if (!form) co_return page(view, Notice::kBadClient, form.error().message);
  co_return see_other(with_parameters("/oauth/authorize", form->pairs()));
}

Task<web::Response> Provider::consent(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const auto form = Form::read(request);
  if (!form || !api::same_origin(request)) co_return page(view, Notice::kForged);
  const Result<api::Caller> caller = services_.callers.signed_in(request);
  if (!caller && caller.code() != Code::kDenied) co_return page(view, Notice::kDown);
  if (!caller || !text::same_secret(form->get("csrf"), csrf_of(request))) co_return page(view, Notice::kForged);
  // All of it is judged again: what the page had is only what came back.
  const auto target = web::parse_target(form->get("request"));
  if (!target) co_return page(view, Notice::kForged);
  const auto parsed = read_request(services_.store, book_, Form(target->query));
  if (!parsed) co_return page(view, Notice::kDown);
  if (const Wrong* wrong = std::get_if<Wrong>(&*parsed))
    co_return wrong->redirect.empty() ? page(view, Notice::kBadClient, wrong->why) : tell(*wrong);
  const Asked& asked = std::get<Asked>(*parsed);
  if (form->get("decision") != "allow")
    co_return tell(asked, {{"error", "access_denied"}, {"error_description", "the user has refused"}});
  Task<web::Response> giving = give_code(*request.loop, asked, *caller);
  co_return co_await giving;
}

Task<web::Response> Provider::give_code(net::Loop& loop, Asked asked, api::Caller caller) {
  const std::string secret = "pabalc_" + text::base64url(services_.random.bytes(32));
  AuthCode code;
  code.client = asked.client.id;
  code.redirect = asked.redirect;
  code.challenge = asked.challenge;
  code.nonce = asked.nonce;
  code.account = caller.account.id;
  code.scopes = asked.scopes;
  code.refresh = asked.refresh;
  code.signed_in = caller.token.created;
  code.expires = services_.clock.now() + kCodeLife;
  store::Work work = [this, secret, code](store::Transaction& t) -> Result<void> {
    book_.put_code(t, secret, code);
    return {};
  };
  Task<Result<void>> committing = commit(loop, work);
  const Result<void> done = co_await committing;
  if (!done) co_return tell(asked, {{"error", "temporarily_unavailable"}, {"error_description", done.error().message}});
  co_return tell(asked, {{"code", secret}});
}

}  // namespace pabal::oauth
