#include "app/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/stream.h"

namespace pabal::app {
namespace {

using testing::HasSubstr;
using testing::Not;

Config config_of(std::vector<std::pair<Protocol, uint16_t>> listeners) {
  Config config;
  config.hostname = "mail.example.com";
  for (const auto& [protocol, port] : listeners) config.listeners.push_back({protocol, {"0.0.0.0", port}});
  return config;
}

std::string certificate_for(const std::vector<std::string>& names) {
  const auto made = net::make_self_signed(names, Time(), days(1));
  EXPECT_TRUE(made);
  return made->certificate_pem;
}

TEST(Discovery, ThePolicyOfMtaStsAndItsIdGoTogether) {
  Config config = config_of({});
  EXPECT_EQ(mta_sts_policy(config), "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmax_age: 604800\r\n");
  const std::string txt = mta_sts_txt(config);
  EXPECT_THAT(txt, testing::MatchesRegex("v=STSv1; id=[0-9a-f]{20};"));
  EXPECT_EQ(mta_sts_txt(config), txt);
  config.mta_sts = "testing";
  EXPECT_NE(mta_sts_txt(config), txt);
}

TEST(Discovery, APolicyIsAdvisedOnlyWhereOthersCanFetchItAndKeepToIt) {
  Config config = config_of({{Protocol::kHttps, 443}});
  const std::string all = certificate_for({"mail.example.com", "mta-sts.example.com"});
  EXPECT_THAT(mta_sts_hindrance(config, "example.com", all), HasSubstr("certificate that others trust"));
  config.tls_certificate = "chain.pem";
  EXPECT_EQ(mta_sts_hindrance(config, "example.com", all), "");
  EXPECT_THAT(mta_sts_hindrance(config, "example.org", all), HasSubstr("mta-sts.example.org"));
  EXPECT_THAT(mta_sts_hindrance(config, "example.com", certificate_for({"mta-sts.example.com"})),
              HasSubstr("does not hold for mail.example.com"));
  EXPECT_THAT(mta_sts_hindrance(config, "example.com", "no certificate"), HasSubstr("does not hold"));
  config.listeners.front().address.port = 8443;
  EXPECT_THAT(mta_sts_hindrance(config, "example.com", all), HasSubstr("port 443"));
  config.trusted_proxies = {"10.0.0.1"};
  EXPECT_EQ(mta_sts_hindrance(config, "example.org", all), "");
  config.mta_sts = "none";
  EXPECT_THAT(mta_sts_hindrance(config, "example.com", all), HasSubstr("switched off"));
}

TEST(Discovery, ProgramsAskByHttpToo) {
  const Config config = config_of({{Protocol::kHttp, 80}});
  EXPECT_EQ(autoconfig_hindrance(config, "example.com", ""), "");
  EXPECT_THAT(https_hindrance(config, ""), HasSubstr("port 443"));
}

TEST(Discovery, AutoconfigNamesEveryDoorTheBestFirst) {
  const Config config = config_of(
      {{Protocol::kSubmission, 587}, {Protocol::kImap, 143}, {Protocol::kImaps, 993}, {Protocol::kSubmissions, 465}});
  const std::string xml = autoconfig_xml(config, "example.com");
  const size_t imaps = xml.find("<port>993</port>\n<socketType>SSL"),
               imap = xml.find("<port>143</port>\n<socketType>STARTTLS");
  ASSERT_NE(imaps, xml.npos);
  ASSERT_NE(imap, xml.npos);
  EXPECT_LT(imaps, imap);
  EXPECT_LT(xml.find("<port>465</port>"), xml.find("<port>587</port>"));
  EXPECT_THAT(xml, HasSubstr("<username>%EMAILADDRESS%</username>"));
  EXPECT_THAT(xml, Not(HasSubstr("pop3")));
}

TEST(Discovery, AutodiscoverTakesOneAddressOutOfXmlAndNothingElse) {
  const auto of = [](const std::string& inside) {
    return autodiscover_address("<?xml version=\"1.0\"?><Autodiscover xmlns=\"x\"><Request>" + inside +
                                "</Request></Autodiscover>");
  };
  EXPECT_EQ(*of("<EMailAddress> bob@example.com </EMailAddress><AcceptableResponseSchema>y</AcceptableResponseSchema>"),
            "bob@example.com");
  for (const char* bad : {"", "<EMailAddress/>", "<EMailAddress>bob</EMailAddress>", "<EMailAddress>b@c"})
    EXPECT_FALSE(of(bad)) << bad;
  EXPECT_FALSE(autodiscover_address(
      "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><EMailAddress>&b;@c</EMailAddress>"));
  EXPECT_FALSE(autodiscover_address(""));
  const std::string xml = autodiscover_xml(config_of({{Protocol::kImaps, 993}}), "<b>@example.com");
  EXPECT_THAT(xml, HasSubstr("<LoginName>&lt;b&gt;@example.com</LoginName>"));
}

}  // namespace
}  // namespace pabal::app
