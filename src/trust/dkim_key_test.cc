#include "trust/dkim_key.h"

#include <gtest/gtest.h>

namespace pabal::trust {
namespace {

TEST(DkimKey, DescribesWhatItMadeForDns) {
  for (const auto& [algorithm, start] : {std::pair(DkimAlgorithm::kRsa2048, "v=DKIM1; k=rsa; p=MIIBIjAN"),
                                         std::pair(DkimAlgorithm::kEd25519, "v=DKIM1; k=ed25519; p=")}) {
    const auto key = make_dkim_key(algorithm);
    ASSERT_TRUE(key);
    EXPECT_TRUE(key->txt.starts_with(start)) << key->txt;
    const auto again = dkim_txt(key->private_pem);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, key->txt);
  }
}

TEST(DkimKey, RefusesWhatIsNoKey) { EXPECT_EQ(dkim_txt("-----BEGIN PRIVATE KEY-----\nAAAA\n").code(), Code::kCorrupt); }

// RFC 8463 §A.1: the private key there has this public key.
TEST(DkimKey, MatchesTheEd25519KeyOfRfc8463) {
  const auto txt = dkim_txt(
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE "
      "KEY-----\n");
  ASSERT_TRUE(txt) << txt.error().message;
  EXPECT_EQ(*txt, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}

}  // namespace
}  // namespace pabal::trust
