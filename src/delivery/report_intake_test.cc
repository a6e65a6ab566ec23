#include "delivery/report_intake.h"

#include <gmock/gmock.h>

#include "delivery/delivery.h"
#include "identity/test_directory.h"
#include "trust/reported.h"

namespace pabal::delivery {
namespace {

using testing::HasSubstr;
using Verdict = mailbox::LocalDelivery::Verdict;

struct ReportIntake : testing::Test, identity::TestDirectory {
  IdSource ids{clock, random};
  mailbox::Mailboxes mailboxes{*store, clock};
  queue::Queue queue{*store};
  watch::Trace trace{*store};
  sieve::Scripts scripts{clock};
  Delivery delivery{Services{*store, *directory, mailboxes, queue, trace, ids, clock, scripts, "mail.example.com"}};

  ReportIntake() { EXPECT_TRUE(domain("example.com")); }

  std::string report(const std::string& about) {
    const auto second = [&](int more) { return std::to_string(to_unix(clock.now()) + more); };
    return "From: a@big.example\r\nSubject: Report\r\nContent-Type: text/xml\r\n\r\n<feedback><report_metadata>"
           "<org_name>Big</org_name><report_id>1</report_id><date_range><begin>" +
           second(-90'000) + "</begin><end>" + second(-10'000) +
           "</end></date_range></report_metadata><policy_published><domain>" + about +
           "</domain></policy_published><record><row><source_ip>192.0.2.1</source_ip><count>4</count></row></record>"
           "</feedback>\r\n";
  }
  // As relay/ does; what the trace says in the end.
  std::string results;
  std::string deliver(const std::string& bytes, const std::string& address = "dmarc-reports@example.com") {
    mailbox::LocalDelivery::Mail mail;
    mail.results = results;
    mail.id = id_text(ids.next());
    mail.reverse_path = "a@big.example";
    mail.prepared = mailbox::prepare(bytes);
    mail.body = mailboxes.new_body_id();
    const auto plan = delivery.plan(mail, {{address, ""}});
    if (plan) plan->run();
    mail.plan = plan;
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      if (const auto put = mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
      const auto failed = delivery.deliver(t, mail, {{address, ""}});
      EXPECT_TRUE(failed && failed->empty());
      return {};
    }));
    const auto events = trace.find(*store, mail.id);
    return events && !events->empty() ? events->back().action + ": " + events->back().reason : "";
  }
};

TEST_F(ReportIntake, KeepsReportsInsteadOfMail) {
  EXPECT_EQ(delivery.verify("DMARC-reports@Example.com", 100), Verdict::kDeliverable);
  EXPECT_EQ(deliver(report("example.com")), "taken: report of Big about example.com: 4 messages of 1 kind");
  EXPECT_EQ(trust::report_notes(*store, "example.com", 10)->size(), 1U);
  EXPECT_THAT(deliver(report("example.com")),
              HasSubstr("dropped: report of Big about example.com: the report has come before"));
  EXPECT_THAT(deliver(report("mail.example.com")), HasSubstr("taken: "));
  EXPECT_EQ(trust::report_notes(*store, "example.com", 10)->size(), 2U);
}

TEST_F(ReportIntake, DropsWhatIsNoReportAndSaysWhy) {
  EXPECT_THAT(deliver("Subject: hello\r\n\r\nbuy\r\n"), HasSubstr("dropped: no report is in it"));
  EXPECT_THAT(deliver(report("example.org")),
              HasSubstr("dropped: a report about example.org, which is no domain of ours"));
  EXPECT_THAT(deliver("Content-Type: text/xml\r\n\r\n<?xml version=\"1.0\"?><!DOCTYPE x []><feedback/>\r\n"),
              HasSubstr("dropped: the XML is not well-formed"));
  EXPECT_TRUE(queue.list(*store, "", 0, 10)->empty());
}

TEST_F(ReportIntake, DropsWhatIsForged) {
  results = "spf=pass smtp.mailfrom=evil.example; dmarc=fail (p=none) header.from=big.example";
  EXPECT_EQ(deliver(report("example.com")), "dropped: its sender is not who it says (dmarc=fail)");
  results = "spf=none smtp.mailfrom=big.example; dmarc=none header.from=big.example";
  EXPECT_THAT(deliver(report("example.com")), HasSubstr("taken: "));
}

TEST_F(ReportIntake, LeavesTheNameToWhoeverHasIt) {
  EXPECT_EQ(delivery.verify("dmarc-reports@example.org", 100), Verdict::kNotLocal);
  ASSERT_TRUE(account("dmarc-reports@example.com"));
  EXPECT_FALSE(*takes_reports(*directory, *store, "dmarc-reports@example.com"));
  ASSERT_TRUE(domain("example.net", "somebody@example.com"));  // a catch-all is nobody's name
  EXPECT_TRUE(*takes_reports(*directory, *store, "dmarc-reports@example.net"));
}

}  // namespace
}  // namespace pabal::delivery
