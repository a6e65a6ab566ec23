#include "mailbox/arriving.h"

#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

struct ArrivingTest : MailboxTest {
  bool found_by_search(const std::string& text, MessageId id) {
    const auto query = parse_query(text, clock_.now());
    const auto found = mailbox::find(*boxes_, *store_->snapshot(), kAccount, *query, {{"bob@x.org"}, false});
    return found && std::find(found->begin(), found->end(), id) != found->end();
  }
  bool found_at_arrival(const std::string& text, const std::string& bytes) {
    const auto prepared = prepare(bytes);
    return Arriving(*prepared, clock_.now(), {"bob@x.org"}, "bob@univ.edu").holds(*parse_query(text, clock_.now()));
  }
};

// A filter finds what a search finds later.
TEST_F(ArrivingTest, HoldsWhereASearchFinds) {
  const std::string plain = text_of({.subject = "Dinner plans for Friday",
                                     .from = "Amy Lee <amy@x.org>",
                                     .to = "bob@univ.edu",
                                     .body = "meet on friday for the dinner, 배송이 완료되었습니다\r\n",
                                     .id = "a@x",
                                     .type = "text/plain; charset=utf-8"});
  const std::string attached =
      "From: bob@x.org\r\nSubject: report\r\nCc: dave@x.org\r\nBcc: eve@x.org\r\nList-Id: <dev.lists.x.org>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee invoice\r\n--b\r\n"
      "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"invoice 7.pdf\"\r\n\r\n" +
      std::string(3'000, 'x') + "\r\n--b--\r\n";
  const MessageId a = try_file(plain)->message, b = try_file(attached)->message;
  size_t held = 0;
  for (const std::string text : {"",
                                 "friday",
                                 "frida",
                                 "from:amy",
                                 "from:(amy lee)",
                                 "from:x.org",
                                 "to:bob@univ.edu",
                                 "to:amy",
                                 "from:me",
                                 "subject:(plans dinner)",
                                 "subject:\"plans dinner\"",
                                 "subject:\"dinner plans\"",
                                 "friday -from:amy",
                                 "-friday",
                                 "has:attachment",
                                 "filename:pdf",
                                 "filename:\"invoice 7\"",
                                 "filename:see",
                                 "larger:2k",
                                 "smaller:2k",
                                 "cc:dave",
                                 "bcc:eve",
                                 "bcc:dave",
                                 "list:dev.lists.x.org",
                                 "rfc822msgid:a@x",
                                 "friday AROUND 3 dinner",
                                 "meet AROUND 2 dinner",
                                 "{from:amy cc:dave}",
                                 "배송",
                                 "송이",
                                 "완",
                                 "배송완료",
                                 "배송이 완료되었습니다",
                                 "...",
                                 "newer_than:1d",
                                 "older_than:1d",
                                 "\"for the dinner\"",
                                 "\"the for dinner\"",
                                 "amy invoice",
                                 "AMY"})
    for (const auto& [id, bytes] : {std::pair(a, plain), std::pair(b, attached)}) {
      const bool holds = found_at_arrival(text, bytes);
      held += holds;
      EXPECT_EQ(holds, found_by_search(text, id)) << text << " in " << id;
    }
  EXPECT_GT(held, 25u);
}

TEST_F(ArrivingTest, KnowsWhomItIsDeliveredTo) {
  const std::string letter = text_of({.to = "list@x.org"});
  EXPECT_TRUE(found_at_arrival("deliveredto:bob@univ.edu", letter));
  EXPECT_FALSE(found_at_arrival("deliveredto:carol", letter));
}

TEST_F(ArrivingTest, SaysWhatHasNoAnswerYet) {
  const auto what = [&](const char* text) { return not_at_arrival(*parse_query(text, clock_.now())); };
  EXPECT_EQ(what("from:amy -(subject:b OR larger:3M) in:anywhere"), "");
  EXPECT_NE(what("from:amy (a OR -is:unread)"), "");
  EXPECT_NE(what("label:work"), "");
  EXPECT_NE(what("in:inbox"), "");
  EXPECT_NE(what("has:userlabels"), "");
  EXPECT_FALSE(found_at_arrival("label:inbox", text_of({})));
}

}  // namespace
}  // namespace pabal::mailbox
