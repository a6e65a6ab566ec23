// The provider as browsers and programs meet it: requests through its routes.
#include "oauth/provider.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "api/json.h"
#include "base/codec.h"
#include "base/text.h"
#include "identity/test_directory.h"
#include "net/sim.h"
#include "oauth/redirect.h"
#include "web/target.h"

namespace pabal::oauth {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kIssuer = "https://mail.example.com";
const std::string kRedirect = "https://app.example.com/cb";
const std::string kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";  // RFC 7636, appendix B
const std::string kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct ProviderTest : testing::Test, identity::TestDirectory {
  net::SimLoop loop;
  std::unique_ptr<net::Pool> pool = net::make_pool(1, 100);
  identity::LoginGuard guard{loop};
  identity::Login login{*directory, *pool, guard, random};
  api::Callers callers{login, "mail.example.com"};
  Provider provider{{*store, *directory, login, callers, *pool, clock, random, "mail.example.com", kIssuer}};
  web::Router router;
  Book book{*directory, clock, random};
  std::string cookie, ip = "192.0.2.1";
  static constexpr const char* kSecret = "app secret";

  ProviderTest() {
    provider.add_to(router);
    EXPECT_TRUE(domain("example.com"));
    EXPECT_TRUE(account("alice@example.com", "correct horse"));
    client("app", kSecret);
    client("phone", "");
  }
  void client(const std::string& id, const std::string& secret, bool introspect = false) {
    Client client;
    client.id = id;
    client.name = "The <" + id + ">";
    client.redirects = {kRedirect, "http://127.0.0.1/cb"};
    client.device = true;
    client.introspect = introspect;
    if (!secret.empty()) client.secret_hash = sha256(secret);
    const auto done = commit([&](store::Transaction& t) { return book.add_client(t, client); });
    EXPECT_TRUE(done) << done.error().message;
  }

  static Task<void> keep(Task<web::Response> task, std::optional<web::Response>* out) { out->emplace(co_await task); }
  web::Response send(web::Request request) {
    request.loop = &loop;
    request.client.ip = ip;
    if (request.scheme.empty()) request.scheme = "https";
    request.host = "mail.example.com";
    const auto target = web::parse_target(request.target);
    EXPECT_TRUE(target) << request.target;
    request.path = target->path;
    request.segments = target->segments;
    request.query = target->query;
    std::optional<web::Response> out;
    loop.spawn(keep(router.handle(std::move(request)), &out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(10)));
    return out.value_or(web::Response{});
  }
  web::Response get(const std::string& target) {
    web::Request request;
    request.method = "GET";
    request.target = target;
    if (!cookie.empty()) request.headers.add("Cookie", std::string(api::kSessionCookie) + "=" + cookie);
    return send(request);
  }
  // A form of a page of ours, as browsers send it.
  web::Response submit(const std::string& path, const Pairs& pairs, const std::string& origin = kIssuer) {
    web::Request request;
    request.method = "POST";
    request.target = path;
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Origin", origin);
    if (!cookie.empty()) request.headers.add("Cookie", std::string(api::kSessionCookie) + "=" + cookie);
    const std::string encoded = with_parameters("", pairs);
    request.body = encoded.empty() ? "" : encoded.substr(1);
    return send(request);
  }
  // What a program sends.
  web::Response post(const std::string& path, const Pairs& pairs, const std::string& authorization = "") {
    web::Request request;
    request.method = "POST";
    request.target = path;
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    if (!authorization.empty()) request.headers.add("Authorization", authorization);
    const std::string encoded = with_parameters("", pairs);
    request.body = encoded.empty() ? "" : encoded.substr(1);
    return send(request);
  }
  static api::json::value json(const web::Response& response) {
    const auto parsed = api::parse_json(response.body);
    EXPECT_TRUE(parsed) << response.body;
    return parsed ? *parsed : api::json::value(api::json::object());
  }
  static std::string text_of(const web::Response& response, std::string_view name) {
    const api::json::value body = json(response);
    const api::json::string* found = api::string_member(body, name);
    return found ? std::string(*found) : "";
  }
  static std::string location(const web::Response& response) {
    const std::string* field = response.headers.get("Location");
    return field ? *field : "";
  }
  static std::string parameter(const std::string& uri, std::string_view name) {
    const auto pairs = web::parse_query(uri.substr(std::min(uri.size(), uri.find('?') + 1)));
    return pairs ? Form(*pairs).get(name) : "";
  }
  static std::string field(const std::string& html, const std::string& name) {
    const std::string before = "name=\"" + name + "\" value=\"";
    const size_t at = html.find(before);
    if (at == html.npos) return "";
    std::string value = html.substr(at + before.size(), html.find('"', at + before.size()) - at - before.size());
    for (size_t amp; (amp = value.find("&amp;")) != value.npos;) value.replace(amp, 5, "&");
    return value;
  }

  void sign_in(const std::string& password = "correct horse") {
    const auto response =
        submit("/login", {{"name", "alice@example.com"}, {"password", password}, {"next", "/device"}});
    const std::string* set = response.headers.get("Set-Cookie");
    ASSERT_TRUE(set) << response.body;
    cookie = set->substr(set->find('=') + 1, set->find(';') - set->find('=') - 1);
  }
  Pairs wish(const std::string& client = "phone", const std::string& scope = "openid email mail.read") {
    return {{"response_type", "code"},
            {"client_id", client},
            {"redirect_uri", kRedirect},
            {"scope", scope},
            {"state", "s&1"},
            {"nonce", "n1"},
            {"code_challenge", kChallenge},
            {"code_challenge_method", "S256"}};
  }
  static Pairs with(Pairs pairs, const std::string& name, const std::string& value) {
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
    if (!value.empty()) pairs.emplace_back(name, value);
    return pairs;
  }
  web::Response ask(const Pairs& pairs) { return get(with_parameters("/oauth/authorize", pairs)); }
  web::Response answer(const std::string& page, const std::string& decision = "allow") {
    return submit("/oauth/consent",
                  {{"csrf", field(page, "csrf")}, {"request", field(page, "request")}, {"decision", decision}});
  }
  // All of the browser's part.
  std::string code(const Pairs& pairs) {
    if (cookie.empty()) sign_in();
    const auto page = ask(pairs);
    EXPECT_EQ(page.status, 200) << location(page);
    const auto sent = answer(page.body);
    EXPECT_EQ(sent.status, 303) << sent.body;
    EXPECT_EQ(parameter(location(sent), "state"), "s&1");
    EXPECT_EQ(parameter(location(sent), "iss"), kIssuer);
    return parameter(location(sent), "code");
  }
  Pairs exchange(const std::string& code, const std::string& client = "phone") {
    Pairs out{{"grant_type", "authorization_code"},
              {"code", code},
              {"redirect_uri", kRedirect},
              {"client_id", client},
              {"code_verifier", kVerifier}};
    if (client == "app") out.emplace_back("client_secret", kSecret);
    return out;
  }
  web::Response tokens(const std::string& client = "phone", const std::string& scope = "openid email mail.read") {
    return post("/oauth/token", exchange(code(wish(client, scope)), client));
  }
  bool good(const std::string& access) { return directory->check_token(access).ok(); }
};

// --- signing in -----------------------------------------------------------------------------------------------------

TEST_F(ProviderTest, SigningInGivesACookieForThisHostAlone) {
  auto page = get("/login?next=/device");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(*page.headers.get("Content-Security-Policy"),
              AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("script"))));
  EXPECT_EQ(*page.headers.get("X-Frame-Options"), "DENY");
  EXPECT_EQ(*page.headers.get("Referrer-Policy"), "same-origin");
  const auto in = submit("/login", {{"name", "alice@example.com"}, {"password", "correct horse"}, {"next", "/device"}});
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(location(in), "/device");
  EXPECT_THAT(*in.headers.get("Set-Cookie"),
              AllOf(StartsWith("__Host-pabal-session=pabal_"), HasSubstr("; Path=/; Secure; HttpOnly; SameSite=Lax"),
                    Not(HasSubstr("Domain"))));
  sign_in();
  const std::string first = cookie;
  sign_in();
  EXPECT_NE(cookie, first);
  EXPECT_FALSE(directory->check_token(first, identity::Token::Kind::kSession)) << "the one before has ended";
  EXPECT_TRUE(directory->check_token(cookie, identity::Token::Kind::kSession));
  EXPECT_FALSE(good(cookie)) << "no access token";

  EXPECT_THAT(get("/logout").body, HasSubstr("alice@example.com"));
  EXPECT_EQ(submit("/logout", {}, "https://evil.example").status, 403);
  const auto out = submit("/logout", {});
  EXPECT_THAT(*out.headers.get("Set-Cookie"), HasSubstr("Max-Age=0"));
  EXPECT_FALSE(directory->check_token(cookie, identity::Token::Kind::kSession));
}

TEST_F(ProviderTest, WrongPasswordsAndForeignFormsGetNothing) {
  const auto wrong = submit("/login", {{"name", "alice@example.com"}, {"password", "x\"><b>"}, {"next", "/"}});
  EXPECT_EQ(wrong.status, 403);
  EXPECT_FALSE(wrong.headers.get("Set-Cookie"));
  EXPECT_THAT(wrong.body, AllOf(HasSubstr("wrong"), HasSubstr("value=\"alice@example.com\""), Not(HasSubstr("<b>"))));
  EXPECT_EQ(
      submit("/login", {{"name", "alice@example.com"}, {"password", "correct horse"}}, "https://evil.example").status,
      403);
  EXPECT_EQ(submit("/login", {{"name", "alice@example.com"}, {"password", "correct horse"}}, "null").status, 403);
  EXPECT_EQ(guard.delay("nalice@example.com"), seconds(0)) << "a forged form is no try";
  for (int i = 0; i < 4; ++i) submit("/login", {{"name", "alice@example.com"}, {"password", "wrong"}});
  EXPECT_GT(guard.delay("nalice@example.com"), seconds(0));
}

TEST_F(ProviderTest, LeadsNowhereElse) {
  for (const char* next : {"https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil",
                           "javascript:alert(1)", "", "x", "/a b", "/\tx", "/../x", "/%zz"}) {
    EXPECT_FALSE(is_local_path(next)) << next;
    const auto in = submit("/login", {{"name", "alice@example.com"}, {"password", "correct horse"}, {"next", next}});
    EXPECT_EQ(location(in), "/") << next;
  }
  EXPECT_TRUE(is_local_path("/oauth/authorize?a=b%20c"));
}

TEST_F(ProviderTest, SpeaksKoreanAndRefusesTheClear) {
  web::Request request;
  request.method = "GET";
  request.target = "/login";
  request.headers.add("Accept-Language", "ko-KR,ko;q=0.9");
  EXPECT_THAT(send(request).body, AllOf(HasSubstr("lang=\"ko\""), HasSubstr("비밀번호")));
  request.scheme = "http";
  EXPECT_EQ(send(request).status, 403);
  ip = "127.0.0.1";
  EXPECT_EQ(send(request).status, 200);
  ip = "192.0.2.1";
  request.method = "POST";
  request.target = "/oauth/token";
  EXPECT_EQ(send(request).status, 400);
}

TEST_F(ProviderTest, AskedTooOftenItSaysSo) {
  int busy = 0;
  for (int i = 0; i < 70; ++i)
    if (get("/login").status == 429) ++busy;
  EXPECT_EQ(busy, 10);
  ip = "192.0.2.2";
  EXPECT_EQ(get("/login").status, 200);
  ip = "192.0.2.1";
  clock.advance(minutes(1));
  EXPECT_EQ(get("/login").status, 200);
}

// --- the authorisation request --------------------------------------------------------------------------------------

TEST_F(ProviderTest, WhoIsNotSignedInIsAskedToAndComesBack) {
  const auto away = ask(with(wish(), "prompt", "login"));
  EXPECT_EQ(away.status, 303);
  EXPECT_THAT(location(away), StartsWith("/login?next=%2Foauth%2Fauthorize%3F"));
  const std::string next = parameter(location(away), "next");
  EXPECT_THAT(next, AllOf(HasSubstr("client_id=phone"), Not(HasSubstr("prompt"))));
  const auto page = get(location(away));
  EXPECT_THAT(page.body, AllOf(HasSubstr("The &lt;phone&gt;"), Not(HasSubstr("<phone>"))));
  EXPECT_THAT(*page.headers.get("Content-Security-Policy"), HasSubstr("form-action 'self' https://app.example.com"));
  sign_in();
  const auto consent = get(next);
  EXPECT_EQ(consent.status, 200);
  EXPECT_THAT(consent.body,
              AllOf(HasSubstr("The &lt;phone&gt;"), HasSubstr("alice@example.com"), HasSubstr("Read your mail"),
                    HasSubstr("https://app.example.com"), Not(HasSubstr("Send mail"))));
}

TEST_F(ProviderTest, NothingIsSentToWhereNobodyRegistered) {
  sign_in();
  Pairs twice = wish();
  twice.emplace_back("redirect_uri", "https://evil.example/");
  for (const Pairs& bad :
       {with(wish(), "client_id", ""), with(wish(), "client_id", "nobody"), with(wish(), "redirect_uri", ""),
        with(wish(), "redirect_uri", "https://evil.example/cb"), with(wish(), "redirect_uri", kRedirect + "/x"),
        with(wish(), "redirect_uri", "javascript:alert(1)"), twice}) {
    const auto page = ask(bad);
    EXPECT_EQ(page.status, 400);
    EXPECT_EQ(location(page), "");
  }
}

TEST_F(ProviderTest, OtherFaultsAreToldToTheClient) {  // RFC 6749 §4.1.2.1
  sign_in();
  Pairs twice = wish();
  twice.emplace_back("scope", "mail.send");
  const std::vector<std::pair<Pairs, std::string>> faults = {
      {with(wish(), "response_type", "token"), "unsupported_response_type"},
      {with(wish(), "response_type", ""), "unsupported_response_type"},
      {with(wish(), "response_mode", "fragment"), "invalid_request"},
      {with(wish(), "scope", ""), "invalid_scope"},
      {with(wish(), "scope", "root calendar"), "invalid_scope"},
      {with(wish(), "code_challenge", ""), "invalid_request"},
      {with(wish(), "code_challenge", "short"), "invalid_request"},
      {with(wish(), "code_challenge_method", "plain"), "invalid_request"},
      {with(wish(), "code_challenge_method", ""), "invalid_request"},
      {with(wish(), "request", "x"), "request_not_supported"},
      {with(wish(), "prompt", "none login"), "invalid_request"},
      {with(wish(), "prompt", "none"), "consent_required"},
      {with(wish(), "max_age", "x"), "invalid_request"},
      {twice, "invalid_request"}};
  for (const auto& [pairs, error] : faults) {
    const auto sent = ask(pairs);
    EXPECT_EQ(sent.status, 303);
    EXPECT_THAT(location(sent), StartsWith(kRedirect + "?error=" + error + "&"));
    EXPECT_EQ(parameter(location(sent), "state"), "s&1");
    EXPECT_EQ(parameter(location(sent), "iss"), kIssuer);
  }
  cookie.clear();
  EXPECT_EQ(parameter(location(ask(with(wish(), "prompt", "none"))), "error"), "login_required");
}

TEST_F(ProviderTest, ConsentIsGivenOnlyOnOurPage) {
  sign_in();
  const std::string page = ask(wish()).body;
  const Pairs form{{"csrf", field(page, "csrf")}, {"request", field(page, "request")}, {"decision", "allow"}};
  EXPECT_EQ(submit("/oauth/consent", form, "https://evil.example").status, 403);
  EXPECT_EQ(submit("/oauth/consent", with(form, "csrf", "x")).status, 403);
  EXPECT_EQ(submit("/oauth/consent", with(form, "csrf", "")).status, 403);
  EXPECT_EQ(submit("/oauth/consent",
                   with(form, "request", "/oauth/authorize?client_id=phone&redirect_uri=https://evil.example/"))
                .status,
            400);
  const auto refused = answer(page, "refuse");
  EXPECT_EQ(parameter(location(refused), "error"), "access_denied");
  EXPECT_EQ(parameter(location(refused), "code"), "");
  const std::string mine = cookie;
  cookie.clear();
  EXPECT_EQ(submit("/oauth/consent", form).status, 403);
  cookie = mine;
  sign_in();  // another session: the page of the one before is worth nothing
  EXPECT_EQ(submit("/oauth/consent", form).status, 403);
}

TEST_F(ProviderTest, ConsentIsRememberedOfClientsThatProveWhoTheyAre) {
  EXPECT_EQ(tokens("app").status, 200);
  EXPECT_NE(parameter(location(ask(wish("app"))), "code"), "");
  EXPECT_NE(parameter(location(ask(with(wish("app"), "prompt", "none"))), "code"), "");
  EXPECT_EQ(ask(wish("app", "mail.send")).status, 200) << "more than was granted";
  EXPECT_EQ(ask(with(wish("app"), "prompt", "consent")).status, 200);
  EXPECT_EQ(tokens("phone").status, 200);
  EXPECT_EQ(ask(wish("phone")).status, 200) << "anybody can say that he is a public client";
  clock.advance(hours(2));
  EXPECT_THAT(location(ask(with(wish("app"), "max_age", "3600"))), StartsWith("/login?"));
  EXPECT_NE(parameter(location(ask(with(wish("app"), "max_age", "86400"))), "code"), "");
}

// --- tokens ---------------------------------------------------------------------------------------------------------

TEST_F(ProviderTest, ACodeIsExchangedForTokens) {
  const auto got = tokens();
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(*got.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(text_of(got, "token_type"), "Bearer");
  EXPECT_EQ(text_of(got, "scope"), "openid email mail.read");
  EXPECT_EQ(json(got).as_object().at("expires_in").as_int64(), 3600);
  const auto bearer = directory->check_token(text_of(got, "access_token"));
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->account.name, "alice@example.com");
  EXPECT_TRUE(bearer->token.covers(identity::kMailboxes));
  EXPECT_FALSE(bearer->token.covers(identity::kMailSend));
  EXPECT_EQ(bearer->token.client, "phone");
  clock.advance(hours(1));
  EXPECT_FALSE(good(text_of(got, "access_token")));
  // Nothing that lets in is in the store.
  const auto kept = store->list(store::Range{});
  ASSERT_TRUE(kept);
  for (const store::Entry& entry : *kept)
    for (const char* name : {"access_token", "refresh_token"})
      EXPECT_EQ((entry.key + entry.value).find(text_of(got, name).substr(20)), std::string::npos);
  EXPECT_EQ(text_of(post("/oauth/token", exchange(code(with(wish(), "access_type", "online")))), "refresh_token"), "");
}

TEST_F(ProviderTest, IdentityTokensAreSigned) {
  const auto got = tokens();
  const std::string token = text_of(got, "id_token");
  const auto parts = text::split(token, '.');
  ASSERT_EQ(parts.size(), 3u);
  const auto head = api::parse_json(*text::unbase64url(parts[0])),
             claims = api::parse_json(*text::unbase64url(parts[1]));
  ASSERT_TRUE(head && claims);
  EXPECT_EQ(*api::string_member(*claims, "iss"), kIssuer);
  EXPECT_EQ(*api::string_member(*claims, "aud"), "phone");
  EXPECT_EQ(*api::string_member(*claims, "nonce"), "n1");
  EXPECT_EQ(*api::string_member(*claims, "email"), "alice@example.com");
  EXPECT_EQ(std::string(*api::string_member(*claims, "at_hash")),
            text::base64url(sha256(text_of(got, "access_token")).substr(0, 16)));
  const auto keys = json(get("/oauth/jwks")), certs = json(get("/oauth/certs"));
  EXPECT_EQ(*api::string_member(api::array_member(keys, "keys")->at(0), "kid"), *api::string_member(*head, "kid"));
  const std::string pem(*api::string_member(certs, *api::string_member(*head, "kid")));
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
  ASSERT_TRUE(key);
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  ASSERT_EQ(EVP_DigestVerifyInit(digest, nullptr, EVP_sha256(), nullptr, key), 1);
  const std::string input = token.substr(0, token.rfind('.')), signature = *text::unbase64url(parts[2]);
  EXPECT_EQ(EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                             reinterpret_cast<const unsigned char*>(input.data()), input.size()),
            1);
  EVP_MD_CTX_free(digest);
  EVP_PKEY_free(key);
  BIO_free(bio);
  EXPECT_EQ(text_of(tokens("phone", "mail.read"), "id_token"), "");
}

TEST_F(ProviderTest, ACodeIsBoundToItsClientItsAddressAndItsVerifier) {
  const auto error = [&](const Pairs& pairs, const std::string& authorization = "") {
    const auto got = post("/oauth/token", pairs, authorization);
    EXPECT_EQ(text_of(got, "access_token"), "");
    EXPECT_NE(text_of(got, "error_description"), "");
    return std::to_string(got.status) + " " + text_of(got, "error");
  };
  const std::string first = code(wish());
  EXPECT_EQ(error(with(exchange(first), "redirect_uri", "http://127.0.0.1/cb")), "400 invalid_grant");
  EXPECT_EQ(error(exchange(first, "app")), "400 invalid_grant");
  EXPECT_EQ(error(with(exchange(first), "code", "x")), "400 invalid_grant");
  EXPECT_EQ(error(with(exchange(first), "code", "")), "400 invalid_request");
  EXPECT_EQ(error(with(exchange(first), "redirect_uri", "")), "400 invalid_request");
  EXPECT_EQ(error(with(exchange(first), "grant_type", "password")), "400 unsupported_grant_type");
  EXPECT_EQ(error(with(exchange(first), "grant_type", "")), "400 invalid_request");
  Pairs twice = exchange(first);
  twice.emplace_back("code", first);
  EXPECT_EQ(error(twice), "400 invalid_request");
  EXPECT_EQ(error(with(exchange(first), "client_id", "")), "401 invalid_client");
  EXPECT_EQ(error(with(exchange(first), "client_id", "nobody")), "401 invalid_client");
  EXPECT_EQ(error(with(exchange(first, "app"), "client_secret", "wrong")), "401 invalid_client");
  EXPECT_EQ(error(with(exchange(first, "app"), "client_secret", "")), "401 invalid_client");
  EXPECT_EQ(error(exchange(first, "app"), "Basic " + text::base64("app:app+secret")), "400 invalid_request");
  EXPECT_EQ(error(with(exchange(first), "client_id", ""), "Basic " + text::base64("app:wrong")), "401 invalid_client");
  EXPECT_EQ(error(with(exchange(first), "code_verifier", std::string(43, 'x'))), "400 invalid_grant");
  EXPECT_EQ(error(exchange(first)), "400 invalid_grant") << "one guess of the verifier";

  const std::string second = code(wish());
  EXPECT_EQ(error(with(exchange(second), "code_verifier", "")), "400 invalid_grant");
  const std::string late = code(wish());
  clock.advance(kCodeLife);
  EXPECT_EQ(error(exchange(late)), "400 invalid_grant");
  // A challenge that somebody took out on the way.
  const std::string stripped = code(with(with(wish("app"), "code_challenge", ""), "code_challenge_method", ""));
  EXPECT_EQ(error(exchange(stripped, "app")), "400 invalid_grant");
}

TEST_F(ProviderTest, ASecondUseOfACodeEndsWhatTheFirstGave) {
  const std::string once = code(wish());
  const auto got = post("/oauth/token", exchange(once));
  EXPECT_TRUE(good(text_of(got, "access_token")));
  EXPECT_EQ(text_of(post("/oauth/token", exchange(once)), "error"), "invalid_grant");
  EXPECT_FALSE(good(text_of(got, "access_token")));
  EXPECT_EQ(
      post("/oauth/token",
           {{"grant_type", "refresh_token"}, {"client_id", "phone"}, {"refresh_token", text_of(got, "refresh_token")}})
          .status,
      400);
}

TEST_F(ProviderTest, RefreshTokensOfPublicClientsTurnAndTellOfThieves) {  // RFC 9700 §4.14.2
  const auto first = tokens();
  const auto turn = [&](const std::string& token, const std::string& scope = "", const std::string& client = "phone") {
    return post("/oauth/token", with({{"grant_type", "refresh_token"}, {"client_id", client}, {"refresh_token", token}},
                                     "scope", scope));
  };
  EXPECT_EQ(text_of(turn(text_of(first, "refresh_token"), "mail.send"), "error"), "invalid_scope");
  EXPECT_EQ(text_of(turn("pabalr_x"), "error"), "invalid_grant");
  EXPECT_EQ(text_of(turn(""), "error"), "invalid_request");
  std::string forged = text_of(first, "refresh_token");
  forged[30] = forged[30] == 'A' ? 'B' : 'A';  // of another family
  EXPECT_EQ(text_of(turn(forged), "error"), "invalid_grant");
  const auto second = turn(text_of(first, "refresh_token"), "email");
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(text_of(second, "scope"), "email");
  EXPECT_EQ(text_of(second, "id_token"), "");
  const auto third = turn(text_of(second, "refresh_token"));
  EXPECT_EQ(text_of(third, "scope"), "openid email mail.read") << "narrower once is not narrower for ever";
  EXPECT_TRUE(good(text_of(third, "access_token")));
  EXPECT_EQ(text_of(turn(text_of(second, "refresh_token")), "error"), "invalid_grant") << "used before";
  EXPECT_FALSE(good(text_of(third, "access_token"))) << "all of the family have ended";
  EXPECT_EQ(text_of(turn(text_of(third, "refresh_token")), "error"), "invalid_grant");
}

TEST_F(ProviderTest, RefreshTokensOfOthersStay) {
  const auto first = tokens("app");
  const std::string refresh = text_of(first, "refresh_token");
  const auto turn = [&](const std::string& client, const std::string& authorization) {
    return post("/oauth/token",
                with({{"grant_type", "refresh_token"}, {"refresh_token", refresh}}, "client_id", client),
                authorization);
  };
  const std::string basic = "Basic " + text::base64("app:app+secret");
  for (int i = 0; i < 3; ++i) {
    const auto again = turn("", basic);
    ASSERT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(text_of(again, "refresh_token"), "");
  }
  EXPECT_EQ(text_of(turn("phone", ""), "error"), "invalid_grant") << "another client's";
  EXPECT_EQ(turn("", "Basic " + text::base64("app:wrong")).status, 401);
  EXPECT_TRUE(turn("", "Basic x").headers.get("WWW-Authenticate"));
  clock.advance(kRefreshLife - days(1));
  EXPECT_EQ(turn("", basic).status, 200);
  clock.advance(kRefreshLife - days(1));
  EXPECT_EQ(turn("", basic).status, 200) << "use keeps it";
  clock.advance(kRefreshLife);
  EXPECT_EQ(text_of(turn("", basic), "error"), "invalid_grant");
}

TEST_F(ProviderTest, AccountsThatHaveGoneGetNoTokens) {
  const auto got = tokens();
  const auto alice = directory->account(*store, "alice@example.com");
  const std::string late = code(wish());
  enable((*alice)->id, false);
  EXPECT_EQ(text_of(post("/oauth/token", exchange(late)), "error"), "invalid_grant");
  enable((*alice)->id, true);
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->remove_account(t, (*alice)->id); }));
  EXPECT_EQ(text_of(post("/oauth/token", {{"grant_type", "refresh_token"},
                                          {"client_id", "phone"},
                                          {"refresh_token", text_of(got, "refresh_token")}}),
                    "error"),
            "invalid_grant");
  EXPECT_FALSE(good(text_of(got, "access_token")));
}

// --- devices --------------------------------------------------------------------------------------------------------

TEST_F(ProviderTest, ADeviceIsConnectedByItsCode) {
  const auto begun = post("/oauth/device_authorization", {{"client_id", "phone"}, {"scope", "mail.read"}});
  ASSERT_EQ(begun.status, 200) << begun.body;
  const std::string device = text_of(begun, "device_code"), shown = text_of(begun, "user_code");
  EXPECT_EQ(shown.size(), 9u);
  EXPECT_EQ(text_of(begun, "verification_uri"), kIssuer + "/device");
  const Pairs poll{
      {"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"client_id", "phone"}, {"device_code", device}};
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "authorization_pending");
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "slow_down");
  clock.advance(seconds(5));
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "slow_down") << "five seconds more now";
  EXPECT_EQ(text_of(post("/oauth/token", with(with(poll, "client_id", "app"), "client_secret", kSecret)), "error"),
            "slow_down");

  EXPECT_THAT(location(get("/device?user_code=" + shown)), StartsWith("/login?next=%2Fdevice%3Fuser_code%3D"));
  sign_in();
  EXPECT_THAT(get("/device?user_code=" + shown).body, HasSubstr("value=\"" + shown + "\""));
  EXPECT_EQ(submit("/device", {{"user_code", "BBBB-BBBB"}}).status, 404);
  EXPECT_EQ(submit("/device", {{"user_code", "what?"}}).status, 404);
  EXPECT_EQ(submit("/device", {{"user_code", shown}}, "https://evil.example").status, 403);
  const auto page = submit("/device", {{"user_code", " " + text::lowered(shown) + " "}});
  ASSERT_EQ(page.status, 200) << page.body;
  EXPECT_THAT(page.body, AllOf(HasSubstr(shown), HasSubstr("The &lt;phone&gt;"), HasSubstr("Read your mail")));
  const Pairs yes{
      {"csrf", field(page.body, "csrf")}, {"user_code", field(page.body, "user_code")}, {"decision", "allow"}};
  EXPECT_EQ(submit("/device", with(yes, "csrf", "x")).status, 403);
  EXPECT_EQ(submit("/device", yes).status, 200);
  EXPECT_EQ(submit("/device", yes).status, 404) << "once";
  clock.advance(seconds(30));
  const auto got = post("/oauth/token", poll);
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_TRUE(good(text_of(got, "access_token")));
  EXPECT_NE(text_of(got, "refresh_token"), "");
  clock.advance(seconds(30));
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "invalid_grant") << "once";
}

TEST_F(ProviderTest, ADeviceMayBeRefusedOrForgotten) {
  sign_in();
  const auto begun = post("/oauth/device_authorization", {{"client_id", "phone"}, {"scope", "mail.read"}});
  Pairs poll{{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
             {"client_id", "phone"},
             {"device_code", text_of(begun, "device_code")}};
  const auto page = submit("/device", {{"user_code", text_of(begun, "user_code")}});
  submit("/device",
         {{"csrf", field(page.body, "csrf")}, {"user_code", text_of(begun, "user_code")}, {"decision", "refuse"}});
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "access_denied");
  const auto other = post("/oauth/device_authorization", {{"client_id", "phone"}, {"scope", "mail.read"}});
  clock.advance(kDeviceLife);
  poll.back().second = text_of(other, "device_code");
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "expired_token");
  EXPECT_EQ(submit("/device", {{"user_code", text_of(other, "user_code")}}).status, 404);
  EXPECT_EQ(text_of(post("/oauth/device_authorization", {{"client_id", "phone"}, {"scope", "root"}}), "error"),
            "invalid_scope");
  EXPECT_EQ(text_of(post("/oauth/device_authorization", {{"client_id", "app"}, {"scope", "mail.read"}}), "error"),
            "invalid_client");
  poll.back().second = "wrong";
  EXPECT_EQ(text_of(post("/oauth/token", poll), "error"), "invalid_grant");
}

TEST_F(ProviderTest, WhoTriesCodesOfDevicesWaits) {
  sign_in();
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(submit("/device", {{"user_code", "BBBB-BBB" + std::string(1, "BCDFGH"[i])}}).status, 404);
  EXPECT_GT(guard.delay("i192.0.2.1"), seconds(0));
}

// --- about tokens ---------------------------------------------------------------------------------------------------

TEST_F(ProviderTest, TokensAreRevoked) {  // RFC 7009
  const auto first = tokens(), second = tokens();
  // As Google's client does.
  EXPECT_EQ(post("/oauth/revoke?token=" + text_of(first, "access_token"), {}).status, 200);
  EXPECT_FALSE(good(text_of(first, "access_token")));
  EXPECT_EQ(post("/oauth/token", {{"grant_type", "refresh_token"},
                                  {"client_id", "phone"},
                                  {"refresh_token", text_of(first, "refresh_token")}})
                .status,
            400);
  EXPECT_TRUE(good(text_of(second, "access_token"))) << "another grant";
  EXPECT_EQ(post("/oauth/revoke",
                 {{"token", text_of(second, "refresh_token")}, {"client_id", "app"}, {"client_secret", kSecret}})
                .status,
            400);
  EXPECT_TRUE(good(text_of(second, "access_token")));
  EXPECT_EQ(post("/oauth/revoke", {{"token", text_of(second, "refresh_token")}, {"client_id", "phone"}}).status, 200);
  EXPECT_FALSE(good(text_of(second, "access_token")));
  for (const char* gone : {"pabal_x", "pabalr_x", "x"}) EXPECT_EQ(post("/oauth/revoke", {{"token", gone}}).status, 200);
  EXPECT_EQ(post("/oauth/revoke", {}).status, 400);
}

TEST_F(ProviderTest, TokensAreLookedAtByTheirClientsAndByResourceServers) {  // RFC 7662
  client("watcher", "watching", true);
  client("other", "other one");
  const auto got = tokens("app");
  const auto look = [&](const std::string& token, const std::string& id, const std::string& secret) {
    return post("/oauth/introspect", {{"token", token}, {"client_id", id}, {"client_secret", secret}});
  };
  for (const char* name : {"access_token", "refresh_token"}) {
    const auto own = look(text_of(got, name), "app", kSecret);
    EXPECT_TRUE(json(own).as_object().at("active").as_bool()) << own.body;
    EXPECT_EQ(text_of(own, "username"), "alice@example.com");
    EXPECT_EQ(text_of(own, "client_id"), "app");
    EXPECT_TRUE(json(look(text_of(got, name), "watcher", "watching")).as_object().at("active").as_bool());
    EXPECT_EQ(look(text_of(got, name), "other", "other one").body, "{\"active\":false}");
  }
  EXPECT_EQ(look("pabal_x", "app", kSecret).body, "{\"active\":false}");
  EXPECT_EQ(look(text_of(got, "access_token"), "app", "wrong").status, 401);
  EXPECT_EQ(look(text_of(got, "access_token"), "phone", "").status, 401) << "a public client proves nothing";
  EXPECT_EQ(look("", "app", kSecret).status, 400);
}

TEST_F(ProviderTest, TokensTellOfThemselvesAndTheirOwners) {
  const auto got = tokens();
  const std::string bearer = "Bearer " + text_of(got, "access_token");
  const auto info = post("/oauth/tokeninfo", {}, bearer);
  EXPECT_EQ(text_of(info, "aud"), "phone");
  EXPECT_EQ(text_of(info, "expires_in"), "3600");
  EXPECT_EQ(text_of(info, "email"), "alice@example.com");
  const auto wrong = post("/oauth/tokeninfo", {{"access_token", "x"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(text_of(wrong, "error"), "invalid_token");
  EXPECT_EQ(text_of(post("/oauth/userinfo", {}, bearer), "email"), "alice@example.com");
  EXPECT_EQ(post("/oauth/userinfo", {}).status, 401);
  EXPECT_EQ(post("/oauth/userinfo", {}, "Bearer " + text_of(tokens("phone", "mail.read"), "access_token")).status, 403);
  sign_in();
  EXPECT_EQ(get("/oauth/userinfo").status, 403) << "a cookie without Sec-Fetch-Site";
}

TEST_F(ProviderTest, ATicketHasTheScopesOfItsToken) {
  const auto got = tokens();
  const auto made = post("/oauth/ticket", {}, "Bearer " + text_of(got, "access_token"));
  ASSERT_EQ(made.status, 200) << made.body;
  const auto ticket = directory->check_token(text_of(made, "ticket"), identity::Token::Kind::kTicket);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(ticket->token.covers(identity::kMailRead));
  EXPECT_FALSE(ticket->token.covers(identity::kMailSend));
  EXPECT_EQ(ticket->token.expires, clock.now() + kTicketLife);
  EXPECT_EQ(post("/oauth/ticket", {}).status, 401);
  const auto own = submit("/oauth/ticket", {});
  const auto all = directory->check_token(text_of(own, "ticket"), identity::Token::Kind::kTicket);
  ASSERT_TRUE(all) << own.body;
  EXPECT_TRUE(all->token.covers(identity::kMailSend)) << "of a browser's session";
  EXPECT_EQ(submit("/oauth/ticket", {}, "https://evil.example").status, 403);
}

// --- documents and registration -------------------------------------------------------------------------------------

TEST_F(ProviderTest, DescribesItself) {
  for (const char* path : {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}) {
    const auto document = get(path);
    EXPECT_EQ(text_of(document, "issuer"), kIssuer);
    EXPECT_EQ(text_of(document, "token_endpoint"), kIssuer + "/oauth/token");
    EXPECT_EQ(text_of(document, "registration_endpoint"), "");
    EXPECT_EQ(*document.headers.get("Access-Control-Allow-Origin"), "*");
  }
  EXPECT_EQ(text_of(get("/.well-known/oauth-protected-resource"), "resource"), kIssuer);
}

TEST_F(ProviderTest, ClientsRegisterThemselvesWhereThatIsOn) {  // RFC 7591
  const auto ask_for = [&](const std::string& body) {
    web::Request request;
    request.method = "POST";
    request.target = "/oauth/register";
    request.body = body;
    return send(request);
  };
  const std::string wanted =
      R"({"client_name":"Robot","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"})";
  EXPECT_EQ(ask_for(wanted).status, 403);
  ASSERT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    book.set_registration(t, true);
    return {};
  }));
  EXPECT_EQ(text_of(get("/.well-known/openid-configuration"), "registration_endpoint"), kIssuer + "/oauth/register");
  const auto made = ask_for(wanted);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text_of(made, "client_secret"), "");
  const auto kept = book.client(*store, text_of(made, "client_id"));
  ASSERT_TRUE(kept && *kept);
  EXPECT_TRUE((*kept)->registered && (*kept)->is_public());
  sign_in();
  EXPECT_THAT(
      ask(with(with(wish(), "client_id", text_of(made, "client_id")), "redirect_uri", "http://127.0.0.1:4000/cb")).body,
      HasSubstr("has registered itself"));
  EXPECT_NE(text_of(ask_for(R"({"redirect_uris":["https://a.example/"]})"), "client_secret"), "");
  for (const auto& [body, error] : std::vector<std::pair<std::string, std::string>>{
           {"", "invalid_client_metadata"},
           {"[]", "invalid_client_metadata"},
           {"{}", "invalid_client_metadata"},
           {R"({"redirect_uris":["http://a.example/"]})", "invalid_redirect_uri"},
           {R"({"redirect_uris":"x"})", "invalid_redirect_uri"},
           {R"({"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"})",
            "invalid_client_metadata"},
           {R"({"redirect_uris":["https://a.example/"],"grant_types":["password"]})", "invalid_client_metadata"},
           {R"({"redirect_uris":["https://a.example/"],"response_types":["token"]})", "invalid_client_metadata"}})
    EXPECT_EQ(text_of(ask_for(body), "error"), error) << body;
}

TEST_F(ProviderTest, WhatIsRemovedTakesItsTokensAlong) {
  const auto got = tokens();
  EXPECT_EQ(book.grants(*store, directory->check_token(text_of(got, "access_token"))->account.id)->size(), 1u);
  ASSERT_TRUE(commit([&](store::Transaction& t) { return book.remove_client(t, "phone"); }));
  EXPECT_FALSE(good(text_of(got, "access_token")));
}

}  // namespace
}  // namespace pabal::oauth
