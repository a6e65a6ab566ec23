// Sieve scripts (RFC 9661) as a client meets them.
#include "jmap/sieve_scripts.h"

#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

struct ScriptsTest : ::testing::Test, World {
  static std::string text(const json::value& of, std::string_view name) {
    const json::string* s = api::string_member(of, name);
    return s ? std::string(*s) : "";
  }
  std::string upload(const std::string& octets) {
    std::string id = new_upload_id(random);
    change([&](store::Transaction& t) {
      return put_whole_upload(t, alice, id, "application/sieve", octets, clock.now());
    });
    return id;
  }
  json::object set(const std::string& arguments) { return call(alice, "SieveScript/set", arguments); }
  std::string text_of(const std::string& id) {
    const auto blob = read_blob(jmap->services(), *store, Account{alice, "alice@example.com", true, {}}, id);
    return *blob ? (*blob)->octets : "";
  }
};

TEST_F(ScriptsTest, AreMadeReplacedRenamedActivatedAndRemoved) {
  const std::string keep = upload("keep;\r\n"), broken = upload("keep\r\n");
  json::object answer = set(R"({"create":{"a":{"name":"mine","blobId":")" + keep + R"("},"b":{"blobId":")" + broken +
                            R"("},"c":{"name":"x","blobId":"Unone"},"d":{"name":null,"blobId":")" + keep +
                            R"("}},"onSuccessActivateScript":"#a"})");
  EXPECT_EQ(text(answer.at("notCreated").at("b"), "type"), "invalidSieve");
  EXPECT_NE(text(answer.at("notCreated").at("b"), "description").find("line "), std::string::npos);
  EXPECT_EQ(text(answer.at("notCreated").at("c"), "type"), "blobNotFound");
  EXPECT_EQ(text(answer.at("created").at("d"), "name"), "script 1");
  const std::string id = text(answer.at("created").at("a"), "id");
  EXPECT_EQ(*scripts.active(*store, alice), "") << "not all went well";
  EXPECT_EQ(text_of(id), "keep;\r\n");
  answer = set(R"({"create":{"a":{"name":"mine","blobId":")" + keep + "\"}}}");
  EXPECT_EQ(text(answer.at("notCreated").at("a"), "existingId"), id);

  answer = set(R"({"onSuccessActivateScript":")" + id + "\"}");
  EXPECT_EQ(answer.at("updated"), parse("{\"" + id + R"(":{"isActive":true}})"));
  EXPECT_EQ(*scripts.active(*store, alice), "mine");
  const std::string discard = upload("discard;\r\n");
  answer = set(R"({"update":{")" + id + R"(":{"name":"new name","blobId":")" + discard + "\"}}}");
  EXPECT_TRUE(answer.at("updated").is_object()) << api::to_text(answer);
  EXPECT_EQ(*scripts.active(*store, alice), "new name");
  EXPECT_EQ(text_of(id), "discard;\r\n");
  answer = set(R"({"destroy":[")" + id + "\"]}");
  EXPECT_EQ(text(answer.at("notDestroyed").at(id), "type"), "sieveIsActive");
  set(R"({"onSuccessDeactivateScript":true})");
  EXPECT_EQ(*scripts.active(*store, alice), "");
  EXPECT_EQ(set(R"({"destroy":[")" + id + "\"]}").at("destroyed"), json::array{id});
  EXPECT_EQ(scripts.list(*store, alice)->size(), 1u);
}

TEST_F(ScriptsTest, ThoseOfManageSieveAreThereAsWell) {
  const auto program = sieve::compile("keep;").program;
  change([&](store::Transaction& t) { return scripts.put(t, alice, "elsewhere", "keep;", *program); });
  const json::object all = call(alice, "SieveScript/get", "{}");
  ASSERT_EQ(all.at("list").as_array().size(), 1u);
  EXPECT_EQ(all.at("list").at(0).at("name"), "elsewhere");
  EXPECT_EQ(all.at("list").at(0).at("isActive"), false);
  EXPECT_EQ(text_of(text(all.at("list").at(0), "blobId")), "keep;");
  change([&](store::Transaction& t) { return scripts.activate(t, alice, "elsewhere"); });
  EXPECT_NE(call(alice, "SieveScript/get", "{}").at("state"), all.at("state"));
  EXPECT_EQ(call(alice, "SieveScript/query", R"({"filter":{"isActive":true}})").at("ids").as_array().size(), 1u);
  EXPECT_EQ(call(alice, "SieveScript/query", R"({"filter":{"name":"other"}})").at("ids"), json::array());
  change([&](store::Transaction& t) { return scripts.activate(t, alice, ""); });
  change([&](store::Transaction& t) { return scripts.remove(t, alice, "elsewhere"); });
  EXPECT_EQ(call(alice, "SieveScript/get", "{}").at("list"), json::array());
}

TEST_F(ScriptsTest, AreCheckedWithoutBeingKept) {
  EXPECT_EQ(call(alice, "SieveScript/validate", R"({"blobId":")" + upload("keep;") + "\"}").at("error"), nullptr);
  EXPECT_EQ(text(call(alice, "SieveScript/validate", R"({"blobId":")" + upload("bang!") + "\"}").at("error"), "type"),
            "invalidSieve");
  EXPECT_EQ(text(call(alice, "SieveScript/validate", R"({"blobId":"Unone"})"), "type"), "blobNotFound");
  EXPECT_EQ(scripts.list(*store, alice)->size(), 0u);
}

}  // namespace
}  // namespace pabal::jmap
