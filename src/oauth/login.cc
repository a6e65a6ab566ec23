// Signing in and out with a browser, and tickets.
#include "api/json.h"
#include "base/text.h"
#include "oauth/provider.h"
#include "oauth/redirect.h"
#include "web/target.h"

namespace pabal::oauth {
namespace {

constexpr size_t kMaxLabel = 80;  // octets of what the browser says of itself

std::string cookie(std::string_view value, seconds life) {
  return std::string(api::kSessionCookie) + "=" + std::string(value) +
         "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(life.count());
}

std::string browser_of(const web::Request& request) {
  const std::string agent = request.headers.joined("user-agent");
  return "browser: " + text::printable(text::is_ascii(agent) ? agent : "", kMaxLabel);
}

}  // namespace

// What is known of whoever comes to sign in, by where he goes then.
LoginPage Provider::login_page(const std::string& next) const {
  LoginPage out;
  out.next = next;
  const auto target = web::parse_target(next);
  if (!target || target->path != "/oauth/authorize") return out;
  const auto request = read_request(services_.store, book_, Form(target->query));
  if (!request || !std::holds_alternative<Asked>(*request)) return out;
  const Asked& asked = std::get<Asked>(*request);
  out.client = asked.client.name;
  out.csp_source = csp_source(asked.redirect);
  out.name = asked.login_hint;
  return out;
}

Task<web::Response> Provider::login_form(web::Request request) {
  const std::string* next = request.query_value("next");
  co_return page(view_of(request, services_.hostname), login_page(next && is_local_path(*next) ? *next : "/"));
}

Task<web::Response> Provider::log_in(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const auto form = Form::read(request);
  if (!form || !api::same_origin(request)) co_return page(view, Notice::kForged);
  LoginPage again = login_page(is_local_path(form->get("next")) ? form->get("next") : "/");
  again.name = form->get("name").substr(0, 255);
  Task<Result<identity::Account>> checking =
      services_.login.password(*request.loop, form->get("name"), form->get("password"), request.client.ip);
  const Result<identity::Account> account = co_await checking;
  if (!account) {
    again.trouble = account.code() == Code::kDenied  ? LoginPage::Trouble::kWrong
                    : account.code() == Code::kLimit ? LoginPage::Trouble::kWait
                                                     : LoginPage::Trouble::kDown;
    co_return page(view, again);
  }
  // A new name for the session each time: one that somebody has planted before is worth nothing.
  const std::string secret = services_.directory.make_token(account->id);
  const auto before = services_.callers.signed_in(request);
  identity::Token token;
  token.kind = identity::Token::Kind::kSession;
  token.label = browser_of(request);
  token.expires = services_.clock.now() + kSessionLife;
  store::Work work = [this, id = account->id, secret, token,
                      old = before ? before->token.id : ""](store::Transaction& t) -> Result<void> {
    if (!old.empty())
      if (const auto gone = services_.directory.revoke_token(t, old); !gone && gone.code() != Code::kNotFound)
        return gone;
    const auto made = services_.directory.issue_token(t, id, secret, token);
    return made ? Result<void>() : made.error();
  };
  Task<Result<void>> committing = commit(*request.loop, work);
  const Result<void> done = co_await committing;
  if (!done) {
    again.trouble = LoginPage::Trouble::kDown;
    co_return page(view, again);
  }
  web::Response response = see_other(again.next);
  response.headers.add("Set-Cookie", cookie(secret, kSessionLife));
  co_return response;
}

Task<web::Response> Provider::logout_form(web::Request request) {
  const View view = view_of(request, services_.hostname);
  const auto caller = services_.callers.signed_in(request);
  if (!caller) co_return page(view, caller.code() == Code::kDenied ? Notice::kSignedOut : Notice::kDown);
  co_return sign_out_page(view, caller->account.name);
}

Task<web::Response> Provider::log_out(web::Request request) {
  const View view = view_of(request, services_.hostname);
  if (!api::same_origin(request)) co_return page(view, Notice::kForged);
  const auto caller = services_.callers.signed_in(request);
  if (!caller && caller.code() != Code::kDenied) co_return page(view, Notice::kDown);
  if (caller) {
    store::Work work = [this, id = caller->token.id](store::Transaction& t) {
      return services_.directory.revoke_token(t, id);
    };
    Task<Result<void>> committing = commit(*request.loop, work);
    const Result<void> done = co_await committing;
    if (!done && done.code() != Code::kNotFound) co_return page(view, Notice::kDown);
  }
  web::Response response = page(view, Notice::kSignedOut);
  response.headers.add("Set-Cookie", cookie("", seconds(0)));
  response.headers.set("Clear-Site-Data", "\"cache\"");
  co_return response;
}

// For WebSocket and EventSource of pages that hold an access token: they cannot send it in a header.
Task<web::Response> Provider::ticket(web::Request request) {
  Task<api::Admission> admitting = services_.callers.admit(request, std::vector<std::string_view>());
  api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const api::Caller& caller = *admission.caller;
  identity::Token token;
  token.kind = identity::Token::Kind::kTicket;
  token.scopes = caller.token.scopes;
  if (caller.in_browser())
    for (const std::string_view scope : {identity::kGmail, identity::kOpenId, identity::kEmail, identity::kProfile})
      token.scopes.emplace_back(scope);
  token.label = "ticket";
  token.client = caller.token.client;
  token.grant = caller.token.grant;
  token.parent = caller.token.id;
  token.expires = std::min(services_.clock.now() + kTicketLife, caller.token.expires);
  const std::string secret = services_.directory.make_token(caller.account.id);
  store::Work work = [this, id = caller.account.id, secret, token](store::Transaction& t) -> Result<void> {
    const auto made = services_.directory.issue_token(t, id, secret, token);
    return made ? Result<void>() : made.error();
  };
  Task<Result<void>> committing = commit(*request.loop, work);
  const Result<void> done = co_await committing;
  if (!done) co_return down_answer(done.error());
  api::json::object body;
  body["ticket"] = secret;
  body["expires_in"] = kTicketLife.count();
  co_return json_answer(api::to_text(body));
}

}  // namespace pabal::oauth
