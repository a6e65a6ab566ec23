#include "identity/password.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace pabal::identity {
namespace {

// The exchange printed in RFC 7677 §3.
TEST(Scram, AgreesWithTheExampleOfRfc7677) {
  const ScramSecret secret = make_scram("pencil", *text::unbase64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const std::string message =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + nonce;
  const std::string proof = *text::unbase64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(scram_proves(secret, message, proof));
  EXPECT_EQ(text::base64(hmac_sha256(secret.server_key, message)), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");

  std::string other = proof;
  other[31] ^= 1;
  EXPECT_FALSE(scram_proves(secret, message, other));
  EXPECT_FALSE(scram_proves(secret, message + "x", proof));
  EXPECT_FALSE(scram_proves(secret, message, proof.substr(1)));
  EXPECT_FALSE(scram_proves(secret, message, ""));
  EXPECT_FALSE(scram_proves(make_scram("pencils", secret.salt, 4096), message, proof));
}

// RFC 4231 §4.3 and §4.7.
TEST(Hmac, AgreesWithTheExamplesOfRfc4231) {
  EXPECT_EQ(text::hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(text::hex(hmac_sha256(std::string(131, '\xAA'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Argon2, VerifiesWhatItHashedAndNothingElse) {
  SeededRandom random(1);
  const auto encoded = argon2_hash("correct horse", random);
  ASSERT_TRUE(encoded);
  EXPECT_TRUE(encoded->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *encoded;
  EXPECT_TRUE(argon2_verify(*encoded, "correct horse"));
  EXPECT_FALSE(argon2_verify(*encoded, "correct horsf"));
  EXPECT_FALSE(argon2_verify(*encoded, ""));
  const auto again = argon2_hash("correct horse", random);
  EXPECT_NE(*encoded, *again) << "the salt is fresh each time";
  for (const char* broken : {"", "x", "$argon2id$v=19$m=19456,t=2,p=1$"})
    EXPECT_FALSE(argon2_verify(broken, "correct horse")) << broken;
}

TEST(Argon2, NobodysHashIsWellFormedAndOfTheSameCost) {
  SeededRandom random(1);
  const std::string nobody = argon2_of_nobody(random), somebody = *argon2_hash("correct horse", random);
  EXPECT_EQ(nobody.size(), somebody.size());
  EXPECT_EQ(nobody.substr(0, 31), somebody.substr(0, 31));
  EXPECT_FALSE(argon2_verify(nobody, "correct horse"));
}

}  // namespace
}  // namespace pabal::identity
