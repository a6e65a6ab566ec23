// Scripts of accounts, run and carried out over a real store.
#include "delivery/filter.h"

#include <gmock/gmock.h>

#include "identity/test_directory.h"
#include "mailbox/annotations.h"

namespace pabal::delivery {
namespace {

using identity::AccountId;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct FilterTest : testing::Test, identity::TestDirectory {
  IdSource ids{clock, random};
  mailbox::Mailboxes mailboxes{*store, clock};
  queue::Queue queue{*store};
  watch::Trace trace{*store};
  sieve::Scripts scripts{clock};
  Delivery delivery{Services{*store, *directory, mailboxes, queue, trace, ids, clock, scripts, "mail.example.com"}};
  mailbox::LocalDelivery::Mail mail;
  AccountId alice = 0, bob = 0;

  FilterTest() {
    EXPECT_TRUE(domain("example.com"));
    alice = person("alice@example.com");
    bob = person("bob@example.com");
    mail.id = "0000000000001";
    mail.reverse_path = "carol@elsewhere.net";
    message("");
  }

  void message(const std::string& more, const std::string& to = "alice@example.com") {
    mail.prepared = mailbox::prepare("From: carol@elsewhere.net\r\nTo: " + to +
                                     "\r\nMessage-ID: <1@elsewhere.net>\r\n" + more + "Subject: hello\r\n\r\nHi\r\n");
  }
  AccountId person(const std::string& name, uint64_t quota = 0) {
    const auto added = account(name);
    EXPECT_TRUE(added) << added.error().message;
    EXPECT_TRUE(commit([&](store::Transaction& t) { return mailboxes.create_account(t, added->id, quota); }));
    return added->id;
  }
  void script(AccountId id, const std::string& text, const std::string& name = "main") {
    const auto compiled = sieve::compile(text);
    ASSERT_TRUE(compiled.ok()) << sieve::in_lines(compiled.faults);
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = scripts.put(t, id, name, text, *compiled.program); !put) return put;
      return scripts.activate(t, id, name);
    }));
  }

  using Recipients = std::vector<mailbox::LocalDelivery::Recipient>;
  // Delivers as relay/ does.
  std::vector<Delivery::Failure> deliver(const Recipients& recipients) {
    const auto plan = delivery.plan(mail, recipients);
    if (plan) plan->run();
    mail.plan = plan;
    mail.body = mailboxes.new_body_id();
    std::vector<Delivery::Failure> failures;
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
      if (const auto held = mailboxes.hold_body(t, mail.body); !held) return held;
      auto failed = delivery.deliver(t, mail, recipients);
      if (!failed) return failed.error();
      failures = *failed;
      return mailboxes.release_body(t, mail.body);
    });
    EXPECT_TRUE(done) << done.error().message;
    return failures;
  }
  std::vector<Delivery::Failure> deliver_to(const std::string& address) { return deliver({{address, ""}}); }

  std::vector<std::string> in(AccountId id, const std::string& name) {
    std::vector<std::string> out;
    const auto box = mailboxes.find(*store, id, name);
    if (!box || !*box) return out;
    EXPECT_TRUE(mailboxes.rows(*store, id, (*box)->id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      out.push_back(*mailboxes.content(*store, id, row.message));
      return true;
    }));
    return out;
  }
  mailbox::Row first_row(AccountId id, const std::string& name) {
    mailbox::Row out;
    EXPECT_TRUE(mailboxes.rows(*store, id, (*mailboxes.find(*store, id, name))->id, 1, UINT32_MAX,
                               [&](const mailbox::Row& row) { return out = row, false; }));
    return out;
  }
  std::vector<queue::Entry> queued() { return *queue.list(*store, "", 0, 1000); }
  std::string bytes_of(const queue::Entry& e) { return e.prefix + *mailboxes.body(*store, e.body); }
  std::vector<std::string> story() {
    std::vector<std::string> out;
    const auto events = trace.find(*store, mail.id, 1000);
    for (const auto& e : *events) out.push_back(e.action + " " + e.recipient + " " + e.reason);
    return out;
  }
  // Bodies that nobody refers to.
  size_t orphans() {
    size_t bodies = 0, references = 0;
    EXPECT_TRUE(store->scan(store::Range::prefix("R"), [&](auto, auto) { return ++references > 0; }));
    for (const AccountId id : {alice, bob}) {
      const auto boxes = mailboxes.list(*store, id);
      for (const auto& box : *boxes) bodies += box.messages;
    }
    for (const auto& entry : queued()) bodies += entry.recipients.empty() ? 0 : 1;
    return references > bodies ? references - bodies : 0;
  }
};

TEST_F(FilterTest, WithoutScriptsThereIsNoPlan) {
  EXPECT_EQ(delivery.plan(mail, {{"alice@example.com", ""}}), nullptr);
}

TEST_F(FilterTest, FilesIntoSeveralAsOneMessageWithLabels) {
  script(alice,
         "require [\"fileinto\", \"mailbox\", \"imap4flags\"];\nsetflag [\"\\\\Flagged\", \"Work\"];\n"
         "fileinto :create \"A\"; fileinto :create \"B\"; keep;");
  EXPECT_THAT(deliver_to("alice@example.com"), IsEmpty());
  EXPECT_EQ(first_row(alice, "A").message, first_row(alice, "B").message);
  EXPECT_EQ(first_row(alice, "A").message, first_row(alice, "INBOX").message);
  EXPECT_EQ(first_row(alice, "A").flags.system, mailbox::kFlagged);
  EXPECT_THAT(first_row(alice, "A").flags.keywords, ElementsAre("Work"));
  EXPECT_THAT(story(), ElementsAre("filed alice@example.com into A, B, INBOX by script main"));
}

TEST_F(FilterTest, ADifferentFlagMakesASecondMessage) {
  script(alice, "require [\"fileinto\", \"imap4flags\"];\nfileinto :flags \"\\\\Seen\" \"Archive\"; keep;");
  deliver_to("alice@example.com");
  EXPECT_NE(first_row(alice, "Archive").message, first_row(alice, "INBOX").message);
  EXPECT_EQ(first_row(alice, "INBOX").flags.system, 0);
}

TEST_F(FilterTest, AsksAnnotationsAndTheEnvironment) {
  const auto inbox = (*mailboxes.find(*store, alice, "INBOX"))->id;
  EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    const auto done = mailbox::annotate(t, {alice, inbox}, alice, {{"/private/comment", "busy"}});
    return done ? mailbox::annotate(t, mailbox::kTheServer, alice, {{"/shared/motd", "down"}}) : done;
  }));
  mail.peer = "203.0.113.5 (mx.example)";
  script(alice,
         "require [\"fileinto\", \"mboxmetadata\", \"servermetadata\", \"environment\"];\n"
         "if allof (metadata \"INBOX\" \"/Private/Comment\" \"busy\", servermetadata \"/shared/motd\" \"down\",\n"
         "  not metadataexists \"INBOX\" \"/shared/comment\", not metadataexists \"None\" \"/private/comment\",\n"
         "  environment \"remote-ip\" \"203.0.113.5\", environment \"remote-host\" \"mx.example\",\n"
         "  environment \"imap.user\" \"\", environment :matches \"version\" \"?*\",\n"
         "  environment \"domain\" \"example.com\") { fileinto \"Archive\"; }");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "Archive"), SizeIs(1));
  EXPECT_THAT(in(alice, "INBOX"), IsEmpty());
}

TEST_F(FilterTest, FindsMailboxesByUseAndId) {
  const auto id = (*mailboxes.find(*store, alice, "Archive"))->id;
  script(alice,
         "require [\"fileinto\", \"special-use\", \"mailboxid\"];\nfileinto :specialuse \"\\\\Junk\" \"INBOX\";\n"
         "fileinto :mailboxid \"M" +
             std::to_string(id) + "\" \"INBOX\";");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "Junk"), SizeIs(1));
  EXPECT_THAT(in(alice, "Archive"), SizeIs(1));
  EXPECT_THAT(in(alice, "INBOX"), IsEmpty());
}

TEST_F(FilterTest, WhatCannotBeFiledIsInTheInboxAndTheOwnerIsToldOnceADay) {
  script(alice, "require \"fileinto\";\n\nfileinto \"Nowhere\";");
  deliver_to("alice@example.com");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(3));
  EXPECT_THAT(in(alice, "INBOX")[1], AllOf(HasSubstr("Your filter script main has a fault"),
                                           HasSubstr("line 3: there is no mailbox Nowhere")));
  EXPECT_THAT(story(), Contains("fault alice@example.com script main, line 3: there is no mailbox Nowhere; the message "
                                "is in INBOX")
                           .Times(2));
  clock.advance(hours(25));
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(5));
}

TEST_F(FilterTest, AScriptThatFailsKeepsTheMessage) {
  script(alice, "require \"include\";\ninclude \"missing\";");
  EXPECT_THAT(deliver_to("alice@example.com"), IsEmpty());
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(2));
  EXPECT_THAT(story(), Contains(StartsWith("fault alice@example.com script main, ")));
}

TEST_F(FilterTest, IncludesScriptsOfTheOwnerAndOfTheServer) {
  script(alice, "require \"fileinto\"; fileinto \"Archive\";", "sort");
  const std::string global = "require \"fileinto\"; fileinto \"Junk\";";
  EXPECT_TRUE(commit([&](store::Transaction& t) {
    return scripts.put(t, sieve::kServerScripts, "spam", global, *sieve::compile(global).program);
  }));
  script(alice, "require \"include\"; include :personal \"sort\"; include :global \"spam\";");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "Archive"), SizeIs(1));
  EXPECT_THAT(in(alice, "Junk"), SizeIs(1));
}

TEST_F(FilterTest, EachRecipientsScriptDecidesForHim) {
  script(alice, "require [\"editheader\", \"fileinto\"]; addheader \"X-Mine\" \"yes\"; fileinto \"Archive\";");
  script(bob, "discard;");
  EXPECT_THAT(deliver({{"alice@example.com", ""}, {"bob@example.com", ""}}), IsEmpty());
  EXPECT_THAT(in(alice, "Archive"), ElementsAre(AllOf(StartsWith("Return-Path: <carol@elsewhere.net>\r\nDelivered-To: "
                                                                 "alice@example.com\r\n"),
                                                      HasSubstr("X-Mine: yes\r\n"))));
  EXPECT_THAT(in(bob, "INBOX"), IsEmpty());
  EXPECT_THAT(story(), Contains("discarded bob@example.com by script main"));
  EXPECT_EQ(orphans(), 0u);
}

TEST_F(FilterTest, AFullMailboxIsStillAPassingFault) {
  const AccountId dave = person("dave@example.com", 10);
  script(dave, "require [\"fileinto\", \"editheader\"]; addheader \"X\" \"y\"; redirect \"x@elsewhere.net\"; keep;");
  const auto failures = deliver({{"dave@example.com", ""}, {"bob@example.com", ""}});
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].why.code, Code::kLimit);
  EXPECT_THAT(queued(), IsEmpty());
  EXPECT_THAT(in(bob, "INBOX"), SizeIs(1));
  EXPECT_EQ(orphans(), 0u);
}

// --- redirect -------------------------------------------------------------------------------------------------------

TEST_F(FilterTest, RedirectsThroughTheQueueUnderALineThatStopsLoops) {
  script(alice, "redirect \"dave@elsewhere.net\";");
  deliver_to("alice@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_THAT(queued()[0].reverse_path, testing::EndsWith("=elsewhere.net=carol@example.com"));
  EXPECT_EQ(queued()[0].recipients[0].address, "dave@elsewhere.net");
  EXPECT_THAT(bytes_of(queued()[0]), StartsWith("Delivered-To: alice@example.com\r\nFrom: "));
  EXPECT_THAT(in(alice, "INBOX"), IsEmpty());
  message("Delivered-To: alice@example.com\r\n");
  EXPECT_THAT(deliver_to("alice@example.com"), SizeIs(1));  // it came back
  EXPECT_THAT(queued(), SizeIs(1));
}

TEST_F(FilterTest, ARedirectToOneselfKeeps) {
  ASSERT_TRUE(alias("al@example.com", {"alice@example.com"}));
  script(alice, "redirect \"al@example.com\";");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(1));
  EXPECT_THAT(queued(), IsEmpty());
}

// --- reject ---------------------------------------------------------------------------------------------------------

TEST_F(FilterTest, RejectsInTheDialogueWhereThatRefusesItForAll) {  // RFC 5429 §2.2
  script(alice, "require \"reject\"; reject text:\nNo,\nthanks.\n.\n;");
  const auto failures = deliver_to("alice@example.com");
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].why.code, Code::kDenied);
  EXPECT_EQ(failures[0].why.message, "5.7.1 No, thanks.");
  EXPECT_THAT(queued(), IsEmpty());
}

TEST_F(FilterTest, RejectsByALetterOtherwise) {  // RFC 5429 §2.2.1
  script(alice, "require \"reject\"; reject \"Nein, bitte nicht: schön.\";");
  EXPECT_THAT(deliver_to("alice@example.com"), IsEmpty());
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].reverse_path, "");
  EXPECT_EQ(queued()[0].recipients[0].address, "carol@elsewhere.net");
  EXPECT_THAT(
      bytes_of(queued()[0]),
      AllOf(HasSubstr("report-type=disposition-notification"), HasSubstr("Final-Recipient: rfc822; alice@example.com"),
            HasSubstr("Disposition: automatic-action/MDN-sent-automatically; deleted"),
            HasSubstr("Original-Message-ID: <1@elsewhere.net>"), HasSubstr("In-Reply-To: <1@elsewhere.net>")));
  EXPECT_THAT(in(alice, "INBOX"), IsEmpty());
}

TEST_F(FilterTest, ANullReversePathIsToldNothing) {
  script(alice, "require \"reject\"; reject \"schön\";");
  mail.reverse_path = "";
  EXPECT_THAT(deliver_to("alice@example.com"), IsEmpty());
  EXPECT_THAT(queued(), IsEmpty());
  EXPECT_THAT(story(), Contains(HasSubstr("nobody is told")));
}

TEST_F(FilterTest, ARefusingMemberDoesNotKeepTheOthersFromHavingIt) {
  ASSERT_TRUE(alias("team@example.com", {"alice@example.com", "bob@example.com"}));
  script(alice, "require \"ereject\"; ereject \"no\";");
  EXPECT_THAT(deliver_to("team@example.com"), IsEmpty());
  EXPECT_THAT(in(bob, "INBOX"), SizeIs(1));
  ASSERT_THAT(queued(), SizeIs(1));  // from where it fails for her alone, with a report
  EXPECT_EQ(queued()[0].recipients[0].address, "alice@example.com");
}

// --- vacation -------------------------------------------------------------------------------------------------------

TEST_F(FilterTest, AnswersOnceInItsTime) {  // RFC 5230
  script(alice, "require \"vacation\"; vacation :days 2 \"Away, schöne Grüße.\";");
  deliver_to("alice@example.com");
  deliver_to("alice@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  const queue::Entry answer = queued()[0];
  EXPECT_EQ(answer.reverse_path, "");
  EXPECT_EQ(answer.recipients[0].address, "carol@elsewhere.net");
  EXPECT_EQ(answer.recipients[0].notify, queue::kNotifyNever);
  EXPECT_THAT(bytes_of(answer),
              AllOf(HasSubstr("Auto-Submitted: auto-replied\r\n"), HasSubstr("From: alice@example.com\r\n"),
                    HasSubstr("To: carol@elsewhere.net\r\n"), HasSubstr("Subject: Auto: hello\r\n"),
                    HasSubstr("In-Reply-To: <1@elsewhere.net>\r\nReferences: <1@elsewhere.net>\r\n"),
                    HasSubstr("quoted-printable"), HasSubstr("sch=C3=B6ne")));
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(2));
  clock.advance(days(2) + seconds(1));
  deliver_to("alice@example.com");
  EXPECT_THAT(queued(), SizeIs(2));
}

TEST_F(FilterTest, TwoPlansOfOneMomentAnswerOnce) {
  script(alice, "require \"vacation\"; vacation \"Away.\";");
  const Recipients to{{"alice@example.com", ""}};
  const auto other = delivery.plan(mail, to);
  other->run();
  deliver(to);
  mail.plan = other;
  EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    const auto failed = delivery.deliver(t, mail, to);
    return failed ? Result<void>() : failed.error();
  }));
  EXPECT_THAT(queued(), SizeIs(1));
}

TEST_F(FilterTest, AnswersPeopleWhoWroteToTheOwnerOnly) {  // RFC 5230 §4.5, §4.6
  script(alice,
         "require [\"vacation\", \"vacation-seconds\"];\n"
         "vacation :addresses \"old@elsewhere.net\" :seconds 0 \"Away.\";");
  const auto answers = [&](const std::string& more, const std::string& to, const std::string& sender) {
    const size_t before = queued().size();
    message(more, to);
    mail.reverse_path = sender;
    deliver_to("alice@example.com");
    return queued().size() > before;
  };
  EXPECT_TRUE(answers("", "alice@example.com", "carol@elsewhere.net"));
  EXPECT_TRUE(answers("", "Old <old@elsewhere.net>", "carol@elsewhere.net"));
  EXPECT_TRUE(answers("Resent-To: alice+x@example.com\r\n", "list@elsewhere.net", "carol@elsewhere.net"));
  EXPECT_TRUE(answers("Auto-Submitted: no\r\n", "alice@example.com", "carol@elsewhere.net"));
  EXPECT_FALSE(answers("", "others@elsewhere.net", "carol@elsewhere.net"));
  EXPECT_FALSE(answers("", "alice@example.com", ""));
  EXPECT_FALSE(answers("", "alice@example.com", "alice@example.com"));
  EXPECT_FALSE(answers("", "alice@example.com", "mailer-daemon@elsewhere.net"));
  EXPECT_FALSE(answers("", "alice@example.com", "list-request@elsewhere.net"));
  EXPECT_FALSE(answers("", "alice@example.com", "owner-list@elsewhere.net"));
  EXPECT_FALSE(answers("Auto-Submitted: auto-replied (vacation)\r\n", "alice@example.com", "carol@elsewhere.net"));
  EXPECT_FALSE(answers("List-Id: <x.elsewhere.net>\r\n", "alice@example.com", "carol@elsewhere.net"));
  EXPECT_FALSE(answers("Precedence: bulk\r\n", "alice@example.com", "carol@elsewhere.net"));
}

TEST_F(FilterTest, AnAnswersSenderIsTheOwnersAndACopyIsFiled) {  // RFC 5230 §4.3, RFC 8580
  script(
      alice,
      "require [\"vacation\", \"fcc\"]; vacation :from \"ceo@elsewhere.net\" :subject \"a\" :fcc \"Sent\" \"Away.\";");
  deliver_to("alice@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_THAT(bytes_of(queued()[0]), HasSubstr("From: alice@example.com\r\n"));
  EXPECT_THAT(in(alice, "Sent"), ElementsAre(bytes_of(queued()[0])));
}

TEST_F(FilterTest, AMimeAnswerBringsNoFieldsOfItsOwn) {  // RFC 5230 §4.4
  script(alice,
         "require \"vacation\"; vacation :mime text:\nContent-Type: text/html\nBcc: x@y.example\n\n<p>Away</p>\n.\n;");
  deliver_to("alice@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_THAT(bytes_of(queued()[0]),
              AllOf(HasSubstr("Content-Type: text/html\r\n\r\n<p>Away</p>"), Not(HasSubstr("Bcc"))));
}

// --- notify and duplicate -------------------------------------------------------------------------------------------

TEST_F(FilterTest, NotifiesByMail) {  // RFC 5436
  script(alice,
         "require \"enotify\"; notify :importance \"1\" :message \"New mail\" "
         "\"mailto:phone@elsewhere.net?body=look\";");
  deliver_to("alice@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].reverse_path, "alice@example.com");
  EXPECT_THAT(bytes_of(queued()[0]),
              AllOf(HasSubstr("Auto-Submitted: auto-notified; owner-email=\"alice@example.com\"\r\n"),
                    HasSubstr("Subject: New mail\r\n"), HasSubstr("Importance: high\r\n"), HasSubstr("\r\n\r\nlook")));
  message("Auto-Submitted: auto-generated\r\n");
  deliver_to("alice@example.com");
  EXPECT_THAT(queued(), SizeIs(1));
}

TEST_F(FilterTest, RemembersDuplicates) {  // RFC 7352
  script(alice, "require [\"duplicate\", \"fileinto\"]; if duplicate :seconds 3600 { fileinto \"Trash\"; }");
  deliver_to("alice@example.com");
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(1));
  EXPECT_THAT(in(alice, "Trash"), SizeIs(1));
  clock.advance(hours(2));
  deliver_to("alice@example.com");
  EXPECT_THAT(in(alice, "INBOX"), SizeIs(2));
}

TEST_F(FilterTest, RemovingAnAccountRemovesItsScripts) {
  script(alice, "keep;");
  EXPECT_TRUE(commit([&](store::Transaction& t) { return mailboxes.remove_account(t, alice); }));
  EXPECT_THAT(*scripts.list(*store, alice), IsEmpty());
  EXPECT_EQ(*scripts.active(*store, alice), "");
}

}  // namespace
}  // namespace pabal::delivery
