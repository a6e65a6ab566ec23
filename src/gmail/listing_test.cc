#include "gmail/listing.h"

#include "gmail/test_gmail.h"

namespace pabal::gmail {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Lists : public GmailTest {
 protected:
  // The ids of all pages of `results` each.
  std::vector<std::string> all(const std::string& target, const std::string& name, size_t results) {
    std::vector<std::string> out;
    std::string next;
    for (int pages = 0; pages < 100; ++pages) {
      const Answer page =
          get(target + "maxResults=" + std::to_string(results) + (next.empty() ? "" : "&pageToken=" + next));
      EXPECT_EQ(page.status, 200) << page.text;
      for (size_t i = 0; i < page.count("/" + name); ++i)
        out.push_back(page.str("/" + name + "/" + std::to_string(i) + "/id"));
      if (page.at("/nextPageToken").is_null()) break;
      next = page.str("/nextPageToken");
    }
    return out;
  }
};

TEST_F(Lists, ComeInPagesTheNewestFirst) {
  EXPECT_EQ(get("messages").text, R"({"resultSizeEstimate":0})");
  std::vector<std::string> inbox, work;
  for (int i = 0; i < 150; ++i)
    inbox.insert(inbox.begin(), insert(letter("n" + std::to_string(i)),
                                       i % 50 == 0 ? R"(["INBOX","UNREAD","IMPORTANT"])" : R"(["INBOX"])"));
  const std::string spam = insert(letter("win"), R"(["SPAM"])"), archived = insert(letter("old"), "[]");
  EXPECT_EQ(all("messages?labelIds=INBOX&", "messages", 7), inbox);
  EXPECT_EQ(all("messages?label=inbox&", "messages", 500), inbox);
  for (const size_t results : {1u, 2u, 500u}) {
    EXPECT_THAT(all("messages?labelIds=UNREAD&", "messages", results), ElementsAre(inbox[49], inbox[99], inbox[149]));
    EXPECT_THAT(all("messages?labelIds=IMPORTANT&labelIds=INBOX&", "messages", results),
                ElementsAre(inbox[49], inbox[99], inbox[149]));
    EXPECT_THAT(all("messages?q=subject:n50&", "messages", results), ElementsAre(inbox[99]));
    EXPECT_THAT(all("messages?q=dinner&labelIds=UNREAD&labelIds=INBOX&", "messages", results),
                ElementsAre(inbox[49], inbox[99], inbox[149]));
  }
  EXPECT_THAT(all("messages?labelIds=STARRED&", "messages", 5), IsEmpty());
  post("messages/" + inbox[3] + "/modify", R"({"addLabelIds":["STARRED","CATEGORY_PERSONAL"]})");
  for (const char* asked : {"labelIds=STARRED&", "q=is:starred&", "labelIds=CATEGORY_PERSONAL&", "q=category:primary&"})
    EXPECT_THAT(all(std::string("messages?") + asked, "messages", 5), ElementsAre(inbox[3])) << asked;
  EXPECT_THAT(all("messages?labelIds=SPAM&", "messages", 5), ElementsAre(spam));
  EXPECT_EQ(all("messages?", "messages", 50).size(), 151u);
  EXPECT_EQ(all("messages?", "messages", 50).front(), archived);
  EXPECT_EQ(all("messages?includeSpamTrash=true&", "messages", 50).size(), 152u);
}

TEST_F(Lists, StandStillWhileMailArrives) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.insert(ids.begin(), insert(letter("n")));
  const Answer first = get("messages?labelIds=INBOX&maxResults=3");
  EXPECT_EQ(first.at("/resultSizeEstimate"), 6);
  insert(letter("new"));
  const std::string second = first.str("/nextPageToken");
  EXPECT_EQ(get("messages?labelIds=INBOX&maxResults=3&pageToken=" + second).str("/messages/0/id"), ids[3]);
  // A token is of its own list.
  for (const std::string& bad : {"messages?pageToken=" + second, "threads?labelIds=INBOX&pageToken=" + second,
                                 std::string("messages?pageToken=x")})
    EXPECT_EQ(get(bad).status, 400) << bad;
  for (const char* bad : {"messages?labelIds=Label_99", "messages?maxResults=x", "messages?includeSpamTrash=maybe"})
    EXPECT_EQ(get(bad).status, 400) << bad;
}

TEST_F(Lists, ShowAThreadOnce) {
  const std::string a = insert(letter("a", "Message-ID: <a@x>\r\n")), b = insert(letter("b", "Message-ID: <b@x>\r\n"));
  const std::string a2 = insert(letter("Re: a", "References: <a@x>\r\n", "again"));
  for (const size_t results : {1u, 2u, 9u})
    for (const char* asked : {"labelIds=INBOX&", "q=from:bob&", "q=in:inbox&labelIds=UNREAD&"})
      EXPECT_THAT(all(std::string("threads?") + asked, "threads", results), ElementsAre(a, b)) << asked << results;
  EXPECT_EQ(get("threads").str("/threads/0/snippet"), "again");
  const Answer thread = get("threads/" + a + "?format=minimal");
  EXPECT_EQ(thread.count("/messages"), 2u);
  EXPECT_EQ(thread.str("/messages/1/id"), a2);
  EXPECT_EQ(post("threads/" + a + "/modify", R"({"removeLabelIds":["UNREAD"]})").count("/messages"), 2u);
  EXPECT_THAT(labels_of(a2), ElementsAre("INBOX"));
  EXPECT_EQ(post("threads/" + a + "/trash").status, 200);
  EXPECT_THAT(labels_of(a), ElementsAre("TRASH"));
  EXPECT_THAT(all("threads?", "threads", 9), ElementsAre(b));
  EXPECT_EQ(post("threads/" + a + "/untrash").status, 200);
  EXPECT_THAT(labels_of(a2), ElementsAre("INBOX"));
  EXPECT_EQ(ask("DELETE", "me/threads/" + a).status, 204);
  EXPECT_EQ(get("threads/" + a).status, 404);
}

TEST_F(Lists, OfMetadataAloneTakeNoQuery) {
  const std::string id = insert(letter("hi"));
  token = make_token(alice, {"https://www.googleapis.com/auth/gmail.metadata"});
  EXPECT_EQ(get("messages").status, 200);
  EXPECT_EQ(get("messages?q=hi").status, 403);
  EXPECT_EQ(get("messages/" + id).status, 403);
  EXPECT_EQ(get("messages/" + id + "?format=metadata").status, 200);
  EXPECT_EQ(post("messages/" + id + "/trash").status, 403);
}

TEST_F(Lists, OfDraftsHaveTheirIds) {
  const std::string id = post("drafts", "{\"message\":{" + raw(letter("d")) + "}}").str("/id");
  ask("PUT", "me/drafts/" + id, "{\"message\":{" + raw(letter("e")) + "}}");
  insert(letter("no draft"));
  const Answer list = get("drafts");
  EXPECT_EQ(list.count("/drafts"), 1u);
  EXPECT_EQ(list.str("/drafts/0/id"), id);
}

TEST_F(Lists, OfLabelsAreMadeAndChanged) {
  EXPECT_EQ(get("labels").count("/labels"), 14u);
  const Answer made =
      post("labels", R"({"name":"Work/Plans","color":{"textColor":"#000000","backgroundColor":"#FFFFFF"}})");
  ASSERT_EQ(made.status, 200) << made.text;
  const std::string id = made.str("/id");
  EXPECT_EQ(made.str("/color/backgroundColor"), "#ffffff");
  insert(letter("a", "Message-ID: <a@x>\r\n"), "[\"" + id + "\",\"UNREAD\"]");
  insert(letter("Re: a", "References: <a@x>\r\n"), "[\"" + id + "\"]");
  const Answer counted = get("labels/" + id);
  EXPECT_EQ(counted.at("/messagesTotal"), 2);
  EXPECT_EQ(counted.at("/messagesUnread"), 1);
  EXPECT_EQ(counted.at("/threadsTotal"), 1);
  EXPECT_EQ(counted.at("/threadsUnread"), 1);
  EXPECT_EQ(get("labels/UNREAD").at("/messagesTotal"), 1);
  EXPECT_EQ(get("profile").at("/messagesTotal"), 2);
  EXPECT_EQ(get("profile").at("/threadsTotal"), 1);
  EXPECT_EQ(ask("PATCH", "me/labels/" + id, R"({"labelListVisibility":"labelHide"})").str("/color/textColor"),
            "#000000");
  EXPECT_TRUE(ask("PUT", "me/labels/" + id, R"({"name":"Play"})").at("/color").is_null());
  EXPECT_EQ(get("labels/" + id).str("/name"), "Play");
  EXPECT_EQ(post("labels", R"({"name":"Play"})").status, 409);
  EXPECT_EQ(post("labels", R"({"name":"inbox"})").status, 409);
  EXPECT_EQ(post("labels", R"({"name":"a//b"})").status, 400);
  EXPECT_EQ(post("labels", R"({"name":"x","color":{"textColor":"red","backgroundColor":"#000000"}})").status, 400);
  EXPECT_EQ(ask("DELETE", "me/labels/INBOX").status, 400);
  EXPECT_EQ(ask("DELETE", "me/labels/" + id).status, 204);
  EXPECT_EQ(get("labels/" + id).status, 404);
  EXPECT_EQ(get("messages").count("/messages"), 2u);  // archived
}

TEST_F(Lists, OfHistoryTellWhatHappened) {
  const std::string start = get("profile").str("/historyId");
  const std::string id = insert(letter("hi"));
  post("messages/" + id + "/modify", R"({"addLabelIds":["STARRED"],"removeLabelIds":["UNREAD"]})");
  post("messages/" + id + "/modify", R"({"removeLabelIds":["INBOX"],"addLabelIds":["IMPORTANT"]})");
  post("messages/" + id + "/modify", R"({"addLabelIds":["CATEGORY_SOCIAL"]})");
  post("messages/" + id + "/modify", R"({"addLabelIds":["CATEGORY_FORUMS"],"removeLabelIds":["CATEGORY_SOCIAL"]})");
  const std::string middle = get("profile").str("/historyId");
  ask("DELETE", "me/messages/" + id);
  std::string told;
  const Answer history = get("history?startHistoryId=" + start);
  for (size_t i = 0; i < history.count("/history"); ++i) {
    const std::string at = "/history/" + std::to_string(i);
    for (const char* kind : {"/messagesAdded", "/messagesDeleted", "/labelsAdded", "/labelsRemoved"})
      if (history.count(at + kind) > 0) {
        told += kind;
        for (const std::string& label : history.strings(at + kind + "/0/labelIds")) told += " " + label;
      }
  }
  EXPECT_EQ(
      told,
      "/messagesAdded/labelsAdded STARRED/labelsRemoved UNREAD/labelsAdded IMPORTANT/labelsRemoved "
      "INBOX/labelsAdded CATEGORY_SOCIAL/labelsAdded CATEGORY_FORUMS/labelsRemoved CATEGORY_SOCIAL/messagesDeleted");
  EXPECT_EQ(history.str("/historyId"), get("profile").str("/historyId"));
  EXPECT_EQ(get("history?startHistoryId=" + middle).count("/history"), 1u);
  EXPECT_EQ(get("history?historyTypes=messageDeleted&startHistoryId=" + start).count("/history"), 1u);
  const Answer page = get("history?maxResults=1&startHistoryId=" + start);
  EXPECT_EQ(page.count("/history"), 1u);
  EXPECT_EQ(get("history?maxResults=1&startHistoryId=" + start + "&pageToken=" + page.str("/nextPageToken"))
                .count("/history/0/labelsAdded"),
            1u);
  EXPECT_EQ(get("history").status, 400);
  EXPECT_EQ(get("history?startHistoryId=999999").status, 404);
}

}  // namespace
}  // namespace pabal::gmail
