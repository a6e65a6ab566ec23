#include "mailbox/sharing.h"

#include <gmock/gmock.h>

#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr AccountId kBob = 8;
const Grantee kAnyone, kBobHimself{Grantee::Kind::kAccount, kBob, ""}, kTeam{Grantee::Kind::kGroup, 0, "team@x.org"},
    kTea{Grantee::Kind::kGroup, 0, "tea@x.org"};

class Sharing : public MailboxTest {
 protected:
  Sharing() {
    EXPECT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kBob, 0); }));
  }
  Result<void> change(MailboxId box, const Grantee& who, std::string_view rights, char sign = '=',
                      bool negative = false) {
    return run([&](auto& t) { return change_acl(t, kAccount, box, who, negative, sign, *parse_rights(rights)); });
  }
  std::string bobs(MailboxId box, bool in_groups = false) {
    const auto rights =
        rights_in(*acl(*store_, kAccount, box), kBob, [&](const std::string&) -> Result<bool> { return in_groups; });
    EXPECT_TRUE(rights);
    return rights ? rights_text(*rights) : "?";
  }
  std::vector<MailboxId> shared(const Grantee& who) {
    std::vector<MailboxId> out;
    const auto found = shared_with(*store_, who);
    EXPECT_TRUE(found);
    for (const SharedMailbox& one : *found) {
      EXPECT_EQ(one.owner, kAccount);
      out.push_back(one.mailbox);
    }
    return out;
  }
};

TEST(Rights, AreLettersAndTheOldOnesStandForSeveral) {
  EXPECT_EQ(rights_text(kAllRights), "lrswipkxtea");
  EXPECT_EQ(rights_text(*parse_rights("aetl")), "ltea");
  EXPECT_EQ(rights_text(*parse_rights("lrswicda")), "lrswikxtea");
  EXPECT_EQ(rights_text(*parse_rights("")), "");
  EXPECT_FALSE(parse_rights("lrq"));
  EXPECT_FALSE(parse_rights("lR"));
  EXPECT_FALSE(parse_rights("0"));
}

TEST(Rights, SayWhichFlagsMayBeSet) {
  const Flags all{kSeen | kAnswered | kFlagged | kDeleted | kDraft, {"$Forwarded"}};
  EXPECT_EQ(allowed_flags(all, *parse_rights("s")), (Flags{kSeen, {}}));
  EXPECT_EQ(allowed_flags(all, *parse_rights("t")), (Flags{kDeleted, {}}));
  EXPECT_EQ(allowed_flags(all, *parse_rights("w")), (Flags{kAnswered | kFlagged | kDraft, {"$Forwarded"}}));
  EXPECT_EQ(allowed_flags(all, *parse_rights("lripkxea")), Flags{});
}

TEST_F(Sharing, AddsSetsAndTakesAway) {
  const MailboxId box = make("Projects");
  ASSERT_TRUE(change(box, kBobHimself, "lr"));
  EXPECT_EQ(bobs(box), "lr");
  ASSERT_TRUE(change(box, kBobHimself, "sw", '+'));
  EXPECT_EQ(bobs(box), "lrsw");
  ASSERT_TRUE(change(box, kBobHimself, "rw", '-'));
  EXPECT_EQ(bobs(box), "ls");
  EXPECT_THAT(shared(kBobHimself), ElementsAre(box));
  ASSERT_TRUE(change(box, kBobHimself, ""));
  EXPECT_THAT(*acl(*store_, kAccount, box), IsEmpty());
  EXPECT_THAT(shared(kBobHimself), IsEmpty());
  EXPECT_EQ(keys_with("G"), 0u);
  EXPECT_EQ(change(999, kBobHimself, "l").code(), Code::kNotFound);
  EXPECT_TRUE(change(999, kBobHimself, "")) << "nothing to take away";
}

TEST_F(Sharing, JoinsWhatAppliesToSomebodyLessNegativeRights) {
  const MailboxId box = make("Projects");
  ASSERT_TRUE(change(box, kAnyone, "l"));
  ASSERT_TRUE(change(box, kTeam, "rsw"));
  ASSERT_TRUE(change(box, kBobHimself, "i"));
  EXPECT_EQ(bobs(box), "li");
  EXPECT_EQ(bobs(box, true), "lrswi");
  ASSERT_TRUE(change(box, kBobHimself, "wl", '=', true));
  EXPECT_EQ(bobs(box, true), "rsi");
  ASSERT_TRUE(change(box, kBobHimself, ""));
  EXPECT_EQ(bobs(box, true), "rs") << "the negative entry is one of its own";
  EXPECT_THAT(shared(kBobHimself), ElementsAre(box)) << "it stands in the list still";
}

TEST_F(Sharing, LeavesAChangeRecordOnlyWhenSomethingChanges) {
  const MailboxId box = make("Projects");
  const ModSeq before = figures().modseq;
  ASSERT_TRUE(change(box, kAnyone, "l"));
  ASSERT_TRUE(change(box, kAnyone, "l", '+'));
  const auto seen = changes(before);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].kind, Change::Kind::kRights);
  EXPECT_EQ(seen[0].mailbox, box);
}

TEST_F(Sharing, FindsGroupsWithoutWalkingTheirMailboxes) {
  const MailboxId one = make("One"), two = make("Two");
  for (const Grantee& who : {kTeam, kTea, kAnyone, kBobHimself})
    for (const MailboxId box : {one, two}) ASSERT_TRUE(change(box, who, "l"));
  EXPECT_THAT(*groups_in_lists(*store_), ElementsAre("tea@x.org", "team@x.org"));
  EXPECT_THAT(shared(kTea), ElementsAre(one, two));
}

TEST_F(Sharing, BelowASharedMailboxBeginsWithItsList) {
  ASSERT_TRUE(change(make("Projects"), kBobHimself, "lr"));
  const MailboxId deep = make("Projects/2026/May");
  EXPECT_EQ(bobs(deep), "lr");
  EXPECT_EQ(bobs(named("Projects/2026")), "lr") << "the one made on the way too";
  EXPECT_THAT(shared(kBobHimself), ElementsAre(named("Projects"), named("Projects/2026"), deep));
  EXPECT_EQ(bobs(make("Elsewhere")), "");
  ASSERT_TRUE(run([&](auto& t) { return boxes_->rename(t, kAccount, deep, "Secret"); }));
  EXPECT_EQ(bobs(deep), "lr") << "RFC 4314 section 4: RENAME keeps the list";
}

TEST_F(Sharing, ARemovedMailboxIsSharedWithNobody) {
  const MailboxId box = make("Projects");
  ASSERT_TRUE(change(box, kBobHimself, "lr"));
  ASSERT_TRUE(change(box, kTeam, "lr"));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove(t, kAccount, box); }));
  EXPECT_EQ(keys_with("G"), 0u);
  EXPECT_EQ(keys_with(keys::in_account(kAccount, 'r').take()), 0u);
}

TEST_F(Sharing, ARemovedAccountLeavesNothingOnEitherSide) {
  for (int n = 0; n < 150; ++n) ASSERT_TRUE(change(make("Box" + std::to_string(n)), kBobHimself, "lr"));
  const MailboxId box = named("Box7");
  ASSERT_TRUE(change(box, kTeam, "l"));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kBob); }));
  EXPECT_EQ(keys_with("D"), 1u) << "it takes more than one step";
  for (auto freed = run([&](auto& t) { return boxes_->sweep_removed(t, 100); }); freed && *freed > 0;)
    freed = run([&](auto& t) { return boxes_->sweep_removed(t, 100); });
  EXPECT_THAT(shared(kBobHimself), IsEmpty());
  EXPECT_EQ(bobs(named("Box149")), "");
  EXPECT_EQ(bobs(box, true), "l") << "others keep theirs";

  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
  for (auto freed = run([&](auto& t) { return boxes_->sweep_removed(t, 100); }); freed && *freed > 0;)
    freed = run([&](auto& t) { return boxes_->sweep_removed(t, 100); });
  EXPECT_EQ(keys_with("G"), 0u);
}

TEST_F(Sharing, AGroupThatGoesIsTakenOutInSteps) {
  for (int n = 0; n < 5; ++n) ASSERT_TRUE(change(make("Box" + std::to_string(n)), kTeam, "lr"));
  ASSERT_TRUE(change(named("Box0"), kTeam, "w", '=', true));
  std::vector<size_t> steps;
  do {
    const auto some = run([&](auto& t) { return forget_grantee(t, kTeam, 2); });
    ASSERT_TRUE(some);
    steps.push_back(*some);
  } while (steps.back() > 0);
  EXPECT_THAT(steps, ElementsAre(2, 2, 1, 0));
  EXPECT_EQ(bobs(named("Box0"), true), "");
}

TEST_F(Sharing, AListHasAnEnd) {
  const MailboxId box = make("Projects");
  for (AccountId n = 0; n < kMaxGrants; ++n) ASSERT_TRUE(change(box, {Grantee::Kind::kAccount, 100 + n, ""}, "l"));
  EXPECT_EQ(change(box, kAnyone, "l").code(), Code::kLimit);
  EXPECT_TRUE(change(box, {Grantee::Kind::kAccount, 100, ""}, "lr")) << "one that is there changes";
}

TEST_F(Sharing, NamesOfOthersMailboxesAreNobodysOwn) {
  for (const char* name : {"Other Users", "Other Users/bob@x.org/INBOX"})
    EXPECT_EQ(run([&](auto& t) { return boxes_->create(t, kAccount, name); }).code(), Code::kInvalid);
  EXPECT_NE(make("Other Users and I"), 0u);
}

}  // namespace
}  // namespace pabal::mailbox
