// Identities and submissions (RFC 8621 §6, §7) as a client meets them.
#include "jmap/fields.h"
#include "jmap/testing.h"

namespace pabal::jmap {
namespace {

using testing::parse;
using testing::World;

constexpr char kLetter[] =
    "From: Alice <alice@example.com>\nTo: bob@example.com\nBcc: dan@univ.edu\nSubject: hello\n\nHi\n";

struct SubmissionTest : ::testing::Test, World {
  std::string identity, email;

  void SetUp() override {
    identity = text(call(alice, "Identity/get", "{}").at("list").as_array().at(0), "id");
    email = "E" + std::to_string(deliver(alice, kLetter).message);
  }
  static std::string text(const json::value& of, std::string_view name) {
    const json::string* s = api::string_member(of, name);
    return s ? std::string(*s) : "";
  }
  std::string envelope(const std::string& mail_parameters, const std::string& to = "bob@example.com",
                       const std::string& from = "alice@example.com") {
    return R"({"mailFrom":{"email":")" + from + R"(","parameters":)" + mail_parameters + R"(},"rcptTo":[{"email":")" +
           to + R"(","parameters":{"NOTIFY":"SUCCESS,FAILURE"}}]})";
  }
  json::object set(const std::string& create, const std::string& more = "") {
    return call(alice, "EmailSubmission/set", R"({"create":{"k":)" + create + "}" + more + "}");
  }
  std::string send_of(const std::string& more = "") {
    return R"({"identityId":")" + identity + R"(","emailId":")" + email + "\"" + more + "}";
  }
  std::string failure(const std::string& create) {
    const json::object answer = set(create);
    return answer.at("notCreated").is_object() ? text(answer.at("notCreated").at("k"), "type") : "sent";
  }
  json::object created(const std::string& create, const std::string& more = "") {
    const json::object answer = set(create, more);
    EXPECT_TRUE(answer.contains("created") && answer.at("created").is_object()) << api::to_text(answer);
    return answer.at("created").at("k").as_object();
  }
  json::object get(const std::string& id) {
    const json::object answer = call(alice, "EmailSubmission/get", R"({"ids":[")" + id + "\"]}");
    return answer.at("list").as_array().at(0).as_object();
  }
  std::string state() { return text(call(alice, "EmailSubmission/get", R"({"ids":[]})"), "state"); }
};

TEST_F(SubmissionTest, IdentitiesAreThoseOfTheDirectoryAndTheClientsOwn) {
  change([&](store::Transaction& t) {
    return directory->put_alias(t, {"sales@example.com", {"alice@example.com"}, true});
  });
  json::object all = call(alice, "Identity/get", "{}");
  ASSERT_EQ(all.at("list").as_array().size(), 2u);
  EXPECT_EQ(text(all.at("list").at(0), "email"), "alice@example.com");
  EXPECT_EQ(all.at("list").at(0).at("mayDelete"), false);
  EXPECT_EQ(text(all.at("list").at(1), "email"), "sales@example.com");
  const std::string before = text(all, "state");

  json::object answer = call(alice, "Identity/set", R"({"create":{
      "good":{"email":"alice+news@example.com","name":"News","replyTo":[{"name":null,"email":"x@example.org"}]},
      "other":{"email":"bob@example.com"}, "none":{"name":"x"}, "odd":{"email":"alice@example.com","color":"red"}},
      "update":{")" + identity + R"(":{"textSignature":"-- \nAlice","email":"bob@example.com"}},
      "destroy":[")" + identity + "\"]}");
  EXPECT_EQ(text(answer.at("notCreated").at("other"), "type"), "forbiddenFrom");
  EXPECT_EQ(text(answer.at("notCreated").at("none"), "type"), "invalidProperties");
  EXPECT_EQ(text(answer.at("notCreated").at("odd"), "type"), "invalidProperties");
  EXPECT_EQ(answer.at("created").at("good").at("textSignature"), "");
  EXPECT_EQ(text(answer.at("notUpdated").at(identity), "type"), "invalidProperties");
  EXPECT_EQ(text(answer.at("notDestroyed").at(identity), "type"), "forbidden");
  const std::string made = text(answer.at("created").at("good"), "id");

  answer = call(alice, "Identity/set", R"({"update":{")" + identity + R"(":{"textSignature":"-- \nAlice"}}})");
  EXPECT_TRUE(answer.at("updated").as_object().contains(identity)) << api::to_text(answer);
  answer = call(alice, "Identity/changes", R"({"sinceState":")" + before + "\"}");
  EXPECT_EQ(answer.at("created"), json::array{made});
  EXPECT_EQ(answer.at("updated"), json::array{identity});
  change([&](store::Transaction& t) { return directory->remove_alias(t, "sales@example.com"); });
  all = call(alice, "Identity/get", R"({"properties":["email","mayDelete","textSignature"]})");
  EXPECT_EQ(all.at("list"), parse(R"([{"id":")" + identity +
                                  R"(","email":"alice@example.com","textSignature":"-- \nAlice","mayDelete":false},
                      {"id":")" + made +
                                  R"(","email":"alice+news@example.com","textSignature":"","mayDelete":true}])"));
}

TEST_F(SubmissionTest, SendsAtOnceToThoseOfTheHeader) {
  const json::object made = created(send_of());
  ASSERT_EQ(letters.sent.size(), 1u);
  EXPECT_EQ(letters.sent[0].content, testing::crlf(kLetter));
  EXPECT_EQ(letters.sent[0].reverse_path, "alice@example.com");
  ASSERT_EQ(letters.sent[0].recipients.size(), 2u);
  EXPECT_EQ(letters.sent[0].recipients[1].address, "dan@univ.edu");
  EXPECT_EQ(made.at("undoStatus"), "final");
  const std::string id = text(made, "id");
  letters.fates["0000000000001"] = {{"bob@example.com", mailbox::Outgoing::Delivery::State::kFiled, "250 2.1.5 filed"},
                                    {"dan@univ.edu", mailbox::Outgoing::Delivery::State::kQueued, ""}};
  const std::string before = state();
  const json::object now = get(id);
  EXPECT_EQ(now.at("deliveryStatus").at("bob@example.com"),
            parse(R"({"smtpReply":"250 2.1.5 filed","delivered":"yes","displayed":"unknown"})"));
  EXPECT_EQ(now.at("deliveryStatus").at("dan@univ.edu").at("delivered"), "queued");
  EXPECT_EQ(now.at("envelope").at("rcptTo").as_array().size(), 2u);
  EXPECT_EQ(now.at("emailId"), json::value(email));
  EXPECT_FALSE(now.contains("letter"));
  letters.fates["0000000000001"][1] = {"dan@univ.edu", mailbox::Outgoing::Delivery::State::kRelayed, "250 2.0.0 Ok"};
  letters.states["0000000000001"].finished = true;
  const json::object changes = call(alice, "EmailSubmission/changes", R"({"sinceState":")" + before + "\"}");
  EXPECT_EQ(changes.at("updated"), json::array{id}) << "what becomes of it is a change";
  EXPECT_EQ(get(id).at("deliveryStatus").at("dan@univ.edu").at("delivered"), "unknown");
}

TEST_F(SubmissionTest, WhatWaitsCanBeTakenBack) {
  const json::object made = created(send_of(R"(,"envelope":)" + envelope(R"({"HOLDFOR":"3600"})")));
  EXPECT_EQ(made.at("undoStatus"), "pending");
  EXPECT_EQ(made.at("sendAt"), json::value(utc_date(clock.now() + hours(1))));
  ASSERT_EQ(letters.sent.size(), 1u);
  EXPECT_EQ(letters.sent[0].release, clock.now() + hours(1));
  EXPECT_EQ(letters.sent[0].recipients[0].notify, mailbox::Outgoing::kSuccess | mailbox::Outgoing::kFailure);
  const std::string id = text(made, "id");
  const std::string cancel = R"({"update":{")" + id + R"(":{"undoStatus":"canceled"}}})";
  json::object answer = call(alice, "EmailSubmission/set", R"({"update":{")" + id + R"(":{"emailId":"E9"}}})");
  EXPECT_EQ(text(answer.at("notUpdated").at(id), "type"), "invalidProperties");
  answer = call(alice, "EmailSubmission/set", cancel);
  EXPECT_TRUE(answer.at("updated").is_object()) << api::to_text(answer);
  EXPECT_EQ(get(id).at("undoStatus"), "canceled");

  const std::string second = text(created(send_of(R"(,"envelope":)" + envelope(R"({"HOLDFOR":"60"})"))), "id");
  letters.states["0000000000002"] = {false, false};  // the worker was there
  EXPECT_EQ(get(second).at("undoStatus"), "final");
  answer = call(alice, "EmailSubmission/set", R"({"update":{")" + second + R"(":{"undoStatus":"canceled"}}})");
  EXPECT_EQ(text(answer.at("notUpdated").at(second), "type"), "cannotUnsend");
  answer = call(alice, "EmailSubmission/set", R"({"destroy":[")" + second + "\"]}");
  EXPECT_EQ(answer.at("destroyed"), json::array{second});
  EXPECT_EQ(letters.sent.size(), 2u) << "the record goes, not the letter";
}

TEST_F(SubmissionTest, SaysWhyNot) {
  const auto with = [&](const std::string& e) { return send_of(R"(,"envelope":)" + e); };
  EXPECT_EQ(failure(with(envelope("null", "nobody@example.com"))), "invalidRecipients");
  EXPECT_EQ(failure(with(envelope("null", "bob@example.com", "bob@example.com"))), "forbiddenMailFrom");
  EXPECT_EQ(failure(with(R"({"mailFrom":{"email":"alice@example.com"},"rcptTo":[]})")), "noRecipients");
  EXPECT_EQ(failure(with(R"({"mailFrom":{},"rcptTo":[]})")), "invalidProperties");
  for (const char* parameters : {R"({"HOLDFOR":"x"})", R"({"HOLDFOR":"40000000"})", R"({"HOLDUNTIL":"soon"})",
                                 R"({"HOLDFOR":"1","HOLDUNTIL":"2027-01-15T10:00:00Z"})", R"({"RET":"SOME"})",
                                 R"({"BY":"120;R"})", R"({"RET":1})", "[]"})
    EXPECT_EQ(failure(with(envelope(parameters))), "invalidProperties") << parameters;
  EXPECT_EQ(failure(R"({"identityId":"I99","emailId":")" + email + "\"}"), "invalidProperties");
  EXPECT_EQ(failure(R"({"identityId":")" + identity + R"(","emailId":"E9999"})"), "invalidProperties");
  EXPECT_EQ(failure(R"({"identityId":")" + identity + R"(","emailId":")" + email + R"(","sendAt":"x"})"),
            "invalidProperties");
  email = "E" + std::to_string(deliver(alice, "From: bob@example.com\nTo: bob@example.com\n\nx\n").message);
  EXPECT_EQ(failure(send_of()), "forbiddenFrom");
  email = "E" + std::to_string(deliver(alice, "From: alice@example.com\nSubject: to nobody\n\nx\n").message);
  EXPECT_EQ(failure(send_of()), "noRecipients");
  email = "E" + std::to_string(
                    deliver(alice, "From: alice@example.com\nTo: bob@example.com\nSubject: refuse\n\nx\n").message);
  EXPECT_EQ(failure(send_of()), "invalidEmail");
  email = "E" + std::to_string(
                    deliver(alice, "From: alice@example.com, alice+b@example.com\nTo: bob@example.com\n\nx\n").message);
  EXPECT_EQ(failure(send_of()), "invalidEmail");
  EXPECT_TRUE(letters.sent.empty());
  EXPECT_EQ(text(call(alice, "EmailSubmission/set", R"({"ifInState":"9","create":{}})"), "type"), "stateMismatch");
}

TEST_F(SubmissionTest, WhoMaySendAndNotReadSendsDraftsAtMost) {
  const std::string drafts = "M" + std::to_string((*mailboxes->find(*store, alice, "Drafts"))->id);
  scopes = {"mail.send"};
  EXPECT_EQ(failure(send_of()), "forbidden");
  scopes = {"https://www.googleapis.com/auth/gmail.compose"};
  EXPECT_EQ(failure(send_of()), "forbidden");
  const json::object made = call(alice, "Email/set",
                                 R"({"create":{"d":{"mailboxIds":{")" + drafts +
                                     R"(":true},"keywords":{"$draft":true},"from":[{"email":"alice@example.com"}],
                                   "to":[{"email":"bob@example.com"}]}}})");
  ASSERT_TRUE(made.at("created").is_object()) << api::to_text(made);
  email = text(made.at("created").at("d"), "id");
  EXPECT_EQ(failure(send_of()), "sent");
}

TEST_F(SubmissionTest, AreQueriedAndTheirChangesComputed) {
  const std::string now = text(created(send_of()), "id");
  const std::string later = text(created(send_of(R"(,"envelope":)" + envelope(R"({"HOLDFOR":"3600"})"))), "id");
  const auto ids = [&](const std::string& arguments) {
    return call(alice, "EmailSubmission/query", arguments).at("ids");
  };
  EXPECT_EQ(ids("{}"), (json::array{now, later}));
  EXPECT_EQ(ids(R"({"filter":{"undoStatus":"pending"}})"), json::array{later});
  EXPECT_EQ(ids(R"({"filter":{"operator":"NOT","conditions":[{"undoStatus":"pending"}]}})"), json::array{now});
  EXPECT_EQ(ids(R"({"sort":[{"property":"sentAt","isAscending":false}]})"), (json::array{later, now}));
  EXPECT_EQ(ids(R"({"filter":{"emailIds":["E77"]}})"), json::array());
  EXPECT_EQ(ids(R"({"filter":{"after":")" + utc_date(clock.now() + minutes(1)) + "\"}}"), json::array{later});
  EXPECT_EQ(text(call(alice, "EmailSubmission/query", R"({"filter":{"color":"red"}})"), "type"), "unsupportedFilter");
  const json::object before = call(alice, "EmailSubmission/query", R"({"filter":{"undoStatus":"pending"}})");
  call(alice, "EmailSubmission/set", R"({"update":{")" + later + R"(":{"undoStatus":"canceled"}}})");
  const json::object changes =
      call(alice, "EmailSubmission/queryChanges",
           R"({"filter":{"undoStatus":"pending"},"sinceQueryState":")" + text(before, "queryState") + "\"}");
  EXPECT_EQ(changes.at("removed"), json::array{later}) << api::to_text(changes);
  EXPECT_EQ(changes.at("added"), json::array());
}

TEST_F(SubmissionTest, OneSendsFromOnesOwnAccount) {
  EXPECT_EQ(text(call(alice, "Identity/get", R"({"accountId":")" + account_id(bob) + "\"}"), "type"),
            "accountNotFound");
  const json::object session = *jmap->session(caller(alice), "https://mail.example.com");
  const json::value& account = session.at("accounts").at(account_id(alice)).at("accountCapabilities");
  EXPECT_EQ(account.at("urn:ietf:params:jmap:submission").at("maxDelayedSend"), 31'622'400);
  EXPECT_TRUE(
      account.at("urn:ietf:params:jmap:submission").at("submissionExtensions").as_object().contains("FUTURERELEASE"));
}

}  // namespace
}  // namespace pabal::jmap
