// Logos: what is let through, what is kept, and what is not even asked for.
#include "web/logos.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "store/rocksdb_store.h"
#include "web/site.h"
#include "web/svg.h"
#include "web/test_server.h"

namespace pabal::web {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kOpen =
    "<svg version=\"1.2\" baseProfile=\"tiny-ps\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\">"
    "<title>Acme</title>";

std::string logo(const std::string& inside) { return kOpen + inside + "</svg>"; }

TEST(Svg, ShapesPassAndAllThatActsIsRefused) {
  EXPECT_TRUE(check_logo(logo("<g fill=\"#f00\"><circle cx=\"5\" cy=\"5\" r=\"4\"/></g>")));
  EXPECT_TRUE(check_logo("<?xml version=\"1.0\"?>\n" +
                         logo("<defs><linearGradient id=\"a\"><stop offset=\"0\"/></linearGradient></defs>"
                              "<rect fill=\"url(#a)\" width=\"9\" height=\"9\"/><use href=\"#a\"/>")));
  for (const std::string inside : {"<script>alert(1)</script>",
                                   "<g onload=\"alert(1)\"/>",
                                   "<g ONCLICK=\"x\"/>",
                                   "<image href=\"#a\"/>",
                                   "<use href=\"https://evil.example/a.svg#b\"/>",
                                   "<use xlink:href=\"//evil.example/\"/>",
                                   "<use href=\"&#106;avascript:alert(1)\"/>",
                                   "<a href=\"#\"/>",
                                   "<foreignObject/>",
                                   "<x:script/>",
                                   "<animate attributeName=\"href\"/>",
                                   "<set/>",
                                   "<style>@import url(x)</style>",
                                   "<g fill=\"url(https://evil.example/x)\"/>",
                                   "<g style=\"fill:u\\72l(x)\"/>",
                                   "<g style=\"a:url (x)\"/>",
                                   "<g style=\"a:ur/**/l(x)\"/>",
                                   "<g xml:base=\"https://evil.example/\"/>",
                                   "<?xml-stylesheet href=\"x\"?>",
                                   "<iframe/>",
                                   "<video/>",
                                   "<metadata/>"})
    EXPECT_FALSE(check_logo(logo(inside))) << inside;
  for (const std::string& whole :
       {std::string(), std::string("<svg/>"), std::string("<html/>"), "<!DOCTYPE svg [<!ENTITY a \"b\">]>" + logo(""),
        kOpen, std::string("<svg version=\"1.2\" baseProfile=\"tiny-ps\"></svg>"),
        std::string("<svg version=\"1.1\" baseProfile=\"tiny-ps\"><title>a</title></svg>"),
        logo(std::string(kMaxLogo, ' ')), logo("\xff")})
    EXPECT_FALSE(check_logo(whole)) << whole.substr(0, 100);
}

class FakeFetcher final : public Fetcher {
 public:
  Task<Result<Fetched>> fetch(net::Loop&, std::string url, size_t) override {
    asked.push_back(url);
    co_return answer;
  }
  std::vector<std::string> asked;
  Result<Fetched> answer = Fetched{200, "image/svg+xml; charset=utf-8", logo("<g/>")};
};

class LogosTest : public testing::Test {
 protected:
  LogosTest() {
    EXPECT_TRUE(zones.load("example.com",
                           "default._bimi TXT \"v=BIMI1; l=https://cdn.example.net/logo.svg\"\n"
                           "other._bimi TXT \"v=BIMI1; l=\"\n"
                           "broken._bimi TXT \"v=BIMI1; l=http://x/\"\n"));
    logos.add_to(server.echo.router);
  }
  std::string get(const std::string& path) {
    server.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    server.loop.run_for(seconds(1));
    return server.heard();
  }
  dns::ZoneResolver zones;
  FakeFetcher fetcher;
  TestServer server;
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("pabal-logos-" + std::to_string(::getpid()));
  std::unique_ptr<store::Store> store = open();
  Logos logos{*store, zones, fetcher};

  std::unique_ptr<store::Store> open() {
    std::filesystem::remove_all(folder);
    store::RocksOptions options;
    options.path = folder;
    auto opened = store::open_rocksdb(options, server.loop);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  void wait_for_store() {
    EXPECT_TRUE(store->transact_and_wait([](store::Transaction&) -> Result<void> { return {}; }));
  }
  ~LogosTest() override {
    store.reset();
    std::filesystem::remove_all(folder);
  }
};

TEST_F(LogosTest, ALogoIsFetchedOnceAWeekAndCanDoNothing) {
  const std::string said = get("/bimi/example.com");
  EXPECT_THAT(said, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(said, HasSubstr("\r\nContent-Type: image/svg+xml\r\n"));
  EXPECT_THAT(said,
              HasSubstr("\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; sandbox\r\n"));
  EXPECT_THAT(said, testing::EndsWith(logo("<g/>")));
  wait_for_store();
  get("/bimi/EXAMPLE.com");
  EXPECT_THAT(fetcher.asked, testing::ElementsAre("https://cdn.example.net/logo.svg"));
  server.loop.run_for(days(8));
  EXPECT_TRUE(server.closed);  // nobody waits that long; another connection sees the logo fetched anew
  server.again();
  get("/bimi/example.com");
  EXPECT_EQ(fetcher.asked.size(), 2u);
}

TEST_F(LogosTest, WhatIsNoLogoIs404WithItsReasonAndIsKeptForAnHour) {
  EXPECT_THAT(get("/bimi/nowhere.example"), HasSubstr("publishes no BIMI record"));
  EXPECT_THAT(get("/bimi/example.com?selector=other"), HasSubstr("declines"));
  EXPECT_THAT(get("/bimi/example.com?selector=broken"), HasSubstr("no https URL"));
  EXPECT_TRUE(fetcher.asked.empty());
  EXPECT_THAT(get("/bimi/localhost"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get("/bimi/a%20b.example"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get("/bimi/example.com?selector=a.b"), StartsWith("HTTP/1.1 400 "));
  fetcher.answer = Fetched{200, "text/html", logo("<g/>")};
  EXPECT_THAT(get("/bimi/example.com"), HasSubstr("not sent as image/svg+xml"));
  wait_for_store();
  EXPECT_THAT(get("/bimi/example.com"), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(fetcher.asked.size(), 1u);
}

TEST_F(LogosTest, ALogoThatActsIsRefused) {
  fetcher.answer = Fetched{200, "image/svg+xml", logo("<script>x</script>")};
  const std::string said = get("/bimi/example.com");
  EXPECT_THAT(said, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(said, HasSubstr("has the element script"));
}

TEST_F(LogosTest, WhatCannotBeFetchedIsNotAskedForAgainAtOnce) {
  fetcher.answer = Error{Code::kDenied, "cdn.example.net is not an Internet host"};
  EXPECT_THAT(get("/bimi/example.com"), HasSubstr("not an Internet host"));
  wait_for_store();
  get("/bimi/example.com");
  EXPECT_EQ(fetcher.asked.size(), 1u);
}

TEST_F(LogosTest, WhenTooMuchIsFetchedTheLogoIsNotGivenUp) {
  fetcher.answer = Error{Code::kLimit, "the server is busy; try again in a minute"};
  const std::string said = get("/bimi/example.com");
  EXPECT_THAT(said, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(said, HasSubstr("\r\nRetry-After: 60\r\n"));
  fetcher.answer = Fetched{200, "image/svg+xml", logo("<g/>")};
  EXPECT_THAT(get("/bimi/example.com"), StartsWith("HTTP/1.1 200 "));
}

TEST(Site, SpeaksTheLanguageAsked) {
  EXPECT_TRUE(prefers_korean("ko-KR,ko;q=0.9,en;q=0.8"));
  EXPECT_TRUE(prefers_korean("fr, ko;q=0.5"));
  EXPECT_FALSE(prefers_korean("en-US,en;q=0.9,ko;q=0.8"));
  EXPECT_FALSE(prefers_korean(""));
  EXPECT_FALSE(prefers_korean("ko;q=0"));
}

}  // namespace
}  // namespace pabal::web
