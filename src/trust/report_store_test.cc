#include <gtest/gtest.h>

#include "identity/test_directory.h"
#include "trust/observed.h"
#include "trust/reported.h"

namespace pabal::trust {
namespace {

struct Reports : testing::Test, identity::TestDirectory {
  Verdict verdict;
  Observation seen;

  Reports() {
    clock.set(from_unix(1'800'000'000));
    Dmarc& d = verdict.dmarc;
    d.result = Outcome::kFail;
    d.policy = d.published = Dmarc::Policy::kReject;
    d.from_domain = d.record_domain = d.organizational = "example.com";
    d.record = "v=DMARC1; p=reject; rua=mailto:d@example.com";
    d.rua = {"mailto:d@example.com"};
    verdict.mail_from.result = Outcome::kPass;
    verdict.mail_from.domain = "evil.example";
    seen.source_ip = "192.0.2.1";
    seen.disposition = Dmarc::Policy::kReject;
  }
  void see() {
    seen.at = clock.now();
    const auto done = commit([&](store::Transaction& t) { return observe(t, verdict, seen); });
    EXPECT_TRUE(done) << done.error().message;
  }
  std::vector<ObservedDay> over() { return *observed_days(*store, clock.now()); }
};

// --- what we saw ---

TEST_F(Reports, CountMessagesOfAKind) {
  see();
  see();
  seen.source_ip = "192.0.2.2";
  see();
  EXPECT_TRUE(over().empty());  // the day is not over
  clock.advance(days(1));
  const auto days = over();
  ASSERT_EQ(days.size(), 1U);
  EXPECT_EQ(days[0].domain, "example.com");
  EXPECT_EQ(days[0].record, verdict.dmarc.record);
  EXPECT_EQ(days[0].rows, 2U);
  const auto rows = observed_rows(*store, days[0]);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  const auto& twice = (*rows)[0].count == 2 ? (*rows)[0] : (*rows)[1];
  EXPECT_EQ(twice.count, 2U);
  EXPECT_EQ(twice.source_ip, "192.0.2.1");
  EXPECT_EQ(twice.disposition, "reject");
  EXPECT_EQ(twice.dkim, "fail");
  EXPECT_EQ(twice.spf, "fail");
  EXPECT_EQ(twice.header_from, "example.com");
  EXPECT_EQ(twice.envelope_from, "evil.example");
  ASSERT_EQ(twice.spf_results.size(), 1U);
  EXPECT_EQ(twice.spf_results[0].result, "pass");
}

TEST_F(Reports, AreForgottenWhenSentOrTooOld) {
  see();
  clock.advance(days(1));
  const auto sent = over();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(commit([&](store::Transaction& t) { return forget(t, sent[0]); }));
  EXPECT_TRUE(over().empty());
  EXPECT_TRUE(observed_rows(*store, sent[0])->empty());
  see();
  clock.advance(days(7));
  EXPECT_TRUE(over().empty());
}

TEST_F(Reports, TellOfNothingThatNobodyWantsToKnow) {
  verdict.dmarc.rua = {"https://example.com/"};
  see();
  verdict.dmarc.rua.clear();
  see();
  verdict.dmarc.rua = {"mailto:d@example.com"};
  for (const Outcome none : {Outcome::kNone, Outcome::kTemperror, Outcome::kPermerror}) {
    verdict.dmarc.result = none;
    see();
  }
  clock.advance(days(1));
  EXPECT_TRUE(over().empty());
}

TEST_F(Reports, ListTheBestSignaturesFirst) {
  for (const auto& [domain, result] :
       {std::pair("a.example", Outcome::kFail), std::pair("b.example", Outcome::kPass),
        std::pair("mail.example.com", Outcome::kPass), std::pair("example.com", Outcome::kPass)}) {
    verdict.dkim.emplace_back().result = result;
    verdict.dkim.back().domain = domain;
  }
  for (int i = 0; i < 500; ++i) verdict.dkim.push_back(verdict.dkim[0]);
  verdict.dmarc.result = Outcome::kPass;
  verdict.dmarc.dkim_aligned = true;
  see();
  clock.advance(days(1));
  const auto rows = observed_rows(*store, over().at(0));
  const auto& row = rows->at(0);
  EXPECT_EQ(row.disposition, "pass");
  ASSERT_EQ(row.dkim_results.size(), 10U);
  EXPECT_EQ(row.dkim_results[0].domain, "example.com");
  EXPECT_EQ(row.dkim_results[1].domain, "mail.example.com");
  EXPECT_EQ(row.dkim_results[2].domain, "b.example");
  EXPECT_EQ(row.dkim_results[3].domain, "a.example");
}

TEST_F(Reports, HoldWithinTheLimitOfADay) {
  const auto done = commit([&](store::Transaction& t) -> Result<void> {
    for (size_t i = 0; i < kMaxObservedRows + 5; ++i) {
      verdict.mail_from.domain = std::to_string(i) + ".example";
      seen.at = clock.now();
      if (const auto one = observe(t, verdict, seen); !one) return one;
    }
    verdict.mail_from.domain = "0.example";  // known: still counted
    return observe(t, verdict, seen);
  });
  ASSERT_TRUE(done);
  clock.advance(days(1));
  const ObservedDay day = over().at(0);
  EXPECT_EQ(day.rows, kMaxObservedRows);
  EXPECT_EQ(day.left_out, 5U);
  EXPECT_EQ(observed_rows(*store, day)->size(), kMaxObservedRows);
}

TEST_F(Reports, SayThatTheOwnerTests) {
  verdict.dmarc.testing = true;
  verdict.dmarc.policy = Dmarc::Policy::kQuarantine;
  see();
  clock.advance(days(1));
  const auto rows = observed_rows(*store, over().at(0));
  ASSERT_EQ(rows->at(0).reasons.size(), 1U);
  EXPECT_EQ(rows->at(0).reasons[0].type, "policy_test_mode");
}

TEST(ReportAddress, IsOneOfAnyDomain) {
  EXPECT_TRUE(is_report_address("DMARC-Reports@example.com"));
  EXPECT_FALSE(is_report_address("dmarc-reports+x@example.com"));
  EXPECT_FALSE(is_report_address("dmarc-reports"));
  EXPECT_FALSE(is_report_address("x@dmarc-reports"));
}

// --- what others saw ---

AggregateReport report(Time begin, const std::string& id = "1") {
  AggregateReport r;
  r.org_name = "Big Mail";
  r.report_id = id;
  r.published.domain = "example.com";
  r.begin = to_unix(begin);
  r.end = r.begin + 86'399;
  auto& row = r.rows.emplace_back();
  row.source_ip = "192.0.2.1";
  row.count = 5;
  row.dkim = "pass";
  row.spf = "fail";
  row.header_from = "example.com";
  row.dkim_results.push_back({"example.com", "s1", "pass", "fine"});
  return r;
}

struct Incoming : Reports {
  Result<std::string> keep(const AggregateReport& r, const std::string& domain = "example.com") {
    Result<std::string> out = Error{Code::kInternal, ""};
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      out = keep_report(t, domain, r, clock.now());
      return {};
    });
    EXPECT_TRUE(done);
    return out;
  }
  std::vector<ReportedRow> rows(const std::string& domain = "example.com", days back = days(30)) {
    std::vector<ReportedRow> out;
    EXPECT_TRUE(each_reported_row(*store, domain, clock.now() - back, [&](const ReportedRow& row) {
      out.push_back(row);
      return true;
    }));
    return out;
  }
};

TEST_F(Incoming, ReportsAreSummed) {
  const Time yesterday = clock.now() - days(1);
  EXPECT_EQ(*keep(report(yesterday)), "5 messages of 1 kind");
  EXPECT_EQ(keep(report(yesterday)).code(), Code::kExists);
  EXPECT_EQ(*keep(report(yesterday, "2")), "5 messages of 1 kind");
  ASSERT_EQ(rows().size(), 1U);
  EXPECT_EQ(rows()[0].row.count, 10U);
  EXPECT_EQ(rows()[0].reporter, "Big Mail");
  EXPECT_EQ(rows()[0].row.dkim_results[0].selector, "s1");
  EXPECT_TRUE(rows("example.co").empty());
  EXPECT_TRUE(rows("example.com", days(0)).empty());
  const auto notes = report_notes(*store, "example.com", 10);
  ASSERT_TRUE(notes);
  ASSERT_EQ(notes->size(), 2U);
  EXPECT_EQ((*notes)[0].messages, 5U);
  clock.advance(kReportedLife);
  EXPECT_TRUE(rows("example.com", kReportedLife + days(1)).empty());
}

TEST_F(Incoming, ReportsOfOtherTimesAreRefused) {
  EXPECT_EQ(keep(report(clock.now() + days(3))).code(), Code::kInvalid);
  EXPECT_EQ(keep(report(clock.now() - days(401))).code(), Code::kInvalid);
  AggregateReport r = report(clock.now());
  r.rows[0].count = INT64_MAX;
  EXPECT_TRUE(keep(r));
  r.report_id = "2";
  EXPECT_TRUE(keep(r));
  r.report_id = "3";
  EXPECT_TRUE(keep(r));
  EXPECT_EQ(rows()[0].row.count, UINT64_MAX);
}

TEST_F(Incoming, ADayHasItsLimits) {
  AggregateReport big = report(clock.now());
  big.rows.assign(kMaxReportedRowsADay + 7, big.rows[0]);
  for (size_t i = 0; i < big.rows.size(); ++i) big.rows[i].header_from = std::to_string(i) + ".example.com";
  EXPECT_EQ(*keep(big), "25000 messages of 5000 kinds, 7 kinds beyond the limit left out");
  for (size_t i = 1; i < kMaxReportsADay; ++i) ASSERT_TRUE(keep(report(clock.now(), "r" + std::to_string(i))));
  EXPECT_EQ(keep(report(clock.now(), "last")).code(), Code::kLimit);
  clock.advance(days(1));
  EXPECT_TRUE(keep(report(clock.now(), "last")));
}

TEST_F(Incoming, FailuresAreKept) {
  FailureReport f;
  f.feedback_type = "auth-failure";
  f.source_ip = "192.0.2.9";
  f.subject = "Pay";
  f.arrived = clock.now();
  size_t kept = 0;
  EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    while (keep_failure(t, "example.com", f, clock.now() + milliseconds(kept))) ++kept;
    return {};
  }));
  EXPECT_EQ(kept, kMaxFailuresADay);
  const auto notes = failure_notes(*store, "example.com", 3);
  ASSERT_TRUE(notes);
  ASSERT_EQ(notes->size(), 3U);
  EXPECT_EQ((*notes)[0].report.subject, "Pay");
  EXPECT_EQ((*notes)[0].report.arrived, f.arrived);
  EXPECT_GT((*notes)[0].at, (*notes)[1].at);
}

}  // namespace
}  // namespace pabal::trust
