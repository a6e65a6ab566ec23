#include "app/dns_advice.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "app/dkim_rotation.h"
#include "app/test_rooms.h"
#include "base/text.h"
#include "net/sim.h"
#include "net/stream.h"

namespace pabal::app {
namespace {

using identity::DkimKey;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Group = Advice::Group;
using State = Advice::State;
using Found = std::vector<Advice>;

constexpr const char* kReverse =
    "1.2.0.192.in-addr.arpa. PTR mail.example.com.\n"
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.example.com.\n";

// A domain for which all is in order, and what DNS says of it, line by line.
struct AdviceTest : testing::Test {
  net::SimLoop loop;
  dns::ZoneResolver zones;
  DnsPlan plan;
  std::vector<std::string> lines;
  bool secure = true;

  void SetUp() override {
    static const std::vector<DkimKey> keys = *make_dkim_keys({}, DkimKey::State::kActive, from_unix(1'800'000'000));
    plan.domain.name = "example.com";
    plan.domain.dkim_keys = keys;
    plan.hostname = "mail.example.com";
    plan.ips = {"192.0.2.1", "2001:db8::1"};
    plan.services = {{"_submissions._tcp", 0, 465}, {"_imaps._tcp", 0, 993}};
    plan.tlsa = std::string("\x03\x01\x01", 3) + std::string(32, 'k');
    plan.mta_sts = "v=STSv1; id=0123;";
    plan.mta_sts_hindrance = plan.autoconfig_hindrance = plan.autodiscover_hindrance = "";
    publish();
    ASSERT_TRUE(zones.load("arpa", kReverse));
  }
  void publish() {
    lines.clear();
    const auto wanted = wanted_records(plan);
    for (const WantedRecord& one : *wanted) lines.push_back(zone_line(one));
    for (const char* more :
         {"@ NS ns1", "@ NS ns2", "ns1 AAAA 2001:db8::53", "ns2 AAAA 2001:db8::54", "@ CAA 0 issue \"letsencrypt.org\"",
          "default._bimi TXT \"v=BIMI1; l=https://example.com/logo.svg\""})
      lines.emplace_back(more);
  }
  void drop(const std::string& part) {
    const size_t before = lines.size();
    std::erase_if(lines, [&](const std::string& line) { return line.find(part) != line.npos; });
    ASSERT_LT(lines.size(), before) << part;
  }
  void add(const std::string& line) { lines.push_back(line); }
  void replace(const std::string& part, const std::string& line) {
    drop(part);
    add(line);
  }

  static Task<void> keep(Task<Found> task, std::optional<Found>& out) { out = co_await task; }
  Found look() {
    const auto loaded = zones.load("example.com", text::join(lines, "\n") + "\n", secure);
    EXPECT_TRUE(loaded) << loaded.error().message;
    std::optional<Found> out;
    loop.spawn(keep(advise({loop, zones}, plan), out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(1)));
    return out ? *out : Found();
  }
  // What is said of one thing; everything else is in order.
  Advice only(const std::string& subject) {
    Advice out;
    bool seen = false;
    for (Advice& one : look()) {
      if (one.subject != subject) {
        EXPECT_TRUE(one.state == State::kOk) << one.subject << ": " << one.seen;
        continue;
      }
      EXPECT_FALSE(seen) << subject << " twice";
      seen = true;
      out = std::move(one);
    }
    EXPECT_TRUE(seen) << "nothing is said of " << subject;
    return out;
  }
  void expect(const std::string& subject, Group group, State state, const std::string& seen,
              const std::string& publish = "") {
    SCOPED_TRACE(subject + ": " + seen);
    const Advice one = only(subject);
    EXPECT_EQ(one.group, group);
    EXPECT_EQ(one.state, state);
    EXPECT_THAT(one.seen + "\n" + one.problem, HasSubstr(seen));
    EXPECT_NE(one.fix, "") << "says what to do";
    std::string records;
    for (const WantedRecord& record : one.publish) records += zone_line(record) + "\n";
    EXPECT_THAT(records, HasSubstr(publish));
    SetUp();
  }
};

TEST_F(AdviceTest, AllIsWellWhereAllIsPublished) {
  const Found found = look();
  for (const Advice& one : found) {
    EXPECT_TRUE(one.state == State::kOk) << one.subject << ": " << one.seen;
    EXPECT_EQ(one.fix.empty(), one.state == State::kOk) << one.subject;
  }
  EXPECT_TRUE(all_good(found));
  EXPECT_GE(found.size(), 18u);
  EXPECT_THAT(advice_text(plan, found),
              AllOf(HasSubstr("IPv6 2 of 2; DNSSEC 2 of 2; DMARC, DKIM and SPF 4 of 4; DANE and CAA 2 of 2"),
                    HasSubstr("All that is needed is there.")));
}

TEST_F(AdviceTest, WhereMailGoes) {
  const std::string mx = "MX of example.com", right = "example.com. MX 10 mail.example.com.";
  drop(" MX ");
  replace("\"v=spf1 mx -all\"", "@ TXT \"v=spf1 a:mail.example.com -all\"");
  expect(mx, Group::kDelivery, State::kMissing, "there is none", right);
  replace(" MX ", "@ MX 10 mx.other.net.");
  replace("\"v=spf1 mx -all\"", "@ TXT \"v=spf1 a:mail.example.com -all\"");
  expect(mx, Group::kDelivery, State::kDiffers, "mail goes to mx.other.net", right);
  replace(" MX ", "@ MX 0 .");
  replace("\"v=spf1 mx -all\"", "@ TXT \"v=spf1 a:mail.example.com -all\"");
  expect(mx, Group::kDelivery, State::kDiffers, "takes no mail", right);
  add("@ MX 20 backup.other.net.");
  EXPECT_THAT(only(mx).seen, HasSubstr("mail.example.com, backup.other.net"));
}

TEST_F(AdviceTest, AddressesOfTheHost) {
  plan.domain.dkim_keys.clear();  // a quick look at one thing
  const auto state = [&](const std::string& subject) {
    for (const Advice& one : look())
      if (one.subject == subject) return std::pair(one.group, one.state);
    return std::pair(Group::kBetter, State::kOk);
  };
  drop("mail.example.com. A ");
  EXPECT_EQ(state("A of mail.example.com"), std::pair(Group::kDelivery, State::kMissing));
  SetUp();
  drop("mail.example.com. AAAA ");
  EXPECT_EQ(state("AAAA of mail.example.com"), std::pair(Group::kTrust, State::kMissing));
  SetUp();
  add("mail A 198.51.100.9");
  expect("A of mail.example.com", Group::kDelivery, State::kDiffers, "198.51.100.9 is not an address of this machine");
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("mail.example.com."); });
  add("mail CNAME host");
  add("host A 192.0.2.1");
  add("host AAAA 2001:db8::1");
  EXPECT_EQ(state("A of mail.example.com"), std::pair(Group::kDelivery, State::kDiffers));
  EXPECT_EQ(state("AAAA of mail.example.com"), std::pair(Group::kDelivery, State::kDiffers));
  SetUp();
  plan.ips.clear();  // behind NAT: what DNS says is taken as it is
  EXPECT_THAT(only("A of mail.example.com").seen, HasSubstr("192.0.2.1 (this machine does not know"));
  drop("mail.example.com. A ");
  drop("mail.example.com. AAAA ");
  EXPECT_EQ(state("addresses of mail.example.com"), std::pair(Group::kDelivery, State::kMissing));
  SetUp();
  plan.ips = {"192.0.2.1"};
  publish();
  expect("AAAA of mail.example.com", Group::kBetter, State::kOptional, "servers with IPv6 only do not reach you");
}

TEST_F(AdviceTest, NamesOfTheAddresses) {
  ASSERT_TRUE(zones.load("arpa", "1.2.0.192.in-addr.arpa. PTR vps1.hoster.net.\n" +
                                     std::string(kReverse).substr(std::string(kReverse).find('\n') + 1)));
  expect("PTR of 192.0.2.1", Group::kTrust, State::kDiffers, "vps1.hoster.net");
  ASSERT_TRUE(zones.load("arpa", std::string(kReverse).substr(std::string(kReverse).find('\n') + 1)));
  expect("PTR of 192.0.2.1", Group::kTrust, State::kMissing, "there is none");
}

TEST_F(AdviceTest, WhoMaySend) {
  const std::string spf = "SPF of example.com", right = "example.com. TXT \"v=spf1 mx -all\"";
  const std::pair<const char*, const char*> bad[] = {
      {"v=spf1 mx +all", "lets everybody send"},
      {"v=spf1 mx ?all", "lets everybody send"},
      {"v=spf1 mx", "end it with -all"},
      {"v=spf1 ip4:192.0.2.1 -all", "mail from 2001:db8::1 gets fail"},
      {"v=spf1 mx includes:other.net -all", "counts for nothing"},
      {"v=spf1 include:absent.example.com mx -all", "mail from 192.0.2.1 gets permerror"},
      {"v=spf1 mx a a a a a a a a a a -all", "more than 10 look-ups"},
      {"v=spf1 mx include:nest.example.com -all", "more than 10 look-ups"}};
  for (const auto& [record, says] : bad) {
    replace("\"v=spf1 mx -all\"", "@ TXT \"" + std::string(record) + "\"");
    add("nest TXT \"v=spf1 a a a a a a a a a ?all\"");
    expect(spf, Group::kTrust, State::kDiffers, says, right);
  }
  for (const char* good : {"v=spf1 mx ~all", "V=SPF1 a:mail.example.com -all", "v=spf1 redirect=mail.example.com",
                           "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:nest.example.com -all"}) {
    replace("\"v=spf1 mx -all\"", "@ TXT \"" + std::string(good) + "\"");
    add("nest TXT \"v=spf1 a a ?all\"");
    EXPECT_EQ(only(spf).state, State::kOk) << good;
    SetUp();
  }
  add("@ TXT \"v=spf1 a -all\"");
  expect(spf, Group::kTrust, State::kDiffers, "there are 2 records, so none counts", right);
  add("@ TXT \"verification=123\"");
  EXPECT_EQ(only(spf).state, State::kOk);
  SetUp();
  drop("\"v=spf1 mx -all\"");
  expect(spf, Group::kTrust, State::kMissing, "there is none", right);
  drop("\"v=spf1 a -all\"");
  expect("SPF of mail.example.com", Group::kTrust, State::kMissing, "there is none",
         "mail.example.com. TXT \"v=spf1 a -all\"");

  plan.sources = {"198.51.100.5"};
  EXPECT_THAT(look()[0].seen, Not(IsEmpty()));
  publish();
  EXPECT_EQ(only("PTR of 198.51.100.5").state, State::kMissing) << "and SPF of both has it";
}

TEST_F(AdviceTest, KeysInEveryState) {
  const std::string key = "DKIM key pabal1r", name = "pabal1r._domainkey.example.com. TXT ";
  drop("pabal1r._domainkey");
  expect(key, Group::kTrust, State::kMissing, "not in DNS", name);
  replace("pabal1r._domainkey", "pabal1r._domainkey TXT \"v=DKIM1; k=rsa; p=\"");
  expect(key, Group::kTrust, State::kDiffers, "revoked", name);
  add("pabal1r._domainkey TXT \"v=DKIM1; k=rsa; p=AAAA\"");
  expect(key, Group::kTrust, State::kDiffers, "several records", name);
  for (const auto& [state, says] : {std::pair(DkimKey::State::kPublished, "the next key waits"),
                                    std::pair(DkimKey::State::kRetired, "mail on its way")}) {
    auto next = *make_dkim_keys(plan.domain.dkim_keys, state, loop.now());
    plan.domain.dkim_keys.push_back(next[1]);
    const Advice one = only("DKIM key pabal2e");
    EXPECT_EQ(one.state, State::kMissing);
    EXPECT_THAT(one.fix, HasSubstr(says));
    publish();
    EXPECT_EQ(only("DKIM key pabal2e").state, State::kOk);
    SetUp();
  }
  plan.domain.dkim_keys.clear();
  EXPECT_THAT(only("DKIM of example.com").fix, HasSubstr("pabal dkim rotate example.com"));
}

TEST_F(AdviceTest, WhatHappensToForgedMail) {
  const std::string dmarc = "DMARC of example.com", right = "_dmarc.example.com. TXT \"v=DMARC1; p=quarantine; rua=";
  drop("_dmarc.example.com.");
  expect(dmarc, Group::kTrust, State::kMissing, "there is none", right);
  const std::string to_us = "; rua=mailto:d@example.com";
  const std::pair<std::string, const char*> bad[] = {
      {"v=DMARC1; p=none" + to_us, "forged mail in your name is delivered"},
      {"v=DMARC1; p=reject; t=y" + to_us, "only being tested"},
      {"v=DMARC1; p=refuse" + to_us, "no word of the standard"}};
  for (const auto& [record, says] : bad) {
    replace("_dmarc.example.com.", "_dmarc TXT \"" + record + "\"");
    expect(dmarc, Group::kTrust, State::kDiffers, says, right);
  }
  add("_dmarc TXT \"v=DMARC1; p=reject\"");
  expect(dmarc, Group::kTrust, State::kDiffers, "several records", right);
  replace("_dmarc.example.com.", "_dmarc TXT \"v=DMARC1; p=reject\"");
  expect("DMARC reports", Group::kBetter, State::kOptional, "nobody is told");

  const std::string external = "DMARC reports to mailto:d@reports.net";
  replace("_dmarc.example.com.", "_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:d@reports.net\"");
  expect(external, Group::kBetter, State::kMissing, "has not agreed",
         "example.com._report._dmarc.reports.net. TXT \"v=DMARC1\"");
  replace("_dmarc.example.com.", "_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:d@reports.net\"");
  ASSERT_TRUE(zones.load("reports.net", "example.com._report._dmarc TXT \"v=DMARC1\"\n"));
  EXPECT_EQ(only(external).state, State::kOk);
}

TEST_F(AdviceTest, ASubdomainMayLiveUnderThePolicyOfItsOrganisation) {
  plan.domain.name = "news.example.com";
  publish();
  for (std::string& line : lines)
    if (line.starts_with("@ ") || line.starts_with("default._bimi")) line = "; " + line;
  drop("_dmarc.news");
  add("_dmarc TXT \"v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com\"");
  const auto of_subdomain = [&] {
    for (Advice& one : look())
      if (one.subject == "DMARC of news.example.com") return one;
    return Advice{};
  };
  EXPECT_EQ(of_subdomain().state, State::kOk) << of_subdomain().seen;
  EXPECT_THAT(of_subdomain().seen, HasSubstr("(of example.com)"));
  lines.back() = "_dmarc TXT \"v=DMARC1; p=reject; sp=none\"";
  EXPECT_EQ(of_subdomain().state, State::kDiffers);
}

TEST_F(AdviceTest, KeysOfTheCertificate) {
  const std::string tlsa = "TLSA of mail.example.com", right = "_25._tcp.mail.example.com. TLSA 3 1 1 6b6b6b";
  drop(" TLSA ");
  expect(tlsa, Group::kBetter, State::kOptional, "there is none", right);
  replace(" TLSA ", "_25._tcp.mail TLSA 3 1 1 " + std::string(64, '0'));
  expect(tlsa, Group::kDelivery, State::kDiffers, "do not deliver", right);
  add("_25._tcp.mail TLSA 3 1 1 " + std::string(64, '0'));
  EXPECT_EQ(only(tlsa).state, State::kOk) << "the next key may be there already";
  SetUp();
  plan.tlsa.clear();
  EXPECT_EQ(only(tlsa).state, State::kCannotTell);
  SetUp();
  secure = false;
  for (const Advice& one : look()) {
    const bool signed_only = one.subject == tlsa || one.subject.starts_with("DNSSEC");
    EXPECT_EQ(one.state == State::kOptional, signed_only) << one.subject;
  }
}

TEST_F(AdviceTest, PolicyOfEncryption) {
  const std::string sts = "MTA-STS of example.com";
  drop("_mta-sts");
  expect(sts, Group::kBetter, State::kOptional, "cannot insist on encryption", "mta-sts.example.com. CNAME mail");
  replace("_mta-sts", "_mta-sts TXT \"v=STSv1; id=old;\"");
  expect(sts, Group::kBetter, State::kDiffers, "id=old", "id=0123");
  add("_mta-sts TXT \"v=STSv1; id=other;\"");
  expect(sts, Group::kBetter, State::kDiffers, "id=other", "id=0123");
  replace("CNAME mail.example.com.", "mta-sts CNAME elsewhere.net.");
  EXPECT_TRUE(zones.load("elsewhere.net", "@ A 192.0.2.99\n"));
  const Found found = look();
  EXPECT_THAT(advice_text(plan, found), HasSubstr("mta-sts.example.com does not lead here"));
  SetUp();
  plan.mta_sts_hindrance = "it needs HTTPS";
  expect(sts, Group::kBetter, State::kDiffers, "id=0123");
  plan.mta_sts_hindrance = "it needs HTTPS";
  publish();
  expect(sts, Group::kBetter, State::kOptional, "cannot insist on encryption");
}

TEST_F(AdviceTest, ProgramsThatSetThemselvesUp) {
  const std::string subject = "autoconfig, autodiscover";
  drop("autoconfig.example.com");
  expect(subject, Group::kBetter, State::kOptional, "not every mail program", "autoconfig.example.com. CNAME mail");
  drop("_autodiscover");
  expect(subject, Group::kBetter, State::kOptional, "not every mail program", "SRV 0 1 443 mail.example.com.");
  plan.autoconfig_hindrance = "it needs HTTPS";
  publish();
  expect(subject, Group::kBetter, State::kOptional, "not every mail program");
}

TEST_F(AdviceTest, BetterStill) {
  drop("s._tcp");  // _imaps, _submissions
  expect("SRV for mail programs", Group::kBetter, State::kOptional, "2 of 2 are missing",
         "_imaps._tcp.example.com. SRV 0 1 993 mail.example.com.");
  replace("_imaps._tcp", "_imaps._tcp SRV 0 1 993 imap.other.net.");
  expect("SRV for mail programs", Group::kBetter, State::kDiffers, "another server", "_imaps._tcp");
  drop("_smtp._tls");
  expect("TLSRPT of example.com", Group::kBetter, State::kOptional, "when encryption to you fails", "v=TLSRPTv1");
  replace("_smtp._tls", "_smtp._tls TXT \"v=TLSRPT; rua=x\"");
  expect("TLSRPT of example.com", Group::kBetter, State::kDiffers, "v=TLSRPT;", "v=TLSRPTv1");
  drop(" CAA ");
  expect("CAA of mail.example.com", Group::kBetter, State::kOptional, "any authority");
  drop("_bimi");
  expect("BIMI of example.com", Group::kBetter, State::kOptional, "no logo");
  replace("_bimi", "default._bimi TXT \"v=BIMI1; l=http://example.com/logo.svg\"");
  expect("BIMI of example.com", Group::kBetter, State::kDiffers, "l= is no https URL");
  drop("ns2 AAAA");
  expect("name servers of example.com", Group::kBetter, State::kOptional, "1 of 2 have an IPv6 address");
}

TEST_F(AdviceTest, WhatCannotBeLookedUpIsNeitherGoodNorBad) {
  for (const char* name : {"example.com", "mail.example.com", "pabal1r._domainkey.example.com", "_dmarc.example.com",
                           "_25._tcp.mail.example.com", "_smtp._tls.example.com", "_imaps._tcp.example.com",
                           "default._bimi.example.com", "1.2.0.192.in-addr.arpa"}) {
    zones.fail(name, Code::kUnavailable);
    const Found found = look();
    EXPECT_FALSE(all_good(found)) << name;
    const auto unknown = std::count_if(found.begin(), found.end(), [](const Advice& one) {
      EXPECT_NE(one.state, State::kMissing) << one.subject << ": " << one.seen;
      return one.state == State::kCannotTell;
    });
    EXPECT_GE(unknown, 1) << name;
    zones.fail(name, Code::kInternal);
  }
}

TEST_F(AdviceTest, IsReadByPeopleAndPrograms) {
  drop("_domainkey");
  drop(" MX ");
  const Found found = look();
  const std::string shown = advice_text(plan, found);
  EXPECT_LT(shown.find("Mail fails without\n  MISSING     MX of example.com: there is none\n"),
            shown.find("Others do not trust it without\n"));
  EXPECT_THAT(shown, AllOf(HasSubstr("  MISSING     DKIM key pabal1r: "),
                           HasSubstr("                pabal1r._domainkey.example.com. TXT (\n")));
  for (const auto line : text::split(shown, '\n')) EXPECT_LE(line.size(), 170u) << line;
  const auto json = boost::json::parse(advice_json(plan, *wanted_records(plan), found)).as_object();
  EXPECT_EQ(json.at("good"), false);
  EXPECT_EQ(json.at("records").as_array().size(), wanted_records(plan)->size());
  EXPECT_EQ(json.at("checks").as_array()[0].at("subject"), "MX of example.com");
  EXPECT_EQ(json.at("checks").as_array()[0].at("state"), "missing");
}

TEST_F(AdviceTest, WhatOthersWroteCannotPretendToBeAdvice) {
  replace("_smtp._tls", "_smtp._tls TXT \"v=TLSRPTv1; rua=\\010  ok  \\255 " + std::string(2'000, 'x') + "\"");
  const Advice one = only("TLSRPT of example.com");
  EXPECT_THAT(one.seen, AllOf(HasSubstr("rua=\\x0A  ok  \\xff xxx"), testing::EndsWith("...")));
  EXPECT_LT(one.seen.size(), 600u);
}

// --- the records themselves -----------------------------------------------------------------------------------------

TEST(DnsRecords, AreReadBackFromTheZoneTextAsTheyWere) {
  DnsPlan plan;
  plan.domain.name = "example.com";
  plan.domain.dkim_keys = *make_dkim_keys({}, DkimKey::State::kActive, from_unix(1'800'000'000));
  plan.hostname = "mx.hoster.net";
  plan.ips = {"192.0.2.1", "2001:db8::1"};
  plan.services = {{"_imaps._tcp", 0, 993}};
  plan.tlsa = std::string("\x03\x01\x01", 3) + std::string(32, '\xAB');
  std::vector<WantedRecord> wanted = *wanted_records(plan);
  dns::Record odd;
  odd.type = dns::Type::kTxt;
  odd.data = "say \"hi\\\" \x01\xC3\xA9; " + std::string(300, '"');
  wanted.push_back({"odd.example.com", odd});
  odd.type = dns::Type::kCaa;
  odd.data = std::string("\0\x05issueca.example; \"x\"", 23);
  wanted.push_back({"example.com", odd});
  const std::string text = zone_text("example.com", wanted);
  EXPECT_THAT(text, HasSubstr("\n; for another zone: mx.hoster.net. A 192.0.2.1\n"));
  EXPECT_THAT(text, HasSubstr("\n; for another zone: _25._tcp.mx.hoster.net. TLSA 3 1 1 abab"));
  dns::ZoneResolver zones;
  const auto loaded = zones.load("example.com", text);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (const WantedRecord& one : wanted) {
    if (!is_in_zone(one.name, "example.com")) continue;
    std::optional<Result<dns::Answer>> answer;
    zones.query(one.name, one.record.type, [&](Result<dns::Answer> a) { answer = std::move(a); });
    ASSERT_TRUE(answer && *answer) << one.name;
    const auto same = [&](const dns::Record& r) {
      return r.data == one.record.data && r.preference == one.record.preference && r.weight == one.record.weight &&
             r.port == one.record.port;
    };
    EXPECT_TRUE(std::any_of((*answer)->records.begin(), (*answer)->records.end(), same)) << zone_line(one);
  }
  EXPECT_TRUE(is_in_zone("a.example.com", "example.com"));
  EXPECT_FALSE(is_in_zone("aexample.com", "example.com"));
}

TEST(DnsRecords, FollowTheConfiguration) {
  Config config;
  config.hostname = "mail.example.com";
  config.relay_source_ip = "127.0.0.9";
  config.listeners = {{Protocol::kSmtp, {"127.0.0.1", 2525}},
                      {Protocol::kImaps, {"127.0.0.1", 2993}},
                      {Protocol::kImaps, {"::1", 2994}},
                      {Protocol::kLmtp, {"127.0.0.1", 24}}};
  const DnsPlan plan = plan_dns(config, {});
  EXPECT_THAT(plan.ips, testing::ElementsAre("127.0.0.1"));
  EXPECT_THAT(plan.sources, testing::ElementsAre("127.0.0.9"));
  ASSERT_EQ(plan.services.size(), 1u);
  EXPECT_EQ(plan.services[0].port, 2993);
  EXPECT_THAT(plan_dns(config, {}, {"192.0.2.7"}).ips, testing::ElementsAre("192.0.2.7"));
  config.listeners[0].address.ip = "198.100.1.5";
  config.listeners.push_back({Protocol::kSmtp, {"10.0.0.4", 25}});
  EXPECT_THAT(plan_dns(config, {}).ips, testing::ElementsAre("198.100.1.5")) << "the world cannot reach the other";
}

TEST(DnsRecords, ARelayMaySendToo) {
  DnsPlan plan;
  plan.domain.name = plan.hostname = "example.com";
  const auto spf = [&](const std::string& relay) {
    plan.smarthost = relay;
    for (const auto wanted = wanted_records(plan); const WantedRecord& one : *wanted)
      if (one.record.type == dns::Type::kTxt) return one.record.data;
    return std::string();
  };
  EXPECT_EQ(spf(""), "v=spf1 mx -all");
  EXPECT_EQ(spf("[relay.example.net]:587"), "v=spf1 mx a:relay.example.net ~all");
  EXPECT_EQ(spf("[192.0.2.9]:25"), "v=spf1 mx ip4:192.0.2.9 ~all");
  EXPECT_EQ(spf("[2001:db8::9]:25"), "v=spf1 mx ip6:2001:db8::9 ~all");
}

TEST(DnsRecords, TheKeyOfACertificateStaysWhenItIsRenewed) {
  const auto one = net::make_self_signed({"mail.example.com"}, from_unix(1'800'000'000), days(10));
  ASSERT_TRUE(one);
  const auto tlsa = tlsa_of(one->certificate_pem);
  ASSERT_TRUE(tlsa);
  EXPECT_EQ(tlsa->size(), 35u);
  EXPECT_EQ(tlsa->substr(0, 3), std::string("\x03\x01\x01", 3));
  EXPECT_NE(*tlsa, *tlsa_of(net::make_self_signed({"a"}, from_unix(1'800'000'000), days(10))->certificate_pem));
  EXPECT_EQ(tlsa_of("nonsense").code(), Code::kInvalid);
}

}  // namespace
}  // namespace pabal::app
