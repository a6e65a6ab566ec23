// Reports that others have written: ../shared/data/dmarc.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "trust/incoming.h"
#include "trust/unpack.h"

namespace pabal::trust {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = PABAL_SHARED_DATA "/dmarc";

std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

uint64_t messages(const AggregateReport& report) {
  uint64_t sum = 0;
  for (const auto& row : report.rows) sum += row.count;
  return sum;
}

Result<AggregateReport> read(const fs::path& file) {
  const auto xml = unpack(content(file));
  if (!xml) return xml.error();
  return parse_aggregate(*xml);
}

class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kFolder)) GTEST_SKIP() << "no " << kFolder;
  }
};

TEST_F(Corpus, FilesAreReadOrRefusedAsAPersonWould) {
  size_t read_well = 0;
  std::vector<std::string> refused;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".xml" && extension != ".gz" && extension != ".zip") continue;
    const auto report = read(entry.path());
    if (!report) {
      refused.push_back(entry.path().filename());
      continue;
    }
    ++read_well;
    EXPECT_FALSE(report->rows.empty()) << entry.path();
    EXPECT_FALSE(report->published.domain.empty()) << entry.path();
    // What is read can be written, and then is the same.
    const auto again = parse_aggregate(to_xml(*report));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(to_xml(*again), to_xml(*report)) << entry.path();
  }
  EXPECT_GE(read_well, 18U);
  // Not XML at all, by a "<" in a value.
  EXPECT_EQ(refused, std::vector<std::string>{"bad.com_example.com_1337140800_1337227200.xml"});
}

TEST_F(Corpus, HasWhatIsInIt) {
  const auto big = read(kFolder / "OpenDMARC/163.com_example.com_1337270400_1337356799.20120518163.xml");
  ASSERT_TRUE(big);
  EXPECT_EQ(big->rows.size(), 50U);
  const auto new_form = read(kFolder / "parsedmarc/aggregate/rfc9990-sample.xml");
  ASSERT_TRUE(new_form);
  EXPECT_EQ(new_form->generator, "Example DMARC Aggregate Reporter v1.2");
  EXPECT_EQ(new_form->published.discovery_method, "treewalk");
  EXPECT_EQ(new_form->rows[0].count, 123U);
  EXPECT_EQ(new_form->rows[0].dkim_results[0].selector, "abc123");
  const auto upper = read(kFolder / "parsedmarc/aggregate_invalid/report_with_upper_cased_pass.xml");
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->rows[0].dkim, "pass");
  const auto octets = read(kFolder / "parsedmarc/aggregate/invalid_utf_8.xml");
  ASSERT_TRUE(octets);
  EXPECT_EQ(octets->rows[0].header_from, "bad_byte\xEF\xBF\xBD");
  const auto unclosed = read(kFolder / "parsedmarc/aggregate/ikea.com_example.de_1538690400_1538776800.xml");
  ASSERT_TRUE(unclosed);
  EXPECT_EQ(unclosed->published.domain, "example.de");
  EXPECT_TRUE(read(kFolder / "parsedmarc/aggregate/empty_reason.xml")->rows[0].reasons.empty());
  const auto zipped = read(kFolder / "mail-dmarc/test_dmarc.xml.zip"),
             plain = read(kFolder / "mail-dmarc/test_dmarc.xml"),
             gzipped = read(kFolder / "mail-dmarc/test_dmarc.xml.gz");
  ASSERT_TRUE(zipped && plain && gzipped);
  EXPECT_EQ(to_xml(*zipped), to_xml(*plain));
  EXPECT_EQ(to_xml(*gzipped), to_xml(*plain));
  EXPECT_GT(messages(*plain), 0U);
}

TEST_F(Corpus, MailsHoldTheirReports) {
  for (const auto& [file, domain] : {std::pair("mail-auth/dmarc-feedback/101.eml", "stalw.art"),
                                     std::pair("mail-auth/dmarc-feedback/102.eml", "stalw.art"),
                                     std::pair("mail-auth/dmarc-feedback/103.eml", "stalw.art"),
                                     std::pair("parsedmarc/aggregate/mimecast-weird-gzip.eml", "ab.id.au"),
                                     std::pair("parsedmarc/aggregate/twilight.eml", "twlnet.com"),
                                     std::pair("parsedmarc/aggregate/Report_domain-_borschow.com_Submitter-_google.com_"
                                               "Report-ID-_949348866075514174.eml",
                                               "borschow.com")}) {
    const std::string bytes = content(kFolder / file);
    const auto report = read_report(bytes, message::parse(bytes));
    ASSERT_TRUE(report) << file << ": " << report.error().message;
    ASSERT_TRUE(report->aggregate) << file;
    EXPECT_EQ(report->aggregate->published.domain, domain);
    EXPECT_FALSE(report->aggregate->rows.empty());
  }
}

TEST_F(Corpus, FailureReportsSayWhoSentWhat) {
  const auto failure = [](const char* file) {
    const std::string bytes = content(kFolder / file);
    const auto report = read_report(bytes, message::parse(bytes));
    EXPECT_TRUE(report && report->failure) << file << ": " << (report ? "" : report.error().message);
    return report && report->failure ? *report->failure : FailureReport();
  };
  const FailureReport abuse = failure("mail-auth/arf/001.eml");
  EXPECT_EQ(abuse.feedback_type, "abuse");
  EXPECT_EQ(abuse.header_from, "somespammer@example.net");
  EXPECT_EQ(abuse.reported_domain, "example.net");
  const FailureReport body = failure("mail-auth/arf/003.eml");
  EXPECT_EQ(body.auth_failure, "bodyhash");
  EXPECT_EQ(body.source_ip, "192.0.2.1");
  EXPECT_EQ(body.subject, "This is a test");
  EXPECT_TRUE(body.arrived);
  const FailureReport open = failure("mail-auth/arf/004.eml");
  EXPECT_EQ(open.source_ip, "148.163.85.135");
  EXPECT_EQ(open.reported_domain, "interpublication.org");
  EXPECT_EQ(failure("mail-auth/arf/005.eml").dkim_selector, "testkey");
  const FailureReport netease = failure("parsedmarc/failure/_Netease_DMARC_Failure_Report__Rent_Reminder.eml");
  EXPECT_EQ(netease.feedback_type, "auth-failure");
  EXPECT_EQ(netease.source_ip, "167.89.69.24");

  const FailureReport exim = failure("parsedmarc/failure/exim_plain_text_only_no_arf_part.eml");
  EXPECT_EQ(exim.source_ip, "203.0.113.68");
  EXPECT_EQ(exim.reported_domain, "example.com");
  EXPECT_EQ(exim.subject, "Payment from your account.");

  const std::string letter = "Subject: hello\r\n\r\nhello\r\n";
  EXPECT_EQ(read_report(letter, message::parse(letter)).code(), Code::kInvalid);
}

}  // namespace
}  // namespace pabal::trust
