// Principals, what is shared with them, and what they are told of it (RFC 9670).
#include "jmap/principals.h"

#include "jmap/fields.h"
#include "jmap/testing.h"
#include "sharing/notices.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

struct PrincipalsTest : ::testing::Test, World {
  std::string inbox, p_alice, p_bob;

  void SetUp() override {
    inbox = "M" + std::to_string((*mailboxes->find(*store, alice, "INBOX"))->id);
    p_alice = "P" + std::to_string(alice);
    p_bob = "P" + std::to_string(bob);
    change([&](store::Transaction& t) {
      return directory->put_alias(t, {"team@example.com", {"alice@example.com", "bob@example.com"}, true});
    });
  }
  json::value list(mailbox::AccountId who, const std::string& method, const std::string& arguments = "{}") {
    const json::object answer = call(who, method, arguments);
    const json::value* out = answer.if_contains("list");
    if (!out) out = answer.if_contains("ids");
    EXPECT_TRUE(out) << api::to_text(answer);
    return out ? *out : json::value(json::array());
  }
  // "" when it was done, else the type of the SetError.
  std::string update(const std::string& patch, mailbox::AccountId who = 0) {
    const json::object answer =
        call(who ? who : alice, "Mailbox/set",
             R"({"accountId":")" + account_id(alice) + R"(","update":{")" + inbox + "\":" + patch + "}}");
    const json::value* failed = answer.if_contains("notUpdated");
    if (!failed) return api::to_text(answer);
    return failed->is_object() ? std::string(failed->at(inbox).at("type").as_string()) : "";
  }
  json::value shares() {
    return list(alice, "Mailbox/get", R"({"ids":[")" + inbox + R"("],"properties":["shareWith"]})")
        .at(0)
        .at("shareWith");
  }
  mailbox::Acl acl() { return *mailbox::acl(*store, alice, *text::parse_u64(inbox.substr(1))); }
  static std::string rights(const std::string& more = "") { return R"({"mayReadItems":true)" + more + "}"; }
};

TEST_F(PrincipalsTest, AreThePeopleAndGroupsOfOnesDomain) {
  change([&](store::Transaction& t) {
    identity::Domain domain;
    domain.name = "other.example";
    return directory->add_domain(t, domain);
  });
  const mailbox::AccountId carol = add_account("carol@other.example");
  const json::value all = list(alice, "Principal/get");
  ASSERT_EQ(all.as_array().size(), 4u) << api::to_text(all);
  EXPECT_EQ(all.at(0).at("id"), "anyone");
  EXPECT_EQ(all.at(0).at("email"), json::value(nullptr));
  EXPECT_EQ(all.at(1).at("email"), "alice@example.com");
  EXPECT_EQ(all.at(1).at("accounts").at(account_id(alice)).at("isPersonal"), true);
  EXPECT_EQ(all.at(2).at("type"), "individual");
  EXPECT_EQ(all.at(2).at("accounts"), json::value(nullptr));
  EXPECT_EQ(all.at(3).at("type"), "group");
  EXPECT_EQ(call(alice, "Principal/get", R"({"ids":["P)" + std::to_string(carol) + "\"]}").at("list"), json::array());
  EXPECT_EQ(list(alice, "Principal/query", R"({"filter":{"text":"TEAM"}})"), json::array{all.at(3).at("id")});
  EXPECT_EQ(list(alice, "Principal/query", R"({"filter":{"type":"individual"},"sort":[{"property":"email",
                                               "isAscending":false}]})"),
            (json::array{p_bob, p_alice}));
  EXPECT_EQ(list(alice, "Principal/query", R"({"filter":{"accountIds":[")" + account_id(bob) + "\"]}}"), json::array());
  EXPECT_EQ(list(alice, "Principal/query", R"({"filter":{"timeZone":"Asia/Seoul"}})"), json::array());
  EXPECT_EQ(call(alice, "Principal/query", R"({"filter":{"color":"red"}})").at("type"), "unsupportedFilter");
}

TEST_F(PrincipalsTest, HaveAStateAndAreNotTheirsToChange) {
  const std::string state(call(alice, "Principal/get", R"({"ids":[]})").at("state").as_string());
  const std::string since = R"({"sinceState":")" + state + "\"}";
  EXPECT_EQ(call(alice, "Principal/changes", since).at("hasMoreChanges"), false);
  EXPECT_EQ(call(alice, "Principal/queryChanges", R"({"sinceQueryState":")" + state + "\"}").at("added"),
            json::array());
  const json::object set =
      call(alice, "Principal/set", R"({"update":{")" + p_alice + R"(":{"name":"Boss"}},"destroy":[")" + p_bob + "\"]}");
  EXPECT_EQ(set.at("notUpdated").at(p_alice).at("type"), "forbidden");
  EXPECT_EQ(set.at("notDestroyed").at(p_bob).at("type"), "forbidden");
  add_account("dan@example.com");
  EXPECT_EQ(call(alice, "Principal/changes", since).at("type"), "cannotCalculateChanges");
}

TEST_F(PrincipalsTest, AMailboxIsSharedAndTheOtherIsTold) {
  EXPECT_EQ(shares(), json::value(nullptr));
  EXPECT_EQ(update(R"({"shareWith":{")" + p_bob + "\":" + rights(R"(,"maySetSeen":true)") + "}}"), "");
  EXPECT_EQ(shares().at(p_bob).at("maySetSeen"), true);
  EXPECT_EQ(shares().at(p_bob).at("mayAddItems"), false);
  EXPECT_EQ(acl(), (mailbox::Acl{{{mailbox::Grantee::Kind::kAccount, bob, ""},
                                  false,
                                  mailbox::kLookup | mailbox::kRead | mailbox::kKeepSeen}}));

  const json::value told = list(bob, "ShareNotification/get");
  ASSERT_EQ(told.as_array().size(), 1u);
  EXPECT_EQ(told.at(0).at("changedBy").at("principalId"), json::value(p_alice));
  EXPECT_EQ(told.at(0).at("changedBy").at("email"), "alice@example.com");
  EXPECT_EQ(told.at(0).at("objectType"), "Mailbox");
  EXPECT_EQ(told.at(0).at("objectAccountId"), json::value(account_id(alice)));
  EXPECT_EQ(told.at(0).at("objectId"), json::value(inbox));
  EXPECT_EQ(told.at(0).at("oldRights"), json::value(nullptr));
  EXPECT_EQ(told.at(0).at("newRights").at("mayReadItems"), true);
  EXPECT_EQ(told.at(0).at("name"), "INBOX");

  const json::object session = *jmap->session(caller(bob), "https://mail.example.com");
  EXPECT_TRUE(session.at("capabilities").as_object().contains(kPrincipals));
  EXPECT_FALSE(session.at("capabilities").as_object().contains("urn:ietf:params:jmap:principals:owner"));
  const json::value& capabilities = session.at("accounts").at(account_id(alice)).at("accountCapabilities");
  EXPECT_EQ(capabilities.at("urn:ietf:params:jmap:principals:owner"),
            parse(R"({"accountIdForPrincipal":")" + account_id(bob) + R"(","principalId":")" + p_alice + "\"}"));
  EXPECT_EQ(list(bob, "Principal/query", R"({"filter":{"accountIds":[")" + account_id(alice) + "\"]}}"),
            json::array{json::value(p_alice)});

  // One more right, and none of the others is lost.
  EXPECT_EQ(update(R"({"shareWith/)" + p_bob + R"(/mayAddItems":true})"), "");
  EXPECT_EQ(acl().at(0).rights, mailbox::kLookup | mailbox::kRead | mailbox::kKeepSeen | mailbox::kInsert);
  EXPECT_EQ(list(bob, "ShareNotification/get").as_array().size(), 1u) << "one for each mailbox";
  // Taken back before he looked: there is nothing to tell.
  EXPECT_EQ(update(R"({"shareWith":null})"), "");
  EXPECT_EQ(acl(), mailbox::Acl());
  EXPECT_EQ(list(bob, "ShareNotification/get"), json::value(json::array()));
}

TEST_F(PrincipalsTest, NoticesAreQueriedAndDismissed) {
  const std::string state(call(bob, "ShareNotification/get", R"({"ids":[]})").at("state").as_string());
  update(R"({"shareWith":{")" + p_bob + "\":" + rights() + "}}");
  const json::value ids = list(bob, "ShareNotification/query",
                               R"({"filter":{"objectType":"Mailbox","after":")" + utc_date(clock.now() - hours(1)) +
                                   R"("},"sort":[{"property":"created"}]})");
  ASSERT_EQ(ids.as_array().size(), 1u);
  const std::string id(ids.at(0).as_string());
  EXPECT_EQ(list(bob, "ShareNotification/query", R"({"filter":{"objectAccountId":"A99"}})"), json::array());
  EXPECT_EQ(call(bob, "ShareNotification/changes", R"({"sinceState":")" + state + "\"}").at("created"),
            json::array{json::value(id)});
  const json::object refused =
      call(bob, "ShareNotification/set", R"({"create":{"k":{"name":"x"}},"update":{")" + id + R"(":{"name":"x"}}})");
  EXPECT_EQ(refused.at("notCreated").at("k").at("type"), "forbidden");
  EXPECT_EQ(refused.at("notUpdated").at(id).at("type"), "forbidden");
  EXPECT_EQ(call(bob, "ShareNotification/set", R"({"destroy":[")" + id + "\"]}").at("destroyed"),
            json::array{json::value(id)});
  // What was dismissed is where the next one begins.
  update(R"({"shareWith":null})");
  const json::value told = list(bob, "ShareNotification/get");
  ASSERT_EQ(told.as_array().size(), 1u);
  EXPECT_EQ(told.at(0).at("oldRights").at("mayReadItems"), true);
  EXPECT_EQ(told.at(0).at("newRights"), json::value(nullptr));
}

TEST_F(PrincipalsTest, SharingHasItsLimits) {
  const auto with = [&](const std::string& who, const std::string& what) {
    return update(R"({"shareWith":{")" + who + "\":" + what + "}}");
  };
  EXPECT_EQ(with(p_alice, rights()), "invalidProperties") << "the owner";
  EXPECT_EQ(with("P99", rights()), "invalidProperties");
  EXPECT_EQ(with(p_bob, "true"), "invalidProperties");
  EXPECT_EQ(with(p_bob, R"({"mayFly":true})"), "invalidProperties");
  EXPECT_EQ(with(p_bob, R"({"mayRename":true,"mayDelete":false})"), "invalidProperties");
  EXPECT_EQ(acl(), mailbox::Acl());
  scopes = {"https://www.googleapis.com/auth/gmail.modify"};
  EXPECT_EQ(with(p_bob, rights()), "forbidden") << "a token for mail does not share it";
  EXPECT_EQ(acl(), mailbox::Acl());
  scopes = {"mail.read"};
  EXPECT_EQ(with(p_bob, rights(R"(,"mayRename":true,"mayDelete":true)")), "");
  EXPECT_EQ(update(R"({"shareWith":{"anyone":)" + rights() + "}}", bob), "forbidden") << "he may not share";
  EXPECT_EQ(with(p_bob, rights(R"(,"mayShare":true)")), "");
  EXPECT_EQ(update(R"({"shareWith/anyone":)" + rights() + "}", bob), "");
  EXPECT_EQ(acl().size(), 2u);
  const std::string group(list(alice, "Principal/query", R"({"filter":{"email":"team@"}})").at(0).as_string());
  EXPECT_EQ(update(R"({"shareWith":{")" + group + "\":" + rights() + "}}"), "");
  EXPECT_EQ(acl(),
            (mailbox::Acl{
                {{mailbox::Grantee::Kind::kGroup, 0, "team@example.com"}, false, mailbox::kLookup | mailbox::kRead}}));
}

TEST_F(PrincipalsTest, AMailboxIsMadeForOthersAtOnce) {
  const json::object made = call(
      alice, "Mailbox/set", R"({"create":{"k":{"name":"Plans","shareWith":{")" + p_bob + "\":" + rights() + "}}}}");
  ASSERT_TRUE(made.at("created").is_object()) << api::to_text(made);
  EXPECT_EQ(list(bob, "Mailbox/get", R"({"accountId":")" + account_id(alice) + "\"}").at(0).at("name"), "Plans");
}

TEST_F(PrincipalsTest, OldNoticesMakeRoom) {
  for (size_t i = 0; i <= sharing::kMaxNotices; ++i)
    change([&](store::Transaction& t) -> Result<void> {
      auto made = mailboxes->create(t, alice, "Box " + std::to_string(i));
      if (!made) return made.error();
      return sharing::change_rights(
          *directory, *mailboxes, t,
          {alice, *made, {mailbox::Grantee::Kind::kAccount, bob, ""}, false, '=', mailbox::kLookup, 0}, clock.now());
    });
  const json::value told = list(bob, "ShareNotification/get");
  EXPECT_EQ(told.as_array().size(), sharing::kMaxNotices);
  EXPECT_EQ(told.at(0).at("name"), "Box 1");
  EXPECT_EQ(told.at(0).at("changedBy").at("principalId"), json::value(nullptr));
}

}  // namespace
}  // namespace pabal::jmap
