#include "app/dkim_rotation.h"

#include <gmock/gmock.h>

#include <set>

#include "app/test_rooms.h"
#include "base/text.h"
#include "trust/dkim_key.h"

namespace pabal::app {
namespace {

using identity::DkimKey;
using identity::Domain;
using State = DkimKey::State;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> selectors(const std::vector<DkimKey>& keys, State state) {
  std::vector<std::string> out;
  for (const DkimKey& key : keys)
    if (key.state == state) out.push_back(key.selector);
  return out;
}

struct Rotating : testing::Test {
  Time now = from_unix(1'800'000'000);
  Domain domain;
  std::set<std::string> dns;  // selectors whose right record is there
  bool dns_answers = true;
  std::vector<std::string> told, asked;

  void SetUp() override {
    domain.name = "example.com";
    domain.dkim_keys = *make_dkim_keys({}, State::kActive, now);
    publish();
  }
  void publish() {
    dns.clear();
    for (const DkimKey& key : domain.dkim_keys) dns.insert(key.selector);
  }
  void day(int count = 1) {
    for (int i = 0; i < count; ++i) {
      now += days(1);
      ShownKeys shown;
      for (const DkimKey& key : domain.dkim_keys) {
        const bool there = dns.contains(key.selector);
        shown[key.selector] = {dns_answers, dns_answers && there, there ? "" : "it is not in DNS"};
      }
      const auto step = rotate_keys(domain, now, shown);
      ASSERT_TRUE(step) << step.error().message;
      domain.dkim_keys = step->keys;
      told = step->told;
      asked = step->asked;
    }
  }
  std::vector<std::string> active() const { return selectors(domain.dkim_keys, State::kActive); }
  std::vector<std::string> waiting() const { return selectors(domain.dkim_keys, State::kPublished); }
  std::vector<std::string> retired() const { return selectors(domain.dkim_keys, State::kRetired); }
};

TEST_F(Rotating, GoesFromPairToPair) {
  EXPECT_THAT(active(), ElementsAre("pabal1r", "pabal1e"));
  day(179);
  EXPECT_THAT(waiting(), IsEmpty());
  day();
  EXPECT_THAT(waiting(), ElementsAre("pabal2r", "pabal2e"));
  EXPECT_THAT(asked, ElementsAre(HasSubstr("publish them: pabal dns example.com")));
  day(30);
  EXPECT_THAT(active(), ElementsAre("pabal1r", "pabal1e")) << "nobody has published the new ones";
  EXPECT_THAT(asked, ElementsAre(HasSubstr("pabal2r._domainkey.example.com waits"), HasSubstr("pabal2e")));
  publish();
  day();
  EXPECT_THAT(asked, IsEmpty());
  day();
  EXPECT_THAT(active(), ElementsAre("pabal1r", "pabal1e")) << "somebody may still remember that there was no record";
  day();
  EXPECT_THAT(active(), ElementsAre("pabal2r", "pabal2e"));
  EXPECT_THAT(retired(), ElementsAre("pabal1r", "pabal1e"));
  EXPECT_THAT(told, ElementsAre("example.com: signs with pabal2r instead of pabal1r",
                                "example.com: signs with pabal2e instead of pabal1e"));
  day(29);
  EXPECT_THAT(retired(), ElementsAre("pabal1r", "pabal1e"));
  day();
  EXPECT_THAT(retired(), IsEmpty());
  EXPECT_THAT(told, ElementsAre(HasSubstr("dropped the DKIM key pabal1r"), HasSubstr("pabal1e")));
}

// Two years with an operator who looks once in `every` days, and name servers that fail now and then: whatever was
// signed within a week verifies, and no key signs before DNS has shown it for two days.
TEST_F(Rotating, WhatWasSignedWithinAWeekAlwaysVerifies) {
  for (const int every : {1, 9, 45}) {
    SetUp();
    std::vector<std::vector<std::string>> signed_with;
    std::map<std::string, int> in_dns;  // days in a row
    size_t pairs = 0;
    for (int today = 0; today < 730; ++today) {
      dns_answers = today % 11 < 9;
      if (today % every == 0) publish();
      const auto before = active();
      day();
      if (active() != before) {
        ++pairs;
        for (const std::string& selector : active()) EXPECT_GE(in_dns[selector], 2) << "day " << today;
      }
      for (const DkimKey& key : domain.dkim_keys)
        in_dns[key.selector] = dns.contains(key.selector) ? in_dns[key.selector] + 1 : 0;
      ASSERT_EQ(active().size(), 2u);
      signed_with.push_back(active());
      for (size_t ago = 0; ago <= 7 && ago < signed_with.size(); ++ago)
        for (const std::string& selector : signed_with[signed_with.size() - 1 - ago])
          ASSERT_TRUE(dns.contains(selector)) << selector << " signed " << ago << " days before day " << today;
    }
    EXPECT_GE(pairs, 2u) << every;
  }
}

TEST_F(Rotating, ARecordThatGoesAwayBeginsTheWaitingAnew) {
  day(180);
  publish();
  day();
  dns.erase("pabal2e");
  day();
  publish();
  day(2);
  EXPECT_THAT(active(), ElementsAre("pabal1r", "pabal1e"));
  day();
  EXPECT_THAT(active(), ElementsAre("pabal2r", "pabal2e"));
}

TEST_F(Rotating, AKeyTakesThePlaceOfOnesOfItsKindOnly) {
  day(180);
  sign_with(domain.dkim_keys, domain.dkim_keys[2], now);  // an operator was quicker, with one of the two
  EXPECT_THAT(active(), ElementsAre("pabal1e", "pabal2r"));
  publish();
  day(3);
  EXPECT_THAT(active(), ElementsAre("pabal2r", "pabal2e"));
}

TEST_F(Rotating, AFailingDnsNeitherSwitchesNorForgets) {
  day(180);
  publish();
  day();
  dns_answers = false;
  day(5);
  EXPECT_THAT(active(), ElementsAre("pabal1r", "pabal1e"));
  EXPECT_THAT(asked, IsEmpty());
  dns_answers = true;
  day();
  EXPECT_THAT(active(), ElementsAre("pabal2r", "pabal2e"));
}

TEST_F(Rotating, SaysWhenItSignsWithWhatNobodyCanVerify) {
  dns.erase("pabal1r");
  day();
  EXPECT_THAT(asked, ElementsAre(HasSubstr("mail is signed with pabal1r, but its DNS record does not serve")));
  domain.dkim_keys.clear();
  day(400);
  EXPECT_THAT(domain.dkim_keys, IsEmpty()) << "a domain without keys wants none";
}

TEST(DkimRecord, ServesOnlyWhenEveryVerifierGetsTheKey) {
  const auto keys = make_dkim_keys({}, State::kActive, from_unix(1'800'000'000));
  const auto others = make_dkim_keys({}, State::kActive, from_unix(1'800'000'000));
  ASSERT_TRUE(keys && others);
  for (size_t i = 0; i < 2; ++i) {
    const std::string wanted = *trust::dkim_txt((*keys)[i].private_pem), kind = i ? "ed25519" : "rsa";
    const std::string p = wanted.substr(wanted.find("p=") + 2);
    for (const std::string& good :
         {wanted, "v=DKIM1;k=" + kind + ";p=" + p + ";", "k=" + kind + "; p=" + p.substr(0, 9) + " " + p.substr(9),
          " k = " + kind + " ; p = " + p + " ; t=s ; h=sha1:sha256 ; s=email; n=note"})
      EXPECT_EQ(dkim_record_problem(good, wanted), "") << good;
    const std::pair<std::string, const char*> bad[] = {
        {"v=DKIM1; k=" + kind + "; p=", "revoked"},
        {"v=DKIM1; k=" + kind, "no p="},
        {"v=spf1 -all", "another version"},
        {"v=DKIM2; k=" + kind + "; p=" + p, "another version"},
        {"v=DKIM1; k=" + std::string(i ? "rsa" : "ed25519") + "; p=" + p, "is for k="},
        {"v=DKIM1; k=" + kind + "; p=" + p.substr(0, 20), "key"},
        {*trust::dkim_txt((*others)[i].private_pem), "it is another key"},
        {wanted + "; h=sha1", "SHA-256"},
        {wanted + "; s=tlsrpt", "not for mail"},
        {wanted + "; t=y:s", "testing"}};
    for (const auto& [record, says] : bad) EXPECT_THAT(dkim_record_problem(record, wanted), HasSubstr(says)) << record;
  }
}

TEST(DkimRotation, TheDailyStepIsKeptUnlessSomebodyElseWasAtIt) {
  TestRooms here;
  Rooms& rooms = *here.rooms;
  Domain domain;
  domain.name = "example.com";
  domain.dkim_keys = *make_dkim_keys({}, State::kActive, rooms.clock.now() - days(200));
  ASSERT_TRUE(
      rooms.store->transact_and_wait([&](store::Transaction& t) { return rooms.directory->add_domain(t, domain); }));
  dns::ZoneResolver zones;
  const std::atomic<bool> stopping{false};
  const auto keys = [&] { return (*rooms.directory->domain(*rooms.store, "example.com"))->dkim_keys; };
  const auto publish = [&] {
    std::string zone;
    for (const DkimKey& key : keys()) {
      const std::string txt = *trust::dkim_txt(key.private_pem);
      zone += key.selector + "._domainkey TXT \"" + txt.substr(0, 200) + "\" \"" +
              txt.substr(std::min<size_t>(200, txt.size())) + "\"\n";
    }
    ASSERT_TRUE(zones.load("example.com", zone));
  };
  publish();
  rotate_all_keys(rooms, zones, stopping);
  EXPECT_THAT(selectors(keys(), State::kPublished), ElementsAre("pabal2r", "pabal2e"));
  EXPECT_FALSE(keys()[2].shown);
  publish();
  rotate_all_keys(rooms, zones, stopping);
  EXPECT_TRUE(keys()[2].shown && keys()[3].shown);
  zones.fail("pabal2r._domainkey.example.com", Code::kUnavailable);
  rotate_all_keys(rooms, zones, stopping);
  EXPECT_TRUE(keys()[2].shown) << "no answer is no answer";
  EXPECT_EQ(replace_keys(rooms, domain, {}).code(), Code::kExists) << "what it looked at is not there any more";
}

}  // namespace
}  // namespace pabal::app
