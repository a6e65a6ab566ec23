#include "trust/results.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "message/header.h"

namespace pabal::trust {
namespace {

Verdict full() {
  Verdict v;
  v.mail_from.result = Outcome::kPass;
  v.mail_from.domain = "example.com";
  v.mail_from.sender = "alice@example.com";
  v.helo.result = Outcome::kSoftfail;
  v.helo.domain = "mx.example.com";
  v.helo.mechanism = "~all";
  Dkim dkim;
  dkim.result = Outcome::kFail;
  dkim.domain = "example.com";
  dkim.identity = "@example.com";
  dkim.selector = "s1";
  dkim.algorithm = "rsa-sha256";
  dkim.signature_start = "a+/9xyz=";
  dkim.problem = "the body has another hash";
  v.dkim.push_back(dkim);
  v.arc.result = Outcome::kPass;
  v.dmarc.result = Outcome::kPass;
  v.dmarc.published = Dmarc::Policy::kReject;
  v.dmarc.policy = Dmarc::Policy::kQuarantine;
  v.dmarc.record_domain = v.dmarc.from_domain = "example.com";
  v.iprev = {.result = Outcome::kPass, .name = "mx.example.com", .address = "2001:db8::1"};
  return v;
}

TEST(Results, TellsWhatEachMethodFound) {
  EXPECT_EQ(results_text(full()),
            "spf=pass smtp.mailfrom=alice@example.com; spf=softfail reason=\"~all matches\" smtp.helo=mx.example.com; "
            "dkim=fail reason=\"the body has another hash\" header.d=example.com header.s=s1 header.a=rsa-sha256 "
            "header.b=\"a+/9xyz=\"; arc=pass header.oldest-pass=0; dmarc=pass (p=reject, here quarantine) "
            "header.from=example.com; iprev=pass policy.iprev=\"2001:db8::1\"");
  EXPECT_EQ(results_text({}), "none");
}

TEST(Results, AreReadBackAsWritten) {
  const std::string field = results_field("mx.example.net", results_text(full()));
  EXPECT_TRUE(field.starts_with("Authentication-Results: mx.example.net;\r\n\tspf=pass "));
  for (const std::string_view line : text::split(field, '\n')) EXPECT_LE(line.size(), 79U) << line;
  const auto read = parse_results(std::string_view(field).substr(field.find(':') + 1));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->authserv_id, "mx.example.net");
  ASSERT_EQ(read->methods.size(), 6U);
  EXPECT_EQ(read->methods[1].reason, "~all matches");
  EXPECT_EQ(*read->methods[2].find("header", "b"), "a+/9xyz=");
  EXPECT_EQ(*read->methods[5].find("policy", "iprev"), "2001:db8::1");
  EXPECT_EQ(read->methods[5].find("policy", "ip"), nullptr);
}

// Whatever a sender says stands in one value of one field.
TEST(Results, KeepHostileValuesInTheirPlace) {
  for (const std::string& hostile :
       {std::string("a\r\nX-Evil: yes"), std::string("x; dkim=pass header.d=bank.example"), std::string("\"; spf=pass"),
        std::string("back\\"), std::string("(open"), std::string("nul\0nul", 7), std::string(5'000, 'a'),
        std::string("\xff\xfe"), std::string("@"), std::string("a@b@c"), std::string(" ")}) {
    Verdict v;
    v.mail_from.result = Outcome::kFail;
    v.mail_from.domain = "d";
    v.mail_from.sender = v.mail_from.problem = hostile;
    Dkim& dkim = v.dkim.emplace_back();
    dkim.result = Outcome::kFail;
    dkim.domain = dkim.selector = dkim.identity = dkim.algorithm = dkim.signature_start = hostile;
    v.dmarc.result = Outcome::kFail;
    v.dmarc.from_domain = v.dmarc.problem = hostile;
    const std::string field = results_field(hostile, results_text(v));
    for (const std::string_view line : text::split(field, '\n')) {
      EXPECT_LE(line.size(), 998U);
      EXPECT_TRUE(line.empty() || line.front() == '\t' || line.starts_with("Authentication-Results:")) << line;
    }
    EXPECT_EQ(message::header_fields(field).size(), 1U);
    const auto read = parse_results(std::string_view(field).substr(field.find(':') + 1));
    ASSERT_TRUE(read) << field << read.error().message;
    ASSERT_EQ(read->methods.size(), 3U) << field;
    for (const auto& method : read->methods) EXPECT_EQ(method.result, "fail");
  }
}

// RFC 8601 Appendix B.
TEST(Results, ReadsTheExamplesOfTheRfc) {
  const auto none = parse_results(" example.org 1; none");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->authserv_id, "example.org");
  EXPECT_TRUE(none->methods.empty());
  const auto two = parse_results(
      " example.com;\r\n               auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
      "               spf=pass smtp.mailfrom=example.net");
  ASSERT_TRUE(two);
  ASSERT_EQ(two->methods.size(), 2U);
  EXPECT_EQ(*two->methods[0].find("smtp", "auth"), "sender@example.net");
  // B.7: comments everywhere.
  const auto odd = parse_results(
      " foo.example.net (foobar) 1 (baz);\r\n     dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
      "       policy (A dot can go here) . (like that) expired\r\n       (this surprised me) = (as I wasn't expecting "
      "it) 1362471462");
  ASSERT_TRUE(odd) << odd.error().message;
  ASSERT_EQ(odd->methods.size(), 1U);
  EXPECT_EQ(odd->methods[0].method, "dkim");
  EXPECT_EQ(odd->methods[0].version, 1U);
  EXPECT_EQ(*odd->methods[0].find("policy", "expired"), "1362471462");
}

TEST(Results, RefusesWhatCannotBeRead) {
  for (const char* bad : {"", ";", "example.com; dkim", "example.com; =pass", "example.com; dkim=", "example.com (",
                          "example.com; dkim=pass (open", "example.com; dkim=pass header", "example.com x; none",
                          "spf=pass smtp.mailfrom=example.com", "example.com; dkim=pass header.d=\"open"})
    EXPECT_FALSE(parse_results(bad)) << bad;
  EXPECT_EQ(parse_results(std::string(kMaxResultsBytes + 1, 'a')).code(), Code::kLimit);
  std::string many = "example.com";
  for (size_t i = 0; i <= kMaxMethods; ++i) many += ";a=b";
  EXPECT_EQ(parse_results(many).code(), Code::kLimit);
}

TEST(Results, TakesOutThoseThatClaimToBeOurs) {
  const std::string rest = "From: a@example.com\r\n\r\nAuthentication-Results: mx.example.net; body\r\n";
  for (const char* forged :
       {"Authentication-Results: mx.example.net; spf=pass\r\n", "AUTHENTICATION-results : MX.Example.NET; none\r\n",
        "Authentication-Results:\r\n mx.example.net;\r\n\tspf=pass\r\n",
        "Authentication-Results: (hello) mx.example.net (there) 1; spf=pass\r\n",
        "Authentication-Results: mx.example.net 2; spf=pass\r\n", "Authentication-Results: mx.example.net. ; none\r\n",
        "Authentication-Results: \"mx.example\\.net\"; spf=pass\r\n", "Authentication-Results: mx.example.net\r\n",
        "Authentication-Results: spf=pass\r\n", "Authentication-Results: \r\n", "Authentication-Results: (open\r\n",
        "Authentication-Results: mx.example.net/1; spf=pass\r\n",
        "Authentication-Results: =?utf-8?q?mx.example.net?=; spf=pass\r\n"}) {
    EXPECT_EQ(without_results(forged + rest, "mx.example.net"), rest) << forged;
    EXPECT_EQ(without_results("Subject: x\r\n" + std::string(forged) + rest, "mx.example.net"),
              "Subject: x\r\n" + rest);
  }
  for (const char* theirs : {"Authentication-Results: mx.example.org; spf=pass\r\n",
                             "X-Authentication-Results: mx.example.net; spf=pass\r\n",
                             "Authentication-Results-Original: mx.example.net; spf=pass\r\n"})
    EXPECT_EQ(without_results(theirs + rest, "mx.example.net"), theirs + rest) << theirs;
  const std::string indented = "From: a@example.com\r\n\r\n indented\r\nAuthentication-Results: mx.example.net; x\r\n";
  EXPECT_EQ(without_results(indented, "mx.example.net"), indented);
  EXPECT_EQ(without_results("Authentication-Results: b\xc3\xbc"
                            "cher.example; none\r\n" +
                                rest,
                            "xn--bcher-kva.example"),
            rest);
  EXPECT_EQ(without_results("", "mx.example.net"), "");
}

TEST(Results, ReadsWhatOthersWrite) {
  const std::filesystem::path folder = PABAL_SHARED_DATA "/dkim/dkim_verifier/arh";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  size_t read = 0;
  std::vector<std::string> refused;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ostringstream bytes;
    bytes << std::ifstream(file.path(), std::ios::binary).rdbuf();
    const std::string message = bytes.str();
    for (const message::HeaderField& field : message::header_fields(message))
      if (text::iequals(field.name, "Authentication-Results")) {
        if (parse_results(field.raw_value))
          ++read;
        else
          refused.push_back(file.path().filename());
      }
  }
  EXPECT_GE(read, 20U);
  // Fields without an authserv-id: theirs to leave out, ours to refuse.
  std::sort(refused.begin(), refused.end());
  EXPECT_EQ(refused,
            (std::vector<std::string>{"multiple_arh-newest_no_authserv.eml", "multiple_arh-newest_no_authserv.eml",
                                      "multiple_arh-same_and_different_authserv.eml"}));
}

}  // namespace
}  // namespace pabal::trust
