// Questions about tokens, and their end: revocation (RFC 7009), introspection (RFC 7662), tokeninfo as Google's clients
// ask it, userinfo (OpenID Connect Core §5.3).
#include "api/json.h"
#include "base/codec.h"
#include "base/text.h"
#include "oauth/provider.h"

namespace pabal::oauth {

// Whoever has a token may end it. Google's client sends it in the query with an empty body and without saying who it
// is; where a client does say (RFC 7009 §2.1), the token must be its own.
Task<web::Response> Provider::revoke(web::Request request) {
  const auto form = Form::read(request);
  if (!form) co_return error_answer(400, "invalid_request", form.error().message);
  std::string token = form->get("token");
  if (const std::string* query = request.query_value("token"); token.empty() && query) token = *query;
  if (token.empty()) co_return error_answer(400, "invalid_request", "token is missing");
  std::string client;
  if (form->has("client_id") || request.headers.get("authorization")) {
    const Authenticated who = authenticate(request, *form);
    if (!who.client) co_return who.refusal;
    client = who.client->id;
  }
  const auto foreign = error_answer(400, "invalid_grant", "the token is another client's");
  store::Work work;
  if (const auto name = Book::parse_refresh(token)) {
    const auto grant = book_.grant_of(services_.store, token, Book::Which::kAnyOfFamily);
    if (!grant) co_return down_answer(grant.error());
    if (!*grant) co_return json_answer("{}");  // RFC 7009 §2.2: what is not there has ended
    if (!client.empty() && (*grant)->client != client) co_return foreign;
    work = [this, account = (*grant)->account, id = (*grant)->id](store::Transaction& t) {
      return book_.revoke(t, account, id);
    };
  } else {
    const auto bearer = services_.directory.check_token(token);
    if (!bearer && bearer.code() != Code::kDenied) co_return down_answer(bearer.error());
    if (!bearer) co_return json_answer("{}");
    if (!client.empty() && bearer->token.client != client) co_return foreign;
    const auto grant = text::parse_u64(bearer->token.grant);
    work = [this, account = bearer->account.id, grant, id = bearer->token.id](store::Transaction& t) {
      return grant ? book_.revoke(t, account, *grant) : services_.directory.revoke_token(t, id);
    };
  }
  Task<Result<void>> committing = commit(*request.loop, work);
  const Result<void> done = co_await committing;
  if (!done && done.code() != Code::kNotFound) co_return down_answer(done.error());
  co_return json_answer("{}");
}

Task<web::Response> Provider::introspect(web::Request request) {
  const auto form = Form::read(request);
  if (!form) co_return error_answer(400, "invalid_request", form.error().message);
  const Authenticated who = authenticate(request, *form);
  if (!who.client) co_return who.refusal;
  if (who.client->is_public())
    co_return error_answer(401, "invalid_client", "introspection is for clients that prove who they are");
  const std::string& token = form->get("token");
  if (token.empty()) co_return error_answer(400, "invalid_request", "token is missing");
  // RFC 7662 §2.2: of a token that is not good, or not for this client to know of, nothing more is said.
  const auto mine = [&](const std::string& client) { return who.client->introspect || client == who.client->id; };
  api::json::object out;
  out["active"] = false;
  if (Book::parse_refresh(token)) {
    const auto grant = book_.grant_of(services_.store, token, Book::Which::kGood);
    if (!grant) co_return down_answer(grant.error());
    if (!*grant || !mine((*grant)->client)) co_return json_answer(api::to_text(out));
    const auto account = services_.directory.account(services_.store, (*grant)->account);
    if (!account) co_return down_answer(account.error());
    if (!*account || !(*account)->enabled) co_return json_answer(api::to_text(out));
    out["active"] = true;
    out["scope"] = text::join((*grant)->scopes, " ");
    out["client_id"] = (*grant)->client;
    out["username"] = (*account)->name;
    out["sub"] = std::to_string((*grant)->account);
    out["iat"] = to_unix((*grant)->created);
    out["exp"] = to_unix((*grant)->expires);
  } else {
    const auto bearer = services_.directory.check_token(token);
    if (!bearer && bearer.code() != Code::kDenied) co_return down_answer(bearer.error());
    if (!bearer || !mine(bearer->token.client)) co_return json_answer(api::to_text(out));
    out["active"] = true;
    out["scope"] = text::join(bearer->token.scopes, " ");
    if (!bearer->token.client.empty()) out["client_id"] = bearer->token.client;
    out["username"] = bearer->account.name;
    out["token_type"] = "Bearer";
    out["sub"] = std::to_string(bearer->account.id);
    out["iat"] = to_unix(bearer->token.created);
    out["exp"] = to_unix(bearer->token.expires);
  }
  out["iss"] = services_.issuer;
  co_return json_answer(api::to_text(out));
}

Task<web::Response> Provider::tokeninfo(web::Request request) {
  const auto form = Form::read(request);
  if (!form) co_return error_answer(400, "invalid_request", form.error().message);
  std::string token = form->get("access_token");
  if (const std::string* query = request.query_value("access_token"); token.empty() && query) token = *query;
  const std::string* field = request.headers.get("authorization");
  if (token.empty() && field && text::istarts_with(*field, "bearer "))
    token = text::trim(std::string_view(*field).substr(7));
  if (token.empty()) co_return error_answer(400, "invalid_request", "access_token is missing");
  Task<Result<identity::Directory::Bearer>> checking =
      services_.login.bearer(*request.loop, "", token, request.client.ip);
  const Result<identity::Directory::Bearer> bearer = co_await checking;
  if (!bearer && bearer.code() != Code::kDenied) co_return down_answer(bearer.error());
  if (!bearer) co_return error_answer(400, "invalid_token", "Invalid Value");
  const auto left = std::chrono::floor<seconds>(bearer->token.expires - services_.clock.now()).count();
  api::json::object out;
  out["azp"] = bearer->token.client;
  out["aud"] = bearer->token.client;
  out["sub"] = std::to_string(bearer->account.id);
  out["scope"] = text::join(bearer->token.scopes, " ");
  out["exp"] = std::to_string(to_unix(bearer->token.expires));  // Google gives text
  out["expires_in"] = std::to_string(left);
  if (bearer->token.covers(identity::kEmail)) {
    out["email"] = bearer->account.name;
    out["email_verified"] = "true";
  }
  co_return json_answer(api::to_text(out));
}

Task<web::Response> Provider::userinfo(web::Request request) {
  std::vector<std::string_view> needs;
  for (const std::string_view need : {identity::kOpenId, identity::kEmail, identity::kProfile}) needs.push_back(need);
  Task<api::Admission> admitting = services_.callers.admit(request, needs);
  const api::Admission admission = co_await admitting;
  if (!admission.caller) co_return api::refusal(admission);
  const api::Caller& caller = *admission.caller;
  api::json::object out;
  out["sub"] = std::to_string(caller.account.id);
  if (caller.may(identity::kEmail)) {
    out["email"] = caller.account.name;
    out["email_verified"] = true;
  }
  if (caller.may(identity::kProfile)) {
    if (!caller.account.display_name.empty()) out["name"] = caller.account.display_name;
    out["preferred_username"] = caller.account.name;
  }
  co_return json_answer(api::to_text(out));
}

}  // namespace pabal::oauth
