#include <gtest/gtest.h>

#include "dns/resolver.h"

namespace pabal::dns {
namespace {

using Status = Answer::Status;

Result<Answer> ask(Resolver& resolver, const std::string& name, Type type) {
  std::optional<Result<Answer>> out;
  resolver.query(name, type, [&](Result<Answer> answer) { out = std::move(answer); });
  EXPECT_TRUE(out.has_value()) << "zones answer at once";
  return *out;
}

constexpr char kZone[] = R"(
$TTL 300
$ORIGIN example.com.
@       IN SOA ns hostmaster 1 2 3 4 5   ; ignored
        MX 20 backup
        MX 10 mx.example.com.
@       3600 IN TXT "v=spf1 " "-all"
mx      A 192.0.2.1
        AAAA 2001:DB8:0:0::1
        A 192.0.2.2
backup  A ( 192.0.2.3
          )
www     CNAME mx
far     CNAME www
out     CNAME host.elsewhere.org.
null    MX 0 .
deep.in.tree A 192.0.2.9
*.wild  A 192.0.2.8
x.wild  TXT "here"
_25._tcp.mx TLSA 3 1 1 ab CD
@       CAA 0 issue "ca.example"
quoted  TXT "a\"b\\c\100" ";not a comment"
bücher  A 192.0.2.7
_imaps._tcp SRV 0 1 993 mx
_pop3._tcp  SRV 0 0 0 .
)";

struct Zones : ::testing::Test {
  ZoneResolver zones;
  void SetUp() override {
    const auto loaded = zones.load("Example.COM.", kZone);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
};

TEST_F(Zones, GiveRecordsWithTheirPreferenceAndTtl) {
  const auto mx = ask(zones, "EXAMPLE.com.", Type::kMx);
  ASSERT_TRUE(mx);
  ASSERT_EQ(mx->records.size(), 2u);
  EXPECT_EQ(mx->status, Status::kFound);
  EXPECT_EQ(mx->records[0].data, "backup.example.com");
  EXPECT_EQ(mx->records[0].preference, 20);
  EXPECT_EQ(mx->records[1].data, "mx.example.com");
  EXPECT_EQ(mx->records[0].ttl, 300u);
  EXPECT_FALSE(mx->secure);
  EXPECT_EQ(ask(zones, "example.com", Type::kTxt)->records[0].data, "v=spf1 -all");
  EXPECT_EQ(ask(zones, "example.com", Type::kTxt)->records[0].ttl, 3600u);
}

TEST_F(Zones, AddressesAreInTheirShortestForm) {
  EXPECT_EQ(ask(zones, "mx.example.com", Type::kA)->records.size(), 2u);
  EXPECT_EQ(ask(zones, "mx.example.com", Type::kAaaa)->records[0].data, "2001:db8::1");
  EXPECT_EQ(ask(zones, "backup.example.com", Type::kA)->records[0].data, "192.0.2.3");
}

TEST_F(Zones, FollowAliasesAndTellTheNameBehindThem) {
  const auto far = ask(zones, "far.example.com", Type::kA);
  ASSERT_TRUE(far);
  EXPECT_EQ(far->status, Status::kFound);
  EXPECT_EQ(far->canonical, "mx.example.com");
  EXPECT_EQ(ask(zones, "www.example.com", Type::kCname)->records[0].data, "mx.example.com");
  EXPECT_EQ(ask(zones, "far.example.com", Type::kTxt)->status, Status::kNoData);
}

TEST_F(Zones, AnAliasThatLeadsOutIsAskedOfTheNextResolver) {
  auto next = std::make_shared<ZoneResolver>();
  ASSERT_TRUE(next->load("elsewhere.org", "host A 198.51.100.1\n", true));
  ZoneResolver both(next);
  ASSERT_TRUE(both.load("example.com", kZone));
  const auto out = ask(both, "out.example.com", Type::kA);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->status, Status::kFound);
  EXPECT_EQ(out->records[0].data, "198.51.100.1");
  EXPECT_FALSE(out->secure) << "our zone is not signed";
  EXPECT_TRUE(ask(both, "host.elsewhere.org", Type::kA)->secure);
  EXPECT_EQ(ask(zones, "out.example.com", Type::kA)->status, Status::kNxDomain) << "nobody to ask";
}

TEST_F(Zones, TellNoDataFromNoDomain) {
  EXPECT_EQ(ask(zones, "mx.example.com", Type::kTxt)->status, Status::kNoData);
  EXPECT_EQ(ask(zones, "example.com", Type::kA)->status, Status::kNoData);
  EXPECT_EQ(ask(zones, "nobody.example.com", Type::kA)->status, Status::kNxDomain);
  EXPECT_EQ(ask(zones, "elsewhere.net", Type::kA)->status, Status::kNxDomain);
  // RFC 4592 §2.2.2: a name that exists because of one below it.
  EXPECT_EQ(ask(zones, "in.tree.example.com", Type::kA)->status, Status::kNoData);
  EXPECT_EQ(ask(zones, "tree.example.com", Type::kA)->status, Status::kNoData);
  EXPECT_EQ(ask(zones, "other.tree.example.com", Type::kA)->status, Status::kNxDomain);
  ZoneResolver empty;
  ASSERT_TRUE(empty.load("empty.org", ""));
  EXPECT_EQ(ask(empty, "empty.org", Type::kMx)->status, Status::kNoData);
}

TEST_F(Zones, WildcardsAnswerForNamesThatDoNotExist) {
  EXPECT_EQ(ask(zones, "any.wild.example.com", Type::kA)->records.at(0).data, "192.0.2.8");
  EXPECT_EQ(ask(zones, "a.b.wild.example.com", Type::kA)->records.at(0).data, "192.0.2.8");
  EXPECT_EQ(ask(zones, "x.wild.example.com", Type::kA)->status, Status::kNoData) << "it exists";
  EXPECT_EQ(ask(zones, "y.x.wild.example.com", Type::kA)->status, Status::kNxDomain)
      << "its closest encloser has no wildcard";
  EXPECT_EQ(ask(zones, "wild.example.com", Type::kA)->status, Status::kNoData);
}

TEST_F(Zones, HoldTheOtherTypesAsTheyComeFromTheWire) {
  EXPECT_EQ(ask(zones, "null.example.com", Type::kMx)->records[0].data, "");
  EXPECT_EQ(ask(zones, "_25._tcp.mx.example.com", Type::kTlsa)->records[0].data,
            std::string("\x03\x01\x01\xab\xcd", 5));
  EXPECT_EQ(ask(zones, "example.com", Type::kCaa)->records[0].data, std::string("\0\x05issueca.example", 17));
  const auto srv = ask(zones, "_imaps._tcp.example.com", Type::kSrv);
  ASSERT_EQ(srv->records.size(), 1u);
  EXPECT_EQ(srv->records[0].data, "mx.example.com");
  EXPECT_EQ(srv->records[0].preference, 0);
  EXPECT_EQ(srv->records[0].weight, 1);
  EXPECT_EQ(srv->records[0].port, 993);
  EXPECT_EQ(ask(zones, "_pop3._tcp.example.com", Type::kSrv)->records.at(0).data, "") << "not offered (RFC 2782)";
  EXPECT_EQ(ask(zones, "quoted.example.com", Type::kTxt)->records[0].data, "a\"b\\cd;not a comment");
  EXPECT_EQ(ask(zones, "xn--bcher-kva.example.com", Type::kA)->records[0].data, "192.0.2.7");
}

TEST_F(Zones, LoadingAgainReplaces) {
  ASSERT_TRUE(zones.load("example.com", "mx A 203.0.113.1\n", true));
  const auto a = ask(zones, "mx.example.com", Type::kA);
  ASSERT_EQ(a->records.size(), 1u);
  EXPECT_EQ(a->records[0].data, "203.0.113.1");
  EXPECT_TRUE(a->secure);
  EXPECT_EQ(ask(zones, "backup.example.com", Type::kA)->status, Status::kNxDomain);
  EXPECT_TRUE(ask(zones, "backup.example.com", Type::kA)->secure) << "a denial is signed too";
}

TEST_F(Zones, AFaultyTextChangesNothingAndNamesItsLine) {
  const std::pair<const char*, const char*> bad[] = {{"a A 192.0.2.1\nb A 300.1.1.1\n", "line 2"},
                                                     {"a AAAA 192.0.2.1\n", "line 1"},
                                                     {"\n\na MX ten mx\n", "line 3"},
                                                     {"a MX 70000 mx\n", "line 1"},
                                                     {"a A\n", "line 1"},
                                                     {"a A 192.0.2.1 192.0.2.2\n", "line 1"},
                                                     {"a WKS x\n", "WKS"},
                                                     {"a SRV 0 1 mx\n", "line 1"},
                                                     {"a SRV 0 1 70000 mx\n", "line 1"},
                                                     {"a ( A 192.0.2.1\n", "("},
                                                     {"a A 192.0.2.1 )\n", "line 1"},
                                                     {"a TXT \"open\n", "line 1"},
                                                     {"a TLSA 3 1 1 xyz\n", "line 1"},
                                                     {"other.org. A 192.0.2.1\n", "not in this zone"},
                                                     {"$TTL soon\n", "line 1"},
                                                     {"a CAA 0 issue\n", "line 1"},
                                                     {"a CNAME b\na A 192.0.2.1\n", "CNAME"},
                                                     {"a TXT \"\\999\"\n", "line 1"},
                                                     {"a CNAME b c\n", "line 1"},
                                                     {"a IN\n", "line 1"}};
  for (const auto& [text, says] : bad) {
    const auto loaded = zones.load("example.com", text);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.code(), Code::kInvalid);
    EXPECT_NE(loaded.error().message.find(says), std::string::npos) << loaded.error().message;
  }
  EXPECT_EQ(ask(zones, "mx.example.com", Type::kA)->records.size(), 2u);
}

TEST_F(Zones, AliasesThatGoRoundAreAFaultAndNoDenial) {
  ASSERT_TRUE(zones.load("loop.org", "a CNAME b\nb CNAME a\n"));
  const auto a = ask(zones, "a.loop.org", Type::kA);
  ASSERT_FALSE(a);
  EXPECT_EQ(a.code(), Code::kUnavailable);
}

TEST_F(Zones, FailWhenToldTo) {
  zones.fail("mx.example.com", Code::kUnavailable);
  EXPECT_EQ(ask(zones, "mx.example.com", Type::kA).code(), Code::kUnavailable);
  EXPECT_EQ(ask(zones, "www.example.com", Type::kA).code(), Code::kUnavailable) << "behind an alias as well";
  zones.fail("mx.example.com", Code::kInternal);
  EXPECT_TRUE(ask(zones, "mx.example.com", Type::kA));
}

TEST_F(Zones, TheInnermostZoneAnswers) {
  ASSERT_TRUE(zones.load("sub.example.com", "@ A 198.51.100.7\n", true));
  EXPECT_TRUE(ask(zones, "sub.example.com", Type::kA)->secure);
  EXPECT_FALSE(ask(zones, "mx.example.com", Type::kA)->secure);
  ASSERT_TRUE(zones.load(".", "org A 198.51.100.8\n"));
  EXPECT_EQ(ask(zones, "org", Type::kA)->records.at(0).data, "198.51.100.8");
  EXPECT_EQ(ask(zones, "com", Type::kA)->status, Status::kNxDomain);
}

}  // namespace
}  // namespace pabal::dns
