#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

class Threads : public MailboxTest {
 protected:
  ThreadId thread(const Letter& letter) { return file(letter).thread; }
  std::vector<MessageId> members(ThreadId id) { return boxes_->thread(*store_, kAccount, id).value(); }
};

TEST_F(Threads, ReferencesJoinAndTheFirstMessageNamesTheThread) {
  const Filed a = file({.id = "a@x"});
  EXPECT_EQ(a.thread, a.message);
  const Filed b = file({.subject = "Re: hello", .id = "b@x", .references = "<a@x>"});
  const Filed c = file({.subject = "another subject", .id = "c@x", .references = "<a@x> <b@x>"});
  const Filed d = file({.subject = "Re: hello", .id = "d@x", .in_reply_to = "<c@x>"});
  const Filed other = file({.id = "e@x"});
  for (const Filed& f : {b, c, d}) EXPECT_EQ(f.thread, a.thread);
  EXPECT_NE(other.thread, a.thread);
  EXPECT_EQ(members(a.thread), (std::vector<MessageId>{a.message, b.message, c.message, d.message}));
  EXPECT_TRUE(members(4711).empty());
}

TEST_F(Threads, AReplyThatComesBeforeItsParentIsInOneThreadWithIt) {
  const ThreadId c = thread({.subject = "Re: x", .id = "c@x", .references = "<a@x> <b@x>"});
  EXPECT_EQ(thread({.subject = "x", .id = "a@x"}), c);
  EXPECT_EQ(thread({.subject = "Re: x", .id = "b@x", .references = "<a@x>"}), c);
  EXPECT_EQ(thread({.subject = "Re: x", .id = "d@x", .references = "<b@x>"}), c);
}

TEST_F(Threads, AMessageThatRefersToTwoThreadsJoinsTheNearerAndBothGoOn) {
  const ThreadId a = thread({.subject = "one", .id = "a@x"}), b = thread({.subject = "two", .id = "b@x"});
  ASSERT_NE(a, b);
  EXPECT_EQ(thread({.subject = "three", .id = "c@x", .references = "<a@x> <b@x>"}), b);
  EXPECT_EQ(thread({.subject = "Re: one", .id = "d@x", .references = "<a@x>"}), a);
  EXPECT_EQ(thread({.subject = "Re: two", .id = "e@x", .references = "<b@x>"}), b);
  EXPECT_EQ(members(a).size(), 2u);
  EXPECT_EQ(members(b).size(), 3u);
}

TEST_F(Threads, TheSameMessageTwiceIsInOneThread) {
  const ThreadId sent = thread({.id = "a@x"});
  EXPECT_EQ(thread({.id = "a@x"}), sent);
}

TEST_F(Threads, OnlyTheNearestOfManyReferencesCount) {
  const ThreadId far = thread({.subject = "far", .id = "far@x"});
  std::string references = "<far@x>";
  for (int n = 0; n < 20; ++n) references += " <r" + std::to_string(n) + "@x>";
  EXPECT_NE(thread({.subject = "near", .id = "near@x", .references = references}), far);
}

TEST_F(Threads, AReplyWithoutReferencesJoinsByItsSubjectIfItGoesToTheAuthor) {
  const Letter question{.subject = "Lunch on Friday", .from = "Bob <bob@univ.edu>", .to = "alice@example.com"};
  const ThreadId lunch = thread(question);
  EXPECT_EQ(thread({.subject = "RE: [list] lunch on friday", .from = "alice@example.com", .to = "Bob <BOB@univ.edu>"}),
            lunch);
  EXPECT_EQ(thread({.subject = "Re: Re: Lunch on Friday", .from = "bob@univ.edu", .to = "alice@example.com"}), lunch)
      << "it answers the answer";
  EXPECT_EQ(
      thread(
          {.subject = "=?utf-8?B?UmU6IEx1bmNoIG9uIEZyaWRheQ==?=", .from = "alice@example.com", .to = "bob@univ.edu"}),
      lunch)
      << "encoded";
  EXPECT_NE(thread(question), lunch) << "no reply: a new question";
}

TEST_F(Threads, UnrelatedMessagesOfOneSubjectStayApart) {
  const ThreadId hi = thread({.subject = "hi", .from = "alice@example.com", .to = "bob@univ.edu"});
  EXPECT_NE(thread({.subject = "Re: hi", .from = "spam@example.net", .to = "bob@univ.edu"}), hi)
      << "bob never wrote hi";
  EXPECT_NE(thread({.subject = "Re: hi", .from = "carol@example.org", .to = "bob@univ.edu"}), hi);
  EXPECT_NE(thread({.subject = "hi", .from = "alice@example.com", .to = "bob@univ.edu"}), hi);
  EXPECT_NE(thread({.subject = "Re:", .from = "bob@univ.edu", .to = "alice@example.com"}), hi);
  EXPECT_EQ(members(hi).size(), 1u);
}

TEST_F(Threads, ASubjectIsForgottenAfterAMonthWithoutAnother) {
  const Letter first{.subject = "plan", .from = "bob@univ.edu", .to = "alice@example.com"},
      reply{.subject = "Re: plan", .from = "alice@example.com", .to = "bob@univ.edu"};
  const ThreadId plan = thread(first);
  clock_.advance(days(29));
  EXPECT_EQ(thread(reply), plan);
  EXPECT_EQ(thread({.subject = "Re: plan", .from = "bob@univ.edu", .to = "alice@example.com"}), plan);
  clock_.advance(days(29));
  EXPECT_EQ(thread(reply), plan) << "it was alive since";
  clock_.advance(days(31));
  EXPECT_NE(thread(reply), plan);
}

TEST_F(Threads, ReferencesGoBeforeSubjects) {
  const ThreadId by_subject = thread({.subject = "plan", .from = "bob@univ.edu", .id = "s@x"});
  const ThreadId by_reference = thread({.subject = "other", .id = "r@x"});
  EXPECT_EQ(thread({.subject = "Re: plan", .from = "alice@example.com", .to = "bob@univ.edu", .references = "<r@x>"}),
            by_reference);
  EXPECT_EQ(
      thread({.subject = "Re: plan", .from = "alice@example.com", .to = "bob@univ.edu", .references = "<unknown@x>"}),
      by_subject)
      << "relays that rewrite Message-IDs break references";
}

TEST_F(Threads, WhatIsRemovedLeavesTheThreadAndUndeleteBringsItBack) {
  const Filed a = file({.id = "a@x"}), b = file({.id = "b@x", .references = "<a@x>"});
  ASSERT_TRUE(take_out(a.message));
  EXPECT_EQ(members(a.thread), (std::vector<MessageId>{b.message}));
  EXPECT_EQ(thread({.id = "c@x", .references = "<a@x>"}), a.thread) << "still known";
  ASSERT_TRUE(run([&](auto& t) { return boxes_->undelete(t, kAccount, a.message, 1); }));
  EXPECT_EQ(members(a.thread).size(), 3u);
}

TEST_F(Threads, NothingIsLeftOfAThreadWhoseMessagesArePurged) {
  const Filed a = file({.subject = "", .id = "a@x"}),
              b = file({.subject = "", .id = "b@x", .references = "<a@x> <never-seen@x>"});
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 't').take()), 3u);
  ASSERT_TRUE(take_out(a.message));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 10); }));
  EXPECT_EQ(thread({.subject = "", .id = "c@x", .references = "<a@x>"}), a.thread) << "the thread lives: its ids do";
  ASSERT_TRUE(take_out(b.message));
  ASSERT_TRUE(take_out(3));
  clock_.advance(kUndeleteWindow);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->purge_expired(t, kAccount, 10); }));
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 't').take()), 0u);
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'T').take()), 0u);
}

}  // namespace
}  // namespace pabal::mailbox
