#include "jmap/testing.h"
#include "sieve/settings.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

TEST(JmapVacation, IsThereAndSwitchedOff) {
  World world;
  const json::object got = world.call(world.alice, "VacationResponse/get", "{}");
  EXPECT_EQ(got.at("state"), "0");
  EXPECT_EQ(got.at("list"), parse(R"([{"id":"singleton","isEnabled":false,"fromDate":null,"toDate":null,"subject":null,
                                       "textBody":null,"htmlBody":null}])"));
  const json::object some =
      world.call(world.alice, "VacationResponse/get", R"({"ids":["singleton","x"],"properties":["isEnabled"]})");
  EXPECT_EQ(some.at("list"), parse(R"([{"id":"singleton","isEnabled":false}])"));
  EXPECT_EQ(some.at("notFound"), parse(R"(["x"])"));
}

TEST(JmapVacation, IsSetAndActs) {
  World world;
  const json::object done = world.call(world.alice, "VacationResponse/set",
                                       R"({"ifInState":"0","update":{"singleton":{"isEnabled":true,"subject":"Away",
          "fromDate":"2026-12-01T00:00:00Z","toDate":"2026-12-24T00:00:00Z","textBody":"Back soon"}}})");
  EXPECT_EQ(done.at("updated"), parse(R"({"singleton":null})")) << api::to_text(done);
  EXPECT_EQ(done.at("oldState"), "0");
  EXPECT_EQ(done.at("newState"), "1");
  const json::object got = world.call(world.alice, "VacationResponse/get", "{}");
  EXPECT_EQ(got.at("list").at(0).at("fromDate"), "2026-12-01T00:00:00Z");
  EXPECT_EQ(got.at("list").at(0).at("textBody"), "Back soon");
  EXPECT_TRUE(*sieve::settings_act(*world.store, world.alice));
  world.call(world.alice, "VacationResponse/set", R"({"update":{"singleton":{"isEnabled":false}}})");
  EXPECT_FALSE(*sieve::settings_act(*world.store, world.alice));
  EXPECT_EQ(sieve::settings(*world.store, world.alice)->vacation.text, "Back soon") << "only that was changed";
}

TEST(JmapVacation, WhatCannotBeIsRefused) {
  World world;
  const auto why = [&](const std::string& update) {
    const json::object done =
        world.call(world.alice, "VacationResponse/set", R"({"update":{"singleton":)" + update + "}}");
    const json::value* failed = done.if_contains("notUpdated");
    return failed && failed->is_object() ? std::string(failed->at("singleton").at("type").as_string()) : "";
  };
  EXPECT_EQ(why(R"({"isEnabled":"yes"})"), "invalidProperties");
  EXPECT_EQ(why(R"({"isEnabled":null})"), "invalidProperties");
  EXPECT_EQ(why(R"({"fromDate":"tomorrow"})"), "invalidProperties");
  EXPECT_EQ(why(R"({"id":"other"})"), "invalidProperties");
  EXPECT_EQ(why(R"({"color":"red"})"), "invalidProperties");
  EXPECT_EQ(why(R"({"fromDate":"2026-12-02T00:00:00Z","toDate":"2026-12-01T00:00:00Z"})"), "invalidProperties");
  EXPECT_EQ(why(R"({"subject":"a\nb"})"), "invalidProperties");
  const json::object done = world.call(world.alice, "VacationResponse/set",
                                       R"({"create":{"a":{}},"update":{"x":{}},"destroy":["singleton"]})");
  EXPECT_EQ(done.at("notCreated").at("a").at("type"), "singleton");
  EXPECT_EQ(done.at("notUpdated").at("x").at("type"), "notFound");
  EXPECT_EQ(done.at("notDestroyed").at("singleton").at("type"), "singleton");
}

}  // namespace
}  // namespace pabal::jmap
