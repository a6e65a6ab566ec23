#include "delivery/delivery.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "delivery/report.h"
#include "identity/test_directory.h"
#include "message/received.h"

namespace pabal::delivery {
namespace {

using identity::AccountId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using Verdict = mailbox::LocalDelivery::Verdict;

struct DeliveryTest : testing::Test, identity::TestDirectory {
  IdSource ids{clock, random};
  mailbox::Mailboxes mailboxes{*store, clock};
  queue::Queue queue{*store};
  watch::Trace trace{*store};
  sieve::Scripts scripts{clock};
  Delivery delivery{Services{*store, *directory, mailboxes, queue, trace, ids, clock, scripts, "mail.example.com"}};
  mailbox::LocalDelivery::Mail mail;

  DeliveryTest() {
    EXPECT_TRUE(domain("example.com"));
    mail.id = "0000000000001";
    mail.reverse_path = "carol@elsewhere.net";
    mail.peer = "192.0.2.1 (mx.elsewhere.net)";
    body("Message-ID: <1@elsewhere.net>\r\nSubject: hello\r\n\r\nHi\r\n");
  }

  void body(const std::string& bytes) { mail.prepared = mailbox::prepare(bytes); }
  AccountId person(const std::string& name, uint64_t quota = 0, bool admin = false) {
    const auto added = account(name, "", admin);
    EXPECT_TRUE(added) << added.error().message;
    EXPECT_TRUE(commit([&](store::Transaction& t) { return mailboxes.create_account(t, added->id, quota); }));
    return added->id;
  }

  using Recipients = std::vector<mailbox::LocalDelivery::Recipient>;
  // Delivers as relay/ does: the body first, one transaction, an error ends it.
  std::vector<Delivery::Failure> deliver(const Recipients& recipients) {
    std::vector<Delivery::Failure> failures;
    mail.body = mailboxes.new_body_id();
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
      auto failed = delivery.deliver(t, mail, recipients);
      if (!failed) return failed.error();
      failures = *failed;
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return failures;
  }
  std::vector<Delivery::Failure> deliver_to(const std::string& address) { return deliver({{address, ""}}); }

  std::vector<std::string> inbox(AccountId id) {
    std::vector<std::string> out;
    const auto done = mailboxes.rows(*store, id, 1, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      const auto content = mailboxes.content(*store, id, row.message);
      EXPECT_TRUE(content);
      out.push_back(*content);
      return true;
    });
    EXPECT_TRUE(done);
    return out;
  }
  std::vector<queue::Entry> queued() { return *queue.list(*store, "", 0, 1000); }
  std::vector<std::string> actions() {
    std::vector<std::string> out;
    const auto events = trace.find(*store, mail.id, 1000);
    for (const auto& e : *events) out.push_back(e.station + " " + e.action + " " + e.recipient);
    return out;
  }
  uint64_t bodies() {
    uint64_t n = 0;
    EXPECT_TRUE(store->scan(store::Range::prefix("R"), [&](auto, auto) { return ++n > 0; }));
    return n;
  }
};

// --- one recipient --------------------------------------------------------------------------------------------------

TEST_F(DeliveryTest, FilesIntoTheInboxUnderTwoLines) {  // RFC 5321 §4.4
  const AccountId alice = person("alice@example.com");
  EXPECT_THAT(deliver_to("Alice@Example.COM"), IsEmpty());
  EXPECT_THAT(inbox(alice), ElementsAre("Return-Path: <carol@elsewhere.net>\r\nDelivered-To: alice@example.com\r\n"
                                        "Message-ID: <1@elsewhere.net>\r\nSubject: hello\r\n\r\nHi\r\n"));
  EXPECT_THAT(actions(), ElementsAre("delivery filed alice@example.com"));
  EXPECT_THAT(queued(), IsEmpty());
}

TEST_F(DeliveryTest, ANullReversePathIsWrittenAsSuch) {
  const AccountId alice = person("alice@example.com");
  mail.reverse_path = "";
  deliver_to("alice@example.com");
  EXPECT_THAT(inbox(alice),
              ElementsAre(StartsWith("Return-Path: <>\r\nDelivered-To: alice@example.com\r\nMessage-ID:")));
}

TEST_F(DeliveryTest, TellsByWhichAddressAMessageCame) {
  const AccountId alice = person("alice@example.com");
  ASSERT_TRUE(alias("info@example.com", {"alice@example.com"}));
  deliver_to("alice+News@example.com");
  deliver_to("info@example.com");
  deliver({{"alice@example.com", "rfc822;Old.Alice@example.org"}});
  deliver({{"alice@example.com", "rfc822;a\r\nBcc: x@example.org"}});
  deliver({{"alice@example.com", "nonsense"}});
  const auto all = inbox(alice);
  ASSERT_THAT(all, SizeIs(5));
  EXPECT_THAT(all[0],
              HasSubstr("Delivered-To: alice@example.com\r\nX-Original-To: alice+News@example.com\r\nMessage-ID"));
  EXPECT_THAT(all[1], HasSubstr("X-Original-To: info@example.com\r\n"));
  EXPECT_THAT(all[2], HasSubstr("X-Original-To: Old.Alice@example.org\r\n"));
  EXPECT_THAT(all[3], Not(HasSubstr("Bcc"))) << "nobody writes lines into others' headers";
  EXPECT_THAT(all[4], HasSubstr("X-Original-To: nonsense\r\n"));
}

TEST_F(DeliveryTest, UnknownForeignAndDisabledRecipientsFailAlone) {
  const AccountId alice = person("alice@example.com"), bob = person("bob@example.com");
  enable(bob, false);
  const auto failures = deliver(
      {{"nobody@example.com", ""}, {"alice@example.com", ""}, {"x@elsewhere.net", ""}, {"bob@example.com", ""}});
  ASSERT_THAT(failures, SizeIs(3));
  EXPECT_EQ(failures[0].recipient, "nobody@example.com");
  EXPECT_THAT(failures[0].why.message, StartsWith("5.1.1 "));
  EXPECT_EQ(failures[1].recipient, "x@elsewhere.net");
  EXPECT_THAT(failures[2].why.message, StartsWith("5.2.1 "));
  EXPECT_THAT(inbox(alice), SizeIs(1));
  EXPECT_THAT(inbox(bob), IsEmpty());
  EXPECT_THAT(actions(), UnorderedElementsAre("delivery failed nobody@example.com", "delivery filed alice@example.com",
                                              "delivery failed x@elsewhere.net", "delivery failed bob@example.com"));
}

TEST_F(DeliveryTest, VerifyAnswersAtRcptWhatDeliveryWillDo) {
  person("alice@example.com");
  person("small@example.com", 1000);
  enable(person("off@example.com"), false);
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.net"}));
  ASSERT_TRUE(alias("group@example.com", {"small@example.com", "alice@example.com"}));
  ASSERT_TRUE(alias("dead@example.com", {"gone@example.com"}));
  const std::tuple<const char*, uint64_t, Verdict> cases[] = {{"alice@example.com", 0, Verdict::kDeliverable},
                                                              {"ALICE+x@example.com", 1 << 30, Verdict::kDeliverable},
                                                              {"out@example.com", 0, Verdict::kDeliverable},
                                                              {"group@example.com", 5000, Verdict::kDeliverable},
                                                              {"small@example.com", 1000, Verdict::kDeliverable},
                                                              {"small@example.com", 1001, Verdict::kFull},
                                                              {"off@example.com", 0, Verdict::kDisabled},
                                                              {"nobody@example.com", 0, Verdict::kUnknownUser},
                                                              {"dead@example.com", 0, Verdict::kUnknownUser},
                                                              {"x@elsewhere.net", 0, Verdict::kNotLocal},
                                                              {"", 0, Verdict::kNotLocal},
                                                              {"postmaster@example.com", 0, Verdict::kUnknownUser}};
  for (const auto& [address, size, expected] : cases)
    EXPECT_EQ(delivery.verify(address, size), expected) << address << " " << size;
  person("root@example.com", 0, true);
  EXPECT_EQ(delivery.verify("postmaster@example.com", 0), Verdict::kDeliverable);
  EXPECT_EQ(delivery.verify("Postmaster", 0), Verdict::kDeliverable);
}

TEST_F(DeliveryTest, AFullMailboxTakesNothingAndLosesNothing) {
  const AccountId small = person("small@example.com", 200);
  EXPECT_THAT(deliver_to("small@example.com"), IsEmpty());
  const auto failures = deliver_to("small@example.com");
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].why.code, Code::kLimit) << "a passing fault: the sender tries again";
  EXPECT_THAT(failures[0].why.message, StartsWith("4.2.2 "));
  EXPECT_THAT(inbox(small), SizeIs(1));
}

// --- several --------------------------------------------------------------------------------------------------------

TEST_F(DeliveryTest, AGroupIsFiledAndForwardedInOneTransaction) {
  const AccountId alice = person("alice@example.com"), bob = person("bob@example.com");
  ASSERT_TRUE(alias("team@example.com", {"alice@example.com", "inner@example.com", "Dave@Elsewhere.net"}));
  ASSERT_TRUE(alias("inner@example.com", {"bob@example.com", "alice@example.com"}));
  const uint64_t before = store->figures().transactions;
  EXPECT_THAT(deliver_to("team@example.com"), IsEmpty());
  EXPECT_EQ(store->figures().transactions, before + 1);
  EXPECT_THAT(inbox(alice), SizeIs(1));
  EXPECT_THAT(inbox(bob), SizeIs(1));
  const auto waiting = queued();
  ASSERT_THAT(waiting, SizeIs(1));
  ASSERT_THAT(waiting[0].recipients, SizeIs(1));
  EXPECT_EQ(waiting[0].recipients[0].address, "Dave@elsewhere.net");
  EXPECT_THAT(waiting[0].reverse_path, testing::EndsWith("=elsewhere.net=carol@example.com"));
  EXPECT_EQ(waiting[0].message_id, "<1@elsewhere.net>");
  EXPECT_EQ(waiting[0].prefix, "Delivered-To: team@example.com\r\n");
  EXPECT_EQ(waiting[0].size, waiting[0].prefix.size() + mail.prepared->bytes->size());
  EXPECT_EQ(waiting[0].next_attempt(), clock.now());
  EXPECT_EQ(waiting[0].expires, clock.now() + days(5));
  EXPECT_THAT(actions(),
              UnorderedElementsAre("delivery filed alice@example.com", "delivery filed bob@example.com",
                                   "delivery forwarded Dave@elsewhere.net", "queue queued Dave@elsewhere.net"));
}

TEST_F(DeliveryTest, OneCopyHoweverManyAddressesLeadToIt) {
  const AccountId alice = person("alice@example.com");
  ASSERT_TRUE(alias("a@example.com", {"alice@example.com", "x@elsewhere.net"}));
  ASSERT_TRUE(alias("b@example.com", {"alice@example.com", "x@elsewhere.net"}));
  EXPECT_THAT(
      deliver({{"a@example.com", ""}, {"alice+t@example.com", ""}, {"b@example.com", ""}, {"alice@example.com", ""}}),
      IsEmpty());
  EXPECT_THAT(inbox(alice), SizeIs(1));
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_THAT(queued()[0].recipients, SizeIs(1));
}

TEST_F(DeliveryTest, WhatFailedForOneAddressIsNoSuccessForAnother) {
  person("small@example.com", 10);
  ASSERT_TRUE(alias("a@example.com", {"small@example.com"}));
  EXPECT_THAT(deliver({{"small@example.com", ""}, {"a@example.com", ""}}), SizeIs(2));
}

TEST_F(DeliveryTest, ManyRecipientsShareOneBody) {
  constexpr int kMany = 300;
  std::vector<std::string> names;
  std::vector<AccountId> people;
  for (int i = 0; i < kMany; ++i)
    people.push_back(person(names.emplace_back("user" + std::to_string(i) + "@example.com")));
  ASSERT_TRUE(alias("all@example.com", names));
  body("Message-ID: <big@elsewhere.net>\r\n\r\n" + std::string(100'000, 'x') + "\r\n");
  EXPECT_THAT(deliver_to("all@example.com"), IsEmpty());
  EXPECT_EQ(bodies(), 1u);
  for (const AccountId id : people) {
    const auto rows = inbox(id);
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_TRUE(rows[0].ends_with(*mail.prepared->bytes));
  }
  // The body goes with its last holder.
  for (const AccountId id : people)
    ASSERT_TRUE(commit([&](store::Transaction& t) { return mailboxes.remove_account(t, id); }));
  EXPECT_EQ(bodies(), 0u);
}

TEST_F(DeliveryTest, AFullMemberWaitsInTheQueueAndADisabledOneIsLeftOut) {
  const AccountId alice = person("alice@example.com"), off = person("off@example.com");
  person("small@example.com", 10);
  enable(off, false);
  ASSERT_TRUE(
      alias("team@example.com", {"alice@example.com", "small@example.com", "off@example.com", "gone@example.com"}));
  EXPECT_THAT(deliver_to("team@example.com"), IsEmpty());
  EXPECT_THAT(inbox(alice), SizeIs(1));
  EXPECT_THAT(inbox(off), IsEmpty());
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].recipients[0].address, "small@example.com");
  EXPECT_THAT(actions(), UnorderedElementsAre("delivery filed alice@example.com", "delivery deferred small@example.com",
                                              "delivery failed off@example.com", "delivery failed gone@example.com",
                                              "queue queued small@example.com"));
}

TEST_F(DeliveryTest, AGroupThatNobodyCanReceiveFails) {
  enable(person("a@example.com"), false);
  enable(person("b@example.com"), false);
  ASSERT_TRUE(alias("team@example.com", {"a@example.com", "b@example.com"}));
  EXPECT_THAT(deliver_to("team@example.com"), SizeIs(1));
  EXPECT_THAT(queued(), IsEmpty());
}

// --- loops ----------------------------------------------------------------------------------------------------------

TEST_F(DeliveryTest, AMessageThatWasHereBeforeIsStopped) {
  const AccountId alice = person("alice@example.com"), bob = person("bob@example.com");
  body(
      "Received: by x\r\nDELIVERED-TO:  Alice@example.com \r\nMessage-ID: <1@elsewhere.net>\r\n\r\nDelivered-To: "
      "bob@example.com\r\n");
  const auto failures = deliver({{"alice@example.com", ""}, {"bob@example.com", ""}});
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].recipient, "alice@example.com");
  EXPECT_EQ(failures[0].why.code, Code::kDenied);
  EXPECT_THAT(failures[0].why.message, StartsWith("5.4.6 "));
  EXPECT_THAT(inbox(alice), IsEmpty());
  EXPECT_THAT(inbox(bob), SizeIs(1)) << "in the body it is text";
}

TEST_F(DeliveryTest, AForwardThatComesBackIsStopped) {
  ASSERT_TRUE(alias("alice@example.com", {"alice@elsewhere.net"}));
  EXPECT_THAT(deliver_to("alice@example.com"), IsEmpty());
  ASSERT_THAT(queued(), SizeIs(1));
  body(queued()[0].prefix + *mail.prepared->bytes);  // elsewhere sends it back as it came
  EXPECT_THAT(deliver_to("alice@example.com"),
              ElementsAre(testing::Field(&Delivery::Failure::recipient, "alice@example.com")));
  EXPECT_THAT(queued(), SizeIs(1));
}

// --- notifications --------------------------------------------------------------------------------------------------

TEST_F(DeliveryTest, ANullReversePathStaysNullInForwards) {
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.net"}));
  mail.reverse_path = "";
  deliver({{"out@example.com", "", false, true}});
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].reverse_path, "");
}

TEST_F(DeliveryTest, AForwardHasAReversePathOfOursThatLeadsBack) {
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.org"}));
  mail.results = "spf=pass smtp.mailfrom=carol@elsewhere.net";
  deliver_to("out@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  const queue::Entry forwarded = queued()[0];
  EXPECT_THAT(forwarded.reverse_path, testing::MatchesRegex("SRS0=.*=elsewhere.net=carol@example.com"));
  EXPECT_EQ(forwarded.sign_as, "example.com") << "and it is sealed with what was found";
  EXPECT_EQ(forwarded.results, mail.results);

  EXPECT_EQ(delivery.verify(text::lowered(forwarded.reverse_path), 0), Verdict::kDeliverable);
  mail.reverse_path = mail.results = "";  // a bounce
  deliver_to(forwarded.reverse_path);
  ASSERT_THAT(queued(), SizeIs(2));
  EXPECT_EQ(queued()[1].reverse_path, "");
  EXPECT_EQ(queued()[1].recipients[0].address, "carol@elsewhere.net");

  clock.advance(days(30));
  EXPECT_EQ(delivery.verify(forwarded.reverse_path, 0), Verdict::kUnknownUser) << "nobody bounces so late";
  EXPECT_EQ(delivery.verify("SRS0=AAAAAA=AA=victim.org=x@example.com", 0), Verdict::kUnknownUser);
  EXPECT_EQ(delivery.verify("SRS0=AAAAAA=AA=victim.org=x@elsewhere.org", 0), Verdict::kNotLocal);
}

TEST_F(DeliveryTest, OurOwnPeoplesReversePathsStay) {
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.org"}));
  body("From: Alice <alice@example.com>\r\nSubject: hello\r\n\r\nHi\r\n");
  mail.reverse_path = mail.author = "alice@example.com";
  deliver_to("out@example.com");
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_EQ(queued()[0].reverse_path, "alice@example.com");
  EXPECT_EQ(queued()[0].sign_as, "example.com");
}

TEST_F(DeliveryTest, WhatADomainDisownsIsFiledIntoJunk) {
  const AccountId alice = person("alice@example.com");
  mail.junk = true;
  mail.results = "dmarc=fail (p=quarantine) header.from=elsewhere.net";
  deliver_to("alice@example.com");
  EXPECT_THAT(inbox(alice), IsEmpty());
  const auto junk = mailboxes.by_role(*store, alice, mailbox::Role::kJunk);
  ASSERT_TRUE(junk && *junk);
  size_t found = 0;
  const auto done = mailboxes.rows(*store, alice, (*junk)->id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
    ++found;
    EXPECT_EQ((*mailboxes.details(*store, alice, row.message))->results, mail.results);
    return true;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(found, 1u);
}

TEST_F(DeliveryTest, WishesForNotificationsGoWithAForward) {  // RFC 3461 §5.2.7.2
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.net"}));
  ASSERT_TRUE(alias("two@example.com", {"y@elsewhere.net", "z@elsewhere.net"}));
  mail.requiretls = true;
  deliver({{"out@example.com", "rfc822;old@example.org", false, true}});
  deliver({{"two@example.com", "", true, false}});
  deliver({{"two@example.com", "", false, false}});
  const auto waiting = queued();
  ASSERT_THAT(waiting, SizeIs(3));
  EXPECT_EQ(waiting[0].recipients[0].notify, queue::kNotifySuccess | queue::kNotifyFailure);
  EXPECT_EQ(waiting[0].recipients[0].orcpt, "rfc822;old@example.org");
  EXPECT_TRUE(waiting[0].requiretls);
  EXPECT_EQ(waiting[1].recipients[1].notify, queue::kNotifyNever);
  EXPECT_EQ(waiting[2].recipients[1].notify, queue::kNotifyDefault);
}

TEST_F(DeliveryTest, WhoAsksIsToldOfADelivery) {  // RFC 3461 §5.2, RFC 3464
  person("alice@example.com");
  deliver({{"alice@example.com", "rfc822;old@example.org", false, true}});
  const auto waiting = queued();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_EQ(waiting[0].reverse_path, "");
  EXPECT_EQ(waiting[0].recipients[0].address, "carol@elsewhere.net");
  EXPECT_EQ(waiting[0].recipients[0].notify, queue::kNotifyNever);
  const auto bytes = mailboxes.body(*store, waiting[0].body);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(waiting[0].size, bytes->size());
  const message::Message report = message::parse(*bytes);
  EXPECT_EQ(report.summary.message_id, waiting[0].message_id);
  EXPECT_EQ(report.root.subtype, "report");
  ASSERT_THAT(report.root.children, SizeIs(3));
  EXPECT_EQ(report.root.children[1].subtype, "delivery-status");
  const std::string status(report.root.children[1].body(*bytes));
  EXPECT_THAT(status, HasSubstr("Reporting-MTA: dns; mail.example.com\r\n"));
  EXPECT_THAT(status, HasSubstr("\r\n\r\nOriginal-Recipient: rfc822;old@example.org\r\nFinal-Recipient: rfc822; "
                                "alice@example.com\r\nAction: delivered\r\nStatus: 2.1.5\r\n"));
  EXPECT_THAT(std::string(report.root.children[2].body(*bytes)),
              StartsWith("Message-ID: <1@elsewhere.net>\r\nSubject: hello\r\n"));
  EXPECT_FALSE(report.bare_lf || report.has_8bit || report.truncated);
}

TEST_F(DeliveryTest, AGroupIsReportedAsExpanded) {  // RFC 3461 §5.2.7.3 (c)
  person("alice@example.com");
  ASSERT_TRUE(alias("team@example.com", {"alice@example.com", "x@elsewhere.net"}));
  deliver({{"team@example.com", "", false, true}});
  const auto waiting = queued();
  ASSERT_THAT(waiting, SizeIs(2));
  EXPECT_EQ(waiting[0].recipients[0].address, "x@elsewhere.net");
  EXPECT_EQ(waiting[0].recipients[0].notify, queue::kNotifyDefault) << "SUCCESS is not passed on";
  EXPECT_THAT(*mailboxes.body(*store, waiting[1].body), HasSubstr("Action: expanded\r\n"));
}

TEST_F(DeliveryTest, NobodyIsToldWhoDidNotAskOrCannotBeTold) {
  person("alice@example.com");
  person("full@example.com", 10);
  deliver_to("alice@example.com");
  deliver({{"alice@example.com", "", true, false}});
  deliver({{"full@example.com", "", false, true}});
  deliver({{"nobody@example.com", "", false, true}});
  mail.reverse_path = "";
  deliver({{"alice@example.com", "", false, true}});
  EXPECT_THAT(queued(), IsEmpty());
}

TEST_F(DeliveryTest, ReportsOfAddressesThatAreNotAscii) {  // RFC 6533
  person("관리자@example.com");
  mail.reverse_path = "jürgen@elsewhere.net";
  mail.smtputf8 = true;
  body("Subject: \xEA\xB4\x80\r\n\r\nHi\r\n");
  deliver({{"관리자@example.com", "", false, true}});
  ASSERT_THAT(queued(), SizeIs(1));
  EXPECT_TRUE(queued()[0].smtputf8);
  EXPECT_THAT(*mailboxes.body(*store, queued()[0].body),
              testing::AllOf(HasSubstr("message/global-delivery-status"),
                             HasSubstr("Final-Recipient: utf-8; 관리자@example.com")));
}

TEST_F(DeliveryTest, OnlyForwardsThatNeedItAskForSmtputf8) {  // RFC 6531 §3.1
  ASSERT_TRUE(alias("out@example.com", {"x@elsewhere.net", "jürgen@elsewhere.net"}));
  deliver_to("out@example.com");
  const auto waiting = queued();
  ASSERT_THAT(waiting, SizeIs(2));
  for (const auto& entry : waiting) EXPECT_EQ(entry.smtputf8, entry.recipients[0].address != "x@elsewhere.net");
}

TEST(Report, HostileWordsStayInTheirLines) {
  Report about;
  about.sender = "carol@elsewhere.net";
  about.recipient = "a\r\nSubject: forged@example.com";
  about.orcpt = "rfc822;x\r\n\r\nforged";
  about.hostname = "mail.example.com";
  about.message_id = "<1@mail.example.com>";
  about.header = "Subject: x";
  const std::string report = build_report(about);
  EXPECT_THAT(report, Not(HasSubstr("\r\nSubject: forged")));
  EXPECT_THAT(report, Not(HasSubstr("\r\nforged")));
  EXPECT_THAT(message::parse(report).root.children, SizeIs(3));
}

}  // namespace
}  // namespace pabal::delivery
