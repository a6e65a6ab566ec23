// Web Push as the standards print it.
#include "push/web_push.h"

#include <gmock/gmock.h>

#include "base/text.h"

namespace pabal::push {
namespace {

using testing::StartsWith;

std::string raw(std::string_view base64url) { return text::unbase64url(base64url).value(); }

// RFC 8188 §3.1.
TEST(WebPush, EncryptsContentAsTheStandardDoes) {
  EXPECT_EQ(text::base64url(encrypt_content("I am the walrus", raw("yqdlZ-tYemfogSmv7Ws5PQ"),
                                            raw("I1BsxtFttlv3u_Oo94xnmw"), "", 0)),
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
}

const char* const kBrowser = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

// RFC 8291 §5 and its appendix.
TEST(WebPush, EncryptsMessagesAsTheStandardDoes) {
  const auto key = EcKey::from_private(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
  ASSERT_TRUE(key);
  EXPECT_EQ(text::base64url(key->point()),
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
  const PushKeys browser{raw(kBrowser), raw("BTBZMqHH6r4Tts7J_aSIgg")};
  const auto made =
      encrypt_push("When I grow up, I want to be a watermelon", browser, 0, *key, raw("DGv6ra1nlYgDCS1FRnbzlw"));
  ASSERT_TRUE(made);
  EXPECT_EQ(text::base64url(*made),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
            "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(WebPush, LengthsTellNothingAndBadKeysAreRefused) {
  SeededRandom random(1);
  const PushKeys browser{raw(kBrowser), std::string(kAuthSecret, 'a')};
  const auto one = encrypt_push("a", browser, 500, random),
             other = encrypt_push(std::string(500, 'b'), browser, 500, random);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->size(), other->size());
  EXPECT_NE(one->substr(0, kSalt), other->substr(0, kSalt));
  EXPECT_EQ(encrypt_push(std::string(kMaxPushPayload + 1, 'x'), browser, 0, random).code(), Code::kLimit);
  EXPECT_LE(encrypt_push(std::string(kMaxPushPayload, 'x'), browser, 1 << 20, random)->size(), 4'096u);
  std::string off = browser.p256dh;
  off.back() = static_cast<char>(off.back() ^ 1);  // not on the curve
  for (const PushKeys& bad : {PushKeys{off, browser.auth}, PushKeys{"", browser.auth},
                              PushKeys{browser.p256dh.substr(0, 64), browser.auth}, PushKeys{browser.p256dh, "short"}})
    EXPECT_EQ(encrypt_push("a", bad, 0, random).code(), Code::kInvalid);
  EXPECT_FALSE(EcKey::from_private(std::string(kScalar, '\0')));
  EXPECT_FALSE(EcKey::from_private(std::string(kScalar, '\xff')));
}

TEST(WebPush, VapidSaysForWhomAndUntilWhen) {
  SeededRandom random(1);
  const EcKey key = EcKey::generate(random);
  const std::string header =
      vapid(key, "https://push.example", "mailto:postmaster@example.com", from_unix(1'800'000'000));
  EXPECT_THAT(header, StartsWith("vapid t="));
  const size_t comma = header.find(", k=");
  ASSERT_NE(comma, header.npos);
  EXPECT_EQ(raw(header.substr(comma + 4)), key.point());
  const auto parts = text::split(std::string_view(header).substr(8, comma - 8), '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(raw(parts[0]), R"({"typ":"JWT","alg":"ES256"})");
  EXPECT_EQ(raw(parts[1]), R"({"aud":"https://push.example","exp":1800043200,"sub":"mailto:postmaster@example.com"})");
  const std::string signed_part = std::string(parts[0]) + "." + std::string(parts[1]);
  EXPECT_TRUE(verify_es256(key.point(), signed_part, raw(parts[2])));
  EXPECT_FALSE(verify_es256(key.point(), signed_part + "x", raw(parts[2])));
  EXPECT_FALSE(verify_es256(EcKey::generate(random).point(), signed_part, raw(parts[2])));
}

}  // namespace
}  // namespace pabal::push
