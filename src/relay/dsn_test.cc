#include "relay/dsn.h"

#include "relay/test_world.h"

namespace pabal::relay {
namespace {

using test::Dsn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const Time kNow = from_unix(1'800'000'000);

queue::Entry entry(std::string to, std::string reply, std::string host = "mx.univ.edu [10.0.0.1]") {
  queue::Entry e;
  e.id = 1;
  e.reverse_path = "alice@example.com";
  e.created = kNow - hours(1);
  e.expires = kNow + days(4);
  queue::Recipient r;
  r.address = std::move(to);
  r.last_reply = std::move(reply);
  r.last_host = std::move(host);
  e.recipients.push_back(r);
  return e;
}
std::string build(const queue::Entry& e, DsnKind kind = DsnKind::kFailed, std::string_view original = test::kLetter) {
  std::vector<const queue::Recipient*> about;
  for (const auto& r : e.recipients) about.push_back(&r);
  return build_dsn(kind, e, about, original, "mail.example.com", kNow, 77);
}

TEST(DsnStatus, IsThatOfTheWordsWhenItsClassFits) {
  EXPECT_EQ(status_of("550 5.1.1 no such user", DsnKind::kFailed), "5.1.1");
  EXPECT_EQ(status_of("5.1.10 null MX", DsnKind::kFailed), "5.1.10");
  EXPECT_EQ(status_of("550 no such user", DsnKind::kFailed), "5.0.0");
  EXPECT_EQ(status_of("550 4.2.0 odd", DsnKind::kFailed), "5.0.0");
  EXPECT_EQ(status_of("550 rejected by filter 5.3.1", DsnKind::kFailed), "5.0.0") << "a version number is no status";
  EXPECT_EQ(status_of("450 4.2.0 greylisted", DsnKind::kDelayed), "4.2.0");
  EXPECT_EQ(status_of("the disk is full", DsnKind::kDelayed), "4.0.0");
  EXPECT_EQ(status_of("250 2.6.0 queued", DsnKind::kRelayed), "2.6.0");
  EXPECT_EQ(status_of("", DsnKind::kRelayed), "2.0.0");
  EXPECT_EQ(status_of("550 5.1.1000 x", DsnKind::kFailed), "5.0.0");
  EXPECT_EQ(status_of("550 5..1 x", DsnKind::kFailed), "5.0.0");
}

TEST(DsnReport, IsAMessageThatParses) {
  for (const DsnKind kind : {DsnKind::kFailed, DsnKind::kDelayed, DsnKind::kRelayed}) {
    const std::string report = build(entry("bob@univ.edu", "550 5.1.1 no"), kind);
    const Dsn dsn(report);
    EXPECT_EQ(dsn.part_types.size(), 3u);
    EXPECT_EQ(dsn.structure.summary.from.at(0).address(), "MAILER-DAEMON@mail.example.com");
    EXPECT_EQ(dsn.structure.summary.to.at(0).address(), "alice@example.com");
    EXPECT_TRUE(dsn.structure.summary.date);
    EXPECT_FALSE(dsn.structure.bare_lf || dsn.structure.bare_cr || dsn.structure.truncated);
    EXPECT_EQ(dsn.fields.at(1).at("action"), kind == DsnKind::kFailed    ? "failed"
                                             : kind == DsnKind::kDelayed ? "delayed"
                                                                         : "relayed");
    EXPECT_EQ(dsn.parts[2], std::string_view(test::kLetter).substr(0, message::header_size(test::kLetter)));
  }
}

TEST(DsnReport, ForeignWordsCannotBreakItsLines) {
  queue::Entry e = entry("bob@univ.edu", "550 5.1.1 no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; x@y",
                         "evil\r\nStatus: 2.0.0 [x]");
  e.envid = "a\r\nReporting-MTA: dns; evil";
  e.recipients[0].orcpt = "rfc822;x\r\nAction: delivered";
  e.message_id = "<a\r\nBcc: x@y>";
  const std::string report = build(e);
  const Dsn dsn(report);
  ASSERT_EQ(dsn.fields.size(), 2u);
  EXPECT_EQ(dsn.fields[0].at("reporting-mta"), "dns; mail.example.com");
  EXPECT_EQ(dsn.fields[1].at("action"), "failed");
  EXPECT_THAT(report, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(report, Not(HasSubstr("\nAction: delivered")));
}

TEST(DsnReport, AMessageThatHoldsItsBoundaryCannotBreakItUp) {
  queue::Entry e = entry("bob@univ.edu", "550 5.1.1 no");
  e.ret = "FULL";
  const std::string first = build(e);
  const std::string boundary = *Dsn(first).structure.root.param("boundary");
  const std::string hostile =
      "Subject: x\r\n\r\n--" + boundary + "\r\nContent-Type: text/html\r\n\r\n<b>\r\n--" + boundary + "--\r\n";
  const Dsn dsn(build(e, DsnKind::kFailed, hostile));
  ASSERT_EQ(dsn.parts.size(), 3u);
  EXPECT_EQ(dsn.parts[2], hostile);
}

TEST(DsnReport, ReturnsTheMessageOnlyWhenItMay) {
  const auto returned = [](const queue::Entry& e, DsnKind kind, std::string_view original) {
    return Dsn(build(e, kind, original)).part_types.at(2);
  };
  queue::Entry e = entry("bob@univ.edu", "550 5.1.1 no");
  EXPECT_EQ(returned(e, DsnKind::kFailed, test::kLetter), "text/rfc822-headers");
  e.ret = "FULL";
  EXPECT_EQ(returned(e, DsnKind::kFailed, test::kLetter), "message/rfc822");
  EXPECT_EQ(returned(e, DsnKind::kDelayed, test::kLetter), "text/rfc822-headers") << "RFC 3461 §6.2";
  EXPECT_EQ(returned(e, DsnKind::kFailed, test::kLetter + std::string(100'000, 'x')), "text/rfc822-headers")
      << "too large";
  e.body_binary = true;
  EXPECT_EQ(returned(e, DsnKind::kFailed, test::kLetter), "text/rfc822-headers");
  e.body_binary = false;
  e.requiretls = true;
  EXPECT_EQ(returned(e, DsnKind::kFailed, test::kLetter), "text/rfc822-headers") << "RFC 8689 §5";
  EXPECT_EQ(Dsn(build(e, DsnKind::kFailed, "")).parts.size(), 2u) << "the message is lost";
}

TEST(DsnReport, EightBitIsDeclaredAndUtf8HeadersAreGlobal) {
  queue::Entry e = entry("bob@univ.edu", "550 5.1.1 no");
  e.ret = "FULL";
  const std::string latin = "Subject: x\r\n\r\ngr\xFC\xDF\r\n";
  const std::string report = build(e, DsnKind::kFailed, latin);
  EXPECT_EQ(Dsn(report).part_types[2], "message/rfc822") << "only the body is 8-bit";
  EXPECT_THAT(report.substr(0, message::header_size(report)), HasSubstr("Content-Transfer-Encoding: 8bit\r\n"));
  EXPECT_EQ(Dsn(build(e, DsnKind::kFailed, "Subject: 안녕\r\n\r\nx\r\n")).part_types[2], "message/global");
  EXPECT_EQ(Dsn(build(e, DsnKind::kDelayed, "Subject: 안녕\r\n\r\nx\r\n")).part_types[2], "message/global-headers");
  EXPECT_EQ(Dsn(build(e, DsnKind::kDelayed, "Subject: \xFC\r\n\r\nx\r\n")).part_types[2], "text/rfc822-headers");
}

TEST(DsnReport, OfAnInternationalAddressIsGlobal) {  // RFC 6533
  const Dsn dsn(build(entry("밥@예.한국", "550 5.1.1 없음")));
  EXPECT_EQ(dsn.part_types[1], "message/global-delivery-status");
  EXPECT_EQ(dsn.fields.at(1).at("final-recipient"), "utf-8; 밥@예.한국");
  EXPECT_EQ(dsn.fields.at(1).at("diagnostic-code"), "smtp; 550 5.1.1 없음");
  const Dsn ascii(build(entry("bob@univ.edu", "550 5.1.1 없음")));
  EXPECT_EQ(ascii.part_types[1], "message/delivery-status");
  EXPECT_TRUE(text::is_ascii(ascii.parts[1])) << "RFC 3464 §2.1.2";
}

TEST(DsnReport, ExpiryHasAStatusOfItsOwnAndTheLastWordsOfTheServer) {
  queue::Entry e = entry("bob@univ.edu", "450 4.2.0 busy");
  e.recipients[0].state = queue::Recipient::State::kExpired;
  const Dsn dsn(build(e));
  EXPECT_EQ(dsn.fields.at(1).at("status"), "5.4.7");
  EXPECT_EQ(dsn.fields.at(1).at("diagnostic-code"), "smtp; 450 4.2.0 busy");
}

// The "relayed" report (RFC 3461 §5.2.2 (b)), which servers in these tests never need: they all do DSN.
TEST(DsnRelayed, IsSentWhenTheNextServerReportsNothing) {
  for (const bool peer_reports : {false, true}) {
    test::World w;
    queue::Entry e = w.entry({"bob@univ.edu"});
    e.recipients[0].notify = queue::kNotifySuccess;
    const auto id = w.add(e);
    Outcome outcome;
    outcome.address = "bob@univ.edu";
    outcome.kind = Outcome::Kind::kDelivered;
    outcome.reply = "250 2.0.0 Ok";
    outcome.host = "old.univ.edu [10.0.0.1]";
    outcome.peer_reports = peer_reports;
    const OutcomeServices s{w.mailboxes, w.local, w.queue, w.trace, w.ids, "mail.example.com"};
    w.run([&](store::Transaction& t) { return apply(t, s, e, {outcome}, w.loop.now(), w.random); });
    EXPECT_FALSE(w.queued(id));
    const auto told = w.inbox("alice@example.com");
    ASSERT_EQ(told.size(), peer_reports ? 0u : 1u);
    if (peer_reports) continue;
    const Dsn dsn(told[0]);
    EXPECT_EQ(dsn.fields.at(1).at("action"), "relayed");
    EXPECT_EQ(dsn.fields.at(1).at("status"), "2.0.0");
  }
}

}  // namespace
}  // namespace pabal::relay
