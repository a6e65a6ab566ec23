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

TEST(Config, NamesFileLineAndSettingOfEachFault) {
  const std::pair<std::string, std::string> cases[] = {
      {"hostname = 3", "pabal.toml:1: hostname must be a string"},
      {"hostname = \"a\"\ndata = \"/d\"\nhostnam = \"b\"", "pabal.toml:3: hostnam is not a setting"},
      {"hostname = \"a\"\ndata = \"/d\"\n", "[[listen]]"},
      {"hostname = \"a\"\ndata = \"/d\"\n[[listen]]\nprotocol = \"http\"\naddress = \"1.2.3.4:5\"", "pabal.toml:4: listen.protocol must be"},
      {"hostname = \"a\"\ndata = \"/d\"\n[[listen]]\nprotocol = \"smtp\"\naddress = \"25\"", "pabal.toml:5: listen.address must be"},
      {"hostname = \"a\"\ndata = \"/d\"\nthreads = -1", "pabal.toml:3: threads must be between"},
      {"hostname = ", "pabal.toml:1:"},
  };
  for (const auto& [text, message] : cases) {
    const auto config = parse_config(text, "pabal.toml");
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace pabal::app
