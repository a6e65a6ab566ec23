#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

using testing::Test;

class Folders : public MailboxTest {
 protected:
  Code create_fails(std::string_view name, Role role = Role::kNone) {
    const auto made = run([&](auto& t) { return boxes_->create(t, kAccount, name, role); });
    EXPECT_FALSE(made) << name;
    return made ? Code::kInternal : made.code();
  }
  Result<void> rename(MailboxId id, std::string_view name) {
    return run([&](auto& t) { return boxes_->rename(t, kAccount, id, name); });
  }
  Result<void> subscribe(std::string_view name, bool on) {
    return run([&](auto& t) { return boxes_->subscribe(t, kAccount, name, on); });
  }
  std::set<std::string> subscriptions() { return boxes_->subscriptions(*store_, kAccount).value(); }
  Result<void> remove(MailboxId id) {
    return run([&](auto& t) { return boxes_->remove(t, kAccount, id); });
  }
};

TEST_F(Folders, AnAccountBeginsWithInboxAndTheSpecialUses) {
  EXPECT_EQ(names(), (std::vector<std::string>{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}));
  for (const Role role : {Role::kInbox, Role::kDrafts, Role::kSent, Role::kJunk, Role::kTrash, Role::kArchive}) {
    const auto box = boxes_->by_role(*store_, kAccount, role);
    ASSERT_TRUE(box && *box);
    EXPECT_EQ((*box)->role, role);
    EXPECT_TRUE(boxes_->subscriptions(*store_, kAccount)->contains((*box)->name));
    EXPECT_EQ((*box)->uid_next, 1u);
  }
  EXPECT_FALSE(*boxes_->by_role(*store_, kAccount, Role::kImportant));
  EXPECT_EQ(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }).code(), Code::kExists);
}

TEST_F(Folders, AnUnknownAccountIsNotFoundByWhateverWrites) {
  constexpr AccountId kNobody = 99;
  EXPECT_EQ(run([&](auto& t) { return boxes_->create(t, kNobody, "x"); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->rename(t, kNobody, 1, "x"); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->remove(t, kNobody, 1); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->subscribe(t, kNobody, "INBOX", true); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->set_quota(t, kNobody, 1); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->remove_account(t, kNobody); }).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->purge_expired(t, kNobody, 1); }).code(), Code::kNotFound);
  EXPECT_EQ(boxes_->figures(*store_, kNobody).code(), Code::kNotFound);
  EXPECT_EQ(boxes_->changes(*store_, kNobody, 0, 10).code(), Code::kNotFound);
  EXPECT_EQ(try_file("Subject: x\r\n\r\n", {}, kNobody).code(), Code::kNotFound);
}

TEST_F(Folders, NamesHaveRules) {
  for (const std::string name : {"", "/", "a/", "/a", "a//b", "a\tb",
                                 "a\x7F"
                                 "b",
                                 "a*", "50%", "\xFF", "a\xC2\x85z"})
    EXPECT_EQ(create_fails(name), Code::kInvalid) << name;
  EXPECT_EQ(create_fails(std::string(256, 'x')), Code::kInvalid);
  make(std::string(255, 'x'));
  EXPECT_EQ(create_fails("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), Code::kInvalid);
  make("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
  make("받은 편지/중요");
  EXPECT_NE(named("받은 편지"), 0u);
  EXPECT_EQ(named("a//b"), 0u);
}

TEST_F(Folders, InboxIsOneInAnyCase) {
  EXPECT_EQ(create_fails("inbox"), Code::kExists);
  EXPECT_EQ(named("iNbOx"), 1u);
  const MailboxId below = make("inbox/Work");
  EXPECT_EQ(box(below).name, "INBOX/Work");
  EXPECT_NE(make("Inboxes"), 0u);
}

TEST_F(Folders, CreatingMakesTheParentsAndAnExistingNameIsRefused) {
  const MailboxId c = make("a/b/c");
  EXPECT_NE(named("a"), 0u);
  EXPECT_NE(named("a/b"), 0u);
  EXPECT_EQ(named("a/b/c"), c);
  EXPECT_EQ(create_fails("a"), Code::kExists);
  EXPECT_EQ(create_fails("a/b/c"), Code::kExists);
  make("A");  // names other than INBOX keep their case
}

TEST_F(Folders, ASpecialUseHasOneMailbox) {
  EXPECT_EQ(create_fails("Bin", Role::kTrash), Code::kExists);
  const auto made = run([&](auto& t) { return boxes_->create(t, kAccount, "Starred", Role::kImportant); });
  ASSERT_TRUE(made);
  EXPECT_EQ(create_fails("Other", Role::kImportant), Code::kExists);
  ASSERT_TRUE(rename(*made, "Important"));
  EXPECT_EQ((*boxes_->by_role(*store_, kAccount, Role::kImportant))->name, "Important");
  ASSERT_TRUE(remove(*made));
  EXPECT_FALSE(*boxes_->by_role(*store_, kAccount, Role::kImportant));
}

TEST_F(Folders, ThereIsALimitThatCountsTheParentsMadeAsWell) {
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    for (size_t n = 6; n < kMaxMailboxes - 1; ++n)
      t.put(keys::name(kAccount, "x" + std::to_string(n)), Encoder().u32(1).take());  // only names are counted
    return {};
  }));
  EXPECT_EQ(create_fails("two/more"), Code::kLimit);
  make("one");
  EXPECT_EQ(create_fails("another"), Code::kLimit);
  EXPECT_EQ(named("two"), 0u);
}

TEST_F(Folders, ARecreatedNameHasAnotherUidValidityAndTheIdIsNeverUsedAgain) {
  const MailboxId first = make("Work");
  const Mailbox before = box(first);
  file_into(first);
  ASSERT_TRUE(remove(first));
  EXPECT_EQ(named("Work"), 0u);
  const MailboxId second = make("Work");
  EXPECT_GT(second, first);
  EXPECT_GT(box(second).uid_validity, before.uid_validity);
  EXPECT_EQ(box(second).messages, 0u);
}

TEST_F(Folders, UidValiditiesGrowEvenWhenTheClockIsSetBack) {
  std::set<uint32_t> seen;
  const auto all = boxes_->list(*store_, kAccount);
  for (const Mailbox& m : *all) EXPECT_TRUE(seen.insert(m.uid_validity).second);
  for (int n = 0; n < 20; ++n) {
    clock_.set(from_unix(1'800'000'000 - n * 1000));
    const uint32_t validity = box(make("box" + std::to_string(n))).uid_validity;
    EXPECT_GT(validity, *seen.rbegin());
    seen.insert(validity);
  }
}

TEST_F(Folders, RenamingTakesTheMailboxesBelowAlong) {
  const MailboxId foo = make("foo"), bar = make("foo/bar"), deep = make("foo/bar/x"), other = make("foobar");
  const Mailbox before = box(bar);
  const Filed filed = file_into(bar);
  ASSERT_TRUE(rename(foo, "zap/zip"));
  EXPECT_EQ(box(foo).name, "zap/zip");
  EXPECT_EQ(box(bar).name, "zap/zip/bar");
  EXPECT_EQ(box(deep).name, "zap/zip/bar/x");
  EXPECT_EQ(box(other).name, "foobar");
  EXPECT_EQ(named("zap/zip/bar"), bar);
  EXPECT_EQ(named("foo"), 0u);
  EXPECT_EQ(named("foo/bar"), 0u);
  EXPECT_NE(named("zap"), 0u);
  EXPECT_EQ(box(bar).uid_validity, before.uid_validity);
  EXPECT_EQ(rows(bar).front().message, filed.message);
}

TEST_F(Folders, RenamingIsRefusedWhereItCannotBe) {
  const MailboxId a = make("a"), b = make("b");
  make("a/x");
  EXPECT_EQ(rename(a, "b").code(), Code::kExists);
  EXPECT_EQ(rename(a, "a").code(), Code::kExists);
  EXPECT_EQ(rename(a, "inbox").code(), Code::kExists);
  EXPECT_EQ(rename(a, "a/b").code(), Code::kInvalid);
  EXPECT_EQ(rename(a, "x//y").code(), Code::kInvalid);
  EXPECT_EQ(rename(4711, "c").code(), Code::kNotFound);
  make("a/" + std::string(200, 'y'));
  EXPECT_EQ(rename(a, std::string(100, 'z')).code(), Code::kLimit) << "the child's name";
  EXPECT_NE(named("a/x"), 0u) << "a failed rename changes nothing";
  // "c" is free, but "c/x" was left behind when "c" was removed.
  make("c/x");
  ASSERT_TRUE(remove(named("c")));
  EXPECT_EQ(rename(a, "c").code(), Code::kExists);
  EXPECT_TRUE(rename(b, "c"));
}

TEST_F(Folders, AMailboxCanTakeThePlaceOfItsRemovedParent) {
  make("a/b/b");
  const MailboxId inner = named("a/b"), innermost = named("a/b/b");
  ASSERT_TRUE(remove(named("a")));
  ASSERT_TRUE(rename(inner, "a"));
  EXPECT_EQ(named("a"), inner);
  EXPECT_EQ(named("a/b"), innermost);
  EXPECT_EQ(named("a/b/b"), 0u);
}

TEST_F(Folders, RenamingInboxMovesItsMessagesAndLeavesIt) {
  const MailboxId below = make("INBOX/keep");
  std::vector<MessageId> in_inbox;
  for (int n = 0; n < 5; ++n) in_inbox.push_back(file({}).message);
  ASSERT_TRUE(take_out(in_inbox[1]));
  ASSERT_TRUE(flag(in_inbox[2], kSeen));
  in_inbox.erase(in_inbox.begin() + 1);
  const Mailbox before = box(1);
  ASSERT_TRUE(rename(1, "old-mail"));
  const Mailbox old = box(named("old-mail")), inbox = box(1);
  EXPECT_EQ(old.messages, 4u);
  EXPECT_EQ(old.unseen, 3u);
  EXPECT_EQ(old.octets, before.octets);
  EXPECT_EQ(old.role, Role::kNone);
  std::vector<MessageId> moved;
  for (const Row& row : rows(old.id)) moved.push_back(row.message);
  EXPECT_EQ(moved, in_inbox);
  EXPECT_EQ(inbox.name, "INBOX");
  EXPECT_EQ(inbox.messages, 0u);
  EXPECT_EQ(inbox.octets, 0u);
  EXPECT_EQ(inbox.uid_next, 6u) << "UIDs go on";
  EXPECT_EQ(inbox.uid_validity, before.uid_validity);
  EXPECT_TRUE(uids(1).empty());
  EXPECT_EQ(box(below).name, "INBOX/keep");
  EXPECT_EQ(figures().messages, 4u);
  EXPECT_EQ(rename(1, "old-mail").code(), Code::kExists);
}

TEST_F(Folders, RemovingAMailboxTakesItsMessagesOutAndLeavesThoseBelow) {
  const MailboxId a = make("a"), child = make("a/b");
  const Filed only_here = file_into(a), here_and_there = file_into(a);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->add_place(t, kAccount, here_and_there.message, child); }));
  const ModSeq before = figures().modseq;
  ASSERT_TRUE(remove(a));
  EXPECT_EQ(figures().modseq, before + 1) << "one change of the account";
  EXPECT_EQ(box(child).messages, 1u);
  EXPECT_EQ(figures().messages, 1u);
  EXPECT_TRUE(message(only_here.message).places.empty());
  EXPECT_EQ(message(here_and_there.message).places.size(), 1u);
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'u').u32(a).take()), 0u);
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'x').u32(a).take()), 0u);
  const auto deleted = boxes_->deleted(*store_, kAccount, 10);
  ASSERT_EQ(deleted->size(), 1u);
  EXPECT_EQ(deleted->front().message.id, only_here.message);
  EXPECT_EQ(changes(before).back().kind, Change::Kind::kMailboxRemoved);
  EXPECT_EQ(remove(a).code(), Code::kNotFound);
  EXPECT_EQ(remove(1).code(), Code::kDenied);
}

TEST_F(Folders, SubscriptionsAreChangesAndRepeatingOneIsNone) {
  const ModSeq before = figures().modseq;
  ASSERT_TRUE(subscribe("Drafts", false));
  ASSERT_TRUE(subscribe("Drafts", false));
  EXPECT_FALSE(subscriptions().contains("Drafts"));
  ASSERT_EQ(changes(before).size(), 1u);
  EXPECT_EQ(changes(before).front().kind, Change::Kind::kSubscription);
  EXPECT_EQ(changes(before).front().mailbox, named("Drafts"));
  ASSERT_TRUE(subscribe("Shared/bob/inbox", true));
  EXPECT_EQ(changes(before).back().mailbox, 0u) << "a name suffices";
  EXPECT_EQ(subscribe("", true).code(), Code::kInvalid);
  EXPECT_EQ(subscribe("a\nb", true).code(), Code::kInvalid);
  EXPECT_EQ(subscribe(std::string(1'001, 'x'), true).code(), Code::kInvalid);
  ASSERT_TRUE(subscribe("inbox", false));
  EXPECT_FALSE(subscriptions().contains("INBOX")) << "INBOX in any case";
}

// RFC 9051 §6.3.7.
TEST_F(Folders, ASubscriptionOutlivesItsMailboxAndGoesWithARename) {
  const MailboxId a = make("a");
  make("a/b");
  make("a/quiet");
  ASSERT_TRUE(subscribe("a/quiet", false));
  ASSERT_TRUE(rename(a, "new"));
  std::set<std::string> expected = {"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash", "new", "new/b"};
  EXPECT_EQ(subscriptions(), expected);
  ASSERT_TRUE(remove(named("new/b")));
  EXPECT_EQ(subscriptions(), expected);
  make("other");
  expected.insert("other");
  ASSERT_TRUE(rename(1, "mail/2026"));
  expected.insert("mail/2026");
  EXPECT_EQ(subscriptions(), expected) << "INBOX stays; parents that had to be made are not subscribed";
}

// --- removing accounts

TEST_F(Folders, ASmallAccountIsRemovedAtOnceWithItsBodies) {
  const Filed filed = file({});
  const BodyId body = message(filed.message).body;
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
  EXPECT_EQ(keys_with(keys::all_of(kAccount)), 0u);
  EXPECT_EQ(keys_with("R"), 0u);
  EXPECT_FALSE(has_body(body));
  EXPECT_EQ(run([&](auto& t) { return boxes_->sweep_removed(t, 10); }).value(), 0u);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }));
  EXPECT_EQ(figures().messages, 0u);
}

TEST_F(Folders, ALargeAccountIsSweptInStepsAndOthersKeepWhatTheyShare) {
  constexpr AccountId kOther = 8;
  ASSERT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kOther, 0); }));
  const auto prepared = prepare(text_of({}));
  const BodyId shared = boxes_->new_body_id();
  ASSERT_TRUE(run([&](store::Transaction& t) -> Result<void> {
    if (const auto put = boxes_->put_body(t, shared, *prepared); !put) return put;
    for (const AccountId a : {kAccount, kOther})
      if (const auto filed = boxes_->file(t, a, *prepared, shared, {}); !filed) return filed.error();
    for (int n = 0; n < 250; ++n) {
      const BodyId own = boxes_->new_body_id();
      if (const auto put = boxes_->put_body(t, own, *prepared); !put) return put;
      if (const auto filed = boxes_->file(t, kAccount, *prepared, own, {}); !filed) return filed.error();
    }
    return {};
  }));
  ASSERT_TRUE(take_out(5));
  EXPECT_EQ(references(shared), 2u);
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
  EXPECT_EQ(boxes_->figures(*store_, kAccount).code(), Code::kNotFound);
  EXPECT_EQ(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }).code(), Code::kExists)
      << "not before it is swept";
  open();  // a restart does not forget
  size_t steps = 0;
  for (size_t freed = 1; freed > 0 && steps < 1000; ++steps) {
    const auto some = run([&](auto& t) { return boxes_->sweep_removed(t, 20); });
    ASSERT_TRUE(some);
    freed = *some;
    EXPECT_LE(freed, 20u);
  }
  EXPECT_GT(steps, 7u);
  EXPECT_EQ(keys_with(keys::all_of(kAccount)), 0u);
  EXPECT_EQ(keys_with("D"), 0u);
  EXPECT_EQ(keys_with("R"), 1u);
  EXPECT_EQ(references(shared), 1u);
  EXPECT_TRUE(has_body(shared));
  EXPECT_EQ(figures(kOther).messages, 1u);
  EXPECT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kAccount, 0); }));
}

}  // namespace
}  // namespace pabal::mailbox
