#include "mailbox/annotations.h"

#include <gmock/gmock.h>

#include "mailbox/mailbox_fixture.h"

namespace pabal::mailbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr AccountId kBob = 8;

class Annotations : public MailboxTest {
 protected:
  Annotations() {
    EXPECT_TRUE(run([&](auto& t) { return boxes_->create_account(t, kBob, 0); }));
  }
  Result<void> set(MailboxId box, const std::string& entry, std::optional<std::string> value,
                   AccountId who = kAccount) {
    return run([&](auto& t) { return annotate(t, on(box), who, {{entry, value}}); });
  }
  std::string get(MailboxId box, const std::string& entry, AccountId who = kAccount) {
    const auto value = annotation(*store_, on(box), who, entry);
    EXPECT_TRUE(value);
    return value && *value ? **value : "-";
  }
  std::vector<std::string> below(MailboxId box, const std::string& entry, AccountId who = kAccount) {
    std::vector<std::string> out;
    const auto found = annotations(*store_, on(box), who, entry);
    EXPECT_TRUE(found);
    for (const Annotation& one : *found) out.push_back(one.entry);
    return out;
  }
  static Annotated on(MailboxId box) { return box == 0 ? kTheServer : Annotated{kAccount, box}; }
};

TEST(AnnotationNames, HaveNoCaseAndTwoScopes) {
  EXPECT_EQ(annotation_name("/Shared/Comment"), "/shared/comment");
  EXPECT_EQ(annotation_name("/private/vendor/pabal/x"), "/private/vendor/pabal/x");
  EXPECT_EQ(annotation_name("/shared/" + std::string(247, 'x')).value_or("").size(), 255u);
  for (const std::string& bad :
       {std::string("/shared"), std::string("/private"), std::string("/public/x"), std::string("shared/x"),
        std::string("/shared/"), std::string("/shared//x"), std::string("/shared/x/"), std::string("/shared/a*"),
        std::string("/shared/a%"), std::string("/shared/\xC3\xA9"), std::string("/shared/a\tb"),
        std::string("/shared/vendor/pabal"), std::string("/sharedcomment"), std::string(), std::string("/"),
        "/shared/" + std::string(248, 'x')})
    EXPECT_FALSE(annotation_name(bad)) << bad;
  EXPECT_EQ(annotation_prefix("/SHARED"), "/shared");
  EXPECT_EQ(annotation_prefix("/private/vendor/pabal"), "/private/vendor/pabal");
  EXPECT_FALSE(annotation_prefix("/"));
}

TEST_F(Annotations, SharedOnesHaveOneValueAndPrivateOnesOneForEach) {
  const MailboxId box = make("Projects");
  ASSERT_TRUE(set(box, "/shared/comment", "ours"));
  ASSERT_TRUE(set(box, "/private/comment", "hers"));
  ASSERT_TRUE(set(box, "/private/comment", "his", kBob));
  EXPECT_EQ(get(box, "/shared/comment", kBob), "ours");
  EXPECT_EQ(get(box, "/private/comment"), "hers");
  EXPECT_EQ(get(box, "/private/comment", kBob), "his");
  EXPECT_EQ(get(1, "/shared/comment"), "-") << "another mailbox";
  ASSERT_TRUE(set(box, "/shared/comment", "", kBob));
  EXPECT_EQ(get(box, "/shared/comment"), "") << "empty is a value";
  ASSERT_TRUE(set(box, "/shared/comment", std::nullopt));
  EXPECT_EQ(get(box, "/shared/comment"), "-");
  EXPECT_EQ(set(999, "/shared/comment", "x").code(), Code::kNotFound);
}

TEST_F(Annotations, OfTheServerAreKeptLikewise) {
  ASSERT_TRUE(set(0, "/shared/comment", "welcome"));
  ASSERT_TRUE(set(0, "/private/vendor/x/y", "mine", kBob));
  EXPECT_EQ(get(0, "/shared/comment", kBob), "welcome");
  EXPECT_EQ(get(0, "/private/vendor/x/y"), "-");
  EXPECT_EQ(get(0, "/private/vendor/x/y", kBob), "mine");
}

TEST_F(Annotations, AreListedBelowAnEntryAndNotBesideIt) {
  for (const char* entry : {"/shared/a", "/shared/a/b", "/shared/a/b/c", "/shared/a.b", "/shared/ab", "/private/a/b"})
    ASSERT_TRUE(set(1, entry, "x"));
  EXPECT_THAT(below(1, "/shared/a"), ElementsAre("/shared/a", "/shared/a/b", "/shared/a/b/c"));
  EXPECT_THAT(below(1, "/shared/a/b"), ElementsAre("/shared/a/b", "/shared/a/b/c"));
  EXPECT_THAT(below(1, "/private"), ElementsAre("/private/a/b"));
  EXPECT_THAT(below(1, "/private", kBob), IsEmpty());
}

TEST_F(Annotations, ChangeTogetherOrNotAtAllAndLeaveOneRecord) {
  const ModSeq before = figures().modseq;
  ASSERT_TRUE(run(
      [&](auto& t) { return annotate(t, on(1), kAccount, {{"/shared/comment", "x"}, {"/private/comment", "y"}}); }));
  ASSERT_TRUE(set(1, "/shared/comment", "x"));
  const auto seen = changes(before);
  ASSERT_EQ(seen.size(), 1u) << "what is as it was is no change";
  EXPECT_EQ(seen[0].kind, Change::Kind::kAnnotations);
  EXPECT_EQ(seen[0].mailbox, 1u);
  EXPECT_EQ(*annotation_changes(*store_, kAccount), 1u);
  ASSERT_TRUE(set(1, "/shared/other", "z"));
  std::map<std::string, uint64_t> stamps;
  const auto listed = annotation_stamps(*store_, kAccount);
  for (const AnnotationStamp& one : *listed) {
    EXPECT_EQ(one.on, on(1));
    stamps[one.entry] = one.changed;
  }
  EXPECT_EQ(stamps,
            (std::map<std::string, uint64_t>{{"/private/comment", 1}, {"/shared/comment", 1}, {"/shared/other", 2}}));
}

TEST_F(Annotations, GoWithTheirMailbox) {
  const MailboxId box = make("Projects");
  ASSERT_TRUE(set(box, "/shared/comment", "ours"));
  ASSERT_TRUE(set(box, "/private/comment", "hers"));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->rename(t, kAccount, box, "Done"); }));
  EXPECT_EQ(get(box, "/shared/comment"), "ours");
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove(t, kAccount, box); }));
  EXPECT_EQ(keys_with(keys::annotations(kAccount).take()), 0u);

  ASSERT_TRUE(set(1, "/shared/comment", "of INBOX"));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->rename(t, kAccount, 1, "Old mail"); }));
  EXPECT_EQ(get(1, "/shared/comment"), "of INBOX") << "RFC 5464 section 4.1";
  EXPECT_EQ(get(named("Old mail"), "/shared/comment"), "of INBOX");
}

TEST_F(Annotations, HaveAnEndThatThoseOfRemovedMailboxesDoNotCountFor) {
  const MailboxId box = make("Projects");
  const std::string large(kMaxAnnotationOctets, 'x');
  size_t count = 0;
  while (set(box, "/private/" + std::to_string(count), large, kBob)) ++count;
  EXPECT_EQ(count, kMaxAnnotationsOctets / (kMaxAnnotationOctets + std::string("/private/10").size()));
  EXPECT_EQ(set(1, "/private/more", large, kBob).code(), Code::kLimit);
  EXPECT_EQ(get(1, "/private/more", kBob), "-");
  EXPECT_TRUE(set(1, "/private/more", large)) << "others have limits of their own";
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove(t, kAccount, box); }));
  EXPECT_TRUE(set(1, "/private/more", large, kBob));
  EXPECT_EQ(keys_with(keys::annotations(kBob).take()), 1u);
}

TEST_F(Annotations, OfARemovedAccountAreGone) {
  ASSERT_TRUE(set(1, "/shared/comment", "x"));
  ASSERT_TRUE(run([&](auto& t) { return boxes_->remove_account(t, kAccount); }));
  EXPECT_EQ(keys_with(keys::all_of(kAccount)), 0u);
}

}  // namespace
}  // namespace pabal::mailbox
