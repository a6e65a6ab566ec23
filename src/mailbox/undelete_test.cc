#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

class Undelete : public MailboxTest {
 protected:
  Result<Message::Place> undelete(MessageId id, MailboxId to = 1) {
    return run([&](auto& t) { return boxes_->undelete(t, kAccount, id, to); });
  }
  size_t purge(size_t limit = 100) {
    const auto freed = run([&](auto& t) { return boxes_->purge_expired(t, kAccount, limit); });
    EXPECT_TRUE(freed);
    return freed ? *freed : 0;
  }
  std::vector<MessageId> deleted(size_t limit = 100) {
    std::vector<MessageId> out;
    const auto found = boxes_->deleted(*store_, kAccount, limit);
    EXPECT_TRUE(found);
    if (found)
      for (const auto& d : *found) out.push_back(d.message.id);
    return out;
  }
};

TEST_F(Undelete, ARemovedMessageIsKeptForTheWindowAndCountsNoMore) {
  const Filed filed = file({});
  ASSERT_TRUE(take_out(filed.message));
  EXPECT_EQ(figures().octets, 0u);
  EXPECT_EQ(figures().messages, 0u);
  const auto found = boxes_->deleted(*store_, kAccount, 10);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ((*found)[0].until, clock_.now() + kUndeleteWindow);
  EXPECT_TRUE(boxes_->content(*store_, kAccount, filed.message)) << "can be looked at";
  clock_.advance(kUndeleteWindow - Duration(1));
  EXPECT_EQ(purge(), 0u);
  EXPECT_TRUE(undelete(filed.message));
}

TEST_F(Undelete, BringsBackWithANewUidAndWithoutDeleted) {
  const Filed filed = file({});
  ASSERT_TRUE(flag(filed.message, kDeleted | kFlagged));
  ASSERT_TRUE(take_out(filed.message));
  const ModSeq before = figures().modseq;
  const auto place = undelete(filed.message);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->uid, 2u);
  EXPECT_EQ(figures().messages, 1u);
  EXPECT_EQ(figures().octets, message(filed.message).size);
  EXPECT_EQ(message(filed.message).flags.system, kFlagged);
  EXPECT_EQ(rows(1).front().flags.system, kFlagged);
  EXPECT_EQ(box(1).deleted, 0u);
  ASSERT_EQ(changes(before).size(), 1u);
  EXPECT_EQ(changes(before)[0].kind, Change::Kind::kAdded);
  EXPECT_TRUE(deleted().empty());
  clock_.advance(kUndeleteWindow * 2);
  EXPECT_EQ(purge(), 0u) << "a message that was brought back is not purged";
  EXPECT_TRUE(boxes_->content(*store_, kAccount, filed.message));
}

TEST_F(Undelete, IsRefusedWhereItCannotBe) {
  const Filed filed = file({}), other = file({});
  EXPECT_EQ(undelete(filed.message).code(), Code::kNotFound) << "not removed";
  EXPECT_EQ(undelete(4711).code(), Code::kNotFound);
  ASSERT_TRUE(take_out(filed.message));
  EXPECT_EQ(undelete(filed.message, 4711).code(), Code::kNotFound);
  EXPECT_EQ(deleted().size(), 1u) << "a failed one changes nothing";
  ASSERT_TRUE(run([&](auto& t) { return boxes_->set_quota(t, kAccount, message(other.message).size); }));
  EXPECT_EQ(undelete(filed.message).code(), Code::kLimit);
  ASSERT_TRUE(take_out(other.message));
  EXPECT_TRUE(undelete(filed.message));
  ASSERT_TRUE(take_out(filed.message));
  clock_.advance(kUndeleteWindow);
  EXPECT_TRUE(deleted().empty()) << "its time has passed, though nobody has purged it";
  EXPECT_EQ(undelete(filed.message).code(), Code::kNotFound);
}

TEST_F(Undelete, WhatIsInTheWindowCanNeitherBeFlaggedNorFiled) {
  const Filed filed = file({});
  ASSERT_TRUE(take_out(filed.message));
  const ModSeq before = figures().modseq;
  EXPECT_EQ(run([&](auto& t) { return boxes_->add_place(t, kAccount, filed.message, 1); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->copy(t, kAccount, filed.message, 1); }).code(), Code::kNotFound);
  EXPECT_EQ(take_out(filed.message).code(), Code::kNotFound);
  EXPECT_EQ(figures().modseq, before);
}

TEST_F(Undelete, TheNewestRemovedComesFirst) {
  std::vector<MessageId> ids;
  for (int n = 0; n < 4; ++n) {
    ids.insert(ids.begin(), file({}).message);
    ASSERT_TRUE(take_out(ids.front()));
    clock_.advance(seconds(1));
  }
  EXPECT_EQ(deleted(), ids);
  EXPECT_EQ(deleted(2), (std::vector<MessageId>{ids[0], ids[1]}));
}

TEST_F(Undelete, PurgingFreesEverythingInSteps) {
  for (int n = 0; n < 5; ++n) {
    const Filed filed = file({.subject = "", .id = std::to_string(n) + "@x"});
    ASSERT_TRUE(take_out(filed.message));
  }
  clock_.advance(kUndeleteWindow);
  EXPECT_EQ(purge(2), 2u);
  EXPECT_EQ(purge(2), 2u);
  EXPECT_EQ(purge(2), 1u);
  EXPECT_EQ(purge(2), 0u);
  for (const char kind : {'m', 'e', 'u', 'x', 't', 'T', 'w', 'd'})
    EXPECT_EQ(keys_with(keys::in_account(kAccount, kind).take()), 0u) << kind;
  EXPECT_EQ(keys_with("R"), 0u);
}

}  // namespace
}  // namespace pabal::mailbox
