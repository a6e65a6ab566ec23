// users.watch and users.stop.
#include "gmail/test_gmail.h"

namespace pabal::gmail {
namespace {

using push::Outlet;
using testing::ElementsAre;
using testing::IsEmpty;

class WatchTest : public GmailTest {
 protected:
  WatchTest() {
    write([&](store::Transaction& t) -> Result<void> {
      const auto put = outlets.put_topic(t, {"projects/p/topics/t", "https://script.example/hook", ""});
      return put ? Result<void>() : put.error();
    });
  }
  std::vector<Outlet> watches() { return *outlets.list(*store, alice, Outlet::Kind::kWatch); }
};

TEST_F(WatchTest, AnAccountHasOneWatchForAWeek) {
  const Answer made = post("watch", R"({"topicName":"projects/p/topics/t"})");
  EXPECT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.str("/historyId"), std::to_string(boxes->figures(*store, alice)->modseq));
  EXPECT_EQ(made.str("/expiration"), std::to_string(to_micros(loop.now() + days(7)) / 1'000));
  ASSERT_EQ(watches().size(), 1u);
  EXPECT_THAT(watches()[0].mailboxes, IsEmpty());
  EXPECT_EQ(post("watch", R"({"topicName":"projects/p/topics/t","labelIds":["INBOX"]})").status, 200);
  ASSERT_EQ(watches().size(), 1u);
  EXPECT_THAT(watches()[0].mailboxes, ElementsAre(1));
  EXPECT_EQ(post("stop").status, 204);
  EXPECT_THAT(watches(), IsEmpty());
  EXPECT_EQ(post("stop").status, 204);
}

TEST_F(WatchTest, LabelsChooseMailboxes) {
  const auto watched = [&](const std::string& more) {
    const Answer made = post("watch", R"({"topicName":"projects/p/topics/t",)" + more + "}");
    EXPECT_EQ(made.status, 200) << made.text;
    return watches().at(0);
  };
  EXPECT_TRUE(watched(R"("labelIds":["INBOX"],"labelFilterBehavior":"EXCLUDE")").all_but);
  EXPECT_TRUE(watched(R"("labelIds":["INBOX"],"labelFilterAction":"exclude")").all_but);
  EXPECT_THAT(watched(R"("labelIds":["INBOX","UNREAD"])").mailboxes, IsEmpty()) << "flags are of all mailboxes";
  EXPECT_THAT(watched(R"("labelIds":["CHAT"])").mailboxes, ElementsAre(0)) << "nothing is ever there";
}

TEST_F(WatchTest, WhatCannotBeWatchedSaysSo) {
  EXPECT_EQ(post("watch", R"({"topicName":"projects/p/topics/other"})").status, 404);
  for (const char* bad :
       {R"("labelIds":["Label_999"])", R"("labelIds":"INBOX")", R"("labelIds":[1])", R"("labelFilterBehavior":"some")"})
    EXPECT_EQ(post("watch", std::string(R"({"topicName":"projects/p/topics/t",)") + bad + "}").status, 400) << bad;
  EXPECT_THAT(watches(), IsEmpty());
}

}  // namespace
}  // namespace pabal::gmail
