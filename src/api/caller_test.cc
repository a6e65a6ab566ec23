#include "api/caller.h"

#include <gmock/gmock.h>

#include "identity/test_directory.h"
#include "net/sim.h"

namespace pabal::api {
namespace {

using testing::HasSubstr;
using testing::Not;

struct CallersTest : testing::Test, identity::TestDirectory {
  net::SimLoop loop;
  std::unique_ptr<net::Pool> pool = net::make_pool(1, 10);
  identity::LoginGuard guard{loop};
  identity::Login login{*directory, *pool, guard, random};
  Callers callers{login, "mail.example.com"};
  identity::Account alice;

  CallersTest() {
    EXPECT_TRUE(domain("example.com"));
    alice = *account("alice@example.com");
  }
  std::string issue(std::vector<std::string> scopes, Duration life = days(1),
                    identity::Token::Kind kind = identity::Token::Kind::kAccess) {
    const std::string secret = directory->make_token(alice.id);
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      identity::Token token;
      token.kind = kind;
      token.scopes = scopes;
      token.expires = clock.now() + life;
      const auto issued = directory->issue_token(t, alice.id, secret, token);
      return issued ? Result<void>() : issued.error();
    }));
    return secret;
  }
  web::Request request(const std::string& authorization = "", const std::string& ip = "192.0.2.1") {
    web::Request out;
    out.method = "GET";
    out.path = "/";
    out.scheme = "https";
    out.loop = &loop;
    out.client.ip = ip;
    if (!authorization.empty()) out.headers.add("Authorization", authorization);
    return out;
  }
  static Task<void> keep(Task<Admission> task, std::optional<Admission>* out) { out->emplace(co_await task); }
  Admission admit(const web::Request& request, std::vector<std::string_view> needs = {identity::kMailRead}) {
    std::optional<Admission> out;
    loop.spawn(keep(callers.admit(request, needs), &out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(10)));
    return out.value_or(Admission{});
  }
};

TEST_F(CallersTest, AreTheOwnersOfTheirTokens) {
  const std::string secret = issue({"mail.read"});
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  "}) {
    const Admission admission = admit(request(scheme + secret));
    ASSERT_TRUE(admission.caller) << admission.why;
    EXPECT_EQ(admission.caller->account.name, "alice@example.com");
    EXPECT_TRUE(admission.caller->may(identity::kMailModify));
    EXPECT_FALSE(admission.caller->may(identity::kMailSend));
  }
}

TEST_F(CallersTest, WithoutATokenAreToldOfTheSchemeOnly) {  // RFC 6750 §3.1
  for (const char* field : {"", "Basic YTpi", "Digest x", "Bear x"}) {
    const Admission admission = admit(request(field));
    EXPECT_EQ(admission.status, 401) << field;
    EXPECT_EQ(admission.challenge, "Bearer realm=\"mail.example.com\"") << field;
    const web::Response response = refusal(admission);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(*response.headers.get("WWW-Authenticate"), admission.challenge);
    EXPECT_THAT(response.body, HasSubstr("Authorization: Bearer TOKEN"));
  }
}

TEST_F(CallersTest, WhoWriteItWronglyAreToldSo) {
  const std::string secret = issue({"mail.read"});
  for (const std::string& field :
       {std::string("Bearer"), std::string("Bearer "), std::string("Bearer a b"), "Bearer\t" + secret,
        "Bearer \"" + secret + "\"", "Bearer " + secret + ", " + secret, std::string("Bearer ==")}) {
    const Admission admission = admit(request(field));
    EXPECT_EQ(admission.status, 400) << field;
    EXPECT_THAT(admission.challenge, HasSubstr("error=\"invalid_request\"")) << field;
  }
  web::Request twice = request("Bearer " + secret);
  twice.headers.add("authorization", "Bearer " + secret);
  EXPECT_EQ(admit(twice).status, 400);
  EXPECT_EQ(guard.delay("i192.0.2.1"), seconds(0)) << "no guess";
}

TEST_F(CallersTest, WithTokensThatAreNotGoodAreRefused) {
  const std::string expired = issue({"mail.read"}, hours(1)), revoked = issue({"mail.read"});
  clock.advance(hours(1));
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->revoke_tokens(t, alice.id); }));
  int n = 1;
  for (const std::string& token : {std::string("pabal_wrong"), std::string("ya29.foreign"), expired, revoked,
                                   directory->make_token(alice.id), directory->make_token(77)}) {
    const Admission admission = admit(request("Bearer " + token, "192.0.2." + std::to_string(++n)));
    EXPECT_EQ(admission.status, 401) << token;
    EXPECT_THAT(admission.challenge, HasSubstr("error=\"invalid_token\"")) << token;
    EXPECT_THAT(admission.why + admission.challenge, Not(HasSubstr(token)));
  }
  const std::string disabled = issue({"mail.read"});
  enable(alice.id, false);
  EXPECT_EQ(admit(request("Bearer " + disabled)).status, 401);
}

TEST_F(CallersTest, NeedTheScope) {
  const std::string sending = issue({"mail.send"}),
                    metadata = issue({"https://www.googleapis.com/auth/gmail.metadata"});
  const Admission admission = admit(request("Bearer " + sending), {identity::kMailModify});
  EXPECT_EQ(admission.status, 403);
  EXPECT_FALSE(admission.caller);
  EXPECT_EQ(admission.challenge,
            "Bearer realm=\"mail.example.com\", error=\"insufficient_scope\", scope=\"mail.read\"");
  EXPECT_TRUE(admit(request("Bearer " + sending), {identity::kMailModify, identity::kMailSend}).caller);
  EXPECT_TRUE(admit(request("Bearer " + metadata), {identity::kMailRead, identity::kMailMetadata}).caller);
  EXPECT_EQ(admit(request("Bearer " + metadata)).status, 403);
  EXPECT_TRUE(admit(request("Bearer " + metadata), {}).caller);
  EXPECT_EQ(guard.delay("i192.0.2.1"), seconds(0)) << "no guess";
}

TEST_F(CallersTest, WhoGuessWaitAndAreSentAwayWhenTooManyWait) {
  const std::string good = issue({"mail.read"});
  const Time begin = loop.now();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(admit(request("Bearer pabal_guess")).status, 401);
  EXPECT_GE(loop.now() - begin, seconds(1 + 2 + 4 + 8 + 16));
  std::list<web::Request> requests;
  std::list<std::optional<Admission>> answers;
  for (int i = 0; i < 10; ++i) {
    requests.push_back(request("Bearer " + good));
    answers.emplace_back();
    loop.spawn(keep(callers.admit(requests.back(), identity::kMailRead), &answers.back()));
  }
  loop.run_until(
      [&] { return std::all_of(answers.begin(), answers.end(), [](const auto& a) { return a.has_value(); }); },
      minutes(10));
  size_t sent_away = 0;
  for (const auto& answer : answers)
    if (answer->status == 429) ++sent_away;
  EXPECT_GE(sent_away, 5u);
  EXPECT_TRUE(answers.front()->caller) << "the good token is let in, in its turn";
  EXPECT_TRUE(admit(request("Bearer " + good, "192.0.2.99")).caller) << "others do not wait";
}

struct BrowserTest : CallersTest {
  std::string session = issue({}, days(1), identity::Token::Kind::kSession);

  web::Request from_page(const std::string& method, const std::string& origin, const std::string& site) {
    web::Request out = request();
    out.method = method;
    out.host = "mail.example.com:8443";
    out.headers.add("Cookie", "theme=dark; __Host-pabal-session=" + session);
    if (!origin.empty()) out.headers.add("Origin", origin);
    if (!site.empty()) out.headers.add("Sec-Fetch-Site", site);
    return out;
  }
};

TEST_F(BrowserTest, PagesOfTheOwnOriginAreLetInByTheirCookie) {
  const std::string ours = "https://mail.example.com:8443";
  for (const auto& [method, origin, site] :
       std::vector<std::tuple<std::string, std::string, std::string>>{{"GET", "", "same-origin"},
                                                                      {"GET", ours, ""},
                                                                      {"GET", ours, "same-origin"},
                                                                      {"GET", "", "none"},
                                                                      {"HEAD", "", "same-origin"},
                                                                      {"POST", ours, "same-origin"},
                                                                      {"POST", ours, ""},
                                                                      {"DELETE", ours, ""}}) {
    const Admission admission = admit(from_page(method, origin, site), {identity::kMailSend});
    ASSERT_TRUE(admission.caller) << method << origin << site << admission.why;
    EXPECT_TRUE(admission.caller->in_browser());
  }
  EXPECT_TRUE(callers.signed_in(from_page("GET", "", "cross-site")));
}

TEST_F(BrowserTest, OtherPagesAreNot) {
  const std::string ours = "https://mail.example.com:8443";
  for (const auto& [method, origin, site] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"GET", "", ""},
           {"GET", "", "cross-site"},
           {"GET", "", "same-site"},
           {"GET", "https://evil.example", ""},
           {"GET", "https://evil.example", "same-origin"},
           {"GET", "null", ""},
           {"GET", "https://mail.example.com", ""},
           {"GET", "http://mail.example.com:8443", ""},
           {"POST", "", ""},
           {"POST", "", "same-origin"},
           {"POST", "", "none"},
           {"POST", "null", "same-origin"},
           {"POST", ours, "same-site"},
           {"DELETE", "https://evil.example", "cross-site"}}) {
    const Admission admission = admit(from_page(method, origin, site));
    EXPECT_FALSE(admission.caller) << method << " " << origin << " " << site;
    EXPECT_EQ(admission.status, 403);
    EXPECT_EQ(admission.challenge, "");
  }
}

TEST_F(BrowserTest, SessionsAreNoTokensAndTokensNoSessions) {
  EXPECT_EQ(admit(request("Bearer " + session)).status, 401);
  const std::string token = issue({"mail.read"});
  web::Request request = from_page("GET", "", "same-origin");
  request.headers.set("Cookie", "__Host-pabal-session=" + token);
  const Admission admission = admit(request);
  EXPECT_EQ(admission.status, 401);
  EXPECT_THAT(admission.why, HasSubstr("sign in"));
  EXPECT_EQ(callers.signed_in(request).code(), Code::kDenied);
  EXPECT_EQ(guard.delay("i192.0.2.1"), seconds(0));

  for (const std::string& cookies : {std::string(), "__Host-pabal-session=" + session + "; __Host-pabal-session=x",
                                     "pabal-session=" + session, "x__Host-pabal-session=" + session,
                                     std::string("__Host-pabal-session"), std::string("__Host-pabal-session=")}) {
    request.headers.set("Cookie", cookies);
    EXPECT_EQ(session_secret(request), "") << cookies;
    EXPECT_EQ(admit(request).status, 401);
  }
  request.headers.set("Cookie", "a=b");
  request.headers.add("cookie", "__Host-pabal-session=" + session);  // HTTP/2 may send them apart
  EXPECT_TRUE(admit(request).caller);
  request.headers.add("Authorization", "Bearer pabal_wrong");
  EXPECT_EQ(admit(request).status, 401) << "who sends a token is asked for it";
}

TEST_F(BrowserTest, ATicketIsGoodOnce) {
  const std::string ticket = issue({"mail.read"}, minutes(1), identity::Token::Kind::kTicket);
  web::Request request = this->request();
  request.query = {{"ticket", ticket}};
  EXPECT_EQ(admit(this->request("Bearer " + ticket)).status, 401) << "not as a bearer token";
  const Admission admission = admit(request);
  ASSERT_TRUE(admission.caller) << admission.why;
  EXPECT_FALSE(admission.caller->may(identity::kMailSend));
  EXPECT_EQ(admit(request).status, 401);
  request.query = {{"ticket", issue({"mail.read"}, minutes(1), identity::Token::Kind::kTicket)}};
  clock.advance(minutes(1));
  EXPECT_EQ(admit(request).status, 401);
  request.query = {{"ticket", issue({"mail.read"})}};
  EXPECT_EQ(admit(request).status, 401) << "no access tokens in targets, which logs keep";
  EXPECT_EQ(guard.delay("i192.0.2.1"), seconds(0));
}

}  // namespace
}  // namespace pabal::api
