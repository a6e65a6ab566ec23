#include "trust/iprev.h"

#include "trust/test_dns.h"

namespace pabal::trust {
namespace {

struct IprevTest : ::testing::Test {
  net::SimLoop loop;
  dns::ZoneResolver zones;
  Iprev check(const std::string& ip) { return check(ip, zones); }
  Iprev check(const std::string& ip, dns::Resolver& dns) {
    return test::wait(loop, check_iprev({loop, dns, loop.now() + seconds(5)}, ip));
  }
  void SetUp() override {
    ASSERT_TRUE(zones.load("2.0.192.in-addr.arpa",
                           "1 PTR liar.test.\n1 PTR mail.test.\n2 PTR other.test.\n3 PTR dead.test.\n"
                           "4 PTR \"not a name\"\n"));
    ASSERT_TRUE(zones.load("test", "mail A 192.0.2.1\nmail AAAA 2001:db8::1\nliar A 192.0.2.9\nother A 192.0.2.3\n"));
    ASSERT_TRUE(
        zones.load("8.b.d.0.1.0.0.2.ip6.arpa", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR mail.test.\n"));
    zones.fail("dead.test", Code::kUnavailable);
    zones.fail("7.2.0.192.in-addr.arpa", Code::kUnavailable);
  }
};

TEST_F(IprevTest, PassesWithTheNameThatLeadsBack) {
  for (const char* ip : {"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(check(ip).result, Outcome::kPass) << ip;
    EXPECT_EQ(check(ip).name, "mail.test");
    EXPECT_EQ(check(ip).address, ip[0] == ':' ? "192.0.2.1" : ip);
  }
}

TEST_F(IprevTest, TellsFailuresApart) {
  EXPECT_EQ(check("192.0.2.2").result, Outcome::kFail);
  EXPECT_EQ(check("192.0.2.2").name, "other.test");
  EXPECT_EQ(check("192.0.2.3").result, Outcome::kTemperror);
  EXPECT_EQ(check("192.0.2.4").result, Outcome::kFail);
  EXPECT_EQ(check("192.0.2.5").result, Outcome::kPermerror) << "no name";
  EXPECT_EQ(check("192.0.2.7").result, Outcome::kTemperror);
  EXPECT_EQ(check("unix").result, Outcome::kPermerror);
}

TEST_F(IprevTest, AsksAboutTenNames) {
  test::FunctionDns many([](const std::string&, dns::Type type) -> Result<dns::Answer> {
    dns::Answer out;
    out.status = dns::Answer::Status::kFound;
    for (int i = 0; i < 1'000; ++i)
      out.records.push_back({type, 1, type == dns::Type::kPtr ? std::to_string(i) + ".test" : "198.51.100.1", 0});
    return out;
  });
  EXPECT_EQ(check("192.0.2.1", many).result, Outcome::kFail);
  EXPECT_EQ(many.queries, 11u);
}

TEST_F(IprevTest, EndsAtTheDeadline) {
  test::SilentDns silent(loop);
  EXPECT_EQ(check("192.0.2.1", silent).result, Outcome::kTemperror);
}

}  // namespace
}  // namespace pabal::trust
