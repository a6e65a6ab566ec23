#include "trust/spf.h"

#include "message/header.h"
#include "trust/spf_macro.h"
#include "trust/spf_record.h"
#include "trust/test_dns.h"

namespace pabal::trust {
namespace {

using dns::Answer;
using dns::Record;
using dns::Type;
using test::FunctionDns;

Answer txt(std::string text) {
  Answer out;
  out.status = Answer::Status::kFound;
  out.records.push_back({Type::kTxt, 300, std::move(text), 0});
  return out;
}

struct SpfTest : ::testing::Test {
  net::SimLoop loop;
  dns::ZoneResolver zones;
  SpfQuery query{"192.0.2.7", "client.test", "alice@a.test", "mx.test"};

  void zone(const std::string& origin, const std::string& text) {
    const auto loaded = zones.load(origin, text);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
  Spf check(dns::Resolver& dns) { return test::wait(loop, check_spf({loop, dns, loop.now() + seconds(20)}, query)); }
  Spf check() { return check(zones); }
};

TEST_F(SpfTest, SaysWhatDecided) {
  zone("a.test", "@ TXT \"v=spf1 a:web.a.test ip4:192.0.2.0/24 -all\"\nweb A 198.51.100.1\n");
  const Spf pass = check();
  EXPECT_EQ(pass.result, Outcome::kPass);
  EXPECT_EQ(pass.mechanism, "ip4:192.0.2.0/24");
  EXPECT_EQ(pass.domain, "a.test");
  EXPECT_EQ(pass.sender, "alice@a.test");
  query.ip = "203.0.113.1";
  EXPECT_EQ(check().mechanism, "-all");
  query.reverse_path = "alice@b.test";
  EXPECT_EQ(check().result, Outcome::kNone);
}

TEST_F(SpfTest, ANullPathAsksAboutTheHeloName) {
  zone("client.test", "@ TXT \"v=spf1 -all exp=why.client.test\"\nwhy TXT \"%{s} not from %{c} at %{r}, %{t}\"\n");
  zone("a.test", "@ TXT \"v=spf1 +all\"\n");
  query.reverse_path = "";
  const Spf fail = check();
  EXPECT_EQ(fail.result, Outcome::kFail);
  EXPECT_EQ(fail.sender, "postmaster@client.test");
  EXPECT_EQ(fail.explanation, "postmaster@client.test not from 192.0.2.7 at mx.test, 1800000000");
  query.reverse_path = "alice@a.test";
  EXPECT_EQ(check().result, Outcome::kPass);
  query.of_helo = true;
  EXPECT_EQ(check().result, Outcome::kFail);
}

TEST_F(SpfTest, WhatIsNoDomainHasNoRecord) {
  FunctionDns dns([](const std::string&, Type) { return txt("v=spf1 +all"); });
  for (const char* path : {"alice@localhost", "alice@[192.0.2.7]", "alice@a..test", "alice", "alice@", "alice@.",
                           "alice@-\xC3.test", "@"}) {
    query.reverse_path = path;
    EXPECT_EQ(check(dns).result, Outcome::kNone) << path;
  }
  query.reverse_path = "alice@" + std::string(64, 'a') + ".test";
  EXPECT_EQ(check(dns).result, Outcome::kNone);
  std::string deep;
  for (int i = 0; i < 130; ++i) deep += "a.";
  query.reverse_path = "alice@" + deep + "test";
  EXPECT_EQ(check(dns).result, Outcome::kNone) << "it is not cut to fit, as targets are";
  query.reverse_path = "alice@a.test";
  query.ip = "unix";
  EXPECT_EQ(check(dns).result, Outcome::kNone);
  EXPECT_EQ(dns.queries, 0u);
}

TEST_F(SpfTest, DomainsInUnicodeAreLookedUpAsALabels) {
  zone("xn--bcher-kva.test", "@ TXT \"v=spf1 exists:%{l}.%{o}._ok.test ip4:192.0.2.7 -all\"\n");
  query.reverse_path =
      "alice@b\xC3\xBC"
      "cher.test";
  EXPECT_EQ(check().result, Outcome::kPass);
  EXPECT_EQ(check().domain, "xn--bcher-kva.test");
}

// RFC 8616 §4.
TEST_F(SpfTest, LocalPartsThatAreNotAsciiMatchNothing) {
  std::vector<std::string> asked;
  FunctionDns dns([&](const std::string& name, Type type) -> Result<Answer> {
    asked.push_back(name);
    if (type == Type::kTxt) return txt("v=spf1 exists:%{L}.u.test exists:%{l}.u.test ~all");
    Answer out;
    out.status = Answer::Status::kFound;
    out.records.push_back({Type::kA, 300, "127.0.0.2", 0});
    return out;
  });
  query.reverse_path = "\xC3\xA4@a.test";
  EXPECT_EQ(check(dns).result, Outcome::kSoftfail);
  EXPECT_EQ(asked, std::vector<std::string>{"a.test"});
}

TEST_F(SpfTest, ErrorsSayWhichTermAndWhy) {
  const std::pair<const char*, const char*> cases[] = {{"v=spf1 a:192.0.2.1 -all", "ip4:192.0.2.1"},
                                                       {"v=spf1 ip4:192.0.2 -all", "all four numbers"},
                                                       {"v=spf1 ip4:192.0.2.1/33", "length"},
                                                       {"v=spf1 ip:192.0.2.1", "no mechanism"},
                                                       {"v=spf1 mx all:x", "stands alone"},
                                                       {"v=spf1 include", "domain is missing"},
                                                       {"v=spf1 redirect=a.test redirect=b.test", "twice"},
                                                       {"v=spf1 exists:%{q}.test", "no macro"},
                                                       {"v=spf1 exists:%{d0}.test", "no macro"},
                                                       {"v=spf1 exists:%{c}.a.test", "explanations only"},
                                                       {"v=spf1 x=%", "no macro"},
                                                       {"v=spf1 x=%{t}", "explanations only"},
                                                       {"v=spf1 a\tmx", "no mechanism"}};
  for (const auto& [record, says] : cases) {
    const auto parsed = parse_spf_record(record);
    ASSERT_FALSE(parsed) << record;
    EXPECT_NE(parsed.error().message.find(says), std::string::npos) << record << ": " << parsed.error().message;
    FunctionDns dns([&](const std::string&, Type) { return txt(record); });
    const Spf spf = check(dns);
    EXPECT_EQ(spf.result, Outcome::kPermerror);
    EXPECT_NE(spf.problem.find(says), std::string::npos) << spf.problem;
  }
  const auto good = parse_spf_record("v=spf1 A:a.test/0//0 MX//64 Ptr x.y-z_1=%{s}%{H} EXISTS:%{i}._%{v}.%{d2R} ?ALL");
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->directives.size(), 5u);
}

TEST_F(SpfTest, TheProblemNamesTheWayToIt) {
  zone("a.test", "@ TXT \"v=spf1 include:b.test -all\"\n");
  zone("b.test", "@ TXT \"v=spf1 ip4:1.2.3.4.5 -all\"\n");
  EXPECT_EQ(
      check().problem,
      "\"include:b.test\": the record of b.test: \"ip4:1.2.3.4.5\": an IPv4 address is wanted, all four numbers of it");
  zone("b.test", "");
  EXPECT_EQ(check().problem, "\"include:b.test\" leads to no SPF record");
  zones.fail("b.test", Code::kUnavailable);
  EXPECT_EQ(check().result, Outcome::kTemperror);
  EXPECT_NE(check().problem.find("b.test cannot be looked up now"), std::string::npos) << check().problem;
}

// --- hostile records ------------------------------------------------------------------------------------------------

TEST_F(SpfTest, AnIncludeBombEndsAtTenTerms) {
  FunctionDns dns([](const std::string& name, Type) {  // each includes ten others
    std::string record = "v=spf1";
    for (int i = 0; i < 10; ++i) record += " include:" + std::to_string(i) + "." + name.substr(0, 100) + ".test";
    return txt(record + " -all");
  });
  const Spf spf = check(dns);
  EXPECT_EQ(spf.result, Outcome::kPermerror);
  EXPECT_LE(dns.queries, 11u);
  EXPECT_LT(spf.problem.size(), 2'000u);
}

TEST_F(SpfTest, CyclesEndAtTenTerms) {
  for (const char* record : {"v=spf1 include:a.test", "v=spf1 redirect=a.test", "v=spf1 include:%{d} redirect=%{o}",
                             "v=spf1 ?include:b.test redirect=b.test"}) {
    FunctionDns dns([&](const std::string&, Type) { return txt(record); });
    EXPECT_EQ(check(dns).result, Outcome::kPermerror) << record;
    EXPECT_LE(dns.queries, 11u);
  }
}

TEST_F(SpfTest, AMegabyteOfTextIsRefusedAndSixtyKilobytesAreCheapEnough) {
  std::string record = "v=spf1";
  while (record.size() < 1'000'000) record += " ip4:10.0.0.1";
  {
    FunctionDns dns([&](const std::string&, Type) { return txt(record); });
    EXPECT_EQ(check(dns).result, Outcome::kPermerror);
  }
  record.resize(65'000);
  record = record.substr(0, record.rfind(' '));
  FunctionDns dns([&](const std::string&, Type) { return txt(record + " +all"); });
  EXPECT_EQ(check(dns).result, Outcome::kPass);

  std::string other(1'000'000, 'x');  // beside the record
  FunctionDns both([&](const std::string&, Type) {
    Answer out = txt(other);
    out.records.push_back({Type::kTxt, 300, "v=spf1 -all", 0});
    return out;
  });
  EXPECT_EQ(check(both).result, Outcome::kFail);
}

TEST_F(SpfTest, MacrosThatGrowAreRefused) {
  query.reverse_path = std::string(64, 'x') + "@a.test";
  std::string spec;
  for (int i = 0; i < 1'000; ++i) spec += "%{S}";
  FunctionDns dns([&](const std::string&, Type) { return txt("v=spf1 exists:" + spec + ".test -all"); });
  EXPECT_EQ(check(dns).result, Outcome::kPermerror);
  FunctionDns words(
      [&](const std::string& name, Type) { return txt(name == "a.test" ? "v=spf1 -all exp=w.test" : spec); });
  EXPECT_EQ(check(words).result, Outcome::kFail);
  EXPECT_EQ(check(words).explanation, "");
}

TEST_F(SpfTest, VoidLookUpsBeyondTwoArePermerror) {
  zone("a.test", "@ TXT \"v=spf1 a:x.a.test mx:y.a.test ip4:192.0.2.7 -all\"\n");
  EXPECT_EQ(check().result, Outcome::kPass);
  zone("a.test", "@ TXT \"v=spf1 a:x.a.test mx:y.a.test exists:z.a.test ip4:192.0.2.7 -all\"\n");
  EXPECT_EQ(check().result, Outcome::kPermerror);
  // RFC 7208 §4.6.4 counts terms: one MX whose hosts are all missing is one.
  zone("a.test", "@ TXT \"v=spf1 mx a:x.a.test ip4:192.0.2.7 -all\"\n@ MX 1 m1\n@ MX 2 m2\n@ MX 3 m3\n");
  EXPECT_EQ(check().result, Outcome::kPass);
}

TEST_F(SpfTest, OfAnMxTenHostsAreAsked) {
  size_t asked = 0;
  FunctionDns dns([&](const std::string&, Type type) -> Result<Answer> {
    if (type == Type::kTxt) return txt("v=spf1 mx +all");
    Answer out;
    out.status = Answer::Status::kFound;
    if (type == Type::kMx) {
      for (int i = 0; i < 5'000; ++i) out.records.push_back({type, 300, "m" + std::to_string(i) + ".a.test", 10});
    } else {
      ++asked;
      out.records.push_back({type, 300, "198.51.100.1", 0});
    }
    return out;
  });
  EXPECT_EQ(check(dns).result, Outcome::kPermerror);
  EXPECT_EQ(asked, 10u);
}

TEST_F(SpfTest, OfAnAddressTenNamesAreAskedOnce) {
  size_t asked = 0;
  FunctionDns dns([&](const std::string&, Type type) -> Result<Answer> {
    if (type == Type::kTxt) return txt("v=spf1 ptr ptr exists:%{p}.%{p}.a.test ptr -all");
    ++asked;
    Answer out;
    out.status = Answer::Status::kFound;
    if (type == Type::kPtr)
      for (int i = 0; i < 5'000; ++i) out.records.push_back({type, 300, "h" + std::to_string(i) + ".a.test", 0});
    else
      out.records.push_back({type, 300, "198.51.100.1", 0});
    return out;
  });
  // exists: of "unknown.unknown.a.test" finds something: a pass.
  EXPECT_EQ(check(dns).result, Outcome::kPass);
  EXPECT_EQ(asked, 12u) << "the names, their addresses, and that of exists";
}

TEST_F(SpfTest, TheDeadlineMakesTemperrorEvenWhereErrorsArePassedOver) {
  test::SilentDns silent(loop);
  const Time began = loop.now();
  EXPECT_EQ(check(silent).result, Outcome::kTemperror);
  EXPECT_EQ(loop.now() - began, seconds(20));
  test::SilentDns slow(loop, "v=spf1 ptr -all");
  EXPECT_EQ(check(slow).result, Outcome::kTemperror) << "ptr alone would not match, and -all refuse";
}

TEST_F(SpfTest, AnExplanationIsPlainTextOrNone) {
  query.reverse_path = "a\"b\xC3\xA4@a.test";
  for (const auto& [words, wanted] :
       std::initializer_list<std::pair<const char*, const char*>>{{"Not from here: %{d}", "Not from here: a.test"},
                                                                  {"%{l}", ""},
                                                                  {"two\r\nlines", ""},
                                                                  {"tab\there", ""},
                                                                  {"50% off", ""},
                                                                  {"100%% of %{i}", "100% of 192.0.2.7"}}) {
    FunctionDns dns(
        [&](const std::string& name, Type) { return txt(name == "a.test" ? "v=spf1 -all exp=%{ir}.w.test" : words); });
    EXPECT_EQ(check(dns).explanation, wanted) << words;
  }
}

// --- Received-SPF ---------------------------------------------------------------------------------------------------

TEST_F(SpfTest, ReceivedSpfIsAsInTheRfc) {
  zone("a.test", "@ TXT \"v=spf1 ip4:192.0.2.7 -all\"\n");
  EXPECT_EQ(received_spf(check(), query),
            "Received-SPF: pass\r\n\t(mx.test: domain of alice@a.test designates 192.0.2.7 as permitted sender)\r\n"
            "\treceiver=mx.test; client-ip=192.0.2.7; envelope-from=\"alice@a.test\";\r\n"
            "\thelo=client.test; identity=mailfrom; mechanism=\"ip4:192.0.2.7\";\r\n");
  query.reverse_path = "";
  query.ip = "2001:db8::1";
  EXPECT_EQ(
      received_spf(check(), query),
      "Received-SPF: none\r\n\t(mx.test: domain of postmaster@client.test does not designate permitted senders)\r\n"
      "\treceiver=mx.test; client-ip=\"2001:db8::1\"; envelope-from=\"\";\r\n"
      "\thelo=client.test; identity=helo;\r\n");
}

TEST_F(SpfTest, ReceivedSpfHoldsWhatEnemiesSay) {
  query.helo = "x\r\nBcc: all; \"y\" (z\\" + std::string(5'000, ')');
  query.reverse_path = "\"\r\n)(;=\\\"@a.test";
  FunctionDns dns([](const std::string&, Type) { return txt("v=spf1 )\x01\"\\" + std::string(5'000, 'q')); });
  Spf spf = check(dns);
  EXPECT_EQ(spf.result, Outcome::kPermerror);
  const std::string field = received_spf(spf, query);
  const auto fields = message::header_fields(field + "\r\n");
  ASSERT_EQ(fields.size(), 1u) << field;
  EXPECT_EQ(fields[0].size, field.size());
  for (const std::string_view line : text::split(field, '\n')) EXPECT_LT(line.size(), 998u);
  EXPECT_NE(field.find("helo=\"x??Bcc: all; \\\"y\\\" (z\\\\"), std::string::npos) << field;
}

// --- macros: the examples of RFC 7208 §7.4 --------------------------------------------------------------------------

TEST(SpfMacro, ExpandsTheExamplesOfTheRfc) {
  MacroValues v;
  v.local = "strong-bad";
  v.sender_domain = v.domain = "email.example.com";
  v.ip = v.readable_ip = "192.0.2.3";
  v.validated = "mx.example.org";
  const std::pair<const char*, const char*> cases[] = {
      {"%{s}", "strong-bad@email.example.com"},
      {"%{o}", "email.example.com"},
      {"%{d}", "email.example.com"},
      {"%{d4}", "email.example.com"},
      {"%{d3}", "email.example.com"},
      {"%{d2}", "example.com"},
      {"%{d1}", "com"},
      {"%{dr}", "com.example.email"},
      {"%{d2r}", "example.email"},
      {"%{l}", "strong-bad"},
      {"%{l-}", "strong.bad"},
      {"%{lr}", "strong-bad"},
      {"%{lr-}", "bad.strong"},
      {"%{l1r-}", "strong"},
      {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
      {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
      {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
      {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
      {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
      {"%{p2}.%%.%_.%-.%{D999999999999999999999r}.test", "example.org.%. .%20.com.example.email.test"}};
  for (const auto& [spec, wanted] : cases) {
    EXPECT_EQ(check_macros(spec, MacroUse::kDomain), "") << spec;
    const auto expanded = expand_macros(spec, v);
    ASSERT_TRUE(expanded) << spec;
    EXPECT_EQ(*expanded, wanted) << spec;
  }
}

TEST(SpfMacro, LongNamesLoseLabelsAtTheLeft) {
  std::string labels;
  for (int i = 0; i < 60; ++i) labels += "abcd" + std::to_string(i % 10) + ".";
  const std::string name = target_name(labels + "Test.");
  EXPECT_LE(name.size(), 253u);
  EXPECT_GT(name.size(), 245u);
  EXPECT_TRUE(name.starts_with("abcd") && name.ends_with(".test")) << name;
  for (const char* bad : {"", ".", "a..b", "\xC3\xA4.test", ".a"}) EXPECT_EQ(target_name(bad), "") << bad;
  EXPECT_EQ(target_name(std::string(300, 'a')), "");
}

}  // namespace
}  // namespace pabal::trust
