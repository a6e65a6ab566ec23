#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smtp/test_client.h"

namespace pabal::smtp {
namespace {

struct FixedRandom final : Random {
  explicit FixedRandom(std::string o) : octets(std::move(o)) {}
  void fill(std::span<uint8_t> out) override {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(octets[i % octets.size()]);
  }
  std::string octets;
};

std::string b64(std::string_view text) { return text::base64(text); }

// The exchange printed in RFC 7677 §3.
const std::string kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

TEST(ClientAuth, ScramIsAsPrintedInRfc7677) {
  FixedRandom random(*text::unbase64("rOprNGfwEbeRWgbNEkqO"));
  for (const bool honest : {true, false}) {
    TestClient test;
    test.hello("S: 250 AUTH PLAIN SCRAM-SHA-256");
    const auto done = test.start(test.client->authenticate("user", "pencil", random));
    test.play("C: AUTH SCRAM-SHA-256 " + b64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO") + "\nS: 334 " + b64(kServerFirst) +
              "\nC: " +
              b64("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+"
                  "Ute9ytag9zjfMHgsqmmiz7AndVQ="));
    test.server->send("334 " +
                      b64(honest ? "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
                                 : "v=AAAAAAAi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") +
                      "\r\n");
    if (honest) test.play("C:\nS: 235 ok");
    ASSERT_TRUE(*done);
    EXPECT_EQ((*done)->ok(), honest);
    EXPECT_EQ(test.client->usable(), honest);
  }
}

TEST(ClientAuth, RefusesMalformedAndCostlyChallenges) {
  FixedRandom random(*text::unbase64("rOprNGfwEbeRWgbNEkqO"));
  for (const std::string& challenge : {std::string("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
                                       std::string("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
                                       std::string("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=100"),
                                       std::string("r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096"),
                                       std::string("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999"),
                                       std::string("m=x,r=rOprNGfwEbeRWgbNEkqOx"), std::string()}) {
    TestClient test;
    test.hello("S: 250 AUTH SCRAM-SHA-256");
    const auto done = test.start(test.client->authenticate("user", "pencil", random));
    test.server->send("334 " + b64(challenge) + "\r\n");
    ASSERT_TRUE(*done);
    EXPECT_EQ((*done)->code(), Code::kDenied) << challenge;
  }
}

TEST(ClientAuth, FallsBackToPlainAndLogin) {
  SeededRandom random(1);
  TestClient plain;
  plain.hello("S: 250 AUTH LOGIN PLAIN");
  const auto first = plain.start(plain.client->authenticate("alice", "secret", random));
  plain.play("C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 235 ok");
  EXPECT_TRUE((*first)->ok());
  TestClient login;
  login.hello("S: 250 AUTH LOGIN");
  const auto second = login.start(login.client->authenticate("alice", "secret", random));
  login.play("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 535 5.7.8 wrong");
  EXPECT_EQ((*second)->code(), Code::kDenied);
  TestClient nothing;
  nothing.hello("S: 250 AUTH XOAUTH");
  EXPECT_EQ((*nothing.start(nothing.client->authenticate("alice", "secret", random)))->code(), Code::kUnsupported);
}

}  // namespace
}  // namespace pabal::smtp
