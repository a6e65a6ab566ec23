#include "jmap/dispatch.h"

#include "jmap/references.h"
#include "jmap/standard.h"
#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

constexpr char kUsing[] = "\"using\":[\"urn:ietf:params:jmap:core\"]";

std::string type_of(const Jmap::Reply& reply) { return std::string(reply.body.at("type").as_string()); }

TEST(JmapRequest, WhatIsNoRequestIsRefusedAsAWhole) {
  World world;
  const auto refused = [&](const std::string& text, std::string_view type) {
    const Jmap::Reply reply = world.process(world.alice, text);
    EXPECT_EQ(reply.status, 400) << text;
    EXPECT_EQ(type_of(reply), "urn:ietf:params:jmap:error:" + std::string(type)) << text;
    return reply;
  };
  refused("{", "notJSON");
  refused("\xff", "notJSON");
  refused("[]", "notRequest");
  refused("{}", "notRequest");
  refused(std::string("{") + kUsing + ",\"methodCalls\":{}}", "notRequest");
  refused(std::string("{") + kUsing + ",\"methodCalls\":[[\"Core/echo\",{}]]}", "notRequest");
  refused(std::string("{") + kUsing + ",\"methodCalls\":[[\"Core/echo\",[],\"0\"]]}", "notRequest");
  refused(std::string("{") + kUsing + ",\"createdIds\":{\"a\":1},\"methodCalls\":[]}", "notRequest");
  refused("{\"using\":[1],\"methodCalls\":[]}", "notRequest");
  refused("{\"using\":[\"urn:x\"],\"methodCalls\":[]}", "unknownCapability");
  std::string many;
  for (size_t i = 0; i <= kMaxCallsInRequest; ++i) many += std::string(i ? "," : "") + "[\"Core/echo\",{},\"0\"]";
  const auto calls = refused(std::string("{") + kUsing + ",\"methodCalls\":[" + many + "]}", "limit");
  EXPECT_EQ(calls.body.at("limit"), "maxCallsInRequest");
  const auto deep = refused(std::string("{") + kUsing + ",\"methodCalls\":" + std::string(100'000, '['), "limit");
  EXPECT_EQ(deep.body.at("limit"), "maxSizeRequest");
  EXPECT_EQ(refused(std::string(kMaxSizeRequest + 1, ' '), "limit").body.at("limit"), "maxSizeRequest");
}

TEST(JmapRequest, CallsAreAnsweredInOrderAndEachFailsAlone) {
  World world;
  const json::array answers =
      world.calls(world.alice, R"(["Core/echo",{"a":[1,"x",null]},"one"],["No/such",{},"two"],["Core/echo",{},"two"])");
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0], parse(R"(["Core/echo",{"a":[1,"x",null]},"one"])"));
  EXPECT_EQ(answers[1].at(0), "error");
  EXPECT_EQ(answers[1].at(1).at("type"), "unknownMethod");
  EXPECT_EQ(answers[1].at(2), "two");
  EXPECT_EQ(answers[2], parse(R"(["Core/echo",{},"two"])"));
  // The capability of a method must be named.
  EXPECT_EQ(api::to_text(world.process(world.alice, R"({"using":[],"methodCalls":[["Core/echo",{},"0"]]})").body)
                    .find("unknownMethod") != std::string::npos,
            true);
}

TEST(JmapRequest, EveryMethodRefusesArgumentsItDoesNotKnow) {
  World world;
  for (const auto& [name, method] : world.jmap->methods().all()) {
    if (name == "Core/echo") continue;
    const std::string whose = method.for_account ? "\"accountId\":\"" + account_id(world.alice) + "\"," : "";
    const json::array answers = world.calls(world.alice, "[\"" + name + "\",{" + whose + "\"idz\":null},\"0\"]");
    EXPECT_EQ(answers.at(0).at(1).at("type"), "invalidArguments") << name;
    EXPECT_EQ(answers.at(0).at(1).at("description"), "there is no argument idz") << name;
  }
  // A method of nobody's account has no accountId, and those that are none of the standard ones take none of theirs.
  const auto type = [&](const std::string& call) { return world.calls(world.alice, call).at(0).at(1).at("type"); };
  EXPECT_EQ(type(R"(["PushSubscription/get",{"accountId":"A1"},"0"])"), "invalidArguments");
  EXPECT_EQ(type(R"(["PushSubscription/set",{"ifInState":"1"},"0"])"), "invalidArguments");
  EXPECT_EQ(world.call(world.alice, "SearchSnippet/get", R"({"emailIds":[],"ids":[]})").at("type"), "invalidArguments");
}

TEST(JmapRequest, ATokenCallsWhatItCovers) {
  World world;
  const auto type = [&](const std::string& method, const std::string& arguments = "{}") {
    const json::object answer = world.call(world.alice, method, arguments);
    return answer.contains("type") ? std::string(answer.at("type").as_string()) : "";
  };
  const std::string google = "https://www.googleapis.com/auth/gmail.";
  world.scopes = {google + "metadata"};
  EXPECT_EQ(type("Mailbox/get"), "");
  EXPECT_EQ(type("Thread/get", R"({"ids":[]})"), "");
  for (const char* method : {"Email/get", "Email/query", "Blob/get", "Email/set", "Email/import", "EmailSubmission/set",
                             "SieveScript/get", "VacationResponse/get", "Identity/get"})
    EXPECT_EQ(type(method), "forbidden") << method;
  world.scopes = {google + "settings.basic"};
  EXPECT_EQ(type("VacationResponse/get"), "");
  EXPECT_EQ(type("Mailbox/get"), "forbidden");
  world.scopes = {google + "send"};
  EXPECT_EQ(type("EmailSubmission/set"), "");
  EXPECT_EQ(type("Identity/get"), "");
  EXPECT_EQ(type("Email/get"), "forbidden");
  world.scopes = {"openid"};
  EXPECT_EQ(type("Mailbox/get"), "forbidden");
  EXPECT_EQ(type("Core/echo"), "");
}

TEST(JmapRequest, TheDoorOpensToTokensThatHaveSomethingToCall) {
  World world;
  const auto status = [&](const std::string& scope) {
    return world.http("GET", "/jmap/session", "", world.token(world.alice, {scope})).status;
  };
  EXPECT_EQ(status("https://www.googleapis.com/auth/gmail.compose"), 200);
  EXPECT_EQ(status("mail.send"), 200);
  EXPECT_EQ(status("openid"), 403);
}

TEST(JmapRequest, CreatedIdsComeBackWhereTheyWereGiven) {
  World world;
  const auto reply =
      world.process(world.alice, std::string("{") + kUsing + R"(,"methodCalls":[],"createdIds":{"k":"M1"}})");
  EXPECT_EQ(reply.body.at("createdIds"), parse(R"({"k":"M1"})"));
  EXPECT_FALSE(
      world.process(world.alice, std::string("{") + kUsing + ",\"methodCalls\":[]}").body.contains("createdIds"));
  EXPECT_FALSE(reply.body.at("sessionState").as_string().empty());
}

TEST(JmapReferences, LeadThroughObjectsArraysAndStars) {
  World world;
  const json::array answers = world.calls(world.alice, R"(
      ["Core/echo",{"list":[{"id":"a","ids":["1","2"]},{"id":"b","ids":["3"]}],"a/b~c":7},"0"],
      ["Core/echo",{"#x":{"resultOf":"0","name":"Core/echo","path":"/list/*/id"},
                    "#y":{"resultOf":"0","name":"Core/echo","path":"/list/*/ids"},
                    "#z":{"resultOf":"0","name":"Core/echo","path":"/a~1b~0c"},
                    "#w":{"resultOf":"0","name":"Core/echo","path":"/list/1/id"}},"1"])");
  EXPECT_EQ(answers.at(1).at(1), parse(R"({"x":["a","b"],"y":["1","2","3"],"z":7,"w":"b"})"));
  const auto type = [&](const std::string& arguments) {
    const json::array out =
        world.calls(world.alice, R"(["Core/echo",{"list":[1]},"0"],["Core/echo",)" + arguments + ",\"1\"]");
    return std::string(out.at(1).at(1).at("type").as_string());
  };
  EXPECT_EQ(type(R"({"#x":{"resultOf":"0","name":"Core/echo","path":"/list/01"}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"0","name":"Core/echo","path":"/list/1"}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"0","name":"Core/echo","path":"list"}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"9","name":"Core/echo","path":"/list"}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"0","name":"Email/get","path":"/list"}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"1","name":"Core/echo","path":""}})"), "invalidResultReference");
  EXPECT_EQ(type(R"({"#x":{"resultOf":"0","name":"Core/echo"}})"), "invalidArguments");
  EXPECT_EQ(type(R"({"x":1,"#x":{"resultOf":"0","name":"Core/echo","path":"/list"}})"), "invalidArguments");
}

// Each call doubles what the one before said: unbounded, 64 of them are more than all memory.
TEST(JmapReferences, BombsMeetALimit) {
  World world;
  std::string calls = R"(["Core/echo",{"a":")" + std::string(1000, 'x') + R"("},"0"])";
  for (size_t i = 1; i < kMaxCallsInRequest; ++i) {
    const std::string reference = R"({"resultOf":")" + std::to_string(i - 1) + R"(","name":"Core/echo","path":""})";
    calls += R"(,["Core/echo",{"#a":)" + reference + ",\"#b\":" + reference + "},\"" + std::to_string(i) + "\"]";
  }
  const json::array answers = world.calls(world.alice, calls);
  ASSERT_EQ(answers.size(), kMaxCallsInRequest);
  EXPECT_EQ(answers.at(kMaxCallsInRequest - 1).at(0), "error");
  size_t sum = 0;
  for (const json::value& one : answers) sum += weight(one);
  EXPECT_LT(sum, kMaxAnswer + 100'000);
}

TEST(JmapPatch, FollowsItsPaths) {
  const json::object object = parse(R"({"a":{"b":1,"c/d":2},"e":3,"list":[1]})").as_object();
  const auto patch = [&](std::string_view text) -> std::string {
    const auto done = patched(object, parse(text).as_object());
    return done ? api::to_text(*done) : done.failure().type;
  };
  EXPECT_EQ(patch(R"({"a/b":5})"), R"({"a":{"b":5,"c/d":2},"e":3,"list":[1]})");
  EXPECT_EQ(patch(R"({"a/c~1d":null,"new":{}})"), R"({"a":{"b":1},"e":3,"list":[1],"new":{}})");
  EXPECT_EQ(patch(R"({"no":null})"), api::to_text(object));
  EXPECT_EQ(patch(R"({"no/x":1})"), "invalidPatch");
  EXPECT_EQ(patch(R"({"e/x":1})"), "invalidPatch");
  EXPECT_EQ(patch(R"({"list/0":1})"), "invalidPatch");
  EXPECT_EQ(patch(R"({"a":{},"a/b":1})"), "invalidPatch");
  EXPECT_EQ(patch(R"({"a-b":1,"a":{}})"), R"({"a":{},"e":3,"list":[1],"a-b":1})");
}

TEST(JmapFields, DatesAndNumbers) {
  EXPECT_EQ(utc_date(*parse_utc_date("2014-10-30T06:12:00Z")), "2014-10-30T06:12:00Z");
  EXPECT_EQ(utc_date(*parse_utc_date("2014-10-30T06:12:00.25Z")), "2014-10-30T06:12:00.250Z");
  for (const char* bad : {"", "2014-10-30", "2014-10-30T06:12:00", "2014-13-30T06:12:00Z", "2014-02-30T06:12:00Z",
                          "2014-10-30T24:12:00Z", "2014-10-30T06:12:00+01:00", "2014-10-30T06:12:00.Z"})
    EXPECT_FALSE(parse_utc_date(bad)) << bad;
  EXPECT_EQ(unsigned_int(json::value(5.0)), 5u);
  EXPECT_FALSE(unsigned_int(json::value(-1)));
  EXPECT_FALSE(unsigned_int(json::value(int64_t{1} << 53)));
}

TEST(JmapSession, TellsWhatThereIs) {
  World world;
  const std::string token = world.token(world.alice);
  const web::Response refused = world.http("GET", "/jmap/session");
  EXPECT_EQ(refused.status, 401);
  for (const char* path : {"/jmap/session", "/.well-known/jmap"}) {
    const web::Response response = world.http("GET", path, "", token);
    ASSERT_EQ(response.status, 200);
    const json::value session = parse(response.body);
    EXPECT_EQ(session.at("apiUrl"), "https://mail.example.com/jmap");
    EXPECT_EQ(session.at("username"), "alice@example.com");
    EXPECT_EQ(session.at("capabilities").at(kCore).at("maxCallsInRequest"), kMaxCallsInRequest);
    EXPECT_EQ(session.at("accounts").as_object().size(), 1u);
    EXPECT_TRUE(session.at("accounts").at(account_id(world.alice)).at("isPersonal").as_bool());
  }
}

TEST(JmapSession, RequestsComeByHttp) {
  World world;
  const std::string token = world.token(world.alice);
  const std::string request = std::string("{") + kUsing + ",\"methodCalls\":[[\"Core/echo\",{\"a\":1},\"x\"]]}";
  const web::Response good = world.http("POST", "/jmap", request, token);
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(*good.headers.get("content-type"), "application/json");
  EXPECT_EQ(parse(good.body).at("methodResponses"), parse(R"([["Core/echo",{"a":1},"x"]])"));
  const web::Response typed = world.http("POST", "/jmap", request, token, "text/plain");
  EXPECT_EQ(typed.status, 400);
  EXPECT_EQ(*typed.headers.get("content-type"), "application/problem+json");
  EXPECT_EQ(parse(typed.body).at("type"), "urn:ietf:params:jmap:error:notJSON");
  EXPECT_EQ(world.http("POST", "/jmap", request).status, 401);
  EXPECT_EQ(world.http("POST", "/jmap", request, token, "application/json; charset=utf-8").status, 200);
}

}  // namespace
}  // namespace pabal::jmap
