#include "trust/bimi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/sim.h"

namespace pabal::trust {
namespace {

using testing::HasSubstr;

TEST(BimiRecord, IsReadWithItsTags) {
  const auto both =
      parse_bimi_record("v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/vmc.pem; avp=brand");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->problem, "");
  EXPECT_EQ(both->location, "https://example.com/logo.svg");
  EXPECT_EQ(both->authority, "https://example.com/vmc.pem");
  const auto declined = parse_bimi_record(" v = BIMI1 ;l=;a=;");
  ASSERT_TRUE(declined);
  EXPECT_EQ(declined->problem + declined->location, "");
}

TEST(BimiRecord, AnythingElseIsNoneOrBroken) {
  for (const char* none : {"", "v=spf1 -all", "l=https://a.example/x.svg; v=BIMI1", "v=bimi1; l=", "v=BIMI2; l="})
    EXPECT_FALSE(parse_bimi_record(none)) << none;
  const std::string long_url = "https://a.example/" + std::string(3'000, 'x');
  const std::pair<std::string, const char*> broken[] = {{"v=BIMI1", "l= is missing"},
                                                        {"v=BIMI1; l=http://a.example/x.svg", "l= is no https"},
                                                        {"v=BIMI1; l=https://", "l= is no https"},
                                                        {"v=BIMI1; l=https:///x.svg", "l= is no https"},
                                                        {"v=BIMI1; l=https://user@a.example/x.svg", "l= is no https"},
                                                        {"v=BIMI1; l=https://a.example/\"onload=1", "l= is no https"},
                                                        {"v=BIMI1; l=https://a.example/x\r\ny", "l= is no https"},
                                                        {"v=BIMI1; l=javascript:1", "l= is no https"},
                                                        {"v=BIMI1; l=" + long_url, "l= is no https"},
                                                        {"v=BIMI1; l=; a=ftp://a.example", "a= is no https"},
                                                        {"v=BIMI1; l=;" + std::string(5'000, ' '), "longer than"}};
  for (const auto& [text, says] : broken) {
    const auto record = parse_bimi_record(text);
    ASSERT_TRUE(record) << text;
    EXPECT_THAT(record->problem, HasSubstr(says));
    EXPECT_EQ(record->location + record->authority, "");
  }
}

struct BimiTest : testing::Test {
  net::SimLoop loop;
  dns::ZoneResolver zones;

  static Dmarc pass(const std::string& from = "example.com", const std::string& record = "v=DMARC1; p=reject") {
    Dmarc dmarc;
    dmarc.result = Outcome::kPass;
    dmarc.policy = dmarc.published = Dmarc::Policy::kReject;
    dmarc.from_domain = from;
    dmarc.record_domain = dmarc.organizational = "example.com";
    dmarc.record = record;
    return dmarc;
  }
  static Task<void> keep(Task<Bimi> task, std::optional<Bimi>& out) { out = co_await task; }
  Bimi check(const Dmarc& dmarc, const std::string& selector = "default") {
    std::optional<Bimi> out;
    loop.spawn(keep(check_bimi({loop, zones}, dmarc, selector), out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(1)));
    return out ? *out : Bimi();
  }
  void zone(const std::string& text) { ASSERT_TRUE(zones.load("example.com", text)); }
};

TEST_F(BimiTest, MailThatPassesUnderAPolicyHasTheLogoOfItsDomain) {
  zone(
      "default._bimi TXT \"v=BIMI1; l=https://example.com/a.svg\"\n"
      "brand._bimi TXT \"v=BIMI1; l=https://example.com/b.svg; a=https://example.com/b.pem\"\n"
      "default._bimi.news TXT \"v=BIMI1; l=https://example.com/c.svg\"\n");
  Bimi bimi = check(pass());
  EXPECT_EQ(bimi.result, Outcome::kPass);
  EXPECT_EQ(bimi.location, "https://example.com/a.svg");
  EXPECT_EQ(bimi.domain, "example.com");
  EXPECT_EQ(bimi.selector, "default");
  bimi = check(pass(), "brand");
  EXPECT_EQ(bimi.location, "https://example.com/b.svg");
  EXPECT_EQ(bimi.authority, "https://example.com/b.pem");
  EXPECT_EQ(check(pass("news.example.com")).location, "https://example.com/c.svg");
  EXPECT_EQ(check(pass("deep.example.com")).location, "https://example.com/a.svg") << "the organisation's";
  EXPECT_EQ(check(pass("deep.example.com")).domain, "example.com");
  EXPECT_EQ(check(pass(), "a.b/../c").location, "https://example.com/a.svg") << "no selector but the default";
}

TEST_F(BimiTest, WithoutPassOrPolicyNobodyIsAsked) {
  zone("default._bimi TXT \"v=BIMI1; l=https://example.com/a.svg\"\n_dmarc TXT \"v=DMARC1; p=none\"\n");
  zones.fail("default._bimi.example.com", Code::kUnavailable);  // an answer would be a temperror
  Dmarc dmarc = pass();
  dmarc.result = Outcome::kFail;
  EXPECT_EQ(check(dmarc).result, Outcome::kNone);
  dmarc = pass();
  dmarc.policy = Dmarc::Policy::kNone;
  EXPECT_EQ(check(dmarc).result, Outcome::kNone);
  for (const char* weak : {"v=DMARC1; p=none", "v=DMARC1; p=reject; sp=none", "v=DMARC1; p=reject; t=y", ""})
    EXPECT_EQ(check(pass("example.com", weak)).result, Outcome::kNone) << weak;
  dmarc = pass("news.example.com");  // a strict corner of an organisation that lets forged mail through
  dmarc.record_domain = "news.example.com";
  EXPECT_EQ(check(dmarc).result, Outcome::kNone);
  EXPECT_EQ(check(pass()).result, Outcome::kTemperror);
}

TEST_F(BimiTest, DeclinedBrokenAndDoubtful) {
  zone(
      "default._bimi TXT \"v=BIMI1; l=; a=\"\nbroken._bimi TXT \"v=BIMI1; l=http://example.com\"\n"
      "two._bimi TXT \"v=BIMI1; l=https://a.example\"\ntwo._bimi TXT \"v=BIMI1; l=https://b.example\"\n"
      "other._bimi TXT \"hello\"\n");
  const Bimi declined = check(pass());
  EXPECT_EQ(declined.result, Outcome::kNone);
  EXPECT_EQ(declined.domain, "example.com");
  EXPECT_EQ(declined.location, "");
  EXPECT_EQ(check(pass(), "broken").result, Outcome::kFail);
  EXPECT_EQ(check(pass(), "broken").location, "");
  EXPECT_EQ(check(pass(), "two").result, Outcome::kNone);
  EXPECT_EQ(check(pass(), "other").result, Outcome::kNone);
  EXPECT_EQ(check(pass(), "absent").domain, "");
}

}  // namespace
}  // namespace pabal::trust
