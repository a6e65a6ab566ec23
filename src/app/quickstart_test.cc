#include "app/quickstart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/config.h"
#include "app/rooms.h"

namespace pabal::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// A world of one zone; connections to port 25 work unless `blocked`.
class FakeProbe final : public Probe {
 public:
  explicit FakeProbe(std::string_view zone = "") {
    EXPECT_TRUE(zones_.load(".", zone, true));
  }
  Result<dns::Answer> query(const std::string& name, dns::Type type) override {
    Result<dns::Answer> out = Error{Code::kInternal, "no answer"};
    zones_.query(name, type, [&](Result<dns::Answer> answer) { out = std::move(answer); });
    return out;
  }
  Result<void> connect(const std::string&, uint16_t) override { return blocked ? Result<void>(Code::kTimeout, "timed out") : Result<void>(); }
  Result<void> can_listen(uint16_t port) override { return port == taken ? Result<void>(Code::kExists, "is taken") : Result<void>(); }
  std::vector<std::string> addresses() override { return {"127.0.0.1", "10.0.0.4", "198.100.1.5"}; }

  bool blocked = false;
  uint16_t taken = 0;

 private:
  dns::ZoneResolver zones_;
};

constexpr std::string_view kHealthy =
    ". NS a.root\n"
    "example.com. MX 10 mail.example.com.\n"
    "mail.example.com. A 198.100.1.5\n"
    "5.1.100.198.in-addr.arpa. PTR mail.example.com.\n"
    "gmail.com. MX 5 mx.gmail.com.\n"
    "mx.gmail.com. A 142.250.1.26\n";

struct Folder {
  fs::path path = fs::path(testing::TempDir()) / ("pabal-quickstart-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  ~Folder() { fs::remove_all(path); }
  static inline int count = 0;
  QuickstartOptions options() const {
    QuickstartOptions o;
    o.domain = "example.com";
    o.config_dir = path / "etc";
    o.data_dir = path / "var";
    o.unit_dir = path / "unit";
    o.user = "nobody-by-this-name";
    return o;
  }
};

TEST(Quickstart, SetsUpAServerOnAHealthyHost) {
  Folder folder;
  FakeProbe probe(kHealthy);
  std::string out;
  ASSERT_EQ(quickstart(folder.options(), probe, out), 0) << out;
  EXPECT_THAT(out, HasSubstr("All is well"));
  EXPECT_THAT(out, HasSubstr("example.com. MX 10 mail.example.com."));
  EXPECT_THAT(out, HasSubstr("pabal1r._domainkey.example.com. TXT \"v=DKIM1; k=rsa; p="));
  EXPECT_THAT(out, HasSubstr("pabal1e._domainkey.example.com. TXT \"v=DKIM1; k=ed25519; p="));
  const auto config = read_config(folder.path / "etc/pabal.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hostname, "mail.example.com");
  const auto rooms = open_rooms(*config);
  ASSERT_TRUE(rooms);
  const size_t at = out.find("password: ") + 10;
  const auto account = (*rooms)->directory->check_password("postmaster@example.com", out.substr(at, out.find('\n', at) - at));
  ASSERT_TRUE(account);
  EXPECT_TRUE(account->admin);
}

TEST(Quickstart, NamesEachFaultOfTheWorldWithItsFix) {
  Folder folder;
  FakeProbe probe("2.0.0.127.zen.spamhaus.org. A 127.0.0.2\n5.1.100.198.zen.spamhaus.org. A 127.0.0.4\nexample.com. MX 5 old.example.net.\n");
  probe.blocked = true;
  probe.taken = 25;
  std::string out;
  EXPECT_EQ(quickstart(folder.options(), probe, out), 0) << out;
  EXPECT_THAT(out, HasSubstr("BAD   DNS resolver"));
  EXPECT_THAT(out, HasSubstr("mail.example.com. A 198.100.1.5"));
  EXPECT_THAT(out, HasSubstr("set the PTR of 198.100.1.5 to mail.example.com"));
  EXPECT_THAT(out, HasSubstr("outgoing port 25"));
  EXPECT_THAT(out, HasSubstr("`ss -ltnp sport = :25`"));
  EXPECT_THAT(out, HasSubstr("198.100.1.5 on zen.spamhaus.org: is listed"));
  EXPECT_THAT(out, HasSubstr("MX of example.com: is old.example.net"));
}

TEST(Quickstart, AFailedRunLeavesNothingBehindAndHarmsNothing) {
  Folder folder;
  FakeProbe probe(kHealthy);
  fs::create_directories(folder.path / "unit");
  std::ofstream(folder.path / "unit/pabal.service") << "mine";
  std::string out;
  EXPECT_EQ(quickstart(folder.options(), probe, out), 1);
  EXPECT_THAT(out, HasSubstr("nothing was left behind"));
  EXPECT_FALSE(fs::exists(folder.path / "etc"));
  EXPECT_FALSE(fs::exists(folder.path / "var"));
  EXPECT_EQ(fs::file_size(folder.path / "unit/pabal.service"), 4u);
}

TEST(Quickstart, ASecondRunDoesNotTouchTheFirst) {
  Folder folder;
  FakeProbe probe(kHealthy);
  std::string out;
  ASSERT_EQ(quickstart(folder.options(), probe, out), 0);
  EXPECT_EQ(quickstart(folder.options(), probe, out), 1);
  EXPECT_TRUE(fs::exists(folder.path / "etc/pabal.toml"));
  EXPECT_TRUE(fs::exists(folder.path / "var/store"));
}

TEST(Quickstart, RefusesWhatIsNoDomain) {
  Folder folder;
  FakeProbe probe;
  for (const char* bad : {"", "localhost", "a b.com", "-x.com", "exa_mple..com"}) {
    QuickstartOptions o = folder.options();
    o.domain = bad;
    std::string out;
    EXPECT_EQ(quickstart(o, probe, out), 2) << bad;
  }
}

TEST(PublicIp, KnowsThePrivateAndReservedNetworks) {
  for (const char* ip : {"8.8.8.8", "198.100.1.5", "172.32.0.1", "2a00:1450::1"}) EXPECT_TRUE(is_public_ip(ip)) << ip;
  for (const char* ip : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "203.0.113.5", "::1", "fe80::1",
                         "fd00::1", "2001:db8::1", "no"})
    EXPECT_FALSE(is_public_ip(ip)) << ip;
}

}  // namespace
}  // namespace pabal::app
