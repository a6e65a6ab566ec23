#include "trust/failing.h"

#include <gmock/gmock.h>

#include "identity/test_directory.h"
#include "message/message.h"
#include "trust/failure.h"

namespace pabal::trust {
namespace {

using testing::HasSubstr;
using testing::Not;

struct FailingTest : testing::Test, identity::TestDirectory {
  Failing one(const std::string& domain = "example.com") {
    Failing f;
    f.at = clock.now();
    f.domain = f.from_domain = domain;
    f.ruf = {"mailto:f@example.com"};
    f.source_ip = "203.0.113.9";
    f.reverse_path = "x@evil.org";
    f.results = "dmarc=fail (p=reject) header.from=example.com";
    f.disposition = "reject";
    f.header = "From: ceo@example.com\r\nSubject: pay\r\n\r\n";
    return f;
  }
  void note(const Failing& f) {
    const auto done = commit([&](store::Transaction& t) { return note_failing(t, f); });
    EXPECT_TRUE(done);
  }
  size_t waiting() { return waiting_failing(*store, 10'000)->size(); }
  void turn(bool on) {
    const auto done = commit([&](store::Transaction& t) { return tell_failures(t, on); });
    EXPECT_TRUE(done);
  }
};

TEST_F(FailingTest, NothingIsKeptBeforeItIsSwitchedOn) {
  note(one());
  EXPECT_EQ(waiting(), 0u);
  turn(true);
  note(one());
  EXPECT_EQ(waiting(), 1u);
  turn(false);
  note(one("b.example"));
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(FailingTest, OneDomainAndAllOfThemHaveALimitForTheDay) {
  turn(true);
  for (size_t i = 0; i < kMaxFailingOfOne + 5; ++i) {
    clock.advance(seconds(1));
    note(one());
  }
  EXPECT_EQ(waiting(), kMaxFailingOfOne);
  for (size_t i = 0; i < kMaxFailingADay; ++i) {
    clock.advance(seconds(1));
    note(one("d" + std::to_string(i) + ".example"));
  }
  EXPECT_LE(waiting(), kMaxFailingADay);
  EXPECT_GT(waiting(), kMaxFailingADay - 10);
}

TEST_F(FailingTest, TheReportIsOneThatOthersRead) {
  Failing f = one();
  f.reverse_path = "x\r\nSource-IP: 1.2.3.4@evil.org";
  f.header = "From: =?utf-8?q?x?= <ceo@example.com>\r\nSubject: 안녕\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
  const std::string text =
      build_failure(f, {"dmarc-reports@b.example", "mx.b.example", "<1@b.example>", {"f@example.com"}, clock.now()});
  const auto message = message::parse(text);
  EXPECT_EQ(message.summary.to.at(0).address(), "f@example.com");
  const auto read = parse_failure(text, message);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->feedback_type, "auth-failure");
  EXPECT_EQ(read->auth_failure, "dmarc");
  EXPECT_EQ(read->delivery_result, "reject");
  EXPECT_EQ(read->reported_domain, "example.com");
  EXPECT_EQ(read->source_ip, "203.0.113.9") << "no other field can be put in by an address";
  EXPECT_EQ(read->header_from, "ceo@example.com");
  EXPECT_EQ(read->subject, "안녕");
  EXPECT_THAT(read->authentication_results, HasSubstr("mx.b.example; dmarc=fail"));
}

}  // namespace
}  // namespace pabal::trust
