#include "gmail/fields.h"

#include <gtest/gtest.h>

#include "gmail/respond.h"

namespace pabal::gmail {
namespace {

std::string masked(std::string_view mask, std::string_view json) {
  auto value = api::parse_json(json);
  EXPECT_TRUE(value) << json;
  const auto parsed = FieldMask::parse(mask);
  if (!parsed) return "invalid";
  parsed->apply(*value);
  return api::to_text(*value);
}

TEST(FieldMask, LeavesWhatIsNamed) {
  const std::string list = R"({"messages":[{"id":"1","threadId":"2"},{"id":"3"}],"nextPageToken":"n","size":7})";
  EXPECT_EQ(masked("nextPageToken", list), R"({"nextPageToken":"n"})");
  EXPECT_EQ(masked("messages/id,size", list), R"({"messages":[{"id":"1"},{"id":"3"}],"size":7})");
  EXPECT_EQ(masked("messages(id,threadId)", list), R"({"messages":[{"id":"1","threadId":"2"},{"id":"3"}]})");
  EXPECT_EQ(masked("messages(threadId)", list), R"({"messages":[{"threadId":"2"},{}]})");
  EXPECT_EQ(masked("*", list), list);
  EXPECT_EQ(masked("*/id", list), R"({"messages":[{"id":"1"},{"id":"3"}]})");
  EXPECT_EQ(masked("messages,messages/id", list), masked("messages", list));
  EXPECT_EQ(masked("messages/id,messages/threadId", list), masked("messages(id,threadId)", list));
  EXPECT_EQ(masked("messages(id,messages/x/y(z)),size", list), R"({"messages":[{"id":"1"},{"id":"3"}],"size":7})");
  EXPECT_EQ(masked("nothing", list), "{}");
  EXPECT_EQ(masked("a/b", R"({"a":{"b":{"c":1}},"b":2})"), R"({"a":{"b":{"c":1}}})");
}

TEST(FieldMask, RefusesWhatIsNone) {
  for (const char* bad : {"", ",", "a,", "a(", "a()", "a(b", "a)", "a//b", "/a", "a b", "a(b)c"})
    EXPECT_EQ(masked(bad, "{}"), "invalid") << bad;
  EXPECT_FALSE(FieldMask::parse(std::string(kMaxFieldMask + 1, 'a')));
  std::string deep = "a";
  for (size_t i = 0; i < kMaxFieldDepth; ++i) deep += "/a";
  EXPECT_TRUE(FieldMask::parse(deep));
  EXPECT_FALSE(FieldMask::parse(deep + "/a"));
  EXPECT_FALSE(FieldMask::parse(std::string(2'000, '(')));
}

TEST(Respond, DoesAsParametersSay) {
  web::Request request;
  auto value = *api::parse_json(R"({"a":{"b":[1,2]},"c":[],"d":"x"})");
  EXPECT_EQ(respond(request, value).body, R"({"a":{"b":[1,2]},"c":[],"d":"x"})");
  request.query = {{"prettyPrint", "true"}, {"fields", "a,c"}};
  EXPECT_EQ(respond(request, value).body,
            "{\n  \"a\": {\n    \"b\": [\n      1,\n      2\n    ]\n  },\n  \"c\": []\n}\n");
  request.query = {{"fields", "a("}};
  EXPECT_EQ(respond(request, value).status, 400);
  request.query = {{"alt", "media"}};
  EXPECT_EQ(respond(request, value).status, 400);
  const web::Response empty = respond(web::Request(), nullptr);
  EXPECT_EQ(empty.status, 204);
  EXPECT_EQ(empty.body, "");
}

}  // namespace
}  // namespace pabal::gmail
