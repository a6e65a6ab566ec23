#include "app/dmarc_job.h"

#include <gmock/gmock.h>

#include "app/test_rooms.h"
#include "trust/incoming.h"

namespace pabal::app {
namespace {

using testing::HasSubstr;

struct DmarcJob : testing::Test, TestRooms {
  dns::ZoneResolver zones;
  trust::Verdict verdict;

  DmarcJob() {
    for (const auto& words : {std::vector<std::string>{"domain", "add", "aaa.example"},
                              std::vector<std::string>{"domain", "add", "example.com"}})
      EXPECT_EQ(run_command(*rooms, words, "").exit, 0);
    trust::Dmarc& d = verdict.dmarc;
    d.result = trust::Outcome::kFail;
    d.from_domain = d.record_domain = d.organizational = "peer.example";
    verdict.mail_from.domain = "evil.example";
  }
  // Messages from that address, with this record in DNS.
  void see(const std::string& record, const std::vector<std::string>& rua, const std::string& ip = "192.0.2.1",
           int messages = 1) {
    ASSERT_TRUE(zones.load("_dmarc.peer.example", "@ TXT \"" + record + "\"\n"));
    verdict.dmarc.record = record;
    verdict.dmarc.rua = rua;
    trust::Observation seen;
    seen.at = rooms->clock.now();
    seen.source_ip = ip;
    for (; messages > 0; --messages)
      ASSERT_TRUE(
          rooms->store->transact_and_wait([&](store::Transaction& t) { return trust::observe(t, verdict, seen); }));
  }
  SentReports send() {
    const auto sent = send_reports(*rooms, zones, true);
    EXPECT_TRUE(sent) << sent.error().message;
    return sent ? *sent : SentReports();
  }
  std::vector<queue::Entry> queued() { return *rooms->queue->list(*rooms->store, "", 0, 100); }
  size_t waiting() { return trust::observed_days(*rooms->store, rooms->clock.now() + days(1))->size(); }
};

TEST_F(DmarcJob, SendsOneReportThatProgramsRead) {
  see("v=DMARC1; p=quarantine; np=reject; adkim=s; rua=mailto:d@peer.example", {"mailto:d@peer.example"}, "192.0.2.1",
      3);
  see("v=DMARC1; p=reject; np=reject; rua=mailto:d@peer.example", {"mailto:d@peer.example"}, "2001:db8::1");
  EXPECT_EQ(send().sent, 1U);
  ASSERT_EQ(queued().size(), 1U);
  const queue::Entry entry = queued()[0];
  EXPECT_EQ(entry.reverse_path, "dmarc-reports@example.com");  // of the domain that the host lies in
  EXPECT_EQ(entry.sign_as, "example.com");
  ASSERT_EQ(entry.recipients.size(), 1U);
  EXPECT_EQ(entry.recipients[0].address, "d@peer.example");
  EXPECT_EQ(waiting(), 0U);

  const auto mail = rooms->mailboxes->body(*rooms->store, entry.body);
  ASSERT_TRUE(mail);
  EXPECT_THAT(*mail, HasSubstr("Subject: Report Domain: peer.example Submitter: example.com"));
  EXPECT_THAT(*mail, HasSubstr("Content-Type: application/gzip"));
  const auto report = trust::read_report(*mail, message::parse(*mail));
  ASSERT_TRUE(report && report->aggregate) << report.error().message;
  const auto& r = *report->aggregate;
  EXPECT_EQ(r.org_name, "example.com");
  EXPECT_EQ(r.published.domain, "peer.example");
  EXPECT_EQ(r.published.p, "reject");  // the last one seen
  EXPECT_EQ(r.published.np, "reject");
  EXPECT_EQ(r.published.adkim, "r");
  EXPECT_EQ(r.published.discovery_method, "treewalk");
  ASSERT_EQ(r.rows.size(), 2U);
  EXPECT_EQ(r.rows[0].count + r.rows[1].count, 4U);
  EXPECT_EQ(send().sent, 0U);
}

TEST_F(DmarcJob, SendsNothingToWhoDidNotAgree) {
  see("v=DMARC1; p=none; rua=mailto:d@victim.example", {"mailto:d@victim.example"});
  EXPECT_EQ(send().sent, 0U);
  EXPECT_TRUE(queued().empty());
  EXPECT_EQ(waiting(), 0U);
  ASSERT_TRUE(zones.load("peer.example._report._dmarc.collector.example", "@ TXT \"v=DMARC1\"\n"));
  see("v=DMARC1; p=none; rua=mailto:d@victim.example,mailto:d@collector.example", {"mailto:d@collector.example"});
  EXPECT_EQ(send().sent, 1U);
  ASSERT_EQ(queued()[0].recipients.size(), 1U);
  EXPECT_EQ(queued()[0].recipients[0].address, "d@collector.example");
}

TEST_F(DmarcJob, WaitsForTheDns) {
  see("v=DMARC1; p=none; rua=mailto:d@collector.example", {"mailto:d@collector.example"});
  zones.fail("peer.example._report._dmarc.collector.example", Code::kUnavailable);
  const SentReports none = send();
  EXPECT_EQ(none.sent, 0U);
  EXPECT_THAT(none.told.at(0), HasSubstr("none about peer.example yet"));
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(DmarcJob, SpreadsReportsOverTheNight) {
  Time earliest = Time::max(), latest = Time::min();
  for (int i = 0; i < 200; ++i) {
    const trust::ObservedDay day{20'000, std::to_string(i) + ".example", "", 0, 0};
    const Time due = report_due(day, "example.com");
    EXPECT_EQ(due, report_due(day, "example.com"));
    earliest = std::min(earliest, due);
    latest = std::max(latest, due);
  }
  const Time midnight = from_unix(20'001LL * 86'400);
  EXPECT_GE(earliest, midnight + kReportsAfter);
  EXPECT_LT(latest, midnight + kReportsAfter + kReportsWithin);
  EXPECT_GT(latest - earliest, hours(5));
  see("v=DMARC1; p=none; rua=mailto:d@peer.example", {"mailto:d@peer.example"});
  EXPECT_EQ(send_reports(*rooms, zones, false)->sent, 0U);  // today is not over
}

}  // namespace
}  // namespace pabal::app
