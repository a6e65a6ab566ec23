// What programs read before they ask: metadata (RFC 8414, OpenID Connect Discovery, RFC 9728), keys (RFC 7517); and the
// registration of clients by themselves (RFC 7591).
#include <algorithm>

#include "api/json.h"
#include "base/codec.h"
#include "base/text.h"
#include "oauth/provider.h"
#include "oauth/redirect.h"

namespace pabal::oauth {
namespace {

api::json::array list(std::initializer_list<std::string_view> values) {
  api::json::array out;
  for (const std::string_view value : values) out.emplace_back(value);
  return out;
}

api::json::array scopes() {
  api::json::array out;
  for (const std::string_view scope : identity::known_scopes()) out.emplace_back(scope);
  return out;
}

web::Response document(const api::json::object& body) {
  web::Response out = web::with_etag(web::with_body("application/json", api::to_text(body)));
  out.headers.set("Cache-Control", "no-cache");
  out.headers.set("Access-Control-Allow-Origin", "*");  // programs in browsers read it, too
  out.compress = true;
  return out;
}

// The texts of an array; nothing where something else is in it.
std::optional<std::vector<std::string>> texts(const api::json::value& body, std::string_view name) {
  std::vector<std::string> out;
  const api::json::value* found = api::member(body, name);
  if (!found) return out;
  const api::json::array* array = found->if_array();
  if (!array) return {};
  for (const api::json::value& one : *array) {
    const api::json::string* text = one.if_string();
    if (!text) return {};
    out.emplace_back(*text);
  }
  return out;
}

bool has(const std::vector<std::string>& list, std::string_view one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

}  // namespace

Task<web::Response> Provider::metadata(web::Request) {
  const std::string& issuer = services_.issuer;
  const auto registration = book_.registration(services_.store);
  if (!registration) co_return down_answer(registration.error());
  api::json::object out;
  out["issuer"] = issuer;
  out["authorization_endpoint"] = issuer + "/oauth/authorize";
  out["token_endpoint"] = issuer + "/oauth/token";
  out["revocation_endpoint"] = issuer + "/oauth/revoke";
  out["introspection_endpoint"] = issuer + "/oauth/introspect";
  out["userinfo_endpoint"] = issuer + "/oauth/userinfo";
  out["device_authorization_endpoint"] = issuer + "/oauth/device_authorization";
  out["jwks_uri"] = issuer + "/oauth/jwks";
  if (*registration) out["registration_endpoint"] = issuer + "/oauth/register";
  out["scopes_supported"] = scopes();
  out["response_types_supported"] = list({"code"});
  out["response_modes_supported"] = list({"query"});
  out["grant_types_supported"] =
      list({"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"});
  const auto methods = list({"client_secret_basic", "client_secret_post", "none"});
  out["token_endpoint_auth_methods_supported"] = methods;
  out["revocation_endpoint_auth_methods_supported"] = methods;
  out["introspection_endpoint_auth_methods_supported"] = list({"client_secret_basic", "client_secret_post"});
  out["code_challenge_methods_supported"] = list({"S256"});
  out["authorization_response_iss_parameter_supported"] = true;
  out["subject_types_supported"] = list({"public"});
  out["id_token_signing_alg_values_supported"] = list({"RS256"});
  out["claims_supported"] = list({"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "email",
                                  "email_verified", "name", "preferred_username"});
  out["prompt_values_supported"] = list({"none", "login", "consent", "select_account"});
  out["ui_locales_supported"] = list({"en", "ko"});
  out["claims_parameter_supported"] = false;
  out["request_parameter_supported"] = false;
  out["request_uri_parameter_supported"] = false;
  co_return document(out);
}

Task<web::Response> Provider::resource_metadata(web::Request) {
  api::json::object out;
  out["resource"] = services_.issuer;
  out["authorization_servers"] = api::json::array{api::json::value(services_.issuer)};
  out["scopes_supported"] = scopes();
  out["bearer_methods_supported"] = list({"header"});
  out["resource_name"] = services_.hostname;
  co_return document(out);
}

Task<web::Response> Provider::jwks(web::Request request) {
  Task<Result<std::shared_ptr<const SigningKey>>> finding = key_.get(*request.loop);
  const Result<std::shared_ptr<const SigningKey>> key = co_await finding;
  if (!key) co_return down_answer(key.error());
  web::Response out = web::with_etag(web::with_body("application/jwk-set+json", "{\"keys\":[" + (*key)->jwk() + "]}"));
  out.headers.set("Cache-Control", "public, max-age=3600");
  co_return out;
}

// The same key as Google's older clients read it: PEM by name.
Task<web::Response> Provider::certs(web::Request request) {
  Task<Result<std::shared_ptr<const SigningKey>>> finding = key_.get(*request.loop);
  const Result<std::shared_ptr<const SigningKey>> key = co_await finding;
  if (!key) co_return down_answer(key.error());
  api::json::object body;
  body[(*key)->id()] = (*key)->public_pem();
  web::Response out = web::with_etag(web::with_body("application/json", api::to_text(body)));
  out.headers.set("Cache-Control", "public, max-age=3600");
  co_return out;
}

Task<web::Response> Provider::style(web::Request) { co_return stylesheet(); }

// RFC 7591 §3. What a client says of itself that is not kept is left out of the answer.
Task<web::Response> Provider::register_client(web::Request request) {
  const auto on = book_.registration(services_.store);
  if (!on) co_return down_answer(on.error());
  if (!*on)
    co_return error_answer(403, "access_denied", "clients are registered by the operator here: pabal oauth client add");
  const auto body = api::parse_json(request.body);
  if (!body || !body->is_object())
    co_return error_answer(400, "invalid_client_metadata",
                           body ? "the body is to be a JSON object" : body.error().message);
  const auto redirects = texts(*body, "redirect_uris"), grants = texts(*body, "grant_types"),
             responses = texts(*body, "response_types");
  if (!redirects) co_return error_answer(400, "invalid_redirect_uri", "redirect_uris is to be a list of texts");
  if (!grants || !responses)
    co_return error_answer(400, "invalid_client_metadata", "grant_types and response_types are to be lists of texts");
  const api::json::string* method = api::string_member(*body, "token_endpoint_auth_method");
  const api::json::string* name = api::string_member(*body, "client_name");
  const std::string how = method ? std::string(*method) : "client_secret_basic";
  if (how != "none" && how != "client_secret_basic" && how != "client_secret_post")
    co_return error_answer(400, "invalid_client_metadata",
                           "token_endpoint_auth_method is to be client_secret_basic, client_secret_post or none");
  constexpr std::string_view kKnown[] = {"authorization_code", "refresh_token",
                                         "urn:ietf:params:oauth:grant-type:device_code"};
  for (const std::string& grant : *grants)
    if (std::find(std::begin(kKnown), std::end(kKnown), grant) == std::end(kKnown))
      co_return error_answer(400, "invalid_client_metadata",
                             "there is no grant type " + text::printable(grant) + " here");
  for (const std::string& response : *responses)
    if (response != "code") co_return error_answer(400, "invalid_client_metadata", "response_types is to be code");

  Client client;
  client.id = book_.make_client_id();
  client.name = name ? std::string(*name) : "";
  if (client.name.empty()) client.name = client.id;
  client.redirects = *redirects;
  client.device = has(*grants, kKnown[2]);
  client.registered = true;
  const std::string secret = how == "none" ? "" : book_.make_secret();
  if (!secret.empty()) client.secret_hash = sha256(secret);
  store::Work work = [this, client](store::Transaction& t) { return book_.add_client(t, client); };
  for (const std::string& uri : client.redirects)
    if (const auto good = check_redirect(uri); !good)
      co_return error_answer(400, "invalid_redirect_uri", good.error().message);
  Task<Result<void>> committing = commit(*request.loop, work);
  const Result<void> done = co_await committing;
  if (!done && done.code() == Code::kInvalid)
    co_return error_answer(400, "invalid_client_metadata", done.error().message);
  if (!done) co_return down_answer(done.error());

  api::json::object out;
  out["client_id"] = client.id;
  out["client_id_issued_at"] = to_unix(services_.clock.now());
  if (!secret.empty()) {
    out["client_secret"] = secret;
    out["client_secret_expires_at"] = 0;
  }
  out["client_name"] = client.name;
  api::json::array uris;
  for (const std::string& uri : client.redirects) uris.emplace_back(uri);
  out["redirect_uris"] = uris;
  out["token_endpoint_auth_method"] = how;
  api::json::array kinds = list({"authorization_code", "refresh_token"});
  if (client.device) kinds.emplace_back(kKnown[2]);
  out["grant_types"] = kinds;
  out["response_types"] = list({"code"});
  co_return json_answer(api::to_text(out), 201);
}

}  // namespace pabal::oauth
