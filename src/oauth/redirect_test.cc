#include "oauth/redirect.h"

#include <gmock/gmock.h>

#include "oauth/form.h"

namespace pabal::oauth {
namespace {

TEST(Redirect, GoesToHttpsTheLoopbackOrAnAppOfItsOwn) {
  for (const char* good : {"https://app.example.com/cb", "https://app.example.com:8443/cb?x=1", "https://a.example",
                           "https://[2001:db8::1]/", "http://127.0.0.1/", "http://127.0.0.1:8080/cb", "http://[::1]/cb",
                           "http://localhost:3000/cb", "com.example.app:/callback", "com.example.app://callback",
                           "io.github.some-one.app:/x"})
    EXPECT_TRUE(check_redirect(good)) << good;
  for (const char* bad : {"",
                          "/cb",
                          "app.example.com/cb",
                          "http://app.example.com/cb",
                          "http://127.0.0.1.evil.example/",
                          "http://127.0.0.1@evil.example/",
                          "http://127.0.0.1:99999/",
                          "http://127.0.0.1:x/",
                          "https://app.example.com/cb#x",
                          "https:///cb",
                          "https:cb",
                          "https://",
                          "https://APP.example.com/",
                          "https://user@app.example.com/",
                          "https://app.example.com\\@evil/",
                          "https://a b/",
                          "https://a/\n",
                          "https://a/{x}",
                          "https://a/*<",
                          "javascript:alert(1)",
                          "data:text/html,x",
                          "file:///etc/passwd",
                          "myapp:/cb",
                          "Com.Example:/cb",
                          "com.example.app://",
                          "ftp://a.example/"})
    EXPECT_FALSE(check_redirect(bad)) << bad;
  EXPECT_FALSE(check_redirect("https://a.example/" + std::string(1'000, 'x')));
}

TEST(Redirect, IsTheSameTextButForThePortOfTheLoopback) {  // RFC 9700 §4.1.3, RFC 8252 §7.3
  EXPECT_TRUE(same_redirect("https://a.example/cb", "https://a.example/cb"));
  for (const char* other :
       {"https://a.example/cb/", "https://a.example/cb?x", "https://a.example:443/cb", "https://a.example/CB",
        "http://a.example/cb", "https://a.example.evil/cb", "https://a.example/c%62", ""})
    EXPECT_FALSE(same_redirect("https://a.example/cb", other)) << other;
  EXPECT_TRUE(same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"));
  EXPECT_TRUE(same_redirect("http://127.0.0.1:1/cb", "http://127.0.0.1/cb"));
  EXPECT_TRUE(same_redirect("http://[::1]/", "http://[::1]:9/"));
  EXPECT_FALSE(same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:51004/other"));
  EXPECT_FALSE(same_redirect("http://127.0.0.1/cb", "http://localhost/cb"));
  EXPECT_FALSE(same_redirect("http://127.0.0.1/cb", "https://127.0.0.1:5/cb"));
}

TEST(Redirect, CarriesParametersPercentEncoded) {
  EXPECT_EQ(with_parameters("https://a.example/cb", {{"code", "a/b+c"}, {"state", "x y&z=1\r\n"}}),
            "https://a.example/cb?code=a%2Fb%2Bc&state=x%20y%26z%3D1%0D%0A");
  EXPECT_EQ(with_parameters("https://a.example/cb?p=1", {{"iss", "https://m"}}),
            "https://a.example/cb?p=1&iss=https%3A%2F%2Fm");
  EXPECT_EQ(with_parameters("/device", {}), "/device");
  EXPECT_EQ(csp_source("https://a.example:8443/cb?x"), "https://a.example:8443");
  EXPECT_EQ(csp_source("http://127.0.0.1:5/cb"), "http://127.0.0.1:5");
  EXPECT_EQ(csp_source("http://[::1]:5/cb"), "http:");
  EXPECT_EQ(csp_source("com.example.app:/cb"), "com.example.app:");
}

TEST(Form, ReadsBasicAsClientsEncodeIt) {                        // RFC 6749 §2.3.1
  const auto basic = parse_basic("Basic YSUyRmI6cCUzQXcrZA==");  // a%2Fb:p%3Aw+d
  ASSERT_TRUE(basic);
  EXPECT_EQ(basic->first, "a/b");
  EXPECT_EQ(basic->second, "p:w d");
  for (const char* bad :
       {"", "Basic", "Basic !", "Bearer YTpi", "Basic YQ==", "Basic OmI=", "Basic YSZiOmM=", "Basic YSU6Yg=="})
    EXPECT_FALSE(parse_basic(bad)) << bad;
}

TEST(Form, KnowsWhatComesTwiceAndWhatIsLeftOut) {
  web::Request request;
  request.body = "a=1&b=&c=x+y%26&a=2";
  request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  const auto form = Form::read(request);
  ASSERT_TRUE(form);
  EXPECT_EQ(form->repeated(), "a");
  EXPECT_EQ(form->get("c"), "x y&");
  EXPECT_FALSE(form->has("b"));
  EXPECT_FALSE(form->has("d"));
  request.headers.set("Content-Type", "application/json");
  EXPECT_FALSE(Form::read(request));
  request.body.clear();
  EXPECT_TRUE(Form::read(request));
  EXPECT_THAT(scope_list(" a  b a "), testing::ElementsAre("a", "b"));
}

}  // namespace
}  // namespace pabal::oauth
