#include "app/quickstart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

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
  explicit FakeProbe(std::string_view zone = "", bool secure = true) { EXPECT_TRUE(zones_.load(".", zone, secure)); }
  void fail(const std::string& name) { zones_.fail(name, Code::kUnavailable); }
  Result<dns::Answer> query(const std::string& name, dns::Type type) override {
    Result<dns::Answer> out = Error{Code::kInternal, "no answer"};
    zones_.query(name, type, [&](Result<dns::Answer> answer) { out = std::move(answer); });
    return out;
  }
  Result<void> connect(const std::string&, uint16_t) override {
    return blocked ? Result<void>(Code::kTimeout, "timed out") : Result<void>();
  }
  Result<void> can_listen(uint16_t port) override {
    return port == taken ? Result<void>(Code::kExists, "is taken") : Result<void>();
  }
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
  fs::path path =
      fs::path(testing::TempDir()) / ("pabal-quickstart-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
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

// What a run said and how it ended.
struct Run {
  int exit;
  std::string out, err;
};
Run run(const QuickstartOptions& options, Probe& probe) {
  std::ostringstream out, err;
  const int exit = quickstart(options, probe, out, err);
  return {exit, out.str(), err.str()};
}

std::vector<std::string> everything_in(const fs::path& path) {
  std::vector<std::string> out;
  if (fs::exists(path))
    for (const auto& entry : fs::recursive_directory_iterator(path))
      out.push_back(entry.path().lexically_relative(path));
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Quickstart, SetsUpAServerOnAHealthyHost) {
  Folder folder;
  FakeProbe probe(kHealthy);
  const auto [exit, out, err] = run(folder.options(), probe);
  ASSERT_EQ(exit, 0) << out << err;
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
  const auto account =
      (*rooms)->directory->check_password("postmaster@example.com", out.substr(at, out.find('\n', at) - at));
  ASSERT_TRUE(account);
  EXPECT_TRUE(account->admin);
  EXPECT_EQ((*(*rooms)->directory->domain(*(*rooms)->store, "example.com"))->dkim_keys.size(), 2u);
  EXPECT_EQ(fs::status(folder.path / "var").permissions(), fs::perms::owner_all) << "mail is private";
  std::ifstream unit(folder.path / "unit/pabal.service");
  const std::string text(std::istreambuf_iterator<char>(unit), {});
  EXPECT_THAT(text, HasSubstr(" --config " + (folder.path / "etc/pabal.toml").string() + " serve\n"));
  EXPECT_THAT(text, HasSubstr("ReadWritePaths=" + (folder.path / "var").string() + "\n"));
  EXPECT_EQ(everything_in(folder.path / "etc"), (std::vector<std::string>{"dns-records.txt", "pabal.toml"}));
}

TEST(Quickstart, AnotherFirstAccountGetsThePostmastersMail) {  // RFC 5321 §4.5.1
  Folder folder;
  FakeProbe probe(kHealthy);
  QuickstartOptions o = folder.options();
  o.account = "Alice";
  o.hostname = "MX1.example.com";
  o.public_ips = {"198.100.1.9", "2a01:4f8::9"};
  o.skip_checks = true;
  const auto [exit, out, err] = run(o, probe);
  ASSERT_EQ(exit, 0) << err;
  EXPECT_THAT(out, Not(HasSubstr("Looking at the world")));
  EXPECT_THAT(out, HasSubstr("mx1.example.com. A 198.100.1.9\nmx1.example.com. AAAA 2a01:4f8::9\n"));
  const auto config = read_config(folder.path / "etc/pabal.toml");
  ASSERT_TRUE(config);
  const auto rooms = open_rooms(*config);
  ASSERT_TRUE(rooms);
  const auto leads = (*rooms)->directory->resolve(*(*rooms)->store, "postmaster@example.com");
  ASSERT_TRUE(leads);
  ASSERT_EQ(leads->accounts.size(), 1u);
  EXPECT_EQ(leads->accounts[0].address, "alice@example.com");
}

TEST(Quickstart, AFolderNamedFromHereIsTheSameForTheServer) {
  Folder folder;
  fs::create_directories(folder.path);
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  FakeProbe probe(kHealthy);
  QuickstartOptions o = folder.options();
  o.config_dir = "etc/";
  o.data_dir = "./var";
  o.unit_dir = "unit";
  o.skip_checks = true;
  const int exit = run(o, probe).exit;
  fs::current_path(before);
  ASSERT_EQ(exit, 0);
  const auto config = read_config(folder.path / "etc/pabal.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(fs::path(config->data_dir), folder.path / "var");
  EXPECT_TRUE(fs::exists(folder.path / "var/store"));
}

TEST(Quickstart, NamesEachFaultOfTheWorldWithItsFix) {
  Folder folder;
  FakeProbe probe(
      "gmail.com. MX 5 mx.gmail.com.\nmx.gmail.com. A 142.250.1.26\n5.1.100.198.zen.spamhaus.org. A "
      "127.0.0.4\nexample.com. MX 5 old.example.net.\n");
  probe.blocked = true;
  probe.taken = 25;
  const auto [exit, out, err] = run(folder.options(), probe);
  EXPECT_EQ(exit, 0) << out << err;
  EXPECT_THAT(out, HasSubstr("BAD   DNS resolver"));
  EXPECT_THAT(out, HasSubstr("mail.example.com. A 198.100.1.5"));
  EXPECT_THAT(out, HasSubstr("set the PTR of 198.100.1.5 to mail.example.com"));
  EXPECT_THAT(out, HasSubstr("BAD   outgoing port 25: timed out"));
  EXPECT_THAT(out, HasSubstr("`ss -ltnp sport = :25`"));
  EXPECT_THAT(out, HasSubstr("198.100.1.5 on zen.spamhaus.org: is listed"));
  EXPECT_THAT(out, HasSubstr("MX of example.com: is old.example.net"));
}

// Each step of the writing finds something in its way.
TEST(Quickstart, AFailureAtAnyStepLeavesNothingBehindAndHarmsNothing) {
  struct Case {
    const char* name;
    const char* in_the_way;
    bool folder;
    std::string account;
  };
  const Case cases[] = {
      {"the store is there", "var/store/CURRENT", false, ""},
      {"a file where the configuration's folder goes", "etc", false, ""},
      {"a file where the unit's folder goes", "unit", false, ""},
      {"a file where the data go", "var", false, ""},
      {"a configuration is there", "etc/pabal.toml", false, ""},
      {"a folder of the configuration's name", "etc/pabal.toml", true, ""},
      {"a unit is there", "unit/pabal.service", false, ""},
      {"records are there", "etc/dns-records.txt", false, ""},
      {"the account is of another domain", nullptr, false, "alice@example.org"},
      {"the account is no address", nullptr, false, "a b"},
      {"the account has a tag", nullptr, false, "a+b"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Folder folder;
    FakeProbe probe(kHealthy);
    fs::create_directories(folder.path);
    if (c.in_the_way) {
      const fs::path path = folder.path / c.in_the_way;
      fs::create_directories(c.folder ? path : path.parent_path());
      if (!c.folder) std::ofstream(path) << "mine";
    }
    const auto before = everything_in(folder.path);
    QuickstartOptions o = folder.options();
    o.account = c.account;
    o.skip_checks = true;
    const auto [exit, out, err] = run(o, probe);
    EXPECT_EQ(exit, 1);
    EXPECT_THAT(err, HasSubstr("nothing was left behind: "));
    EXPECT_THAT(out, Not(HasSubstr("password")));
    EXPECT_EQ(everything_in(folder.path), before);
    EXPECT_TRUE(!c.in_the_way || c.folder || fs::file_size(folder.path / c.in_the_way) == 4u);
  }
}

// No file may grow beyond a limit, as on a full disk. Of our own files only: RocksDB 7.8 of Debian asserts when its log
// cannot grow.
TEST(Quickstart, AFullDiskLeavesNothingBehind) {
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t octets : {0, 500}) {
    Folder folder;
    FakeProbe probe(kHealthy);
    QuickstartOptions o = folder.options();
    o.skip_checks = true;
    rlimit old{}, low{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    low = {octets, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
    const auto [exit, out, err] = run(o, probe);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    EXPECT_EQ(exit, 1);
    EXPECT_THAT(err, HasSubstr("is the disk full?"));
    EXPECT_THAT(everything_in(folder.path), testing::IsEmpty());
  }
  std::signal(SIGXFSZ, before);
}

TEST(Quickstart, TheStoreBelongsToWhoRunsTheServer) {
  if (::geteuid() != 0 || !::getpwnam("nobody")) GTEST_SKIP() << "needs root and the user nobody";
  Folder folder;
  FakeProbe probe(kHealthy);
  QuickstartOptions o = folder.options();
  o.skip_checks = true;
  o.user = "nobody";
  const auto [exit, out, err] = run(o, probe);
  ASSERT_EQ(exit, 0) << err;
  EXPECT_THAT(out, Not(HasSubstr("useradd")));
  const uid_t nobody = ::getpwnam("nobody")->pw_uid;
  for (const std::string& path : everything_in(folder.path / "var")) {
    struct stat about{};
    ASSERT_EQ(::lstat((folder.path / "var" / path).c_str(), &about), 0);
    EXPECT_EQ(about.st_uid, nobody) << path;
  }
}

TEST(Quickstart, WithTheObstacleAwayItWorks) {
  Folder folder;
  FakeProbe probe(kHealthy);
  QuickstartOptions o = folder.options();
  o.skip_checks = true;
  o.account = "alice@example.org";
  EXPECT_EQ(run(o, probe).exit, 1);
  o.account = "alice";
  EXPECT_EQ(run(o, probe).exit, 0);
}

TEST(Quickstart, ASecondRunDoesNotTouchTheFirst) {
  Folder folder;
  FakeProbe probe(kHealthy);
  ASSERT_EQ(run(folder.options(), probe).exit, 0);
  const auto before = everything_in(folder.path);
  EXPECT_EQ(run(folder.options(), probe).exit, 1);
  EXPECT_EQ(everything_in(folder.path), before);
}

TEST(Quickstart, RefusesWordsThatItCannotWriteDown) {
  Folder folder;
  FakeProbe probe;
  const auto refused = [&](const std::function<void(QuickstartOptions&)>& change) {
    QuickstartOptions o = folder.options();
    change(o);
    const auto [exit, out, err] = run(o, probe);
    EXPECT_THAT(err, Not(testing::IsEmpty()));
    EXPECT_THAT(everything_in(folder.path), testing::IsEmpty());
    return exit == 2;
  };
  for (const char* bad : {"", "localhost", "a b.com", "-x.com", "exa_mple..com", "a\"\nb.com"}) {
    EXPECT_TRUE(refused([&](auto& o) { o.domain = bad; })) << bad;
    EXPECT_TRUE(!*bad || refused([&](auto& o) { o.hostname = bad; })) << bad;
  }
  EXPECT_TRUE(refused([](auto& o) { o.data_dir += "/with blank"; }));
  EXPECT_TRUE(refused([](auto& o) { o.config_dir += "\"\nlog = \"off"; }));
  EXPECT_TRUE(refused([](auto& o) { o.user = "a\nExecStart=/bin/evil"; }));
  EXPECT_TRUE(refused([](auto& o) { o.dns_forwarder = "1.1.1.1\"\nx"; }));
  EXPECT_TRUE(refused([](auto& o) { o.public_ips = {"mail.example.com"}; }));
}

// --- single checks --------------------------------------------------------------------------------------------------

TEST(Checks, WhatCannotBeLookedUpIsNeitherGoodNorBad) {
  FakeProbe probe(kHealthy);
  for (const char* name :
       {"mail.example.com", "5.1.100.198.in-addr.arpa", "example.com", "5.1.100.198.zen.spamhaus.org"})
    probe.fail(name);
  const std::vector<std::string> ips{"198.100.1.5"};
  for (const auto& findings :
       {check_host_name(probe, "mail.example.com", ips), check_reverse_dns(probe, "mail.example.com", ips),
        check_domain(probe, "example.com", "mail.example.com"), check_block_lists(probe, ips)}) {
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].verdict, Finding::Verdict::kWarning) << findings[0].what;
    EXPECT_THAT(to_text(findings), testing::AllOf(HasSubstr("why: "), HasSubstr("fix: ")));
  }
}

TEST(Checks, AListThatRefusesToAnswerHasNotCleared) {
  FakeProbe probe("5.1.100.198.zen.spamhaus.org. A 127.255.255.254\n");
  const auto findings = check_block_lists(probe, {"198.100.1.5"});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].verdict, Finding::Verdict::kWarning);
  EXPECT_THAT(findings[0].seen, HasSubstr("zen.spamhaus.org did not answer"));
}

TEST(Checks, UnvalidatedDnsIsAWarning) {
  FakeProbe probe(". NS a.root\n", false);
  const auto findings = check_resolver(probe);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].verdict, Finding::Verdict::kGood);
  EXPECT_EQ(findings[1].verdict, Finding::Verdict::kWarning);
  EXPECT_THAT(findings[1].fix, HasSubstr("unbound"));
}

TEST(Checks, AHostNameOfAnotherMachineAndOneWithoutPublicAddress) {
  FakeProbe probe("mail.example.com. A 198.100.1.7\n5.1.100.198.in-addr.arpa. PTR vps5.hoster.net.\n");
  auto findings = check_host_name(probe, "mail.example.com", {"198.100.1.5"});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings[0].seen, HasSubstr("198.100.1.7 is not an address of this machine"));
  findings = check_host_name(probe, "mail.example.com", {});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_THAT(findings[0].fix, HasSubstr("--public-ip"));
  findings = check_reverse_dns(probe, "mail.example.com", {"198.100.1.5"});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].seen, "is vps5.hoster.net");
}

TEST(PublicIp, KnowsThePrivateAndReservedNetworks) {
  for (const char* ip : {"8.8.8.8", "198.100.1.5", "172.32.0.1", "2a00:1450::1"}) EXPECT_TRUE(is_public_ip(ip)) << ip;
  for (const char* ip : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1",
                         "203.0.113.5", "::1", "fe80::1", "fd00::1", "2001:db8::1", "no"})
    EXPECT_FALSE(is_public_ip(ip)) << ip;
}

}  // namespace
}  // namespace pabal::app
