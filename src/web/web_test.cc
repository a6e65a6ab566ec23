// The pieces behind the wire: targets, routes, codings, conditions, proxies, CORS.
#include <gmock/gmock.h>
#include <zlib.h>

#include "web/answer.h"
#include "web/compress.h"
#include "web/cors.h"
#include "web/proxies.h"
#include "web/target.h"
#include "web/test_server.h"

namespace pabal::web {
namespace {

using testing::HasSubstr;

TEST(Target, PathsAreDecodedAndTricksRefused) {
  const std::tuple<std::string, std::string, size_t> good[] = {{"/", "/", 1},
                                                               {"/a/b", "/a/b", 2},
                                                               {"/a%20b", "/a b", 1},
                                                               {"/%EC%A0%9C", "/제", 1},
                                                               {"/a%2Fb/c", "/a/b/c", 2},
                                                               {"/a/", "/a/", 2},
                                                               {"//a", "//a", 2},
                                                               {"/...", "/...", 1},
                                                               {"/a+b", "/a+b", 1},
                                                               {"/a?x=/../", "/a", 1}};
  for (const auto& [target, path, segments] : good) {
    const auto parsed = parse_target(target);
    ASSERT_TRUE(parsed) << target;
    EXPECT_EQ(parsed->path, path);
    EXPECT_EQ(parsed->segments.size(), segments) << target;
  }
  for (const std::string target : {"", "a", "/..", "/a/../b", "/%2e%2E/b", "/.%2e", "/a/./b", "/%00", "/a%0d%0aB", "/%",
                                   "/%4", "/%zz", "/%ff", "/%c0%af", "/%7f", "/a?%", "/a?x=%00", "/a?x=%ff"})
    EXPECT_FALSE(parse_target(target)) << target;
  std::string deep;
  for (size_t i = 0; i <= kMaxSegments; ++i) deep += "/a";
  EXPECT_EQ(parse_target(deep).code(), Code::kLimit);
  const auto query = parse_target("/?a=1&b=%20+c&a=2&d&=e&&");
  ASSERT_TRUE(query);
  const std::vector<std::pair<std::string, std::string>> want{
      {"a", "1"}, {"b", "  c"}, {"a", "2"}, {"d", ""}, {"", "e"}};
  EXPECT_EQ(query->query, want);
}

Request request_for(const std::string& method, const std::string& target) {
  Request request;
  request.method = method;
  request.target = target;
  const auto parsed = parse_target(target);
  request.path = parsed->path;
  request.segments = parsed->segments;
  return request;
}

// Handlers of these tests never wait.
Response answer_now(Handler& handler, Request request) {
  Response out;
  bool done = false;
  start_detached(
      [](Handler* h, Request r, Response* to) -> Task<void> {
        Task<Response> handling = h->handle(std::move(r));
        *to = co_await handling;
      }(&handler, std::move(request), &out),
      [&](std::exception_ptr) { done = true; });
  EXPECT_TRUE(done);
  return out;
}

Handle says(std::string word) {
  return [word](Request r) {
    std::string out = word;
    for (const auto& [name, value] : r.params) out += " " + name + "=" + value;
    return [](std::string body) -> Task<Response> { co_return with_body("text/plain", body); }(out);
  };
}

TEST(Router, ExactSegmentsWinAndNamesAreFilled) {
  Router router;
  router.add("GET", "/users/{user}/messages", says("list"));
  router.add("POST", "/users/{user}/messages/send", says("send"), {77, true});
  router.add("GET", "/users/{user}/messages/{id}", says("get"));
  router.add("GET", "/users/me/profile", says("me"));
  router.add("GET", "/app/{path*}", says("app"));
  const std::tuple<std::string, std::string, int, std::string> cases[] = {
      {"GET", "/users/me/messages", 200, "list user=me"},
      {"GET", "/users/a%2Fb/messages/7", 200, "get id=7 user=a/b"},
      {"POST", "/users/me/messages/send", 200, "send user=me"},
      {"GET", "/users/me/profile", 200, "me"},
      {"GET", "/users/you/profile", 404, ""},
      {"GET", "/users//messages", 404, ""},
      {"GET", "/users/me/messages/", 404, ""},
      {"DELETE", "/users/me/messages", 405, ""},
      {"GET", "/users/me/messages/send", 405, ""},
      {"HEAD", "/users/me/messages", 200, "list user=me"},
      {"GET", "/app/x/y.js", 200, "app path=x/y.js"},
      {"GET", "/app/", 200, "app path="},
      {"OPTIONS", "/users/me/messages", 204, ""}};
  for (const auto& [method, target, status, body] : cases) {
    const Response response = answer_now(router, request_for(method, target));
    EXPECT_EQ(response.status, status) << method << " " << target;
    if (status == 200) { EXPECT_EQ(response.body, body); }
  }
  EXPECT_EQ(*answer_now(router, request_for("PUT", "/users/me/messages")).headers.get("Allow"), "OPTIONS, GET, HEAD");
  EXPECT_EQ(router.body_rule(request_for("POST", "/users/x/messages/send")).limit, 77u);
  EXPECT_EQ(router.body_rule(request_for("GET", "/users/x/messages")).limit, kMaxBody);
}

TEST(Compress, TheBestCodingThatTheClientTakes) {
  const std::pair<std::string, Coding> cases[] = {{"", Coding::kIdentity},
                                                  {"gzip, deflate, br, zstd", Coding::kBrotli},
                                                  {"gzip, zstd", Coding::kZstd},
                                                  {"br;q=0.5, gzip", Coding::kGzip},
                                                  {"br;q=0, *", Coding::kZstd},
                                                  {"*;q=0", Coding::kIdentity},
                                                  {"gzip;q=0.1, identity", Coding::kIdentity},
                                                  {"GZIP;Q=0.9", Coding::kGzip},
                                                  {"gzip;q=2", Coding::kIdentity},
                                                  {"gzip;q=", Coding::kIdentity},
                                                  {"identity;q=0", Coding::kIdentity}};
  for (const auto& [field, coding] : cases) EXPECT_EQ(choose_coding(field), coding) << field;
}

TEST(Answer, TextIsCompressedWhereTheHandlerSaysSo) {
  const std::string text(5'000, 'a');
  Asked asked;
  asked.accept_encoding = "gzip";
  Response response = with_etag(with_body("application/json", text));
  EXPECT_EQ(finished(std::move(response), asked, Time()).body, text);
  response = with_etag(with_body("application/json", text));
  response.compress = true;
  const Response coded = finished(std::move(response), asked, Time());
  EXPECT_EQ(*coded.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(*coded.headers.get("Vary"), "Accept-Encoding");
  EXPECT_THAT(*coded.headers.get("ETag"), testing::StartsWith("W/\""));
  std::string back(10'000, '\0');
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.body.data()));
  z.avail_in = static_cast<uInt>(coded.body.size());
  z.next_out = reinterpret_cast<Bytef*>(back.data());
  z.avail_out = static_cast<uInt>(back.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  back.resize(z.total_out);
  inflateEnd(&z);
  EXPECT_EQ(back, text);
  for (const std::string type : {"image/png", "application/octet-stream"}) {
    response = with_body(type, text);
    response.compress = true;
    EXPECT_EQ(finished(std::move(response), asked, Time()).body, text);
  }
}

TEST(Answer, WhatTheClientHasIsNotSentAgain) {
  const Response fresh = with_etag(with_body("text/plain", "x"));
  const std::string tag = *fresh.headers.get("ETag");
  for (const auto& [field, status] : {std::pair(tag, 304), std::pair("W/" + tag, 304), std::pair("\"a\", " + tag, 304),
                                      std::pair(std::string("*"), 304), std::pair(std::string("\"a\""), 200)}) {
    Asked asked;
    asked.conditional = true;
    asked.if_none_match = field;
    const Response response = finished(with_etag(with_body("text/plain", "x")), asked, Time());
    EXPECT_EQ(response.status, status) << field;
    EXPECT_EQ(response.body, status == 304 ? "" : "x");
  }
}

TEST(Answer, FieldsCannotBeSplitAndTheHandlerHasTheLastWord) {
  Response response = with_body("text/html", "x");
  response.headers.set("Content-Security-Policy", "default-src 'self'");
  response.headers.add("X", "a\r\nSet-Cookie: b");
  response.headers.add("bad name", "c");
  response.headers.add("Transfer-Encoding", "chunked");
  Asked asked;
  asked.secure = true;
  const Response out = finished(std::move(response), asked, Time());
  EXPECT_EQ(*out.headers.get("X"), "a  Set-Cookie: b");
  EXPECT_FALSE(out.headers.get("bad name"));
  EXPECT_FALSE(out.headers.get("Transfer-Encoding"));
  EXPECT_EQ(*out.headers.get("Content-Security-Policy"), "default-src 'self'");
  EXPECT_EQ(*out.headers.get("Strict-Transport-Security"), "max-age=31536000");
  EXPECT_EQ(*out.headers.get("Server"), "Pabal");
  EXPECT_EQ(*out.headers.get("Date"), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(Problem, IsJsonWhateverTheWords) {
  const Response response = problem(404, "no \"such\"\n\\thing");
  EXPECT_EQ(response.body, "{\"status\":404,\"title\":\"Not Found\",\"detail\":\"no \\\"such\\\"\\u000a\\\\thing\"}\n");
  EXPECT_EQ(*response.headers.get("Content-Type"), "application/problem+json");
}

TEST(Proxies, AreBelievedOnlyWhenTrusted) {
  const Networks trusted{*parse_network("10.0.0.0/8"), *parse_network("2001:db8::1")};
  struct Case {
    const char *peer, *field, *value, *client, *scheme;
  };
  const Case cases[] = {
      {"192.0.2.9", "X-Forwarded-For", "198.51.100.1", "192.0.2.9", "http"},
      {"10.1.2.3", "X-Forwarded-For", "198.51.100.1", "198.51.100.1", "http"},
      {"10.1.2.3", "X-Forwarded-For", "6.6.6.6, 198.51.100.1", "198.51.100.1", "http"},
      {"10.1.2.3", "X-Forwarded-For", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1", "http"},
      {"10.1.2.3", "X-Forwarded-For", "198.51.100.1, nonsense", "10.1.2.3", "http"},
      {"10.1.2.3", "X-Forwarded-For", "2001:db8::99", "2001:db8::99", "http"},
      {"2001:db8::1", "Forwarded", "for=198.51.100.7;proto=https", "198.51.100.7", "https"},
      {"10.1.2.3", "Forwarded", "for=6.6.6.6, For=\"[2001:db8::7]:4711\"; Proto=HTTPS", "2001:db8::7", "https"},
      {"10.1.2.3", "Forwarded", "for=_hidden", "10.1.2.3", "http"},
      {"10.1.2.3", "Forwarded", "for=198.51.100.7;proto=gopher", "198.51.100.7", "http"},
      {"10.1.2.3", "X-Forwarded-Proto", "https", "10.1.2.3", "http"},
  };
  for (const Case& c : cases) {
    Request request;
    request.client = {c.peer, 1};
    request.scheme = "http";
    request.headers.add(c.field, c.value);
    believe(trusted, request);
    EXPECT_EQ(request.client.ip, c.client) << c.value;
    EXPECT_EQ(request.scheme, c.scheme) << c.value;
  }
  Request both;
  both.client = {"10.1.2.3", 1};
  both.headers.add("Forwarded", "for=6.6.6.6");
  both.headers.add("X-Forwarded-For", "198.51.100.1");
  believe(trusted, both);
  EXPECT_EQ(both.client.ip, "10.1.2.3");
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0/8", "x", "::1/129", "10.0.0.0/"})
    EXPECT_FALSE(parse_network(bad)) << bad;
}

TEST(Cors, OpensTheApiAndNothingElse) {
  Router router;
  router.add("GET", "/api/x", says("x"));
  router.add("GET", "/upload/x", says("x"));
  router.add("GET", "/other", says("y"));
  Cors cors(router, {"/api/", "/upload/"}, {{"https://app.example"}, {"ETag"}});
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& origin, bool preflight) {
    Request request = request_for(method, path);
    request.headers.add("Origin", origin);
    if (preflight) request.headers.add("Access-Control-Request-Method", "PUT");
    return answer_now(cors, std::move(request));
  };
  const Response preflight = ask("OPTIONS", "/api/x", "https://app.example", true);
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(*preflight.headers.get("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_THAT(*preflight.headers.get("Access-Control-Allow-Methods"), HasSubstr("PUT"));
  for (const char* path : {"/api/x", "/upload/x"})
    EXPECT_EQ(*ask("GET", path, "https://app.example", false).headers.get("Access-Control-Expose-Headers"), "ETag");
  for (const Response& closed :
       {ask("GET", "/api/x", "https://evil.example", false), ask("OPTIONS", "/api/x", "https://evil.example", true),
        ask("GET", "/other", "https://app.example", false)})
    EXPECT_FALSE(closed.headers.get("Access-Control-Allow-Origin"));
}

}  // namespace
}  // namespace pabal::web
