// The outbound worker under virtual time: its schedule, and what the sender is told.
#include "relay/outbound.h"

#include "relay/retry.h"
#include "relay/test_world.h"
#include "trust/dkim_key.h"
#include "trust/signatures.h"

namespace pabal::relay {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct OutboundTest : ::testing::Test, World {
  Remote bob{loop};
  void SetUp() override { bob.listen(network, "10.0.0.1"); }
  void TearDown() override { stop(); }
};

TEST_F(OutboundTest, DeliversAndForgetsTheMessage) {
  bob.starttls = true;
  const auto id = send({"bob@univ.edu"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(bob.mails.size(), 1u);
  EXPECT_EQ(bob.mails[0].content, kLetter);
  EXPECT_EQ(bob.mails[0].mail.reverse_path, "alice@example.com");
  EXPECT_TRUE(bob.mails[0].tls);
  EXPECT_EQ(store.bodies(), 0u) << "the body is let go";
  EXPECT_TRUE(inbox("alice@example.com").empty());
  const auto events = *trace.find(store, id_text(id));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action, "delivered");
  EXPECT_EQ(events[0].peer, "mx.univ.edu [10.0.0.1]");
  EXPECT_EQ(events[0].reason, "250 2.0.0 Ok: queued");
  EXPECT_THAT(events[0].tls, StartsWith("TLSv1.3"));
}

TEST_F(OutboundTest, WhatComesInWhileItRunsIsSentAtOnce) {
  begin();
  loop.run_for(hours(3));
  send({"bob@univ.edu"});
  loop.run_for(seconds(1));
  EXPECT_EQ(bob.mails.size(), 1u);
}

TEST_F(OutboundTest, WhatIsScheduledLeavesAtItsTimeForPeopleHereToo) {
  queue::Entry e = entry({"bob@univ.edu", "alice@example.com"});
  e.scheduled = true;
  for (auto& r : e.recipients) r.next_attempt = start + days(2);
  e.expires = start + days(7);
  const auto id = add(e);
  begin();
  loop.run_for(days(2) - seconds(1));
  EXPECT_TRUE(bob.mails.empty() && inbox("alice@example.com").empty());
  EXPECT_TRUE(queued(id)->scheduled);
  loop.run_for(seconds(2));
  ASSERT_EQ(bob.mails.size(), 1u);
  EXPECT_EQ(bob.mails[0].at, start + days(2));
  EXPECT_EQ(inbox("alice@example.com").size(), 1u) << "her copy, and no warning of a delay";
  EXPECT_FALSE(queued(id));
  EXPECT_EQ(store.bodies(), 1u);
}

TEST_F(OutboundTest, ADelayIsCountedFromTheRelease) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "busy"}; };
  queue::Entry e = entry({"bob@univ.edu"});
  e.scheduled = true;
  e.recipients[0].next_attempt = start + days(2);
  e.expires = start + days(7);
  const auto id = add(e);
  begin();
  loop.run_for(days(2) + kDelayWarning - seconds(1));
  EXPECT_TRUE(inbox("alice@example.com").empty());
  EXPECT_FALSE(queued(id)->scheduled) << "it has begun: nobody takes it back";
  loop.run_for(seconds(2));
  EXPECT_EQ(inbox("alice@example.com").size(), 1u);
}

TEST_F(OutboundTest, AReleaseThatCannotBeWrittenIsTriedAgain) {
  queue::Entry e = entry({"bob@univ.edu"});
  e.scheduled = true;
  e.recipients[0].next_attempt = start + hours(1);
  add(e);
  begin();
  loop.run_for(hours(1) - seconds(1));
  store.fail_at(1, true);
  loop.run_for(seconds(30));
  EXPECT_TRUE(bob.mails.empty()) << "its sender may still take it back";
  store.heal();
  loop.run_for(minutes(2));
  EXPECT_EQ(bob.mails.size(), 1u);
}

TEST(Retry, DoublesToFourHoursWithAFifthOfChance) {
  SeededRandom random(1);
  for (uint32_t n = 1; n < 100; ++n) {
    const Duration base = std::min<Duration>(hours(4), minutes(1ll << std::min(n - 1, 20u)));
    std::set<Duration> seen;
    for (int i = 0; i < 50; ++i) {
      const Duration d = retry_after(n, random);
      EXPECT_GE(d, base * 4 / 5);
      EXPECT_LE(d, base * 6 / 5);
      seen.insert(d);
    }
    EXPECT_GT(seen.size(), 40u) << "what failed together does not come back together";
  }
  EXPECT_LE(retry_after(0, random), minutes(2));
  EXPECT_LE(retry_after(UINT32_MAX, random), hours(5));
}

TEST_F(OutboundTest, TriesForFiveDaysOnScheduleWarnsOnceAndGivesUp) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "busy"}; };
  const auto id = send({"bob@univ.edu"});
  begin();
  std::vector<Time> tries{start};
  uint32_t attempts = 0;
  while (loop.run_until([&] { return !queued(id) || queued(id)->recipients[0].attempts > attempts; }, days(6)) &&
         queued(id)) {
    const queue::Recipient r = queued(id)->recipients[0];
    attempts = r.attempts;
    ASSERT_EQ(attempts, tries.size());
    const Duration wait = r.next_attempt - loop.now();
    const Duration base = std::min<Duration>(hours(4), minutes(1ll << std::min(attempts - 1, 16u)));
    EXPECT_LE(wait, base * 6 / 5);
    const bool clipped = r.next_attempt == start + kDelayWarning || r.next_attempt == start + days(5);
    if (!clipped) { EXPECT_GE(wait, base * 4 / 5); }
    tries.push_back(r.next_attempt);
    const size_t warnings = inbox("alice@example.com").size();
    EXPECT_EQ(warnings, loop.now() - start >= kDelayWarning ? 1u : 0u) << attempts;
  }
  // Every try came at the very moment the schedule named, one of them at the hour of the warning, one at the last
  // moment.
  EXPECT_EQ(bob.connected, tries);
  EXPECT_NE(std::find(tries.begin(), tries.end(), start + kDelayWarning), tries.end());
  EXPECT_EQ(tries.back(), start + days(5));
  EXPECT_GT(tries.size(), 30u);
  EXPECT_LT(tries.size(), 50u);

  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 2u);
  const Dsn warning(told[0]), bounce(told[1]);
  ASSERT_EQ(warning.fields.size(), 2u);
  EXPECT_EQ(warning.fields[1].at("action"), "delayed");
  EXPECT_EQ(warning.fields[1].at("status"), "4.2.0");
  EXPECT_EQ(warning.fields[1].count("will-retry-until"), 1u);
  ASSERT_EQ(bounce.fields.size(), 2u);
  EXPECT_EQ(bounce.fields[1].at("action"), "failed");
  EXPECT_EQ(bounce.fields[1].at("status"), "5.4.7");
  EXPECT_EQ(bounce.fields[1].at("diagnostic-code"), "smtp; 450 4.2.0 busy");
  EXPECT_EQ(bounce.fields[1].count("will-retry-until"), 0u);
  EXPECT_EQ(actions(id).back(), "expired");
  EXPECT_EQ(queue.figures(store)->entries, 0u);
}

TEST_F(OutboundTest, AGreylistingServerGetsItASecondTime) {
  int asked = 0;
  bob.on_rcpt = [&](const auto&) {
    return ++asked == 1 ? smtp::Reply{451, "4.7.1", "come again"} : smtp::Reply{250, "2.1.5", "Ok"};
  };
  const auto id = send({"bob@univ.edu"});
  begin();
  EXPECT_TRUE(until_empty(minutes(2)));
  EXPECT_EQ(bob.mails.size(), 1u);
  EXPECT_THAT(actions(id), ElementsAre("deferred", "delivered"));
  EXPECT_TRUE(inbox("alice@example.com").empty());
}

// RFC 3464, field by field.
TEST_F(OutboundTest, ARefusalComesBackAsAReportThatProgramsCanRead) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no such user here"}; };
  queue::Entry e = entry({"nobody@univ.edu"});
  e.envid = "QQ314159";
  e.ret = "FULL";
  e.recipients[0].orcpt = "rfc822;Nobody@Univ.EDU";
  const auto id = add(e);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0], StartsWith("Return-Path: <>\r\n"));
  const Dsn dsn(told[0]);
  const auto& root = dsn.structure.root;
  EXPECT_EQ(root.type + "/" + root.subtype, "multipart/report");
  ASSERT_TRUE(root.param("report-type"));
  EXPECT_EQ(*root.param("report-type"), "delivery-status");
  EXPECT_THAT(dsn.part_types, ElementsAre("text/plain", "message/delivery-status", "message/rfc822"));
  ASSERT_EQ(dsn.fields.size(), 2u);
  const auto& message = dsn.fields[0];
  EXPECT_EQ(message.at("reporting-mta"), "dns; mail.example.com");
  EXPECT_EQ(message.at("original-envelope-id"), "QQ314159");
  EXPECT_TRUE(message::parse_date(message.at("arrival-date")));
  const auto& r = dsn.fields[1];
  EXPECT_EQ(r.at("original-recipient"), "rfc822;Nobody@Univ.EDU");
  EXPECT_EQ(r.at("final-recipient"), "rfc822; nobody@univ.edu");
  EXPECT_EQ(r.at("action"), "failed");
  EXPECT_EQ(r.at("status"), "5.1.1");
  EXPECT_EQ(r.at("remote-mta"), "dns; mx.univ.edu");
  EXPECT_EQ(r.at("diagnostic-code"), "smtp; 550 5.1.1 no such user here");
  EXPECT_TRUE(message::parse_date(r.at("last-attempt-date")));
  EXPECT_EQ(dsn.parts[2], std::string(kLetter)) << "RET=FULL: the message as it was";
  EXPECT_THAT(told[0], HasSubstr("\r\nAuto-Submitted: auto-replied\r\n"));
  EXPECT_THAT(dsn.structure.summary.references, ElementsAre("<m1@example.com>"));
  EXPECT_THAT(dsn.parts[0], HasSubstr("nobody@univ.edu"));
  EXPECT_THAT(actions(id), ElementsAre("failed"));
  EXPECT_EQ(store.bodies(), 1u) << "the report's";
}

TEST_F(OutboundTest, EachRecipientHasAFateOfHisOwn) {
  int later = 0;
  bob.on_rcpt = [&](const smtp::RcptParams& r) {
    if (r.address.starts_with("later"))
      return ++later == 1 ? smtp::Reply{450, "4.2.1", "later"} : smtp::Reply{250, "2.1.5", "Ok"};
    if (r.address.starts_with("never")) return smtp::Reply{553, "5.1.6", "moved"};
    return smtp::Reply{250, "2.1.5", "Ok"};
  };
  const auto id = send({"good@univ.edu", "later@univ.edu", "never@univ.edu"});
  begin();
  loop.run_for(seconds(10));
  ASSERT_TRUE(queued(id));
  using State = queue::Recipient::State;
  EXPECT_EQ(queued(id)->recipients[0].state, State::kDelivered);
  EXPECT_EQ(queued(id)->recipients[1].state, State::kWaiting);
  EXPECT_EQ(queued(id)->recipients[2].state, State::kFailed);
  ASSERT_TRUE(until_empty(minutes(2)));
  ASSERT_EQ(bob.mails.size(), 2u);
  EXPECT_EQ(bob.mails[0].recipients.at(0).address, "good@univ.edu");
  EXPECT_EQ(bob.mails[1].recipients.size(), 1u);
  EXPECT_EQ(bob.mails[1].recipients.at(0).address, "later@univ.edu");
  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 1u);
  const Dsn dsn(told[0]);
  ASSERT_EQ(dsn.fields.size(), 2u) << "only of the one that failed";
  EXPECT_EQ(dsn.fields[1].at("final-recipient"), "rfc822; never@univ.edu");
}

TEST_F(OutboundTest, NobodyIsToldOfAMessageWithoutASender) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  const auto id = send({"nobody@univ.edu"}, "");
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(store.bodies(), 0u);
  EXPECT_THAT(actions(id), ElementsAre("failed"));
  EXPECT_TRUE(inbox("alice@example.com").empty());
}

TEST_F(OutboundTest, NotifySaysWhatIsReported) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  queue::Entry e =
      entry({"never@univ.edu", "success@univ.edu", "delay@univ.edu", "failure@univ.edu", "default@univ.edu"});
  e.recipients[0].notify = queue::kNotifyNever;
  e.recipients[1].notify = queue::kNotifySuccess;
  e.recipients[2].notify = queue::kNotifyDelay;
  e.recipients[3].notify = queue::kNotifyFailure | queue::kNotifyDelay;
  add(e);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 1u);
  const Dsn dsn(told[0]);
  ASSERT_EQ(dsn.fields.size(), 3u);
  EXPECT_EQ(dsn.fields[1].at("final-recipient"), "rfc822; failure@univ.edu");
  EXPECT_EQ(dsn.fields[2].at("final-recipient"), "rfc822; default@univ.edu");
  EXPECT_EQ(dsn.part_types.back(), "text/rfc822-headers");
  EXPECT_THAT(dsn.parts.back(), Not(HasSubstr("Hello")));
}

TEST_F(OutboundTest, TheDelayIsToldToThoseWhoWantIt) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "busy"}; };
  queue::Entry e = entry({"failure@univ.edu", "never@univ.edu", "delay@univ.edu"});
  e.recipients[0].notify = queue::kNotifyFailure;
  e.recipients[1].notify = queue::kNotifyNever;
  e.recipients[2].notify = queue::kNotifyDelay;
  add(e);
  begin();
  loop.run_for(days(6));
  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 2u);
  const Dsn delayed(told[0]), failed(told[1]);
  ASSERT_EQ(delayed.fields.size(), 2u);
  EXPECT_EQ(delayed.fields[1].at("final-recipient"), "rfc822; delay@univ.edu");
  ASSERT_EQ(failed.fields.size(), 2u);
  EXPECT_EQ(failed.fields[1].at("final-recipient"), "rfc822; failure@univ.edu");
}

TEST_F(OutboundTest, WhatTheSenderAskedForTravelsOn) {  // RFC 3461 §5.2.1
  queue::Entry e = entry({"a@univ.edu", "b@univ.edu"});
  e.envid = "id with+odd=octets";
  e.ret = "HDRS";
  e.body_8bit = true;
  e.recipients[0].notify = queue::kNotifySuccess | queue::kNotifyFailure;
  e.recipients[0].orcpt = "rfc822;A+1@Univ.edu";
  add(e);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(bob.mails.size(), 1u);
  const auto& mail = bob.mails[0];
  EXPECT_EQ(mail.mail.envid, "id with+odd=octets");
  EXPECT_EQ(mail.mail.ret, "HDRS");
  EXPECT_TRUE(mail.mail.body_8bit);
  EXPECT_EQ(mail.recipients[0].notify, smtp::kSuccess | smtp::kFailure);
  EXPECT_EQ(mail.recipients[0].orcpt, "rfc822;A+1@Univ.edu");
  EXPECT_EQ(mail.recipients[1].notify, 0);
  EXPECT_EQ(mail.recipients[1].orcpt, "");
  EXPECT_TRUE(inbox("alice@example.com").empty()) << "the next server reports";
}

TEST_F(OutboundTest, TheReportToASenderElsewhereGoesByTheQueueWithANullSender) {
  zone("sender.org", "@ MX 10 mx\nmx A 10.0.0.7\n");
  Remote home{loop};
  home.listen(network, "10.0.0.7");
  bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  send({"nobody@univ.edu"}, "carol@sender.org");
  begin();
  ASSERT_TRUE(until_empty(seconds(20)));
  ASSERT_EQ(home.mails.size(), 1u);
  EXPECT_EQ(home.mails[0].mail.reverse_path, "");
  EXPECT_EQ(home.mails[0].mail.ret, "");
  EXPECT_EQ(home.mails[0].recipients[0].address, "carol@sender.org");
  EXPECT_EQ(home.mails[0].recipients[0].notify, smtp::kNever);
  EXPECT_EQ(Dsn(home.mails[0].content).fields.at(1).at("status"), "5.1.1");
  EXPECT_EQ(store.bodies(), 0u);
  stop();
}

TEST_F(OutboundTest, AReportThatCannotBeDeliveredEndsThere) {
  zone("sender.org", "@ MX 10 mx\nmx A 10.0.0.7\n");
  Remote home{loop};
  home.listen(network, "10.0.0.7");
  home.on_rcpt = bob.on_rcpt = [](const auto&) { return smtp::Reply{550, "5.1.1", "no"}; };
  send({"nobody@univ.edu"}, "forged@sender.org");
  send({"nobody@univ.edu"}, "unknown@example.com");  // ours, and nobody
  begin();
  ASSERT_TRUE(until_empty(seconds(20)));
  loop.run_for(days(6));
  EXPECT_TRUE(all_queued().empty());
  EXPECT_EQ(store.bodies(), 0u);
  EXPECT_EQ(home.transactions, 1u);
  stop();
}

TEST_F(OutboundTest, AddressesThatAreOursAreFiledWithoutSmtp) {
  add_user("dave@example.com");
  const auto id = send({"dave@example.com", "nobody@example.com"});
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(inbox("dave@example.com").size(), 1u);
  EXPECT_EQ(inbox("dave@example.com")[0], "Return-Path: <alice@example.com>\r\n" + std::string(kLetter));
  const auto told = inbox("alice@example.com");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(Dsn(told[0]).fields.at(1).at("status"), "5.1.1");
  EXPECT_EQ(Dsn(told[0]).fields.at(1).at("diagnostic-code"), "x-pabal; 5.1.1 there is no such mailbox here");
  EXPECT_TRUE(network.dialed.empty());
  EXPECT_THAT(actions(id), ElementsAre("delivered", "failed"));
  EXPECT_EQ(store.bodies(), 2u) << "dave's and the report: one copy of each";
}

TEST_F(OutboundTest, TheEntrysOwnHeaderLinesComeBeforeTheSharedBody) {
  queue::Entry e = entry({"bob@univ.edu", "alice@example.com", "nobody@univ.edu"});
  e.prefix = "Resent-From: list@example.com\r\n";
  e.ret = "FULL";
  bob.on_rcpt = [](const smtp::RcptParams& r) {
    return r.address.starts_with("nobody") ? smtp::Reply{550, "5.1.1", "no"} : smtp::Reply{250, "2.1.5", "Ok"};
  };
  add(e);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(bob.mails.at(0).content, e.prefix + kLetter);
  const auto box = inbox("alice@example.com");
  ASSERT_EQ(box.size(), 2u);
  const bool report_first = box[0].find("multipart/report") != std::string::npos;
  EXPECT_EQ(box[report_first ? 1 : 0], "Return-Path: <alice@example.com>\r\n" + e.prefix + kLetter);
  EXPECT_EQ(Dsn(box[report_first ? 0 : 1]).parts.at(2), e.prefix + kLetter);
  EXPECT_EQ(store.bodies(), 2u);
}

struct SigningTest : OutboundTest {
  const trust::Signer signs{directory, store, loop, "mail.example.com"};
  SigningTest() { signer = &signs; }
  void keys(std::vector<identity::DkimKey> keys) {
    identity::Domain domain;
    domain.name = "example.com";
    domain.dkim_keys = std::move(keys);
    run([&](store::Transaction& t) { return directory.update_domain(t, domain); });
  }
  static identity::DkimKey key(const std::string& selector, identity::DkimKey::State state) {
    identity::DkimKey out;
    out.selector = selector;
    out.private_pem = trust::make_dkim_key(trust::DkimAlgorithm::kEd25519)->private_pem;
    out.state = state;
    return out;
  }
};

TEST_F(SigningTest, WhatLeavesIsSignedWithTheActiveKeysOfItsDomain) {
  using State = identity::DkimKey::State;
  keys({key("next", State::kPublished), key("now", State::kActive), key("old", State::kRetired)});
  for (const char* const as : {"example.com", "mail.example.com", "elsewhere.org", ""}) {
    queue::Entry e = entry({"bob@univ.edu"});
    e.sign_as = as;
    add(e);
  }
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  ASSERT_EQ(bob.mails.size(), 4u);
  size_t with = 0;
  for (const auto& mail : bob.mails) {
    EXPECT_TRUE(mail.content.ends_with(kLetter));
    if (mail.content == kLetter) continue;
    ++with;
    EXPECT_THAT(mail.content, StartsWith("DKIM-Signature: "));
    EXPECT_THAT(mail.content, HasSubstr("d=example.com;"));
    EXPECT_THAT(mail.content, HasSubstr("s=now;"));
  }
  EXPECT_EQ(with, 2u) << "nobody here vouches for the others";
}

TEST_F(SigningTest, OthersMailIsSealedAndOurPeoplesMailSigned) {
  keys({key("now", identity::DkimKey::State::kActive)});
  queue::Entry e = entry({"bob@univ.edu"}, "carol@elsewhere.org");
  e.sign_as = "example.com";
  e.results = "spf=pass smtp.mailfrom=elsewhere.org";
  add(e);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_THAT(bob.mails.at(0).content, StartsWith("ARC-Seal: i=1;"));
  EXPECT_THAT(bob.mails.at(0).content, HasSubstr("i=1; mail.example.com;"));
  EXPECT_THAT(bob.mails.at(0).content, HasSubstr("spf=pass smtp.mailfrom=elsewhere.org"));
  EXPECT_THAT(bob.mails.at(0).content, ::testing::Not(HasSubstr("DKIM-Signature")));

  e = entry({"bob@univ.edu"});
  e.sign_as = "example.com";
  e.sender_account = "alice@example.com";
  e.results = "auth=pass smtp.auth=alice@example.com";
  add(e);
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_THAT(bob.mails.at(1).content, StartsWith("DKIM-Signature: "));
}

Task<void> verify_into(dns::Lookups lookups, std::string message, trust::Signatures* out) {
  Task<trust::Signatures> verifying =
      trust::verify_signatures(lookups, std::make_shared<const std::string>(std::move(message)));
  *out = co_await verifying;
}

// A bare LF came by BDAT or IMAP and goes as CRLF: the signature is of that.
TEST_F(SigningTest, WhatIsSignedIsWhatArrives) {
  const identity::DkimKey now = key("now", identity::DkimKey::State::kActive);
  keys({now});
  queue::Entry e = entry({"bob@univ.edu"});
  e.sign_as = "example.com";
  add(e, "From: alice@example.com\r\nSubject: x\r\n\r\none\ntwo\rthree\r\n");
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  dns::ZoneResolver published;
  ASSERT_TRUE(published.load("example.com", "now._domainkey TXT \"" + *trust::dkim_txt(now.private_pem) + "\"\n"));
  trust::Signatures found;
  loop.spawn(verify_into({loop, published}, bob.mails.at(0).content, &found));
  loop.run_until_idle();
  ASSERT_EQ(found.dkim.size(), 1u);
  EXPECT_EQ(found.dkim[0].problem, "");
  EXPECT_THAT(bob.mails.at(0).content, ::testing::EndsWith("one\r\ntwo\r\nthree\r\n"));
}

TEST_F(SigningTest, WhatHasTooManyFieldsToSignGoesWithout) {
  keys({key("now", identity::DkimKey::State::kActive)});
  queue::Entry e = entry({"bob@univ.edu"});
  e.sign_as = "example.com";
  std::string letter;
  for (size_t i = 0; i < trust::kMaxSignedFields; ++i) letter += "To: bob@univ.edu\r\n";
  add(e, letter + kLetter);
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(bob.mails.at(0).content, letter + kLetter);
}

TEST_F(SigningTest, ADamagedKeyKeepsMailBackAndSaysWhy) {
  identity::DkimKey damaged = key("now", identity::DkimKey::State::kActive);
  damaged.private_pem = "nonsense";
  keys({damaged});
  queue::Entry e = entry({"bob@univ.edu"});
  e.sign_as = "example.com";
  const auto id = add(e);
  begin();
  loop.run_for(seconds(10));
  EXPECT_TRUE(bob.mails.empty());
  ASSERT_TRUE(queued(id));
  EXPECT_THAT(queued(id)->recipients.at(0).last_reply, StartsWith("4.3.0 the message cannot be signed"));
}

TEST_F(OutboundTest, ADirectoryThatCannotBeReadRefusesNobody) {
  local.verdicts["bob@univ.edu"] = mailbox::LocalDelivery::Verdict::kUnavailable;
  const auto id = send({"bob@univ.edu", "carol@univ.edu"});
  begin();
  loop.run_for(seconds(10));
  ASSERT_TRUE(queued(id));
  EXPECT_EQ(queued(id)->recipients[0].last_reply, "4.3.0 the directory cannot be read");
  EXPECT_EQ(bob.mails.size(), 1u);
  local.verdicts.clear();
  EXPECT_TRUE(until_empty(minutes(2)));
  EXPECT_EQ(bob.mails.size(), 2u);
}

TEST_F(OutboundTest, ALocalMailboxThatIsFullIsTriedAgain) {
  local.failures.emplace("alice@example.com", Error{Code::kLimit, "4.2.2 the mailbox is full"});
  add_user("erin@example.com");
  const auto id = send({"alice@example.com"}, "erin@example.com");
  begin();
  loop.run_for(seconds(10));
  ASSERT_TRUE(queued(id));
  EXPECT_EQ(queued(id)->recipients[0].last_reply, "4.2.2 the mailbox is full");
  local.failures.clear();
  EXPECT_TRUE(until_empty(minutes(2)));
  EXPECT_EQ(inbox("alice@example.com").size(), 1u);
}

TEST_F(OutboundTest, WithoutDnsItWaits) {
  zones.fail("univ.edu", Code::kUnavailable);
  const auto id = send({"bob@univ.edu"});
  begin();
  loop.run_for(minutes(5));
  ASSERT_TRUE(queued(id));
  EXPECT_THAT(queued(id)->recipients[0].last_reply, StartsWith("4.4.3 "));
  zones.fail("univ.edu", Code::kDenied);  // DNSSEC says forged: nothing is sent, nothing is given up
  loop.run_for(hours(1));
  ASSERT_TRUE(queued(id));
  zones.fail("univ.edu", Code::kInternal);
  EXPECT_TRUE(until_empty(hours(5)));
  EXPECT_EQ(bob.mails.size(), 1u);
}

TEST_F(OutboundTest, WhatHasNoWayIsRefusedAtOnce) {
  zone("null.org", "@ MX 0 .\n");
  zone("nothing.org", "@ TXT x\n");
  zone("self.org", "@ MX 10 MAIL.example.com.\n");
  zone("dangling.org", "@ MX 10 gone.dangling.org.\n");
  const std::pair<const char*, const char*> cases[] = {{"a@null.org", "5.1.10"},    {"a@nothing.org", "5.1.2"},
                                                       {"a@self.org", "5.4.6"},     {"a@dangling.org", "5.4.4"},
                                                       {"a@nowhere.test", "5.1.2"}, {"a@[not an ip]", "5.1.2"}};
  begin();
  for (const auto& [to, status] : cases) {
    send({to});
    ASSERT_TRUE(until_empty(seconds(10))) << to;
    EXPECT_EQ(Dsn(inbox("alice@example.com").back()).fields.at(1).at("status"), status) << to;
  }
  EXPECT_TRUE(network.dialed.empty());
}

TEST_F(OutboundTest, ARestartKeepsTheSchedule) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "busy"}; };
  const auto id = send({"bob@univ.edu"});
  begin();
  loop.run_until([&] { return queued(id)->recipients[0].attempts == 4; }, hours(1));
  const Time next = queued(id)->recipients[0].next_attempt;
  outbound->stop();
  loop.run_for(seconds(30));
  outbound.reset();
  begin();
  EXPECT_EQ(bob.connected.size(), 4u);
  loop.run_until([&] { return bob.connected.size() == 5; }, hours(1));
  EXPECT_EQ(bob.connected.back(), next);
}

TEST_F(OutboundTest, AMessageThatWaitedTooLongWhileWeWereDownIsTriedOnceAndReturned) {
  bob.on_rcpt = [](const auto&) { return smtp::Reply{450, "4.2.0", "busy"}; };
  send({"bob@univ.edu"});
  loop.run_for(days(9));
  begin();
  ASSERT_TRUE(until_empty(seconds(10)));
  EXPECT_EQ(bob.connected.size(), 1u);
  EXPECT_EQ(Dsn(inbox("alice@example.com").at(0)).fields.at(1).at("status"), "5.4.7");
}

}  // namespace
}  // namespace pabal::relay
