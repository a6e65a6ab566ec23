#include "gmail/drafts.h"

#include "gmail/test_gmail.h"

namespace pabal::gmail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Drafts : public GmailTest {
 protected:
  static std::string draft(const std::string& bytes, const std::string& more = "") {
    return "{\"message\":{" + raw(bytes) + "}" + more + "}";
  }
  std::string content(const std::string& id) {
    return parse_octets(get("drafts/" + id + "?format=raw").str("/message/raw")).value_or("");
  }
};

TEST_F(Drafts, KeepTheirIdWhenTheyChange) {
  const Answer made = post("drafts", draft("To: bob@example.net\r\nSubject: plan\r\n\r\nfirst\r\n"));
  ASSERT_EQ(made.status, 200) << made.text;
  const std::string id = made.str("/id"), first = made.str("/message/id");
  EXPECT_NE(id, first);
  EXPECT_THAT(made.strings("/message/labelIds"), ElementsAre("DRAFT"));
  EXPECT_THAT(content(id), HasSubstr("From: alice@example.com\r\n"));
  EXPECT_THAT(content(id), HasSubstr("Message-ID: <"));
  EXPECT_TRUE(message(first).flags.has(mailbox::kDraft));

  std::string last = first;
  for (const char* text : {"second\r\n", "third\r\n"}) {
    const Answer changed =
        ask("PUT", "me/drafts/" + id, draft("To: bob@example.net\r\nSubject: plan\r\n\r\n" + std::string(text)));
    ASSERT_EQ(changed.status, 200) << changed.text;
    EXPECT_EQ(changed.str("/id"), id);
    EXPECT_NE(changed.str("/message/id"), last);
    EXPECT_EQ(changed.str("/message/threadId"), made.str("/message/threadId"));
    EXPECT_THAT(content(id), HasSubstr(text));
    EXPECT_EQ(get("messages/" + last).status, 404);
    last = changed.str("/message/id");
  }
  EXPECT_EQ(get("drafts/r" + last).status, 404);  // not another draft
  EXPECT_EQ(*draft_of(*store, alice, *parse_id(last)), *parse_draft(id));

  const Answer sent = post("drafts/send", "{\"id\":\"" + id + "\"}");
  ASSERT_EQ(sent.status, 200) << sent.text;
  EXPECT_THAT(sent.strings("/labelIds"), ElementsAre("SENT"));
  EXPECT_EQ(sent.str("/threadId"), made.str("/message/threadId"));
  EXPECT_THAT(outgoing->sent.at(0).content, HasSubstr("third"));
  EXPECT_EQ(get("drafts/" + id).status, 404);
  EXPECT_EQ(post("drafts/send", "{\"id\":\"" + id + "\"}").status, 404);
}

TEST_F(Drafts, OfOtherProgramsAreDraftsToo) {
  const std::string id = insert(letter("by IMAP"), R"(["DRAFT"])");
  EXPECT_EQ(get("drafts/r" + id).str("/message/id"), id);
  const Answer changed = ask("PUT", "me/drafts/r" + id, draft("To: bob@example.net\r\n\r\nnew\r\n"));
  EXPECT_EQ(changed.str("/id"), "r" + id);
  EXPECT_EQ(ask("DELETE", "me/drafts/r" + id).status, 204);
  EXPECT_EQ(ask("DELETE", "me/drafts/r" + id).status, 404);
  EXPECT_EQ(get("messages/" + changed.str("/message/id")).status, 404);
}

TEST_F(Drafts, AreSentWithAnotherContent) {
  const std::string id = post("drafts", draft("To: bob@example.net\r\n\r\nold\r\n")).str("/id");
  const Answer sent = post("drafts/send", draft("To: bob@example.net\r\n\r\nnew\r\n", ",\"id\":\"" + id + "\""));
  ASSERT_EQ(sent.status, 200) << sent.text;
  EXPECT_THAT(outgoing->sent.at(0).content, HasSubstr("new"));
  EXPECT_EQ(get("drafts/" + id).status, 404);
  EXPECT_EQ(post("drafts/send", draft("To: bob@example.net\r\n\r\nat once\r\n")).status, 200);
  // What cannot be sent stays.
  const std::string broken = post("drafts", draft("Subject: nobody\r\n\r\n")).str("/id");
  EXPECT_EQ(post("drafts/send", "{\"id\":\"" + broken + "\"}").status, 400);
  EXPECT_EQ(get("drafts/" + broken).status, 200);
}

TEST_F(Drafts, ThatAreNotThereAreRefused) {
  const std::string inbox = insert(letter("hi"));
  for (const std::string& bad : {std::string("r99"), "r" + inbox, inbox, std::string("x"), std::string("r")}) {
    EXPECT_EQ(get("drafts/" + bad).status, 404) << bad;
    EXPECT_EQ(ask("PUT", "me/drafts/" + bad, draft("Subject: x\r\n\r\n")).status, 404) << bad;
    EXPECT_EQ(ask("DELETE", "me/drafts/" + bad).status, 404) << bad;
    EXPECT_EQ(post("drafts/send", "{\"id\":\"" + bad + "\"}").status, 404) << bad;
  }
  EXPECT_EQ(post("drafts", "{}").status, 400);
  EXPECT_EQ(post("drafts", R"({"message":{"raw":"*"}})").status, 400);
  EXPECT_EQ(post("drafts/send", "{}").status, 400);
}

}  // namespace
}  // namespace pabal::gmail
