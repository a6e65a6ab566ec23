#include "api/json.h"

#include <gtest/gtest.h>

namespace pabal::api {
namespace {

TEST(Json, ReadsWhatIsJsonAndSaysWhereItBreaks) {
  const auto good = parse_json(" {\"a\":[1,2.5,null,true,\"\\u00e9\"]} ");
  ASSERT_TRUE(good);
  EXPECT_EQ(array_member(*good, "a")->size(), 5u);
  EXPECT_EQ(string_member(*good, "a"), nullptr);
  EXPECT_EQ(member(*good, "b"), nullptr);
  EXPECT_EQ(member(array_member(*good, "a")->at(0), "a"), nullptr);
  for (const char* bad :
       {"", "{", "{} {}", "{}x", "[1,]", "{'a':1}", "[NaN]", "\"\xff\"", "[\"\\ud800\"]", "// c\n1"}) {
    const auto broken = parse_json(bad);
    ASSERT_FALSE(broken) << bad;
    EXPECT_EQ(broken.code(), Code::kInvalid) << bad;
  }
}

TEST(Json, RefusesBombs) {
  EXPECT_TRUE(parse_json(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')));
  const auto deep = parse_json(std::string(1'000'000, '['));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.code(), Code::kLimit);
  std::string wide = "[0";
  for (size_t i = 0; i < kMaxJsonValues; ++i) wide += ",0";
  const auto many = parse_json(wide + "]");
  ASSERT_FALSE(many);
  EXPECT_EQ(many.code(), Code::kLimit);
}

}  // namespace
}  // namespace pabal::api
