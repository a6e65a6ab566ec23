#include "trust/dmarc.h"

#include <gtest/gtest.h>

#include <set>

#include "net/sim.h"

namespace pabal::trust {
namespace {

using Policy = Dmarc::Policy;

// Remembers what is asked for.
class Watched final : public dns::Resolver {
 public:
  explicit Watched(dns::Resolver& next) : next_(next) {}
  void query(std::string name, dns::Type type, dns::Callback done) override {
    asked.push_back(name);
    next_.query(std::move(name), type, std::move(done));
  }
  std::vector<std::string> asked;

 private:
  dns::Resolver& next_;
};

class DmarcTest : public testing::Test {
 protected:
  // A TXT record for the name, in a zone of its own.
  void publish(const std::string& name, const std::string& record) {
    ASSERT_TRUE(zones.load(name, "@ TXT \"" + record + "\"\n"));
  }
  void exist(const std::string& name) { ASSERT_TRUE(zones.load(name, "@ A 192.0.2.1\n")); }

  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    loop.spawn([](Task<T> t, std::optional<T>* to) -> Task<void> { *to = co_await t; }(std::move(task), &out));
    loop.run_until([&] { return out.has_value(); }, minutes(1));
    return std::move(*out);
  }
  Dmarc check(const std::string& from, const std::string& spf = "", const std::string& dkim = "") {
    DmarcQuery query;
    query.from_domains = {from};
    if (!spf.empty()) query.mail_from.result = Outcome::kPass, query.mail_from.domain = spf;
    if (!dkim.empty()) query.dkim.emplace_back().result = Outcome::kPass, query.dkim.back().domain = dkim;
    return run(check_dmarc({loop, resolver}, query));
  }
  std::string organization(const std::string& domain) {
    const auto found = run(organizational_domain({loop, resolver}, domain));
    return found ? *found : found.error().message;
  }
  std::string destination(const std::string& domain, const std::string& uri) {
    const auto found = run(report_destination({loop, resolver}, domain, uri));
    return found ? *found : std::string(code_name(found.code()));
  }

  net::SimLoop loop;
  dns::ZoneResolver zones;
  Watched resolver{zones};
};

// --- records ---

TEST(DmarcRecord, IsReadWithItsDefaults) {
  const auto r = parse_dmarc_record("v=DMARC1; p=reject");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->p, Policy::kReject);
  EXPECT_FALSE(r->sp || r->np || r->strict_dkim || r->strict_spf || r->testing || r->bad_policy);
  EXPECT_EQ(r->fo, "0");
  EXPECT_EQ(r->psd, DmarcRecord::Psd::kUnsaid);
}

TEST(DmarcRecord, IsReadWithAllItsTags) {
  const auto r = parse_dmarc_record(
      " v = DMARC1 ;p=none;sp=Quarantine; np = reject;adkim=s;aspf=S;fo=d:s;psd=n;t=y;"
      "rua=mailto:a@example.com!10m, https://example.com/r ;ruf=mailto:f@example.com; future=1;");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->p, Policy::kNone);
  EXPECT_EQ(r->sp, Policy::kQuarantine);
  EXPECT_EQ(r->np, Policy::kReject);
  EXPECT_TRUE(r->strict_dkim && r->strict_spf && r->testing);
  EXPECT_EQ(r->fo, "d:s");
  EXPECT_EQ(r->psd, DmarcRecord::Psd::kNo);
  EXPECT_EQ(r->rua, (std::vector<std::string>{"mailto:a@example.com", "https://example.com/r"}));
  EXPECT_EQ(r->ruf, std::vector<std::string>{"mailto:f@example.com"});
}

// RFC 9989 §4.7: unknown tags, pct among them, and errors beyond the version change nothing.
TEST(DmarcRecord, PassesOverWhatItDoesNotKnow) {
  const auto r =
      parse_dmarc_record("v=DMARC1; rf=afrf; ri=86400; pct=0; p=reject; p=none; adkim=x; fo=z; nonsense; =; ;");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->p, Policy::kReject);
  EXPECT_FALSE(r->strict_dkim);
  EXPECT_EQ(r->fo, "0");
  EXPECT_FALSE(r->bad_policy);
  EXPECT_TRUE(parse_dmarc_record("v=DMARC1; p=monitor")->bad_policy);
  EXPECT_TRUE(parse_dmarc_record("v=DMARC1; p=none; sp=")->bad_policy);
}

TEST(DmarcRecord, IsNoneWithoutItsVersionInFront) {
  for (const char* text : {"", "v=DMARC2; p=none", "v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC1 p=none",
                           "v=spf1 -all", "; v=DMARC1", "v=DMARC1x; p=none"})
    EXPECT_FALSE(parse_dmarc_record(text)) << text;
  EXPECT_TRUE(parse_dmarc_record("V=DMARC1"));
}

TEST(DmarcRecord, HoldsWithinLimits) {
  std::string many = "v=DMARC1; rua=";
  for (int i = 0; i < 10'000; ++i) many += "mailto:a@b,";
  EXPECT_EQ(parse_dmarc_record(many)->rua.size(), kMaxDmarcUris);
  EXPECT_TRUE(parse_dmarc_record("v=DMARC1;" + std::string(1'000'000, ';')));
}

TEST(DmarcRecord, ReadsMailtoUris) {
  EXPECT_EQ(mailto_address("mailto:dmarc%2Breports@example.com?subject=x"), "dmarc+reports@example.com");
  EXPECT_EQ(mailto_address("MAILTO:a@Example.com"), "a@example.com");
  for (const char* bad : {"https://example.com", "mailto:", "mailto:a", "mailto:a%0d@b", "mailto:a@b,c@d", "mailto:%4"})
    EXPECT_EQ(mailto_address(bad), "") << bad;
}

// --- the tree walk ---

TEST_F(DmarcTest, WalksUpInAtMostEightQueries) {
  EXPECT_EQ(organization("a.b.c.d.e.f.g.h.i.j.mail.example.com"), "a.b.c.d.e.f.g.h.i.j.mail.example.com");
  EXPECT_EQ(resolver.asked,
            (std::vector<std::string>{"_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com",
                                      "_dmarc.h.i.j.mail.example.com", "_dmarc.i.j.mail.example.com",
                                      "_dmarc.j.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com",
                                      "_dmarc.com"}));
  resolver.asked.clear();
  organization("a.b.c.d.e.f.g.h");
  EXPECT_EQ(resolver.asked.size(), 8U);
  EXPECT_EQ(resolver.asked[1], "_dmarc.b.c.d.e.f.g.h");
  resolver.asked.clear();
  organization("mail.example.com");
  EXPECT_EQ(resolver.asked.size(), 3U);
}

// RFC 9989 §4.10.2, its examples among these.
TEST_F(DmarcTest, FindsTheOrganisationalDomain) {
  publish("_dmarc.mail.example.com", "v=DMARC1; p=none");
  publish("_dmarc.example.com", "v=DMARC1; p=none");
  EXPECT_EQ(organization("a.mail.example.com"), "example.com");
  publish("_dmarc.bank", "v=DMARC1; p=reject; psd=y");
  EXPECT_EQ(organization("a.mail.giant.bank"), "giant.bank");
  EXPECT_EQ(organization("giant.bank"), "giant.bank");
  EXPECT_EQ(organization("bank"), "bank");
  publish("_dmarc.mail.giant.bank", "v=DMARC1; p=none; psd=n");
  EXPECT_EQ(organization("a.mail.giant.bank"), "mail.giant.bank");
  EXPECT_EQ(organization("x.giant.bank"), "giant.bank");
  EXPECT_EQ(organization("nothing.example"), "nothing.example");
  // psd=y where the walk begins does not end it.
  publish("_dmarc.gov.uk.test", "v=DMARC1; p=none; psd=y");
  publish("_dmarc.test", "v=DMARC1; p=none");
  EXPECT_EQ(organization("gov.uk.test"), "test");
  EXPECT_EQ(organization("x.gov.uk.test"), "x.gov.uk.test");
}

TEST_F(DmarcTest, TakesSeveralRecordsAtANameForNone) {
  ASSERT_TRUE(zones.load("_dmarc.example.com", "@ TXT \"v=DMARC1; p=reject\"\n@ TXT \"v=DMARC1; p=none\"\n"));
  EXPECT_EQ(check("example.com").result, Outcome::kNone);
  ASSERT_TRUE(zones.load("_dmarc.example.com", "@ TXT \"v=DMARC1; p=reject\"\n@ TXT \"hello\"\n"));
  EXPECT_EQ(check("example.com").result, Outcome::kFail);
}

// --- alignment ---

TEST_F(DmarcTest, AlignsByOrganisation) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  EXPECT_EQ(check("example.com", "example.com").result, Outcome::kPass);
  EXPECT_EQ(check("example.com", "bounces.example.com").result, Outcome::kPass);
  EXPECT_EQ(check("news.example.com", "", "example.com").result, Outcome::kPass);
  EXPECT_EQ(check("a.example.com", "", "b.example.com").result, Outcome::kPass);
  const Dmarc forged = check("example.com", "evil.example", "evil.example");
  EXPECT_EQ(forged.result, Outcome::kFail);
  EXPECT_EQ(forged.policy, Policy::kReject);
  EXPECT_EQ(forged.problem, "neither SPF nor DKIM proves example.com");
  EXPECT_EQ(check("example.com", "notexample.com").result, Outcome::kFail);
  EXPECT_EQ(check("EXAMPLE.com", "Example.COM").result, Outcome::kPass);
}

TEST_F(DmarcTest, AlignsStrictlyWhenAsked) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject; adkim=s; aspf=s");
  EXPECT_EQ(check("example.com", "bounces.example.com").result, Outcome::kFail);
  EXPECT_EQ(check("example.com", "", "mail.example.com").result, Outcome::kFail);
  const Dmarc good = check("example.com", "bounces.example.com", "example.com");
  EXPECT_EQ(good.result, Outcome::kPass);
  EXPECT_FALSE(good.spf_aligned);
  EXPECT_TRUE(good.dkim_aligned);
}

// A part of a domain that is an organisation of its own is not aligned with it.
TEST_F(DmarcTest, KeepsOrganisationsBelowApart) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  publish("_dmarc.tenant.example.com", "v=DMARC1; p=reject; psd=n");
  EXPECT_EQ(check("example.com", "tenant.example.com").result, Outcome::kFail);
  EXPECT_EQ(check("tenant.example.com", "example.com").result, Outcome::kFail);
  EXPECT_EQ(check("x.tenant.example.com", "y.tenant.example.com").result, Outcome::kPass);
  publish("_dmarc.co.test", "v=DMARC1; p=none; psd=y");
  EXPECT_EQ(check("a.co.test", "b.co.test").result, Outcome::kFail);
  EXPECT_EQ(check("a.co.test", "mail.a.co.test").result, Outcome::kPass);
}

TEST_F(DmarcTest, CountsOnlyWhatPasses) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  DmarcQuery query;
  query.from_domains = {"example.com"};
  query.mail_from.domain = "example.com";
  query.dkim.emplace_back().domain = "example.com";
  for (const Outcome no :
       {Outcome::kNone, Outcome::kNeutral, Outcome::kFail, Outcome::kSoftfail, Outcome::kPolicy, Outcome::kPermerror}) {
    query.mail_from.result = query.dkim[0].result = no;
    EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kFail);
  }
  query.dkim[0].result = Outcome::kPass;
  query.dkim[0].testing = true;
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kFail);
  // What might have passed with a DNS that answers.
  query.mail_from.result = Outcome::kTemperror;
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kTemperror);
  query.mail_from.domain = "evil.example";
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kFail);
  // A null reverse-path: SPF has the HELO name.
  query.mail_from.domain.clear();
  query.helo.result = Outcome::kPass;
  query.helo.domain = "mx.example.com";
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kPass);
}

// --- policy ---

TEST_F(DmarcTest, TakesThePolicyOfSubdomains) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:d@example.com");
  exist("here.example.com");
  EXPECT_EQ(check("example.com").policy, Policy::kReject);
  const Dmarc there = check("here.example.com");
  EXPECT_EQ(there.policy, Policy::kQuarantine);
  EXPECT_EQ(there.published, Policy::kReject);
  EXPECT_EQ(there.record_domain, "example.com");
  EXPECT_EQ(there.organizational, "example.com");
  EXPECT_EQ(there.rua, std::vector<std::string>{"mailto:d@example.com"});
  EXPECT_EQ(check("missing.example.com").policy, Policy::kNone);
  publish("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine");
  EXPECT_EQ(check("missing.example.com").policy, Policy::kQuarantine);
  publish("_dmarc.example.com", "v=DMARC1; p=quarantine");
  EXPECT_EQ(check("missing.example.com").policy, Policy::kQuarantine);
}

// The records between the author and the organisation count for themselves alone.
TEST_F(DmarcTest, TakesTheRecordOfTheAuthorOrOfTheOrganisation) {
  publish("_dmarc.mail.example.com", "v=DMARC1; p=none; sp=none");
  publish("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine");
  EXPECT_EQ(check("mail.example.com").policy, Policy::kNone);
  EXPECT_EQ(check("a.mail.example.com").policy, Policy::kQuarantine);
  EXPECT_EQ(check("a.mail.example.com").record_domain, "example.com");
}

TEST_F(DmarcTest, TakesTheRecordOfThePublicSuffixWhenThereIsNoOther) {
  publish("_dmarc.bank", "v=DMARC1; p=none; sp=quarantine; np=reject; psd=y; rua=mailto:a@bank; ruf=mailto:f@bank");
  exist("giant.bank");
  const Dmarc existing = check("mail.giant.bank", "giant.bank");
  EXPECT_EQ(existing.result, Outcome::kPass);
  EXPECT_EQ(existing.record_domain, "bank");
  EXPECT_EQ(existing.organizational, "giant.bank");
  EXPECT_TRUE(existing.ruf.empty());
  EXPECT_EQ(check("giant.bank").policy, Policy::kQuarantine);
  EXPECT_EQ(check("no-such.bank").policy, Policy::kReject);
  EXPECT_EQ(check("bank").policy, Policy::kNone);
  publish("_dmarc.giant.bank", "v=DMARC1; p=quarantine");
  EXPECT_EQ(check("mail.giant.bank").record_domain, "giant.bank");
}

TEST_F(DmarcTest, IsMilderWhileTheOwnerTests) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject; t=y");
  EXPECT_EQ(check("example.com").policy, Policy::kQuarantine);
  EXPECT_EQ(check("example.com").published, Policy::kReject);
  EXPECT_TRUE(check("example.com").testing);
  publish("_dmarc.example.com", "v=DMARC1; p=quarantine; t=y");
  EXPECT_EQ(check("example.com").policy, Policy::kNone);
}

// RFC 9989 §4.10.1: a policy that there is not asks for reports at most.
TEST_F(DmarcTest, TakesAWrongPolicyForNone) {
  publish("_dmarc.example.com", "v=DMARC1; p=block");
  EXPECT_EQ(check("example.com").result, Outcome::kNone);
  publish("_dmarc.example.com", "v=DMARC1; p=reject; sp=block; rua=mailto:d@example.com");
  EXPECT_EQ(check("example.com").result, Outcome::kFail);
  EXPECT_EQ(check("example.com").policy, Policy::kNone);
  EXPECT_EQ(check("sub.example.com").policy, Policy::kNone);
  publish("_dmarc.example.com", "v=DMARC1; rua=mailto:d@example.com");
  EXPECT_EQ(check("example.com").policy, Policy::kNone);
}

TEST_F(DmarcTest, WantsOneAuthorsDomain) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  DmarcQuery query;
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kPermerror);
  query.from_domains = {"example.com", "example.com"};
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kFail);
  query.from_domains = {"example.com", "example.org"};
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kPermerror);
  query.from_domains = {"[192.0.2.1]"};
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kPermerror);
  query.from_domains = {std::string("exa mple.com")};
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kPermerror);
}

TEST_F(DmarcTest, TellsOfADnsThatDoesNotAnswer) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  zones.fail("_dmarc.example.com", Code::kUnavailable);
  EXPECT_EQ(check("example.com", "example.com").result, Outcome::kTemperror);
  zones.fail("_dmarc.example.com", Code::kInternal);
  zones.fail("_dmarc.com", Code::kTimeout);
  EXPECT_EQ(check("example.com", "example.com").result, Outcome::kPass) << "what is above it does not matter";
  EXPECT_EQ(check("example.com", "other.org").result, Outcome::kTemperror);
  zones.fail("_dmarc.com", Code::kInternal);
  EXPECT_EQ(check("example.com", "example.com").result, Outcome::kPass);
}

// Signatures of many domains cost a bounded number of queries.
TEST_F(DmarcTest, AsksLittleHoweverManySignaturesThereAre) {
  publish("_dmarc.example.com", "v=DMARC1; p=reject");
  DmarcQuery query;
  query.from_domains = {"example.com"};
  for (int i = 0; i < 500; ++i) {
    query.dkim.emplace_back().result = Outcome::kPass;
    query.dkim.back().domain = "s" + std::to_string(i) + ".a.b.c.d.e.f.g.other.example";
  }
  run(check_dmarc({loop, resolver}, query));
  EXPECT_EQ(resolver.asked.size(), 2U);
  for (int i = 0; i < 500; ++i) {
    const std::string tenant = "t" + std::to_string(i) + ".example.com";
    publish("_dmarc." + tenant, "v=DMARC1; psd=n");
    query.dkim[i].domain = "x." + tenant;
  }
  resolver.asked.clear();
  EXPECT_EQ(run(check_dmarc({loop, resolver}, query)).result, Outcome::kFail);
  EXPECT_LE(resolver.asked.size(), kMaxTreeQueries * kMaxTreeWalks);
}

// --- where reports go (RFC 9990 §4) ---

TEST_F(DmarcTest, ReportsToWhoAgreed) {
  publish("_dmarc.example.com", "v=DMARC1; p=none");
  EXPECT_EQ(destination("example.com", "mailto:d@example.com"), "d@example.com");
  EXPECT_EQ(destination("sub.example.com", "mailto:d@mail.example.com"), "d@mail.example.com");
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), "");
  publish("example.com._report._dmarc.collector.example", "v=DMARC1");
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), "d@collector.example");
  publish("example.com._report._dmarc.collector.example", "v=DMARC1; rua=mailto:other@collector.example");
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), "other@collector.example");
  publish("example.com._report._dmarc.collector.example", "v=DMARC1; rua=mailto:d@victim.example");
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), "");
  publish("example.com._report._dmarc.collector.example", "v=spf1 -all");
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), "");
  EXPECT_EQ(destination("example.com", "https://example.com/reports"), "");
  EXPECT_EQ(destination("example.com", "mailto:d@[192.0.2.1]"), "");
  zones.fail("example.com._report._dmarc.collector.example", Code::kUnavailable);
  EXPECT_EQ(destination("example.com", "mailto:d@collector.example"), code_name(Code::kUnavailable));
}

}  // namespace
}  // namespace pabal::trust
