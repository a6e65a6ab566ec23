// Mail settings beside an account's own script, carried out over a real store.
#include "sieve/settings.h"

#include <gmock/gmock.h>

#include "delivery/filter.h"
#include "identity/test_directory.h"

namespace pabal::delivery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct SettingsTest : testing::Test, identity::TestDirectory {
  IdSource ids{clock, random};
  mailbox::Mailboxes mailboxes{*store, clock};
  queue::Queue queue{*store};
  watch::Trace trace{*store};
  sieve::Scripts scripts{clock};
  Delivery delivery{Services{*store, *directory, mailboxes, queue, trace, ids, clock, scripts, "mail.example.com"}};
  mailbox::LocalDelivery::Mail mail;
  identity::AccountId alice = 0;
  mailbox::MailboxId work = 0;

  SettingsTest() {
    EXPECT_TRUE(domain("example.com"));
    alice = account("alice@example.com")->id;
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      if (const auto made = mailboxes.create_account(t, alice, 0); !made) return made;
      const auto made = mailboxes.create(t, alice, "Work");
      if (!made) return made.error();
      work = *made;
      return {};
    }));
    mail.id = "0000000000001";
    mail.reverse_path = "carol@elsewhere.net";
    mail.prepared = mailbox::prepare(
        "From: Carol <carol@elsewhere.net>\r\nTo: alice@example.com\r\nMessage-ID: <1@elsewhere.net>\r\n"
        "Subject: Hello there\r\n\r\nHi\r\n");
  }

  void set(const sieve::Settings& settings) {
    const sieve::NameOf name_of = [&](mailbox::MailboxId id) -> std::optional<std::string> {
      const auto box = mailboxes.get(*store, alice, id);
      return box && *box ? std::optional((*box)->name) : std::nullopt;
    };
    const auto ready = sieve::make_ready(settings, name_of, clock.now());
    ASSERT_TRUE(ready) << ready.error().message;
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      const auto put = sieve::put_settings(t, alice, *ready);
      return put ? Result<void>() : put.error();
    }));
  }
  void script(const std::string& text) {
    const auto compiled = sieve::compile(text);
    ASSERT_TRUE(compiled.ok()) << sieve::in_lines(compiled.faults);
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = scripts.put(t, alice, "main", text, *compiled.program); !put) return put;
      return scripts.activate(t, alice, "main");
    }));
  }
  static sieve::Settings with_filter(const std::string& from, sieve::FilterAction action) {
    sieve::Settings out;
    sieve::Filter filter;
    filter.criteria.from = from;
    filter.action = std::move(action);
    out.filters.push_back(filter);
    return out;
  }
  sieve::FilterAction label(bool skip_inbox = false) const {
    sieve::FilterAction out;
    out.add = {work};
    out.skip_inbox = skip_inbox;
    return out;
  }

  std::vector<Delivery::Failure> deliver() {
    std::vector<mailbox::LocalDelivery::Recipient> to(1);
    to[0].address = "alice@example.com";
    const auto plan = delivery.plan(mail, to);
    if (plan) plan->run();
    mail.plan = plan;
    mail.body = mailboxes.new_body_id();
    std::vector<Delivery::Failure> failures;
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
      if (const auto held = mailboxes.hold_body(t, mail.body); !held) return held;
      auto failed = delivery.deliver(t, mail, to);
      if (!failed) return failed.error();
      failures = *failed;
      return mailboxes.release_body(t, mail.body);
    });
    EXPECT_TRUE(done) << done.error().message;
    return failures;
  }
  // Where the account's messages lie: "INBOX Work", with their flags: one a message.
  std::vector<std::string> lies() {
    std::map<mailbox::MessageId, std::string> out;
    const auto boxes = mailboxes.list(*store, alice);
    for (const auto& box : *boxes)
      EXPECT_TRUE(mailboxes.rows(*store, alice, box.id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
        std::string& text = out[row.message];
        text += (text.empty() ? "" : " ") + box.name;
        if (row.flags.system & mailbox::kSeen) text += "*";
        for (const auto& keyword : row.flags.keywords) text += "+" + keyword;
        return true;
      }));
    std::vector<std::string> all;
    for (auto& [id, text] : out) all.push_back(text);
    return all;
  }
  std::vector<queue::Entry> queued() { return *queue.list(*store, "", 0, 1000); }
};

TEST_F(SettingsTest, AFilterLabelsAndTheInboxKeeps) {
  set(with_filter("carol", label()));
  EXPECT_THAT(deliver(), IsEmpty());
  EXPECT_THAT(lies(), ElementsAre("INBOX Work")) << "one message with two labels";
}

TEST_F(SettingsTest, AFilterForSomebodyElseDoesNothing) {
  set(with_filter("dave", label()));
  deliver();
  EXPECT_THAT(lies(), ElementsAre("INBOX"));
}

TEST_F(SettingsTest, SkippingTheInboxLeavesTheLabel) {
  set(with_filter("carol@elsewhere.net", label(true)));
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Work"));
}

TEST_F(SettingsTest, TheAccountsScriptRunsAsWell) {
  sieve::FilterAction action = label();
  action.add_flags = {"\\Seen"};
  set(with_filter("carol", action));
  script("require [\"fileinto\", \"mailbox\", \"imap4flags\"]; addflag \"later\"; fileinto :create \"Lists\";");
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Lists*+later Work*+later")) << "one message, with the flags of both";
}

TEST_F(SettingsTest, AScriptThatLetsItBeDoesNotBringItBack) {
  set(with_filter("carol", label(true)));
  script("require \"fileinto\"; if false { discard; }");
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Work"));
}

TEST_F(SettingsTest, WhatAFilterTrashesNoScriptSees) {
  sieve::FilterAction action;
  action.trash = true;
  set(with_filter("carol", action));
  script("require [\"fileinto\", \"mailbox\"]; fileinto :create \"Lists\";");
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Trash"));
}

TEST_F(SettingsTest, ARefusalOfTheScriptUndoesTheLabels) {
  set(with_filter("carol", label()));
  script("require \"ereject\"; ereject \"no\";");
  EXPECT_THAT(deliver(), SizeIs(1));
  EXPECT_THAT(lies(), IsEmpty());
}

TEST_F(SettingsTest, AFaultyScriptStillLeavesTheSettings) {
  set(with_filter("carol", label()));
  script("require \"include\"; include \"missing\";");
  deliver();
  EXPECT_THAT(lies(), ElementsAre("INBOX Work", "INBOX")) << "and the notice to the owner";
}

TEST_F(SettingsTest, JunkGoesIntoJunkUnlessAFilterSaysNever) {
  set(with_filter("carol", label(true)));
  mail.junk = true;
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Junk Work"));
  sieve::FilterAction never;
  never.never_junk = true;
  sieve::Settings settings = with_filter("carol", never);
  settings.revision = 1;
  set(settings);
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Junk Work", "INBOX+$NotJunk"));
}

TEST_F(SettingsTest, VacationAnswersOnceAndForwardingPassesOn) {
  sieve::Settings settings;
  settings.vacation.enabled = true;
  settings.vacation.text = "I am away.";
  settings.vacation.html = "<p>I am <b>away</b>.</p>";
  settings.forwarding_addresses.push_back({"ann@elsewhere.net", true, "", clock.now()});
  settings.auto_forwarding = {true, "ann@elsewhere.net", sieve::AfterForwarding::kMarkRead};
  set(settings);
  deliver();
  EXPECT_THAT(lies(), ElementsAre("INBOX*"));
  std::vector<std::string> to;
  std::string answer;
  const auto entries = queued();
  for (const auto& entry : entries) {
    to.push_back(entry.recipients.at(0).address);
    if (entry.reverse_path.empty()) answer = *mailboxes.body(*store, entry.body);
  }
  EXPECT_THAT(to, testing::UnorderedElementsAre("carol@elsewhere.net", "ann@elsewhere.net"));
  EXPECT_THAT(answer, HasSubstr("Auto-Submitted: auto-replied"));
  EXPECT_THAT(answer, HasSubstr("Subject: Auto: Hello there"));
  EXPECT_THAT(answer, HasSubstr("multipart/alternative"));
  deliver();
  EXPECT_THAT(queued(), SizeIs(3)) << "forwarded again, not answered again";
}

TEST_F(SettingsTest, TheScriptsAnswerGoesInsteadOfTheSettings) {
  sieve::Settings settings;
  settings.vacation.enabled = true;
  settings.vacation.text = "of the settings";
  set(settings);
  script("require \"vacation\"; vacation \"of the script\";");
  deliver();
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_THAT(*mailboxes.body(*store, queued()[0].body), HasSubstr("of the script"));
}

TEST_F(SettingsTest, JunkIsNeitherAnsweredNorForwarded) {
  sieve::Settings settings;
  settings.vacation.enabled = true;
  settings.forwarding_addresses.push_back({"ann@elsewhere.net", true, "", clock.now()});
  settings.auto_forwarding = {true, "ann@elsewhere.net", sieve::AfterForwarding::kTrash};
  set(settings);
  mail.junk = true;
  deliver();
  EXPECT_THAT(queued(), IsEmpty());
  EXPECT_THAT(lies(), ElementsAre("Junk"));
}

TEST_F(SettingsTest, AScriptMayUseTheQueryTestItself) {
  script("require [\"fileinto\", \"vnd.pabal.query\"]; if query \"subject:hello -from:dave\" { fileinto \"Work\"; }");
  deliver();
  EXPECT_THAT(lies(), ElementsAre("Work"));
}

}  // namespace
}  // namespace pabal::delivery
