#include "oauth/operations.h"

namespace pabal::oauth {

api::Described described() {
  constexpr const char* kTag = "OAuth and OpenID Connect";
  constexpr const char* kClient = " client_id client_secret";
  constexpr const char* kRequest =
      "response_type! client_id! redirect_uri! scope! state code_challenge code_challenge_method nonce prompt max_age "
      "login_hint access_type";
  api::Described out;
  const auto add = [&](const char* method, const char* path, const char* en, const char* ko) -> api::Operation& {
    out.operations.push_back({method, path, kTag, en, ko});
    return out.operations.back();
  };
  const auto form = [&](const char* fields) { return std::string(fields) + kClient; };
  api::Operation& authorize =
      add("GET", "/oauth/authorize", "Where a client sends its user's browser for a code (RFC 6749, PKCE by RFC 7636)",
          "클라이언트가 인증 코드를 받으려고 사용자의 브라우저를 보내는 곳 (RFC 6749, PKCE는 RFC 7636)");
  authorize.query = kRequest;
  authorize.answer = "text/html";
  api::Operation& by_form = add("POST", "/oauth/authorize", "The same by a form", "양식으로 보내는 같은 요청");
  by_form.form = kRequest;
  by_form.answer = "text/html";
  api::Operation& consent = add("POST", "/oauth/consent", "The answer of the consent page, which alone may send it",
                                "동의 페이지만 보낼 수 있는 답");
  consent.form = "request! csrf! decision!";
  consent.answer = "text/html";
  consent.redirects = true;
  add("GET", "/oauth/style.css", "What the pages look like", "페이지 모양").answer = "text/css";
  api::Operation& token = add("POST", "/oauth/token", "Tokens for a code, a refresh token or a device code (RFC 8628)",
                              "인증 코드, 갱신 토큰, 기기 코드를 토큰으로 바꾸기 (RFC 8628)");
  token.form = form("grant_type! code redirect_uri code_verifier refresh_token scope device_code");
  token.gives = "Tokens";
  api::Operation& device =
      add("POST", "/oauth/device_authorization", "Codes for a program without a browser (RFC 8628)",
          "브라우저가 없는 프로그램을 위한 코드 (RFC 8628)");
  device.form = form("scope!");
  device.gives = "DeviceCodes";
  api::Operation& revoke =
      add("POST", "/oauth/revoke", "Ends a token and its grant (RFC 7009)", "토큰과 그 권한을 끝내기 (RFC 7009)");
  revoke.query = "token";
  revoke.form = form("token token_type_hint");
  api::Operation& introspect =
      add("POST", "/oauth/introspect", "What a token is good for, asked by a client (RFC 7662)",
          "클라이언트가 토큰이 무엇에 쓰이는지 보기 (RFC 7662)");
  introspect.form = form("token! token_type_hint");
  introspect.gives = "Introspection";
  for (const char* method : {"GET", "POST"}) {
    api::Operation& info = add(method, "/oauth/tokeninfo", "What a token is good for, as Google's clients ask it",
                               "Google 클라이언트 방식으로 토큰 정보 보기");
    (info.method == "GET" ? info.query : info.form) = "access_token";
    info.gives = "TokenInfo";
    api::Operation& user =
        add(method, "/oauth/userinfo", "Whose token it is (OpenID Connect)", "토큰의 주인 보기 (OpenID Connect)");
    user.needs = "openid email profile";
    user.gives = "UserInfo";
  }
  api::Operation& client = add("POST", "/oauth/register", "Registers a client, where the operator allows it (RFC 7591)",
                               "운영자가 허용하면 클라이언트를 등록하기 (RFC 7591)");
  client.takes = "Client!";
  client.gives = "Client";
  api::Operation& ticket =
      add("POST", "/oauth/ticket", "A ticket for one WebSocket or EventSource: ?ticket=, once, within a minute",
          "WebSocket이나 EventSource 한 번에 쓰는 표: ?ticket=, 1분 안에 한 번");
  ticket.needs = "*";
  ticket.gives = "Ticket";
  add("GET", "/oauth/jwks", "The key of identity tokens (RFC 7517)", "신원 토큰의 공개 키 (RFC 7517)").answer =
      "application/jwk-set+json";
  add("GET", "/oauth/certs", "The same key in PEM", "같은 키를 PEM으로");
  add("GET", "/.well-known/openid-configuration", "What the provider can do (OpenID Connect Discovery)",
      "인증 서버의 기능 (OpenID Connect Discovery)");
  add("GET", "/.well-known/oauth-authorization-server", "What the authorisation server can do (RFC 8414)",
      "인증 서버의 기능 (RFC 8414)");
  add("GET", "/.well-known/oauth-protected-resource", "Which authorisation server the APIs believe (RFC 9728)",
      "API가 믿는 인증 서버 (RFC 9728)");
  out.schemas = {
      {"Tokens", "access_token! token_type! expires_in!:integer scope refresh_token id_token"},
      {"DeviceCodes",
       "device_code! user_code! verification_uri! verification_url verification_uri_complete "
       "expires_in!:integer interval:integer"},
      {"Introspection", "active!:boolean scope client_id username token_type sub iat:integer exp:integer iss"},
      {"TokenInfo", "azp aud sub scope exp expires_in email email_verified"},
      {"UserInfo", "sub! email email_verified:boolean name preferred_username"},
      {"Client",
       "client_id client_id_issued_at:integer client_secret client_secret_expires_at:integer client_name "
       "redirect_uris* token_endpoint_auth_method grant_types* response_types*"},
      {"Ticket", "ticket! expires_in!:integer"},
  };
  out.parameters = {
      {"response_type", "What is asked for", "무엇을 받을지", "code"},
      {"client_id", "Of pabal oauth client add, or of registration", "pabal oauth client add나 등록에서 받은 것"},
      {"redirect_uri", "Where the browser is sent with the code; registered before",
       "코드를 받을 주소. 미리 등록한 것"},
      {"scope", "What the token is to be good for, with blanks between", "토큰의 권한들, 빈칸으로 나눔"},
      {"state", "Comes back as it is", "그대로 돌려받는 값"},
      {"code_challenge", "SHA-256 of code_verifier, as base64url (RFC 7636)",
       "code_verifier의 SHA-256, base64url (RFC 7636)"},
      {"code_challenge_method", "How it was made", "만든 방법", "S256"},
      {"code_verifier", "What code_challenge was made of", "code_challenge의 원래 값"},
      {"grant_type", "What the tokens are asked for with", "무엇으로 토큰을 받을지",
       "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code"},
      {"access_type", "offline: with a refresh token", "offline: 갱신 토큰도", "online offline"},
  };
  return out;
}

}  // namespace pabal::oauth
