#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pabal::app {
namespace {

using testing::HasSubstr;

constexpr std::string_view kGood = R"(
hostname = "Mail.Example.com"
data = "/var/lib/pabal"
[[listen]]
protocol = "smtp"
address = "0.0.0.0:25"
[[listen]]
protocol = "imaps"
address = "[::]:993"
[relay]
port = 2525
[[zone]]
origin = "example.com"
text = "@ MX 10 mail"
)";

TEST(Config, ReadsWhatItNames) {
  const auto config = parse_config(kGood, "pabal.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hostname, "mail.example.com");
  ASSERT_EQ(config->listeners.size(), 2u);
  EXPECT_EQ(config->listeners[1].protocol, Protocol::kImaps);
  EXPECT_EQ(config->listeners[1].address.port, 993);
  EXPECT_EQ(config->relay_port, 2525);
  EXPECT_EQ(config->zones.size(), 1u);
}

TEST(Config, TrustsTheProxiesItNamesAndNoOthers) {
  const std::string good(kGood);
  EXPECT_TRUE(parse_config(good, "pabal.toml")->trusted_proxies.empty());
  const auto config = parse_config(good + "[web]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n", "pabal.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->trusted_proxies.size(), 2u);
  EXPECT_FALSE(config->fetch_private);
  for (const char* bad : {"trusted_proxies = \"10.0.0.1\"", "trusted_proxies = [\"proxy.example\"]",
                          "trusted_proxies = [1]", "fetch_private = \"no\"", "proxies = []"})
    EXPECT_FALSE(parse_config(good + "[web]\n" + bad + "\n", "pabal.toml")) << bad;
}

TEST(Config, NamesFileLineAndSettingOfEachFault) {
  const std::string top = "hostname = \"mail.example.com\"\ndata = \"/d\"\n",
                    listen = "[[listen]]\nprotocol = \"smtp\"\naddress = \"[::]:25\"\n";
  const std::pair<std::string, std::string> cases[] = {
      {"hostname = 3", "pabal.toml:1: hostname must be a string"},
      {"data = \"/d\"", "hostname is missing"},
      {"hostname = \"localhost\"\ndata = \"/d\"", "pabal.toml:1: hostname must be a full host name"},
      {"hostname = \"mail.example.com\\r\\n250 hi\"\ndata = \"/d\"", "pabal.toml:1: hostname must be a full host name"},
      {"hostname = \"mail.example.com\"", "data is missing"},
      {top + "hostnam = \"b\"", "pabal.toml:3: hostnam is not a setting"},
      {top, "[[listen]]"},
      {top + "listen = 3", "pabal.toml:3: listen must be an array of tables"},
      {top + "listen = [3]", "pabal.toml:3: listen must be an array of tables"},
      {top + "[listen]\nprotocol = \"smtp\"", "pabal.toml:3: listen must be an array of tables"},
      {top + "[[listen]]\nprotocol = \"gopher\"\naddress = \"1.2.3.4:5\"", "pabal.toml:4: listen.protocol must be"},
      {top + "[[listen]]\nprotocol = \"smtp\"\naddress = \"25\"", "pabal.toml:5: listen.address must be"},
      {top + "[[listen]]\nprotocol = \"smtp\"\naddress = \"1.2.3.4:5\"\ntls = true",
       "pabal.toml:6: listen.tls is not a setting"},
      {top + "threads = -1", "pabal.toml:3: threads must be between"},
      {top + "threads = 1.5", "pabal.toml:3: threads must be a whole number"},
      {top + "log = \"loud\"", "pabal.toml:3: log must be debug"},
      {top + "max_message_size = 1", "pabal.toml:3: max_message_size must be between"},
      {top + "tls = true", "pabal.toml:3: tls must be a table: [tls]"},
      {top + "[tls]\ncertificate = \"a.pem\"", "pabal.toml:4: tls.certificate needs"},
      {top + "[relay]\nport = 65536", "pabal.toml:4: relay.port must be between"},
      {top + "[relay]\nsource_ip = \"mail.example.com\"", "pabal.toml:4: relay.source_ip must be an IP"},
      {top + "[relay]\nsmarthost = \"relay.example.net:25\"", "pabal.toml:4: relay.smarthost must be"},
      {top + "[relay]\nsmarthost = \"[]:25\"", "pabal.toml:4: relay.smarthost must be"},
      {top + "[dns]\nforwarder = \"dns.example.net\"", "pabal.toml:4: dns.forwarder must be"},
      {top + "[dns]\nforwarder = \"127.0.0.1@0\"", "pabal.toml:4: dns.forwarder must be"},
      {top + "zone = \"x\"\n" + listen, "pabal.toml:3: zone must be an array of tables"},
      {top + listen + "[[zone]]\ntext = \"x\"", "zone.origin is missing"},
      {"hostname = ", "pabal.toml:1:"},
      {"a = 1\na = 2", "pabal.toml:2:"},
      {"\xFF\xFE", "pabal.toml:1:"},
  };
  for (const auto& [text, message] : cases) {
    const auto config = parse_config(text, "pabal.toml");
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message)) << text;
  }
}

TEST(Config, TakesTheFormsThatItAsksFor) {
  const auto config = parse_config(std::string(kGood) + "[dns]\nforwarder = \"127.0.0.1@5353\"\n", "pabal.toml");
  ASSERT_TRUE(config) << config.error().message;
  std::string more(kGood);
  more.replace(more.find("port = 2525"), 11, "smarthost = \"[relay.example.net]:587\"\nsource_ip = \"2001:db8::1\"");
  const auto relay = parse_config(more, "pabal.toml");
  ASSERT_TRUE(relay) << relay.error().message;
  EXPECT_EQ(relay->relay_smarthost, "[relay.example.net]:587");
}

TEST(Config, AFolderOfItsOwnIsTakenFromWhereTheFileLies) {
  const auto config = parse_config(
      "hostname = \"mail.example.com\"\ndata = \"../var\"\n[[listen]]\nprotocol = \"smtp\"\naddress = \"[::]:25\"",
      "/srv/mail/etc/pabal.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data_dir, "/srv/mail/var");
}

TEST(Config, SaysHowToMakeAFileThatIsMissing) {
  for (const char* file : {"/nonexistent/pabal.toml", "/"}) {
    const auto config = read_config(file);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.code(), Code::kNotFound);
    EXPECT_THAT(config.error().message, HasSubstr("pabal quickstart"));
  }
}

}  // namespace
}  // namespace pabal::app
