// The token endpoint (RFC 6749 §3.2), the authentication of clients, and identity tokens.
#include "api/json.h"
#include "base/codec.h"
#include "base/text.h"
#include "oauth/provider.h"

namespace pabal::oauth {
namespace {

constexpr std::string_view kDeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

bool carries(const std::vector<std::string>& scopes, std::string_view need) {
  for (const std::string& scope : scopes)
    if (identity::covers(scope, need)) return true;
  return false;
}

}  // namespace

// RFC 6749 §2.3: by Basic or in the body, never by both. A public client names itself and proves nothing.
Provider::Authenticated Provider::authenticate(const web::Request& request, const Form& form) const {
  Authenticated out;
  const std::string* field = request.headers.get("authorization");
  std::string id = form.get("client_id"), secret = form.get("client_secret");
  const auto refuse = [&](std::string_view why) {
    out.refusal = error_answer(401, "invalid_client", why);
    if (field) out.refusal.headers.set("WWW-Authenticate", "Basic realm=\"" + services_.hostname + "\"");
    return out;
  };
  if (field) {
    const auto basic = parse_basic(*field);
    if (!basic || request.headers.count("authorization") > 1)
      return refuse("the Authorization field is to be: Basic, with the client's id and secret");
    if (!secret.empty() || (!id.empty() && id != basic->first)) {
      out.refusal = error_answer(400, "invalid_request", "the client is named twice, or proves itself in two ways");
      return out;
    }
    id = basic->first;
    secret = basic->second;
  }
  if (id.empty()) return refuse("client_id is missing");
  auto client = book_.client(services_.store, id);
  if (!client) {
    out.refusal = down_answer(client.error());
    return out;
  }
  // Both say the same, so that ids cannot be probed.
  if (!*client || (!(*client)->is_public() && !text::same_secret((*client)->secret_hash, sha256(secret))))
    return refuse("the client is not known here, or its secret is wrong");
  out.client = std::move(**client);
  return out;
}

Task<web::Response> Provider::token(web::Request request) {
  auto form = Form::read(request);
  if (!form) co_return error_answer(400, "invalid_request", form.error().message);
  if (const std::string repeated = form->repeated(); !repeated.empty())
    co_return error_answer(400, "invalid_request", repeated + " comes twice");
  Authenticated who = authenticate(request, *form);
  if (!who.client) co_return who.refusal;
  const std::string type = form->get("grant_type");
  Task<web::Response> giving;
  if (type == "authorization_code")
    giving = token_for_code(std::move(request), std::move(*who.client), std::move(*form));
  else if (type == "refresh_token")
    giving = token_for_refresh(std::move(request), std::move(*who.client), std::move(*form));
  else if (type == kDeviceGrant)
    giving = token_for_device(std::move(request), std::move(*who.client), std::move(*form));
  else
    co_return type.empty() ? error_answer(400, "invalid_request", "grant_type is missing")
                           : error_answer(400, "unsupported_grant_type",
                                          "grant_type is to be authorization_code, refresh_token or device_code");
  co_return co_await giving;
}

Task<web::Response> Provider::token_for_code(web::Request request, Client client, Form form) {
  for (const char* needed : {"code", "redirect_uri"})
    if (!form.has(needed)) co_return error_answer(400, "invalid_request", std::string(needed) + " is missing");
  const Book::Exchange exchange{client.id, form.get("code"), form.get("redirect_uri"), form.get("code_verifier")};
  const auto code = book_.code(services_.store, exchange.code);
  if (!code) co_return down_answer(code.error());
  const Fresh fresh = book_.fresh(*code ? (*code)->account : 0);
  Decide how = [this, exchange, fresh](store::Transaction& t) { return book_.redeem(t, exchange, fresh); };
  Task<Result<Outcome>> deciding = decide(*request.loop, how);
  Result<Outcome> outcome = co_await deciding;
  Task<web::Response> answering = issued(*request.loop, std::move(outcome));
  co_return co_await answering;
}

Task<web::Response> Provider::token_for_refresh(web::Request request, Client client, Form form) {
  const Book::Renewal renewal{form.get("refresh_token"), scope_list(form.get("scope"))};
  if (renewal.refresh.empty()) co_return error_answer(400, "invalid_request", "refresh_token is missing");
  const auto name = Book::parse_refresh(renewal.refresh);
  const Fresh fresh = book_.fresh(name ? name->account : 0);
  Decide how = [this, client, renewal, fresh](store::Transaction& t) {
    return book_.refresh(t, client, renewal, fresh);
  };
  Task<Result<Outcome>> deciding = decide(*request.loop, how);
  Result<Outcome> outcome = co_await deciding;
  Task<web::Response> answering = issued(*request.loop, std::move(outcome));
  co_return co_await answering;
}

Task<web::Response> Provider::token_for_device(web::Request request, Client client, Form form) {
  const std::string secret = form.get("device_code");
  if (secret.empty()) co_return error_answer(400, "invalid_request", "device_code is missing");
  const auto device = book_.device(services_.store, secret);
  if (!device) co_return down_answer(device.error());
  // RFC 8628 §3.5. What is not there is not worth a pace.
  if (*device && !pace_.may_ask(sha256(secret), services_.clock.now()))
    co_return error_answer(400, "slow_down", "ask less often: five seconds more between two requests");
  const Fresh fresh = book_.fresh(*device ? (*device)->account : 0);
  Decide how = [this, id = client.id, secret, fresh](store::Transaction& t) {
    return book_.redeem_device(t, id, secret, fresh);
  };
  Task<Result<Outcome>> deciding = decide(*request.loop, how);
  Result<Outcome> outcome = co_await deciding;
  Task<web::Response> answering = issued(*request.loop, std::move(outcome));
  co_return co_await answering;
}

// RFC 6749 §5.1; with an identity token where `openid` was granted (OpenID Connect Core §3.1.3.3).
Task<web::Response> Provider::issued(net::Loop& loop, Result<Outcome> outcome) {
  if (!outcome) co_return down_answer(outcome.error());
  if (const Refusal* refusal = std::get_if<Refusal>(&*outcome))
    co_return error_answer(400, refusal->error, refusal->why);
  const Issued& got = std::get<Issued>(*outcome);
  api::json::object body;
  body["access_token"] = got.access;
  body["token_type"] = "Bearer";
  body["expires_in"] = seconds(kAccessLife).count();
  body["scope"] = text::join(got.scopes, " ");
  if (!got.refresh.empty()) body["refresh_token"] = got.refresh;
  if (carries(got.scopes, identity::kOpenId)) {
    const auto said = claims(got);
    if (!said) co_return down_answer(said.error());
    Task<Result<std::shared_ptr<const SigningKey>>> finding = key_.get(loop);
    const Result<std::shared_ptr<const SigningKey>> key = co_await finding;
    if (!key) co_return down_answer(key.error());
    const auto signed_token = (*key)->sign(*said);
    if (!signed_token) co_return down_answer(signed_token.error());
    body["id_token"] = *signed_token;
  }
  co_return json_answer(api::to_text(body));
}

// OpenID Connect Core §2, §3.1.3.6.
Result<std::string> Provider::claims(const Issued& got) const {
  const auto account = services_.directory.account(services_.store, got.grant.account);
  if (!account) return account.error();
  if (!*account) return Error{Code::kNotFound, "the account has gone"};
  const Time now = services_.clock.now();
  api::json::object out;
  out["iss"] = services_.issuer;
  out["sub"] = std::to_string(got.grant.account);
  out["aud"] = got.grant.client;
  out["azp"] = got.grant.client;
  out["iat"] = to_unix(now);
  out["exp"] = to_unix(now + kAccessLife);
  out["auth_time"] = to_unix(got.grant.signed_in);
  out["at_hash"] = text::base64url(sha256(got.access).substr(0, 16));
  if (!got.nonce.empty()) out["nonce"] = got.nonce;
  if (carries(got.scopes, identity::kEmail)) {
    out["email"] = (*account)->name;
    out["email_verified"] = true;
  }
  if (carries(got.scopes, identity::kProfile) && !(*account)->display_name.empty())
    out["name"] = (*account)->display_name;
  return api::to_text(out);
}

}  // namespace pabal::oauth
