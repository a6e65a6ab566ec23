// Address books and cards (RFC 9610), and quota (RFC 9425).
#include "jmap/contacts.h"

#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

struct ContactsTest : ::testing::Test, World {
  std::string book;
  void SetUp() override { book = text(call(alice, "AddressBook/get", "{}").at("list").as_array().at(0), "id"); }
  static std::string text(const json::value& of, std::string_view name) {
    const json::string* s = api::string_member(of, name);
    return s ? std::string(*s) : "";
  }
  json::object set(const std::string& arguments) { return call(alice, "ContactCard/set", arguments); }
  std::string card(const std::string& inner) {
    const json::object answer = set(R"({"create":{"c":{"addressBookIds":{")" + book + R"(":true},)" + inner + "}}}");
    EXPECT_TRUE(answer.contains("created") && answer.at("created").is_object()) << api::to_text(answer);
    return text(answer.at("created").at("c"), "id");
  }
  json::value ids(const std::string& arguments) { return call(alice, "ContactCard/query", arguments).at("ids"); }
};

TEST_F(ContactsTest, ThereIsADefaultAddressBookAndOthersComeAndGo) {
  json::object all = call(alice, "AddressBook/get", "{}");
  EXPECT_EQ(all.at("list").at(0).at("name"), "Contacts");
  EXPECT_EQ(all.at("list").at(0).at("isDefault"), true);
  EXPECT_EQ(all.at("list").at(0).at("myRights").at("mayDelete"), false);
  json::object answer = call(alice, "AddressBook/set", R"({"create":{"w":{"name":"Work","sortOrder":3},"x":{"name":""}},
      "destroy":[")" + book + R"("],"update":{")" + book + R"(":{"isDefault":false}}})");
  EXPECT_EQ(text(answer.at("notCreated").at("x"), "type"), "invalidProperties");
  EXPECT_EQ(text(answer.at("notDestroyed").at(book), "type"), "forbidden");
  EXPECT_EQ(text(answer.at("notUpdated").at(book), "type"), "invalidProperties");
  const std::string work = text(answer.at("created").at("w"), "id");
  answer = call(alice, "AddressBook/set", R"({"onSuccessSetIsDefault":")" + work + "\"}");
  EXPECT_EQ(answer.at("updated"),
            parse("{\"" + work + R"(":{"isDefault":true},")" + book + R"(":{"isDefault":false}})"));
  const std::string one = card(R"("name":{"full":"Bob"})");
  answer = call(alice, "AddressBook/set", R"({"destroy":[")" + book + "\"]}");
  EXPECT_EQ(text(answer.at("notDestroyed").at(book), "type"), "addressBookHasContents");
  answer = call(alice, "AddressBook/set", R"({"onDestroyRemoveContents":true,"destroy":[")" + book + "\"]}");
  EXPECT_EQ(answer.at("destroyed"), json::array{book});
  EXPECT_EQ(ids("{}"), json::array());
}

TEST_F(ContactsTest, CardsAreKeptAsTheyAreAndCheckedAsJsContact) {
  const std::string id =
      card(R"("name":{"components":[{"kind":"given","value":"Bob"}]},"emails":{"a":{"address":"bob@univ.edu"}},
      "example.com:color":"red")");
  json::object one = call(alice, "ContactCard/get", R"({"ids":[")" + id + "\"]}").at("list").at(0).as_object();
  EXPECT_EQ(one.at("@type"), "Card");
  EXPECT_EQ(one.at("example.com:color"), "red");
  EXPECT_TRUE(text(one, "uid").starts_with("urn:uuid:"));
  EXPECT_EQ(one.at("updated"), json::value(utc_date(clock.now())));
  clock.advance(hours(1));
  const std::string before = text(call(alice, "ContactCard/get", R"({"ids":[]})"), "state");
  json::object answer =
      set(R"({"update":{")" + id + R"(":{"emails/a/address":"bob@example.org","phones":{"p":{"number":"+82 2 1"}}}}})");
  EXPECT_TRUE(answer.at("updated").is_object()) << api::to_text(answer);
  one = call(alice, "ContactCard/get", R"({"ids":[")" + id + "\"]}").at("list").at(0).as_object();
  EXPECT_EQ(one.at("emails").at("a").at("address"), "bob@example.org");
  EXPECT_EQ(one.at("updated"), json::value(utc_date(clock.now())));
  EXPECT_EQ(call(alice, "ContactCard/changes", R"({"sinceState":")" + before + "\"}").at("updated"), json::array{id});
  const std::string in_book = R"("addressBookIds":{")" + book + R"(":true})";
  const std::pair<std::string, const char*> bad[] = {
      {R"({"name":{"full":"x"}})", "invalidProperties"},
      {R"({"addressBookIds":{"K99":true}})", "invalidProperties"},
      {"{" + in_book + R"(,"emails":{"a":{"label":"x"}}})", "invalidProperties"},
      {"{" + in_book + R"(,"emails":["bob"]})", "invalidProperties"},
      {"{" + in_book + R"(,"created":"yesterday"})", "invalidProperties"},
      {"{" + in_book + R"(,"@type":"Group"})", "invalidProperties"},
      {"{" + in_book + R"(,"name":{"components":[{"value":1}]}})", "invalidProperties"},
      {"{" + in_book + R"(,"uid":")" + text(one, "uid") + "\"}", "alreadyExists"},
      {"{" + in_book + R"(,"notes":{"n":{"note":")" + std::string(kMaxCardOctets, 'x') + "\"}}}", "tooLarge"},
  };
  for (const auto& [card, type] : bad) {
    answer = set(R"({"create":{"c":)" + card + "}}");
    ASSERT_TRUE(answer.at("notCreated").is_object()) << card.substr(0, 200);
    EXPECT_EQ(text(answer.at("notCreated").at("c"), "type"), type) << card.substr(0, 200);
  }
  answer = set(R"({"update":{")" + id + R"(":{"uid":"other"}}})");
  EXPECT_EQ(text(answer.at("notUpdated").at(id), "type"), "invalidProperties");
  EXPECT_EQ(set(R"({"destroy":[")" + id + "\"]}").at("destroyed"), json::array{id});
}

TEST_F(ContactsTest, AreFoundByWhatStandsInThem) {
  const std::string kim =
      card(R"("name":{"components":[{"kind":"given","value":"철수"},{"kind":"surname","value":"김"}]},
      "emails":{"a":{"address":"kim@univ.edu","label":"School"}},"organizations":{"o":{"name":"Seoul National University"}})");
  const std::string org =
      card(R"("kind":"org","name":{"components":[{"kind":"given","value":"Bob"},{"kind":"surname","value":"Adams"}],
      "full":"Bob Adams"},"phones":{"p":{"number":"+1 555"}},"notes":{"n":{"note":"met in Seoul"}},"members":{"urn:x":true})");
  EXPECT_EQ(ids(R"({"filter":{"text":"seoul"}})"), (json::array{kim, org}));
  EXPECT_EQ(ids(R"({"filter":{"text":"\"seoul national\""}})"), json::array{kim});
  EXPECT_EQ(ids(R"({"filter":{"name":"BOB adams"}})"), json::array{org});
  EXPECT_EQ(ids(R"({"filter":{"name/given":"철수"}})"), json::array{kim});
  EXPECT_EQ(ids(R"({"filter":{"name/surname":"철수"}})"), json::array());
  EXPECT_EQ(ids(R"({"filter":{"email":"school"}})"), json::array{kim});
  EXPECT_EQ(ids(R"({"filter":{"organization":"national","text":"kim@univ.edu"}})"), json::array{kim});
  EXPECT_EQ(ids(R"({"filter":{"kind":"individual"}})"), json::array{kim});
  EXPECT_EQ(ids(R"({"filter":{"hasMember":"urn:x"}})"), json::array{org});
  EXPECT_EQ(ids(R"({"filter":{"inAddressBook":")" + book + "\"}}"), (json::array{kim, org}));
  EXPECT_EQ(ids(R"({"sort":[{"property":"name/surname"}]})"), (json::array{org, kim}));
  EXPECT_EQ(ids(R"({"filter":{"createdAfter":"2040-01-01T00:00:00Z"}})"), json::array());
  EXPECT_EQ(text(call(alice, "ContactCard/query", R"({"filter":{"shoe":"x"}})"), "type"), "unsupportedFilter");
  const json::object before = call(alice, "ContactCard/query", R"({"filter":{"text":"seoul"}})");
  set(R"({"update":{")" + org + R"(":{"notes":null}}})");
  const json::object changes =
      call(alice, "ContactCard/queryChanges",
           R"({"filter":{"text":"seoul"},"sinceQueryState":")" + text(before, "queryState") + "\"}");
  EXPECT_EQ(changes.at("removed"), json::array{org}) << api::to_text(changes);
  EXPECT_EQ(changes.at("added"), json::array());
}

TEST_F(ContactsTest, AreNotCopiedToWhereTheyAre) {
  const json::object answer =
      call(alice, "ContactCard/copy", R"({"fromAccountId":")" + account_id(alice) + R"(","create":{}})");
  EXPECT_EQ(text(answer, "type"), "invalidArguments");
}

TEST(Quota, IsTheAccountsOctets) {
  World world;
  EXPECT_EQ(world.call(world.alice, "Quota/get", "{}").at("list"), json::array());
  world.change([&](store::Transaction& t) { return world.mailboxes->set_quota(t, world.alice, 1'000'000); });
  const json::object before = world.call(world.alice, "Quota/get", "{}");
  EXPECT_EQ(before.at("list").at(0).at("hardLimit"), 1'000'000);
  EXPECT_EQ(before.at("list").at(0).at("used"), 0);
  const std::string state(before.at("state").as_string());
  world.deliver(world.alice, "Subject: x\n\nx\n");
  const json::object changes = world.call(world.alice, "Quota/changes", R"({"sinceState":")" + state + "\"}");
  EXPECT_EQ(changes.at("updated"), json::array{"octets"});
  EXPECT_EQ(changes.at("updatedProperties"), json::array{"used"});
  EXPECT_EQ(world.call(world.alice, "Quota/query", R"({"filter":{"type":"Mail"}})").at("ids"), json::array{"octets"});
  EXPECT_EQ(world.call(world.alice, "Quota/query", R"({"filter":{"name":"bob"}})").at("ids"), json::array());
  EXPECT_EQ(world.call(world.alice, "Quota/changes", R"({"sinceState":"x"})").at("type"), "cannotCalculateChanges");
}

}  // namespace
}  // namespace pabal::jmap
