#include <gtest/gtest.h>

#include "dns/resolver.h"

namespace pabal::dns {
namespace {

TEST(Names, AreGivenInLowerCaseALabelsWithoutTheFinalDot) {
  const std::pair<const char*, const char*> good[] = {{"Example.ORG", "example.org"},
                                                      {"example.org.", "example.org"},
                                                      {"_dmarc.example.org", "_dmarc.example.org"},
                                                      {"bücher.example", "xn--bcher-kva.example"},
                                                      {"BÜCHER.example", "xn--bcher-kva.example"},
                                                      {"파발.example", "xn--ih3bl33b.example"},
                                                      {"faß.de", "xn--fa-hia.de"},
                                                      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
                                                      {"localhost", "localhost"}};
  for (const auto& [in, out] : good) {
    const auto name = to_ascii(in);
    ASSERT_TRUE(name) << in;
    EXPECT_EQ(*name, out) << in;
  }
}

TEST(Names, RefuseWhatIsNoHostName) {
  const std::string long_label(64, 'a'), label63(63, 'a');
  const std::string too_long = label63 + "." + label63 + "." + label63 + "." + label63;  // 255 octets
  for (const std::string& bad : std::vector<std::string>{
           "", ".", "..", "a..b", ".a", "-a.org", "a-.org", "a b.org", "a/b", "a@b", long_label + ".org", too_long,
           std::string("a\0b.org", 7), "\xff\xfe.org", "a\n.org", std::string(5000, 'x')})
    EXPECT_FALSE(to_ascii(bad)) << bad;
  EXPECT_TRUE(to_ascii(label63 + ".org"));
}

TEST(Names, AreShownInUnicodeWhereTheyDecode) {
  EXPECT_EQ(to_unicode("xn--bcher-kva.example"), "bücher.example");
  EXPECT_EQ(to_unicode("example.org"), "example.org");
  EXPECT_EQ(to_unicode("xn--a"), "xn--a");
}

TEST(Names, OfAddressesBackwardsForPtr) {
  EXPECT_EQ(reverse_name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse_name("2001:db8::1"), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "example.org", "1.2.3.4.5", "2001:db8:::1", "[192.0.2.1]"})
    EXPECT_EQ(reverse_name(bad), "") << bad;
}

}  // namespace
}  // namespace pabal::dns
