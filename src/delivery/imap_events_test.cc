// Scripts for events of IMAP over a real store; the pool is worked by hand.
#include "delivery/imap_events.h"

#include <gmock/gmock.h>

#include "identity/test_directory.h"
#include "mailbox/annotations.h"

namespace pabal::delivery {
namespace {

using Cause = mailbox::MailEvents::Cause;
using identity::AccountId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct HandPool final : net::Pool {
  bool submit(std::function<void()> f) override {
    if (full) return false;
    work.push_back(std::move(f));
    return true;
  }
  void run() {
    while (!work.empty()) {
      const auto f = std::move(work.front());
      work.pop_front();
      f();
    }
  }
  std::deque<std::function<void()>> work;
  bool full = false;
};

struct ImapEventsTest : testing::Test, identity::TestDirectory {
  IdSource ids{clock, random};
  mailbox::Mailboxes mailboxes{*store, clock};
  queue::Queue queue{*store};
  watch::Trace trace{*store};
  sieve::Scripts scripts{clock};
  Services services{*store, *directory, mailboxes, queue, trace, ids, clock, scripts, "mail.example.com"};
  Delivery delivery{services};
  HandPool pool;
  ImapEvents events{services, delivery, pool};
  AccountId alice = 0;
  mailbox::MailboxId archive = 0;

  ImapEventsTest() {
    EXPECT_TRUE(domain("example.com"));
    const auto added = account("alice@example.com");
    EXPECT_TRUE(added);
    alice = added->id;
    EXPECT_TRUE(commit([&](store::Transaction& t) { return mailboxes.create_account(t, alice, 0); }));
    archive = box("Archive").id;
  }

  mailbox::Mailbox box(const std::string& name) { return **mailboxes.find(*store, alice, name); }
  void script(const std::string& text, const std::string& name = "events") {
    const auto compiled = sieve::compile(text);
    ASSERT_TRUE(compiled.ok()) << sieve::in_lines(compiled.faults);
    EXPECT_TRUE(commit([&](store::Transaction& t) { return scripts.put(t, alice, name, text, *compiled.program); }));
  }
  void annotate(const mailbox::Annotated& on, const std::string& value) {
    EXPECT_TRUE(commit(
        [&](store::Transaction& t) { return mailbox::annotate(t, on, alice, {{"/shared/imapsieve/script", value}}); }));
  }
  // A script for what happens in Archive.
  void watch_archive(const std::string& text) {
    script(text);
    annotate({alice, archive}, "events");
  }
  mailbox::Uid put(mailbox::Flags flags = {}) {
    const auto prepared = mailbox::prepare("From: a@b.c\r\nSubject: hello\r\nMessage-ID: <1@b.c>\r\n\r\nHi\r\n");
    const auto body = mailboxes.new_body_id();
    mailbox::Uid uid = 0;
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      if (const auto done = mailboxes.put_body(t, body, *prepared); !done) return done;
      mailbox::Filing filing;
      filing.mailboxes = {archive};
      filing.flags = flags;
      const auto filed = mailboxes.file(t, alice, *prepared, body, filing);
      if (!filed) return filed.error();
      uid = filed->places.front().uid;
      return {};
    }));
    return uid;
  }
  void tell(Cause cause, mailbox::Uid uid, mailbox::Flags changed = {}) {
    events.happened({cause, alice, alice, archive, {{uid, std::move(changed)}}});
    pool.run();
  }
  sieve::FlagList flags(mailbox::Uid uid) {
    const auto row = mailboxes.row(*store, alice, archive, uid);
    sieve::FlagList out;
    if (!row || !*row) return {"gone"};
    if ((*row)->flags.has(mailbox::kSeen)) out.push_back("\\Seen");
    if ((*row)->flags.has(mailbox::kFlagged)) out.push_back("\\Flagged");
    if ((*row)->flags.has(mailbox::kDeleted)) out.push_back("\\Deleted");
    out.insert(out.end(), (*row)->flags.keywords.begin(), (*row)->flags.keywords.end());
    return out;
  }
  std::vector<queue::Entry> queued() { return *queue.list(*store, "", 0, 1000); }
  std::string story() {
    std::string out;
    const auto events_told = trace.find(*store, "alice@example.com", 1000);
    for (const auto& e : *events_told) out += e.action + ": " + e.reason + "\n";
    return out;
  }
};

TEST_F(ImapEventsTest, WithoutAnAnnotationOrAScriptOfThatNameNothingRuns) {
  script("require \"imap4flags\"; addflag \"\\\\Flagged\";");
  const auto uid = put();
  tell(Cause::kAppend, uid);
  annotate({alice, archive}, "nobody");
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), IsEmpty());
  EXPECT_EQ(story(), "");
}

TEST_F(ImapEventsTest, FlagsThatAScriptSetsAreTheMessages) {
  watch_archive(
      "require [\"imap4flags\", \"environment\", \"imapsieve\", \"variables\"];\n"
      "if environment :is \"imap.cause\" \"APPEND\" { addflag [\"\\\\Flagged\", \"New\"]; removeflag \"\\\\Seen\"; "
      "}\n");
  const auto uid = put({mailbox::kSeen, {"Old"}});
  tell(Cause::kCopy, uid);
  EXPECT_THAT(flags(uid), ElementsAre("\\Seen", "Old"));
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), ElementsAre("\\Flagged", "New", "Old"));
}

TEST_F(ImapEventsTest, TheEnvironmentSaysWhoDidWhatAndWhere) {
  watch_archive(
      "require [\"imap4flags\", \"environment\", \"imapsieve\"];\n"
      "if allof (environment :is \"imap.user\" \"alice@example.com\", environment :is \"imap.cause\" \"FLAG\",\n"
      "  environment :is \"imap.mailbox\" \"Archive\", environment :is \"location\" \"MS\",\n"
      "  environment :is \"phase\" \"post\", environment :is \"imap.changedflags\" \"\\\\Flagged Work\",\n"
      "  hasflag \"\\\\Flagged\") { addflag \"AllRight\"; }");
  const auto uid = put({mailbox::kFlagged, {}});
  tell(Cause::kFlag, uid, {mailbox::kFlagged, {"Work"}});
  EXPECT_THAT(flags(uid), ElementsAre("\\Flagged", "AllRight"));
}

TEST_F(ImapEventsTest, FileintoIsASecondMessageAndTheFirstIsDeletedUnlessKept) {
  watch_archive("require [\"fileinto\", \"mailbox\", \"copy\"]; fileinto :copy :create \"Copies\";");
  const auto kept = put();
  tell(Cause::kAppend, kept);
  EXPECT_THAT(flags(kept), IsEmpty());
  script("require \"fileinto\"; fileinto \"Copies\";");
  const auto moved = put();
  tell(Cause::kFlag, moved, {mailbox::kSeen, {}});
  EXPECT_THAT(flags(moved), ElementsAre("\\Deleted"));
  EXPECT_EQ(box("Copies").messages, 2u);
  EXPECT_EQ(box("Copies").deleted, 0u);
  EXPECT_THAT(pool.work, IsEmpty());
}

TEST_F(ImapEventsTest, DiscardDeletesAndAnExplicitKeepDoesNot) {
  watch_archive("discard;");
  const auto uid = put();
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), ElementsAre("\\Deleted"));
  script("discard; keep;");
  const auto kept = put();
  tell(Cause::kAppend, kept);
  EXPECT_THAT(flags(kept), IsEmpty());
}

TEST_F(ImapEventsTest, RedirectGoesThroughTheQueueFromTheOwner) {
  watch_archive("require \"copy\"; redirect :copy \"bob@elsewhere.net\";");
  const auto uid = put();
  tell(Cause::kAppend, uid);
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].reverse_path, "alice@example.com");
  EXPECT_EQ(queued()[0].recipients[0].address, "bob@elsewhere.net");
  EXPECT_THAT(flags(uid), IsEmpty());
}

TEST_F(ImapEventsTest, WhatIsForDeliveryIsAFaultThatLeavesTheMessage) {
  for (const char* text :
       {"require \"vacation\"; vacation \"away\";", "require \"reject\"; reject \"no\";",
        "require \"ereject\"; ereject \"no\";", "require \"envelope\"; if envelope \"from\" \"x@y.z\" { discard; }"}) {
    watch_archive(std::string(text) + " discard;");
    const auto uid = put();
    tell(Cause::kAppend, uid);
    EXPECT_THAT(flags(uid), IsEmpty()) << text;
  }
  EXPECT_THAT(story(), HasSubstr("fault: script events, line 1: \"vacation\" is for mail that is being delivered"));
  EXPECT_EQ(box("INBOX").messages, 1u);  // the notice, once
  EXPECT_THAT(queued(), IsEmpty());
}

TEST_F(ImapEventsTest, AnEmptyEntryOfTheMailboxGoesBeforeTheServers) {
  EXPECT_TRUE(commit([&](store::Transaction& t) {
    const auto compiled = sieve::compile("discard;");
    return scripts.put(t, sieve::kServerScripts, "all", "discard;", *compiled.program);
  }));
  annotate(mailbox::kTheServer, "all");
  const auto uid = put();
  annotate({alice, archive}, "");
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), IsEmpty());
  EXPECT_TRUE(commit([&](store::Transaction& t) {
    return mailbox::annotate(t, {alice, archive}, alice, {{"/shared/imapsieve/script", std::nullopt}});
  }));
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), ElementsAre("\\Deleted"));
}

TEST_F(ImapEventsTest, AFullPoolForgetsAndTheNextEventRunsAgain) {
  watch_archive("discard;");
  const auto uid = put();
  pool.full = true;
  tell(Cause::kAppend, uid);
  EXPECT_THAT(flags(uid), IsEmpty());
  pool.full = false;
  const auto other = put();
  tell(Cause::kAppend, other);
  EXPECT_THAT(flags(uid), IsEmpty());
  EXPECT_THAT(flags(other), ElementsAre("\\Deleted"));
}

TEST_F(ImapEventsTest, TooManyMessagesAreLeftAndOneThatHasGoneIsNoFault) {
  watch_archive("discard;");
  const auto uid = put();
  std::vector<mailbox::MailEvents::Affected> many(kMaxEventMessages + 1, {uid, {}});
  events.happened({Cause::kCopy, alice, alice, archive, many});
  EXPECT_THAT(pool.work, IsEmpty());
  tell(Cause::kCopy, uid + 7);
  EXPECT_THAT(flags(uid), IsEmpty());
}

}  // namespace
}  // namespace pabal::delivery
