#include "trust/authenticate.h"

#include <gmock/gmock.h>

#include "net/sim.h"
#include "trust/dkim_key.h"
#include "trust/results.h"
#include "trust/sign.h"
#include "trust/test_dns.h"

namespace pabal::trust {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Kind = Disposition::Kind;

const std::string kLetter = "From: Alice <alice@a.example>\r\nSubject: hello\r\n\r\nHi\r\n";

struct Authenticate : testing::Test {
  net::SimLoop loop;
  dns::ZoneResolver zones;
  SigningKey key = *SigningKey::load("a.example", "s", make_dkim_key(DkimAlgorithm::kEd25519)->private_pem);
  std::string ip = "192.0.2.1", from = "alice@a.example";

  Authenticate() { publish("reject"); }
  void publish(const std::string& policy) {
    const auto made = make_dkim_key(DkimAlgorithm::kEd25519);
    key = *SigningKey::load("a.example", "s", made->private_pem);
    zone("a.example", "@ TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc TXT \"v=DMARC1; p=" + policy +
                          "\"\ns._domainkey TXT \"" + made->txt + "\"\nmail A 192.0.2.1\n");
    zone("2.0.192.in-addr.arpa", "1 PTR mail.a.example.\n");
  }
  void zone(const std::string& origin, const std::string& text) {
    const auto loaded = zones.load(origin, text);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
  Verdict check(const std::string& message) {
    return test::wait(
        loop, authenticate({loop, zones, loop.now() + kCheckTime},
                           {ip, "mail.a.example", from, "mx.b.example", std::make_shared<const std::string>(message)}));
  }
  static Disposition decide(const Verdict& verdict, const std::string& trusted = "") {
    return dispose(verdict, [&](std::string_view domain) { return domain == trusted; });
  }
};

TEST_F(Authenticate, AGenuineLetterPassesAll) {
  const Verdict v = check(*sign_dkim(kLetter, {key}, loop.now()) + kLetter);
  EXPECT_EQ(v.iprev.result, Outcome::kPass);
  EXPECT_EQ(v.helo.result, Outcome::kNone);
  EXPECT_EQ(v.mail_from.result, Outcome::kPass);
  ASSERT_THAT(v.dkim, SizeIs(1));
  EXPECT_EQ(v.dkim[0].result, Outcome::kPass) << v.dkim[0].problem;
  EXPECT_EQ(v.arc.result, Outcome::kNone);
  EXPECT_EQ(v.dmarc.result, Outcome::kPass);
  EXPECT_EQ(decide(v).kind, Kind::kAccept);
}

TEST_F(Authenticate, AForgedOneMeetsThePolicyOfItsDomain) {
  ip = "203.0.113.9";
  const std::string forged =
      *sign_dkim(kLetter, {key}, loop.now()) + "From: Alice <alice@a.example>\r\n\r\nPay now\r\n";
  for (const auto& [policy, kind] :
       {std::pair("reject", Kind::kRefuse), std::pair("quarantine", Kind::kJunk), std::pair("none", Kind::kAccept)}) {
    publish(policy);
    const Verdict v = check(forged);
    EXPECT_EQ(v.mail_from.result, Outcome::kFail);
    EXPECT_EQ(v.dmarc.result, Outcome::kFail);
    const Disposition d = decide(v);
    EXPECT_EQ(d.kind, kind) << policy;
    if (kind != Kind::kAccept) {
      EXPECT_THAT(d.reason, HasSubstr("a.example")) << "whose policy it is";
      EXPECT_THAT(d.reason, HasSubstr("spf=fail of a.example"));
      EXPECT_THAT(d.reason, HasSubstr("of a.example)"));
    }
  }
}

TEST_F(Authenticate, OfSeveralAuthorsTheStrictestPolicyCounts) {
  ip = "203.0.113.9";
  from = "x@evil.example";
  zone("evil.example", "@ TXT \"v=spf1 ip4:203.0.113.9 -all\"\n_dmarc TXT \"v=DMARC1; p=none\"\n");
  EXPECT_EQ(decide(check("From: x@evil.example\r\n\r\n")).kind, Kind::kAccept);
  for (const char* const authors : {"Alice <alice@a.example>, x@evil.example", "x@evil.example, alice@a.example",
                                    "us: x@evil.example, alice@a.example;"})
    EXPECT_EQ(decide(check("From: " + std::string(authors) + "\r\n\r\n")).kind, Kind::kRefuse) << authors;
  std::string many;
  for (int i = 0; i < 6; ++i) many += (i ? ", x@" : "x@") + std::string(1, static_cast<char>('b' + i)) + ".example";
  EXPECT_EQ(decide(check("From: " + many + "\r\n\r\n")).kind, Kind::kJunk);
}

TEST_F(Authenticate, WhatCannotBeToldNowIsForLater) {
  ip = "203.0.113.9";
  zone("b.example", "@ TXT \"v=spf1 -all\"\n");
  from = "list@b.example";
  zones.fail("s._domainkey.a.example", Code::kUnavailable);
  const Verdict v = check(*sign_dkim(kLetter, {key}, loop.now()) + kLetter);
  ASSERT_THAT(v.dkim, SizeIs(1));
  EXPECT_EQ(v.dkim[0].result, Outcome::kTemperror);
  EXPECT_EQ(v.dmarc.result, Outcome::kTemperror);
  EXPECT_EQ(decide(v).kind, Kind::kLater);
}

TEST_F(Authenticate, ATrustedForwardersSealTakesThePolicysPlace) {
  const std::string signed_letter = *sign_dkim(kLetter, {key}, loop.now()) + kLetter;
  const Verdict first = check(signed_letter);
  const auto made = make_dkim_key(DkimAlgorithm::kRsa2048);
  zone("list.example", "@ TXT \"v=spf1 ip4:198.51.100.1 -all\"\nr._domainkey TXT \"" + made->txt + "\"\n");
  const SigningKey sealer = *SigningKey::load("list.example", "r", made->private_pem);
  std::string changed = signed_letter;
  changed.replace(changed.find("Subject: "), 9, "Subject: [list] ");
  const std::string sealed =
      *seal_arc(changed, first.arc, results_text(first), "mx.list.example", sealer, loop.now()) + changed;
  ip = "198.51.100.1";
  from = "bounces@list.example";
  const Verdict v = check(sealed);
  EXPECT_EQ(v.arc.result, Outcome::kPass) << v.arc.problem;
  EXPECT_EQ(v.dmarc.result, Outcome::kFail);
  EXPECT_EQ(decide(v).kind, Kind::kRefuse) << "nobody has said that it is trusted";
  EXPECT_EQ(decide(v, "list.example").kind, Kind::kAccept);
  EXPECT_EQ(decide(v, "list.example").trusted_by, "list.example");

  // A seal over what the list itself saw fail is worth nothing.
  Verdict bad = first;
  bad.dmarc.result = Outcome::kFail;
  const std::string honest =
      *seal_arc(changed, first.arc, results_text(bad), "mx.list.example", sealer, loop.now()) + changed;
  EXPECT_EQ(decide(check(honest), "list.example").kind, Kind::kRefuse);
}

}  // namespace
}  // namespace pabal::trust
