// Mailbox/set (RFC 8621 §2.5).
#include "jmap/testing.h"
#include "mailbox/sharing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

struct MailboxSetTest : ::testing::Test, World {
  json::object set(const std::string& arguments, mailbox::AccountId who = 0) {
    return call(who ? who : alice, "Mailbox/set", arguments);
  }
  std::string id(const std::string& name) { return "M" + std::to_string((*mailboxes->find(*store, alice, name))->id); }
  bool there(const std::string& name) { return mailboxes->find(*store, alice, name)->has_value(); }
  json::object get(const std::string& id) {
    const json::object answer = call(alice, "Mailbox/get", R"({"ids":[")" + id + "\"]}");
    return answer.at("list").at(0).as_object();
  }
  std::string update(const std::string& id, const std::string& patch) {
    const json::object answer = set(R"({"update":{")" + id + "\":" + patch + "}}");
    const json::value* failed = answer.if_contains("notUpdated");
    return failed && failed->is_object() ? api::to_text(failed->at(id).at("type")) : "";
  }
};

TEST_F(MailboxSetTest, MakesATreeInOneCall) {
  const json::object answer = set(R"({"create":{"c":{"name":"Child","parentId":"#p","sortOrder":7,"isSubscribed":true},
      "p":{"name":"Parent"},"r":{"name":"Stars","role":"important"}}})");
  ASSERT_TRUE(answer.at("created").is_object()) << api::to_text(answer);
  ASSERT_EQ(answer.at("created").as_object().size(), 3u) << api::to_text(answer);
  EXPECT_TRUE(there("Parent/Child"));
  const json::object child = get(id("Parent/Child"));
  EXPECT_EQ(child.at("parentId"), json::value(id("Parent")));
  EXPECT_EQ(child.at("sortOrder"), 7);
  EXPECT_EQ(child.at("isSubscribed"), true);
  EXPECT_EQ(get(id("Parent")).at("isSubscribed"), false);
  EXPECT_EQ(answer.at("created").at("p").at("myRights"), get(id("Parent")).at("myRights"));
  EXPECT_EQ(answer.at("created").at("p").at("sortOrder"), get(id("Parent")).at("sortOrder"));
  EXPECT_EQ(get(id("Stars")).at("role"), "important");
}

TEST_F(MailboxSetTest, WhatCannotBeIsRefused) {
  const json::object answer = set(R"({"create":{"none":{},"slash":{"name":"a/b"},"inbox":{"name":"inbox"},
      "star":{"name":"a*"},"parent":{"name":"x","parentId":"M999"},"role":{"name":"x","role":"chief"},
      "taken":{"name":"x","role":"trash"},"counts":{"name":"x","totalEmails":0},"order":{"name":"x","sortOrder":-1}}})");
  const json::object& why = answer.at("notCreated").as_object();
  ASSERT_EQ(why.size(), 9u) << api::to_text(answer);
  const std::pair<const char*, const char*> properties[] = {
      {"none", "name"}, {"slash", "name"}, {"inbox", "name"},         {"star", "name"},      {"parent", "parentId"},
      {"role", "role"}, {"taken", "role"}, {"counts", "totalEmails"}, {"order", "sortOrder"}};
  for (const auto& [one, property] : properties) {
    EXPECT_EQ(why.at(one).at("type"), "invalidProperties") << one;
    EXPECT_EQ(why.at(one).at("properties"), json::array{json::value(property)}) << one;
  }
}

TEST_F(MailboxSetTest, RenamesAndMoves) {
  set(R"({"create":{"a":{"name":"A","isSubscribed":true},"b":{"name":"B"},"c":{"name":"C","parentId":"#a"}}})");
  const std::string a = id("A"), b = id("B"), c = id("A/C");
  EXPECT_EQ(update(a, R"({"name":"Aa"})"), "");
  EXPECT_TRUE(there("Aa/C"));
  EXPECT_EQ(get(a).at("isSubscribed"), true) << "it goes along";
  EXPECT_EQ(update(c, R"({"parentId":")" + b + R"(","name":"D","sortOrder":3})"), "");
  EXPECT_TRUE(there("B/D"));
  EXPECT_EQ(get(c).at("sortOrder"), 3);
  EXPECT_EQ(update(c, R"({"parentId":null})"), "");
  EXPECT_TRUE(there("D"));
  EXPECT_EQ(update(a, R"({"isSubscribed":false})"), "");
  EXPECT_EQ(get(a).at("isSubscribed"), false);
  EXPECT_EQ(update(a, R"({"role":"important"})"), "");
  EXPECT_EQ(update(b, R"({"role":"important"})"), "\"invalidProperties\"");
  EXPECT_EQ(update(a, R"({"role":null})"), "");
  EXPECT_EQ(update(b, R"({"name":"D"})"), "\"invalidProperties\"") << "there is one";
  EXPECT_EQ(update(b, R"({"parentId":")" + b + "\"}"), "\"invalidProperties\"");
  EXPECT_EQ(update(b, R"({"totalEmails":3})"), "\"invalidProperties\"");
  EXPECT_EQ(update(b, R"({"id":"M1"})"), "\"invalidProperties\"");
  EXPECT_EQ(update(id("INBOX"), R"({"name":"Mail"})"), "\"forbidden\"");
  EXPECT_EQ(update(id("INBOX"), R"({"role":null})"), "\"forbidden\"");
  EXPECT_EQ(update(id("INBOX"), R"({"sortOrder":2})"), "");
  EXPECT_EQ(update("M999", R"({"name":"x"})"), "\"notFound\"");
}

TEST_F(MailboxSetTest, DestroysWhatIsEmptyOrToBeEmptied) {
  set(R"({"create":{"a":{"name":"A"},"b":{"name":"B","parentId":"#a"}}})");
  const std::string a = id("A"), b = id("A/B");
  mailbox::Filing filing;
  filing.mailboxes = {(*mailboxes->find(*store, alice, "A/B"))->id};
  const auto only = deliver(alice, "Subject: only there\n\nx\n", filing);
  filing.mailboxes.push_back((*mailboxes->find(*store, alice, "INBOX"))->id);
  const auto both = deliver(alice, "Subject: also there\n\nx\n", filing);
  json::object answer = set(R"({"destroy":[")" + a + R"(",")" + b + R"(",")" + id("INBOX") + "\"]}");
  EXPECT_EQ(answer.at("notDestroyed").at(a).at("type"), "mailboxHasChild");
  EXPECT_EQ(answer.at("notDestroyed").at(b).at("type"), "mailboxHasEmail");
  EXPECT_EQ(answer.at("notDestroyed").at(id("INBOX")).at("type"), "forbidden");
  answer = set(R"({"onDestroyRemoveEmails":true,"destroy":[")" + a + R"(",")" + b + "\"]}");
  EXPECT_EQ(answer.at("destroyed").as_array().size(), 2u) << api::to_text(answer);
  EXPECT_FALSE(there("A"));
  EXPECT_TRUE((*mailboxes->message(*store, alice, only.message))->places.empty());
  EXPECT_EQ((*mailboxes->message(*store, alice, both.message))->places.size(), 1u);
}

TEST_F(MailboxSetTest, SharersDoWhatTheirRightsSay) {
  set(R"({"create":{"a":{"name":"Team"},"b":{"name":"Sub","parentId":"#a"}}})");
  const auto grant = [&](const std::string& name, mailbox::Rights rights) {
    change([&](store::Transaction& t) {
      return mailbox::change_acl(t, alice, (*mailboxes->find(*store, alice, name))->id,
                                 {mailbox::Grantee::Kind::kAccount, bob, ""}, false, '=', rights);
    });
  };
  grant("Team", mailbox::kLookup | mailbox::kRead);
  grant("Team/Sub", mailbox::kLookup | mailbox::kRead);
  const std::string account = R"("accountId":")" + account_id(alice) + "\"";
  const auto errors = [&] {
    const json::object answer =
        set("{" + account + R"(,"create":{"top":{"name":"Top"},"below":{"name":"New","parentId":")" + id("Team") +
                R"("}},"update":{")" + id("Team/Sub") + R"(":{"name":"Sub2","isSubscribed":true}}})",
            bob);
    std::string out;
    for (const char* list : {"notCreated", "notUpdated"})
      if (const json::value* failed = answer.if_contains(list); failed && failed->is_object())
        for (const auto& [one, error] : failed->as_object())
          out += std::string(one == "top" || one == "below" ? std::string(one) : "update") + " ";
    return out;
  };
  EXPECT_EQ(errors(), "top below update ");
  grant("Team", mailbox::kLookup | mailbox::kRead | mailbox::kCreateBelow);
  grant("Team/Sub", mailbox::kLookup | mailbox::kRead | mailbox::kRemoveMailbox);
  EXPECT_EQ(errors(), "top ");
  EXPECT_TRUE(there("Team/New"));
  EXPECT_TRUE(there("Team/Sub2"));
  EXPECT_TRUE(mailboxes->subscriptions(*store, bob)->contains("Other Users/alice@example.com/Team/Sub2"));
  EXPECT_FALSE(mailboxes->subscriptions(*store, alice)->contains("Team/Sub2"));
}

}  // namespace
}  // namespace pabal::jmap
