// Email/set, /import and /copy (RFC 8621 §4.6 to §4.8), with what the mail model has afterwards.
#include "jmap/fields.h"
#include "jmap/testing.h"
#include "mailbox/sharing.h"

namespace pabal::jmap {
namespace {

using testing::crlf;
using testing::parse;
using testing::World;

struct EmailSetTest : ::testing::Test, World {
  std::string inbox, drafts, trash;

  void SetUp() override {
    inbox = box("INBOX");
    drafts = box("Drafts");
    trash = box("Trash");
  }
  std::string box(const std::string& name) { return "M" + std::to_string((*mailboxes->find(*store, alice, name))->id); }
  json::object set(const std::string& arguments) { return call(alice, "Email/set", arguments); }
  // The SetError of one create, or what was made of it.
  json::object create(const std::string& members) {
    const json::object answer = set(R"({"create":{"k":{"mailboxIds":{")" + drafts + "\":true}" +
                                    (members.empty() ? "" : ",") + members + "}}}");
    const json::value* failed = answer.if_contains("notCreated");
    if (failed && failed->is_object()) return failed->at("k").as_object();
    const json::value* made = answer.if_contains("created");
    EXPECT_TRUE(made && made->is_object()) << api::to_text(answer);
    return made && made->is_object() ? made->at("k").as_object() : json::object();
  }
  std::string why(const std::string& members) {
    const json::object out = create(members);
    return out.contains("type") ? std::string(out.at("type").as_string()) : "made";
  }
  static mailbox::MessageId number(const json::object& made) {
    return *text::parse_u64(std::string_view(made.at("id").as_string()).substr(1));
  }
  std::string content(const json::object& made) { return *mailboxes->content(*store, alice, number(made)); }
  mailbox::Message message(mailbox::MessageId id) { return **mailboxes->message(*store, alice, id); }
  mailbox::Message message(const json::object& made) { return message(number(made)); }
  mailbox::ModSeq modseq(mailbox::AccountId account) { return mailboxes->figures(*store, account)->modseq; }
  std::string upload(const std::string& octets, const std::string& type, mailbox::AccountId who) {
    const web::Response answer = http("POST", "/jmap/upload/" + account_id(who) + "/", octets, token(who), type);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(parse(answer.body).at("blobId").as_string());
  }
  // One value of one update: "" when it was done, else the type of the SetError.
  std::string update(mailbox::AccountId who, const std::string& id, const std::string& patch) {
    const json::object answer = call(
        who, "Email/set", R"({"accountId":")" + account_id(alice) + R"(","update":{")" + id + "\":" + patch + "}}");
    const json::value* failed = answer.if_contains("notUpdated");
    if (!failed || !failed->is_object()) return answer.contains("type") ? "whole call" : "";
    return std::string(failed->at(id).at("type").as_string());
  }
};

TEST_F(EmailSetTest, ADraftOfSimpleProperties) {
  const json::object made = create(R"("keywords":{"$seen":true,"$Draft":true},"receivedAt":"2026-01-02T03:04:05Z",
      "from":[{"name":"Alice \"A\" Ängström","email":"alice@example.com"}],"to":[{"name":null,"email":"bob@example.com"}],
      "subject":"caf\u00e9","messageId":["one@example.com"],"references":["a@b","c@d"],"sentAt":"2026-01-02T03:04:05+09:00",
      "header:X-Tag:asText":"x","header:List-Unsubscribe:asURLs":["https://example.com/u","mailto:u@example.com"],
      "bodyValues":{"1":{"value":"Hello\nthere"}},"textBody":[{"partId":"1","type":"text/plain"}])");
  const std::string octets = content(made);
  EXPECT_NE(octets.find("Subject: =?utf-8?B?Y2Fmw6k=?=\r\n"), octets.npos) << octets;
  EXPECT_NE(octets.find("Date: Fri, 02 Jan 2026 03:04:05 +0900\r\n"), octets.npos) << octets;
  EXPECT_NE(octets.find("Message-ID: <one@example.com>\r\n"), octets.npos);
  EXPECT_NE(octets.find("References: <a@b> <c@d>\r\n"), octets.npos);
  EXPECT_NE(octets.find("X-Tag: x\r\n"), octets.npos);
  EXPECT_NE(octets.find("List-Unsubscribe: <https://example.com/u>, <mailto:u@example.com>\r\n"), octets.npos)
      << octets;
  EXPECT_TRUE(octets.ends_with("\r\n\r\nHello\r\nthere")) << octets;
  const message::Message parsed = message::parse(octets);
  EXPECT_EQ(parsed.summary.from.at(0).display_text(), "Alice \"A\" Ängström");
  EXPECT_EQ(parsed.summary.to.at(0).address(), "bob@example.com");
  const mailbox::Message m = message(made);
  EXPECT_EQ(m.flags.system, mailbox::kSeen | mailbox::kDraft);
  EXPECT_EQ(utc_date(m.received), "2026-01-02T03:04:05Z");
  EXPECT_EQ(made.at("size"), octets.size());
  EXPECT_EQ(made.at("threadId").as_string(), "T" + std::to_string(m.thread));
  EXPECT_EQ(made.at("blobId").as_string(), "B" + std::to_string(m.id));
}

TEST_F(EmailSetTest, WhatIsNotSaidIsChosen) {
  const std::string octets = content(create(""));
  const message::Message parsed = message::parse(octets);
  EXPECT_TRUE(parsed.summary.message_id.ends_with("@example.com>")) << octets;
  EXPECT_TRUE(parsed.summary.date.has_value());
  EXPECT_NE(octets.find("MIME-Version: 1.0\r\n"), octets.npos);
  EXPECT_EQ(parsed.root.type + "/" + parsed.root.subtype, "text/plain");
}

TEST_F(EmailSetTest, TextHtmlAndAttachmentsAreArranged) {
  const std::string picture = upload("PNG", "image/png", alice), file = upload("a;b", "text/csv; charset=utf-8", alice);
  const json::object made = create(R"("bodyValues":{"t":{"value":"Hi"},"h":{"value":"<p>Hi"}},
      "textBody":[{"partId":"t"}],"htmlBody":[{"partId":"h","type":"text/html"}],
      "attachments":[{"blobId":")" +
                                   picture + R"(","cid":"pic@x"},
        {"blobId":")" + file + R"(","name":"표.csv","size":3}])");
  const std::string octets = content(made);
  const message::Message parsed = message::parse(octets);
  const message::Part& root = parsed.root;
  ASSERT_EQ(root.subtype, "mixed") << octets;
  ASSERT_EQ(root.children.size(), 2u);
  ASSERT_EQ(root.children[0].subtype, "alternative");
  const message::Part& related = root.children[0].children.at(1);
  ASSERT_EQ(related.subtype, "related");
  EXPECT_EQ(related.children[0].subtype, "html");
  EXPECT_EQ(related.children[1].id, "<pic@x>");
  EXPECT_EQ(related.children[1].disposition, "inline");
  EXPECT_EQ(message::part_content(octets, related.children[1]), "PNG");
  EXPECT_EQ(root.children[1].subtype, "csv");
  EXPECT_EQ(root.children[1].disposition, "attachment");
  EXPECT_EQ(root.children[1].filename(), "표.csv");
  EXPECT_EQ(message::part_content(octets, root.children[1]), "a;b");
  // A part of it, by its blob, in another.
  const std::string part = std::string(made.at("blobId").as_string()) + "-6";
  const json::object again = create(R"("attachments":[{"blobId":")" + part + R"(","type":"text/csv"}])");
  EXPECT_EQ(message::part_content(content(again), message::parse(content(again)).root), "a;b") << octets;
}

TEST_F(EmailSetTest, ABodyStructureIsWrittenAsItIs) {
  const std::string octets = content(create(R"("bodyValues":{"t":{"value":"Hi"},"r":{"value":"report"}},
      "bodyStructure":{"type":"multipart/report","header:Content-Type":null,"subParts":[
        {"partId":"t","language":["de","en"],"location":"http://x/y","header:X-Part":" 1"},
        {"type":"multipart/mixed","subParts":[{"partId":"r","header:Content-Type":"text/x-report; kind=\"a b\"",
          "disposition":"inline","name":"r.txt"}]}]})"));
  const message::Message parsed = message::parse(octets);
  ASSERT_EQ(parsed.root.subtype, "report");
  const message::Part& first = parsed.root.children.at(0);
  EXPECT_EQ(first.languages, (std::vector<std::string>{"de", "en"}));
  EXPECT_EQ(first.location, "http://x/y");
  EXPECT_NE(first.header(octets).find("X-Part: 1\r\n"), std::string_view::npos);
  const message::Part& inner = parsed.root.children.at(1).children.at(0);
  EXPECT_EQ(inner.subtype, "x-report");
  EXPECT_EQ(*inner.param("kind"), "a b");
  EXPECT_EQ(inner.filename(), "r.txt");
}

TEST_F(EmailSetTest, WhatTheStandardForbidsIsRefused) {
  const std::string value = R"("bodyValues":{"1":{"value":"x"}},)";
  const struct {
    std::string members, type;
  } cases[] = {
      {R"("headers":[])", "invalidProperties"},
      {R"("id":"E1")", "invalidProperties"},
      {R"("preview":"x")", "invalidProperties"},
      {R"("from":[{"email":"a@b"}],"header:From":" a@b")", "invalidProperties"},
      {R"("header:Content-Type":"text/plain")", "invalidProperties"},
      {R"("header:Content-Foo":"x")", "invalidProperties"},
      {R"("header:From:asDate":"2026-01-01T00:00:00Z")", "invalidProperties"},
      {R"("subject":"a\nBcc: x@y")", "invalidProperties"},
      {R"("header:X-A":" a\r\nB: c")", "invalidProperties"},
      {R"("from":[{"email":"a@b\r\nX: y"}])", "invalidProperties"},
      {R"("to":[{"email":"a@b>, <c@d,e"}])", "invalidProperties"},
      {R"("messageId":["a b"])", "invalidProperties"},
      {R"("sentAt":"yesterday")", "invalidProperties"},
      {R"("keywords":{"a b":true})", "invalidProperties"},
      {R"("keywords":{"$seen":false})", "invalidProperties"},
      {R"("receivedAt":"2026-01-01")", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1"}],"bodyStructure":{"partId":"1"})", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1"},{"partId":"1"}])", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1","type":"text/html"}])", "invalidProperties"},
      {value + R"("textBody":[{"partId":"2"}])", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1","charset":"utf-8"}])", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1","size":1}])", "invalidProperties"},
      {value + R"("textBody":[{"partId":"1","blobId":"B1"}])", "invalidProperties"},
      {value + R"("bodyStructure":{"partId":"1","headers":[]})", "invalidProperties"},
      {value + R"("bodyStructure":{"partId":"1","header:Content-Transfer-Encoding":"7bit"})", "invalidProperties"},
      {value + R"("bodyStructure":{"partId":"1","header:Subject":"x"},"subject":"y")", "invalidProperties"},
      {value + R"("bodyStructure":{"partId":"1","disposition":"a\r\nb"})", "invalidProperties"},
      {value + R"("bodyStructure":{"type":"multipart/mixed"})", "invalidProperties"},
      {value + R"("bodyStructure":{"type":"text/plain","subParts":[{"partId":"1"}]})", "invalidProperties"},
      {R"("bodyValues":{"1":{"value":"x","isTruncated":true}},"textBody":[{"partId":"1"}])", "invalidProperties"},
      {R"("attachments":[{"blobId":"Unone"}])", "blobNotFound"},
  };
  for (const auto& one : cases) EXPECT_EQ(why(one.members), one.type) << one.members;
  const json::object lost = create(R"("attachments":[{"blobId":"Unone"},{"blobId":"B999"}])");
  EXPECT_EQ(lost.at("notFound"), parse(R"(["B999","Unone"])"));
  const json::object answer = set(R"({"create":{"a":{},"b":{"mailboxIds":{}},"c":{"mailboxIds":{"M999":true}}}})");
  for (const char* one : {"a", "b", "c"})
    EXPECT_EQ(answer.at("notCreated").at(one).at("properties"), parse(R"(["mailboxIds"])")) << one;
}

TEST_F(EmailSetTest, KeywordsAndMailboxesChangeAsAWholeAndByPatches) {
  mailbox::Filing filing;
  filing.flags.keywords = {"Work", "odd]word"};
  const auto filed = deliver(alice, "Subject: x\n\nx\n", filing);
  const std::string id = "E" + std::to_string(filed.message);
  EXPECT_EQ(update(alice, id, R"({"keywords/$seen":true,"keywords/new":true})"), "");
  EXPECT_EQ(message(filed.message).flags.system, mailbox::kSeen);
  EXPECT_EQ(message(filed.message).flags.keywords, (std::vector<std::string>{"new", "odd]word", "Work"}));
  EXPECT_EQ(update(alice, id, R"({"keywords":{"work":true,"$flagged":true}})"), "");
  EXPECT_EQ(message(filed.message).flags.system, mailbox::kFlagged);
  EXPECT_EQ(message(filed.message).flags.keywords, (std::vector<std::string>{"Work"}));
  EXPECT_EQ(update(alice, id, R"({"keywords":null})"), "");
  EXPECT_TRUE(message(filed.message).flags.keywords.empty());

  EXPECT_EQ(update(alice, id, R"({"mailboxIds/)" + drafts + R"(":true})"), "");
  EXPECT_EQ(message(filed.message).places.size(), 2u);
  EXPECT_EQ(update(alice, id, R"({"mailboxIds":{")" + trash + R"(":true},"keywords/$seen":true})"), "");
  ASSERT_EQ(message(filed.message).places.size(), 1u);
  EXPECT_EQ("M" + std::to_string(message(filed.message).places[0].mailbox), trash);
  EXPECT_TRUE(message(filed.message).flags.has(mailbox::kSeen));

  const mailbox::ModSeq before = modseq(alice);
  for (const std::string& bad : std::vector<std::string>{
           R"({"mailboxIds":{}})", R"({"mailboxIds":null})", R"({"mailboxIds/M999":true})", R"({"subject":"x"})",
           R"({"size":1})", R"({"keywords/a b":true})", R"({"keywords/a":false})", R"({"threadId":null})"})
    EXPECT_EQ(update(alice, id, bad), "invalidProperties") << bad;
  EXPECT_EQ(update(alice, id, R"({"mailboxIds/)" + trash + R"(":null})"), "invalidProperties");
  EXPECT_EQ(update(alice, id, R"({"keywords/a/b":true})"), "invalidPatch");
  EXPECT_EQ(update(alice, "E999", R"({"keywords":{}})"), "notFound");
  EXPECT_EQ(update(alice, id, R"({"id":")" + id + R"(","keywords/$seen":true})"), "") << "nothing changes";
  EXPECT_EQ(modseq(alice), before);
}

TEST_F(EmailSetTest, ManyChangesAreOneCommitAndEachIsWholeOrNothing) {
  const auto first = deliver(alice, "Subject: one\n\nx\n"), second = deliver(alice, "Subject: two\n\nx\n");
  const std::string one = "E" + std::to_string(first.message), two = "E" + std::to_string(second.message);
  const std::string state = std::to_string(modseq(alice));
  const json::object answer =
      set(R"({"ifInState":")" + state + R"(","update":{")" + one + R"(":{"keywords/$seen":true},")" + two +
          R"(":{"keywords/$seen":true,"mailboxIds":{"M999":true}}},"destroy":["E999",")" + one + "\"]}");
  EXPECT_EQ(answer.at("oldState"), json::value(state)) << api::to_text(answer);
  EXPECT_EQ(answer.at("newState"), json::value(std::to_string(modseq(alice))));
  EXPECT_TRUE(answer.at("updated").as_object().contains(one));
  EXPECT_EQ(answer.at("notUpdated").at(two).at("type"), "invalidProperties");
  EXPECT_FALSE(message(second.message).flags.has(mailbox::kSeen));
  EXPECT_EQ(answer.at("destroyed"), json::array{json::value(one)});
  EXPECT_EQ(answer.at("notDestroyed").at("E999").at("type"), "notFound");
  EXPECT_TRUE(message(first.message).places.empty());
  EXPECT_EQ(set(R"({"ifInState":")" + state + R"(","destroy":[]})").at("type"), "stateMismatch");
}

TEST_F(EmailSetTest, AMailboxMadeInTheSameRequestIsTaken) {
  const json::array answers =
      calls(alice, R"(["Mailbox/set",{"accountId":")" + account_id(alice) +
                       R"(","create":{"m":{"name":"New"}}},"0"],["Email/set",{"accountId":")" + account_id(alice) +
                       R"(","create":{"e":{"mailboxIds":{"#m":true}}}},"1"])");
  ASSERT_EQ(answers.size(), 2u);
  const json::value& made = answers[1].at(1).at("created");
  ASSERT_TRUE(made.is_object()) << api::to_text(answers);
  EXPECT_EQ("M" + std::to_string(message(made.at("e").as_object()).places[0].mailbox), box("New"));
}

TEST_F(EmailSetTest, TheTokenMustCoverWhatIsDone) {
  const auto filed = deliver(alice, "Subject: x\n\nx\n");
  const std::string id = "E" + std::to_string(filed.message);
  const std::string all = R"({"create":{"a":{"mailboxIds":{")" + inbox + R"(":true}}},"update":{")" + id +
                          R"(":{"keywords/$seen":true}},"destroy":[")" + id + "\"]}";
  scopes = {"https://www.googleapis.com/auth/gmail.readonly"};
  EXPECT_EQ(set(all).at("type"), "forbidden");
  scopes = {"https://www.googleapis.com/auth/gmail.insert"};
  const json::object some = set(all);
  EXPECT_TRUE(some.at("created").is_object()) << api::to_text(some);
  EXPECT_EQ(some.at("notUpdated").at(id).at("type"), "forbidden");
  EXPECT_EQ(some.at("notDestroyed").at(id).at("type"), "forbidden");
}

TEST_F(EmailSetTest, ATokenForDraftsCoversDraftsAlone) {
  const std::string sent = box("Sent"), other = "E" + std::to_string(deliver(alice, "Subject: secret\n\nx\n").message);
  scopes = {"https://www.googleapis.com/auth/gmail.compose"};
  const json::object made = create(R"("keywords":{"$draft":true},"subject":"mine")");
  ASSERT_TRUE(made.contains("id")) << api::to_text(made);
  const std::string id(made.at("id").as_string());
  EXPECT_EQ(why(R"("subject":"no draft")"), "forbidden");
  EXPECT_EQ(why(R"("keywords":{"$draft":true},"attachments":[{"blobId":"B)" + other.substr(1) +
                R"(","type":"message/rfc822"}])"),
            "blobNotFound")
      << "it would read by writing";
  EXPECT_EQ(update(alice, id, R"({"keywords/$flagged":true})"), "");
  EXPECT_EQ(update(alice, id, R"({"mailboxIds":{")" + inbox + R"(":true}})"), "forbidden");
  EXPECT_EQ(update(alice, other, R"({"keywords/$seen":true})"), "forbidden");
  EXPECT_EQ(update(alice, id, R"({"mailboxIds":{")" + sent + R"(":true},"keywords/$draft":null})"), "");
  EXPECT_EQ(update(alice, id, R"({"keywords/$flagged":null})"), "forbidden") << "it is sent";
  const std::string again(create(R"("keywords":{"$draft":true})").at("id").as_string());
  const json::object gone = set(R"({"destroy":[")" + again + "\",\"" + other + "\"]}");
  EXPECT_EQ(gone.at("destroyed"), json::array{json::value(again)});
  EXPECT_EQ(gone.at("notDestroyed").at(other).at("type"), "forbidden");
}

TEST_F(EmailSetTest, SharersDoWhatTheirRightsSay) {
  const mailbox::MailboxId there = (*mailboxes->find(*store, alice, "INBOX"))->id;
  const auto grant = [&](mailbox::Rights rights) {
    change([&](store::Transaction& t) {
      return mailbox::change_acl(t, alice, there, {mailbox::Grantee::Kind::kAccount, bob, ""}, false, '=', rights);
    });
  };
  const auto filed = deliver(alice, "Subject: x\n\nx\n");
  const std::string id = "E" + std::to_string(filed.message);
  grant(mailbox::kLookup | mailbox::kRead | mailbox::kKeepSeen);
  EXPECT_EQ(update(bob, id, R"({"keywords/$seen":true})"), "");
  EXPECT_EQ(update(bob, id, R"({"keywords/$flagged":true})"), "forbidden");
  EXPECT_EQ(update(bob, id, R"({"mailboxIds":{")" + drafts + R"(":true}})"), "invalidProperties") << "he sees none";
  const std::string destroy = R"({"accountId":")" + account_id(alice) + R"(","destroy":[")" + id + "\"]}";
  EXPECT_EQ(call(bob, "Email/set", destroy).at("notDestroyed").at(id).at("type"), "forbidden");
  const std::string make =
      R"({"accountId":")" + account_id(alice) + R"(","create":{"k":{"mailboxIds":{")" + inbox + R"(":true}}}})";
  EXPECT_EQ(call(bob, "Email/set", make).at("notCreated").at("k").at("type"), "forbidden");
  grant(mailbox::kAllRights);
  EXPECT_TRUE(call(bob, "Email/set", make).at("created").is_object());
  EXPECT_EQ(call(bob, "Email/set", destroy).at("destroyed"), json::array{json::value(id)});
}

TEST_F(EmailSetTest, ImportsWhatWasUploaded) {
  const std::string blob =
      upload("Received: by x; Fri, 02 Jan 2026 03:04:05 +0000\nSubject: in\n\nbody\n", "message/rfc822", alice);
  const std::string none = upload("just text", "text/plain", alice);
  const json::object answer = call(alice, "Email/import",
                                   R"({"emails":{
      "good":{"blobId":")" + blob + R"(","mailboxIds":{")" +
                                       inbox + R"(":true},"keywords":{"$seen":true}},
      "text":{"blobId":")" + none + R"(","mailboxIds":{")" +
                                       inbox + R"(":true}},
      "lost":{"blobId":"Unone","mailboxIds":{")" +
                                       inbox + R"(":true}},
      "nowhere":{"blobId":")" + blob + R"("}}})");
  ASSERT_TRUE(answer.at("created").is_object()) << api::to_text(answer);
  const json::object made = answer.at("created").at("good").as_object();
  EXPECT_TRUE(content(made).ends_with("Subject: in\r\n\r\nbody\r\n"));
  EXPECT_EQ(utc_date(message(made).received), "2026-01-02T03:04:05Z");
  EXPECT_TRUE(message(made).flags.has(mailbox::kSeen));
  EXPECT_EQ(answer.at("notCreated").at("text").at("type"), "invalidEmail");
  EXPECT_EQ(answer.at("notCreated").at("lost").at("properties"), parse(R"(["blobId"])"));
  EXPECT_EQ(answer.at("notCreated").at("nowhere").at("properties"), parse(R"(["mailboxIds"])"));
  EXPECT_FALSE(answer.contains("updated"));
}

TEST_F(EmailSetTest, CopiesFromAnotherAccount) {
  const mailbox::MailboxId theirs = (*mailboxes->find(*store, bob, "INBOX"))->id;
  change([&](store::Transaction& t) {
    return mailbox::change_acl(t, bob, theirs, {mailbox::Grantee::Kind::kAccount, alice, ""}, false, '=',
                               mailbox::kAllRights);
  });
  mailbox::Filing filing;
  filing.prefix = "Return-Path: <x@example.org>\r\n";
  filing.flags.system = mailbox::kFlagged;
  const auto filed = deliver(bob, "Subject: x\n\nx\n", filing);
  const std::string id = "E" + std::to_string(filed.message);
  const json::object answer = call(alice, "Email/copy",
                                   R"({"fromAccountId":")" + account_id(bob) + R"(","create":{
      "k":{"id":")" + id + R"(","mailboxIds":{")" +
                                       inbox + R"(":true}},"none":{"id":"E99","mailboxIds":{")" + inbox + R"(":true}}},
      "onSuccessDestroyOriginal":true})");
  ASSERT_TRUE(answer.at("created").is_object()) << api::to_text(answer);
  const json::object made = answer.at("created").at("k").as_object();
  EXPECT_EQ(content(made), "Return-Path: <x@example.org>\r\nSubject: x\r\n\r\nx\r\n");
  EXPECT_TRUE(message(made).flags.has(mailbox::kFlagged));
  EXPECT_EQ(answer.at("notCreated").at("none").at("type"), "notFound");
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[1].at(0), "Email/set");
  EXPECT_EQ(last[1].at(1).at("accountId"), json::value(account_id(bob)));
  EXPECT_EQ(last[1].at(1).at("destroyed"), json::array{json::value(id)}) << api::to_text(last);
  const std::string same = R"({"fromAccountId":")" + account_id(alice) + R"(","create":{}})";
  EXPECT_EQ(call(alice, "Email/copy", same).at("type"), "invalidArguments");
}

}  // namespace
}  // namespace pabal::jmap
