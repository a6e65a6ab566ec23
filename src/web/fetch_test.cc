// Fetching: what is refused before any octet leaves this machine.
#include "web/fetch.h"

#include <gtest/gtest.h>

#include "net/sim.h"
#include "trust/ip.h"

namespace pabal::web {
namespace {

Task<void> fetch_into(Fetcher& fetcher, net::Loop& loop, std::string url, std::optional<Result<Fetched>>& out) {
  Task<Result<Fetched>> fetching = fetcher.fetch(loop, std::move(url), 1'000);
  out.emplace(co_await fetching);
}

TEST(Fetch, LeadsToInternetHostsOnly) {
  dns::ZoneResolver zones;
  ASSERT_TRUE(
      zones.load("example",
                 "loop A 127.0.0.1\nprivate A 10.1.2.3\nmixed A 8.8.8.8\nmixed A 192.168.1.1\n"
                 "linklocal AAAA fe80::1\nmapped AAAA ::ffff:127.0.0.1\nsix AAAA ::1\nmeta A 169.254.169.254\n"));
  net::SimLoop loop;
  const auto fetcher = make_fetcher(zones, {});
  for (const std::string url : {"https://loop.example/a.svg",
                                "https://private.example/",
                                "https://mixed.example/",
                                "https://linklocal.example/",
                                "https://mapped.example/",
                                "https://six.example/",
                                "https://meta.example/",
                                "https://127.0.0.1/",
                                "https://2130706433/",
                                "https://0x7f.1/",
                                "https://0177.0.0.1/",
                                "https://[::1]/",
                                "https://[::ffff:10.0.0.1]/",
                                "https://[64:ff9b::7f00:1]/",
                                "http://8.8.8.8/",
                                "https://8.8.8.8:25/",
                                "https://u@8.8.8.8/",
                                "file:///etc/passwd",
                                "gopher://8.8.8.8/",
                                "",
                                "https://"}) {
    std::optional<Result<Fetched>> got;
    loop.spawn(fetch_into(*fetcher, loop, url, got));
    loop.run_for(seconds(30));
    ASSERT_TRUE(got) << url;
    ASSERT_FALSE(*got) << url;
    EXPECT_EQ(got->code(), Code::kDenied) << url << ": " << got->error().message;
  }
  std::optional<Result<Fetched>> got;
  loop.spawn(fetch_into(*fetcher, loop, "https://nowhere.example/", got));
  loop.run_for(seconds(30));
  EXPECT_EQ(got->code(), Code::kUnavailable);
}

TEST(Fetch, AddressesWithinAddressesAreSeenThrough) {
  for (const char* ip : {"8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(trust::is_public(*trust::parse_ip(ip))) << ip;
  for (const char* ip :
       {"0.0.0.0", "127.0.0.1", "10.0.0.1", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "fe80::1", "fd00::1", "ff02::1"})
    EXPECT_FALSE(trust::is_public(*trust::parse_ip(ip))) << ip;
}

}  // namespace
}  // namespace pabal::web
