#include "identity/tokens.h"

#include <gmock/gmock.h>

#include "base/codec.h"
#include "base/text.h"
#include "identity/bearer.h"
#include "identity/test_directory.h"

namespace pabal::identity {
namespace {

using testing::ElementsAre;

struct TokensTest : testing::Test, TestDirectory {
  Account alice;

  TokensTest() {
    EXPECT_TRUE(domain("example.com"));
    alice = *account("alice@example.com");
  }
  Result<Token> issue(const std::string& secret, std::vector<std::string> scopes = {std::string(kMailRead)},
                      Duration life = days(30), const std::string& label = "phone") {
    Token token;
    token.scopes = std::move(scopes);
    token.label = label;
    token.expires = clock.now() + life;
    const auto done = commit([&](store::Transaction& t) -> Result<void> {
      auto issued = directory->issue_token(t, alice.id, secret, token);
      if (!issued) return issued.error();
      token = *issued;
      return {};
    });
    if (!done) return done.error();
    return token;
  }
};

TEST_F(TokensTest, LetTheirOwnerIn) {
  const std::string secret = directory->make_token(alice.id);
  EXPECT_NE(secret, directory->make_token(alice.id));
  const auto issued = issue(secret, {"mail.send", "mail.read"});
  ASSERT_TRUE(issued) << issued.error().message;
  const auto bearer = directory->check_token(secret);
  ASSERT_TRUE(bearer) << bearer.error().message;
  EXPECT_EQ(bearer->account.name, "alice@example.com");
  EXPECT_EQ(bearer->token.id, issued->id);
  EXPECT_EQ(bearer->token.label, "phone");
  EXPECT_TRUE(bearer->token.covers(kMailRead));
  EXPECT_FALSE(bearer->token.covers("mail"));
}

TEST(Scopes, CoverWhatTheyAreFor) {
  const std::string google = "https://www.googleapis.com/auth/gmail.";
  const std::vector<std::string_view> mail = {kMailMetadata,     kMailRead,     kMailModify,  kMailInsert,
                                              kMailDelete,       kMailLabels,   kMailDrafts,  kMailSend,
                                              kMailSettingsRead, kMailSettings, kMailSharing, kMailboxes};
  const auto covered = [&](const std::string& scope) {
    std::vector<std::string_view> out;
    for (const std::string_view need : mail)
      if (covers(scope, need)) out.push_back(need);
    return out;
  };
  EXPECT_EQ(covered("https://mail.google.com/"), mail);
  auto all_but_sending = mail;
  std::erase(all_but_sending, kMailSend);
  EXPECT_EQ(covered("mail.read"), all_but_sending);
  EXPECT_THAT(covered("mail.send"), ElementsAre(kMailSend));
  EXPECT_THAT(covered(google + "send"), ElementsAre(kMailSend));
  EXPECT_THAT(covered(google + "readonly"), ElementsAre(kMailMetadata, kMailRead, kMailSettingsRead));
  EXPECT_THAT(covered(google + "metadata"), ElementsAre(kMailMetadata));
  EXPECT_THAT(covered(google + "modify"), ElementsAre(kMailMetadata, kMailRead, kMailModify, kMailInsert, kMailLabels,
                                                      kMailDrafts, kMailSend, kMailSettingsRead));
  EXPECT_THAT(covered(google + "compose"), ElementsAre(kMailDrafts, kMailSend));
  EXPECT_THAT(covered(google + "insert"), ElementsAre(kMailInsert));
  EXPECT_THAT(covered(google + "labels"), ElementsAre(kMailLabels));
  EXPECT_THAT(covered(google + "settings.basic"), ElementsAre(kMailSettingsRead, kMailSettings));
  EXPECT_THAT(covered(google + "settings.sharing"), ElementsAre(kMailSharing));
  for (const char* scope : {"openid", "email", "profile", "offline_access", "", "mail", "mail.all", "MAIL.READ"})
    EXPECT_THAT(covered(scope), ElementsAre()) << scope;
  EXPECT_TRUE(covers("openid", kOpenId) && covers("email", kEmail) && covers("profile", kProfile));
  EXPECT_FALSE(covers("https://mail.google.com/", kEmail));
  for (const std::string_view scope : known_scopes()) EXPECT_TRUE(is_scope(scope) && !covers(scope, "root")) << scope;
  EXPECT_FALSE(is_scope("mail.metadata")) << "a need of ours, no scope";
  EXPECT_EQ(scope_to_ask(kMailboxes), "mail.read");
  EXPECT_EQ(scope_to_ask(kMailSend), "mail.send");
  EXPECT_EQ(scope_to_ask(kEmail), "email");
}

TEST_F(TokensTest, OfOneKindAreNotTakenForAnother) {
  const std::string session = directory->make_token(alice.id), ticket = directory->make_token(alice.id);
  const auto issue_kind = [&](const std::string& secret, Token::Kind kind, std::vector<std::string> scopes) {
    return commit([&](store::Transaction& t) -> Result<void> {
      Token token;
      token.kind = kind;
      token.scopes = scopes;
      token.client = "web";
      token.grant = "7";
      token.expires = clock.now() + hours(1);
      const auto issued = directory->issue_token(t, alice.id, secret, token);
      return issued ? Result<void>() : issued.error();
    });
  };
  ASSERT_TRUE(issue_kind(session, Token::Kind::kSession, {}));
  ASSERT_TRUE(issue_kind(ticket, Token::Kind::kTicket, {"mail.send"}));
  EXPECT_EQ(issue_kind(directory->make_token(alice.id), Token::Kind::kAccess, {}).code(), Code::kInvalid);
  EXPECT_EQ(directory->check_token(session).code(), Code::kDenied);
  EXPECT_EQ(directory->check_token(ticket).code(), Code::kDenied);
  const auto seated = directory->check_token(session, Token::Kind::kSession);
  ASSERT_TRUE(seated);
  EXPECT_TRUE(seated->token.covers(kMailSend) && seated->token.covers(kMailboxes));
  EXPECT_FALSE(seated->token.covers("root"));
  const auto shown = directory->check_token(ticket, Token::Kind::kTicket);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->token.client + shown->token.grant, "web7");
  EXPECT_FALSE(shown->token.covers(kMailRead));

  // A new password signs out, and leaves the rest.
  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->set_secrets(t, alice.id, {}); }));
  EXPECT_EQ(directory->check_token(session, Token::Kind::kSession).code(), Code::kDenied);
  EXPECT_TRUE(directory->check_token(ticket, Token::Kind::kTicket));
}

TEST_F(TokensTest, ThoseThatPassMakeRoomByThemselves) {
  const std::string own = directory->make_token(alice.id);
  ASSERT_TRUE(issue(own));
  std::vector<std::string> secrets;
  for (size_t i = 0; i <= kMaxPassing; ++i) secrets.push_back(directory->make_token(alice.id));
  ASSERT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
    for (const std::string& secret : secrets) {
      Token token;
      token.client = "app";
      token.scopes = {"mail.read"};
      token.expires = clock.now() + hours(1);
      clock.advance(milliseconds(1));
      if (const auto issued = directory->issue_token(t, alice.id, secret, token); !issued) return issued.error();
    }
    return {};
  }));
  EXPECT_FALSE(directory->check_token(secrets.front())) << "the oldest has gone";
  EXPECT_TRUE(directory->check_token(secrets[1]) && directory->check_token(secrets.back()));
  EXPECT_TRUE(directory->check_token(own));
}

TEST_F(TokensTest, AreKeptAsHashes) {
  const std::string secret = directory->make_token(alice.id);
  ASSERT_TRUE(issue(secret));
  const auto all = store->list(store::Range::prefix("I"));
  ASSERT_TRUE(all);
  const std::string raw = text::unbase64url(secret.substr(6))->substr(4);
  for (const store::Entry& entry : *all) EXPECT_EQ((entry.key + entry.value).find(raw), std::string::npos);
}

TEST_F(TokensTest, OthersLetNobodyIn) {
  const std::string secret = directory->make_token(alice.id);
  ASSERT_TRUE(issue(secret));
  for (std::string wrong : {std::string(), std::string("pabal_"), secret.substr(6), secret + "A", secret.substr(0, 50),
                            "Pabal_" + secret.substr(6), directory->make_token(alice.id), directory->make_token(99)})
    EXPECT_EQ(directory->check_token(wrong).code(), Code::kDenied) << wrong;
  std::string changed = secret;
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(directory->check_token(changed));
}

TEST_F(TokensTest, End) {
  const std::string first = directory->make_token(alice.id), second = directory->make_token(alice.id),
                    third = directory->make_token(alice.id);
  ASSERT_TRUE(issue(first, {"mail.read"}, hours(1)));
  clock.advance(seconds(1));
  const auto revoked = issue(second);
  ASSERT_TRUE(issue(third));
  EXPECT_EQ(directory->tokens(*store, alice.id)->size(), 3u);
  clock.advance(hours(1));
  EXPECT_EQ(directory->check_token(first).code(), Code::kDenied) << "expired";
  EXPECT_EQ(directory->tokens(*store, alice.id)->size(), 2u);

  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->revoke_token(t, revoked->id); }));
  EXPECT_EQ(directory->check_token(second).code(), Code::kDenied);
  EXPECT_EQ(commit([&](store::Transaction& t) { return directory->revoke_token(t, revoked->id); }).code(),
            Code::kNotFound);

  enable(alice.id, false);
  EXPECT_EQ(directory->check_token(third).code(), Code::kDenied);
  enable(alice.id, true);
  EXPECT_TRUE(directory->check_token(third));
  open_domain("example.com", false);
  EXPECT_EQ(directory->check_token(third).code(), Code::kDenied);
  open_domain("example.com", true);

  ASSERT_TRUE(commit([&](store::Transaction& t) { return directory->remove_account(t, alice.id); }));
  EXPECT_FALSE(directory->check_token(third));
  EXPECT_TRUE(store->list(store::Range::prefix("It"))->empty()) << "they go with their account";
}

TEST_F(TokensTest, WhatMakesNoSenseIsRefused) {
  const std::string secret = directory->make_token(alice.id);
  EXPECT_EQ(issue(secret, {}).code(), Code::kInvalid);
  EXPECT_EQ(issue(secret, {"root"}).code(), Code::kInvalid);
  EXPECT_EQ(issue(secret, {"mail.read"}, days(0)).code(), Code::kInvalid);
  EXPECT_EQ(issue(secret, {"mail.read"}, days(4'000)).code(), Code::kInvalid);
  EXPECT_EQ(issue(secret, {"mail.read"}, days(1), std::string(201, 'x')).code(), Code::kInvalid);
  EXPECT_EQ(issue(secret, {"mail.read"}, days(1), "\xFF").code(), Code::kInvalid);
  alice.id = 99;
  EXPECT_EQ(issue(secret).code(), Code::kNotFound);
  for (const char* id : {"", "-", "1", "1-", "1-00", "x-0011223344556677", "1-0011223344556677", "99999999999-00"})
    EXPECT_EQ(commit([&](store::Transaction& t) { return directory->revoke_token(t, id); }).code(), Code::kNotFound)
        << id;
}

// --- what clients say -----------------------------------------------------------------------------------------------

TEST(Bearer, OauthbearerMessages) {  // RFC 7628 §4.1
  const auto m = parse_oauthbearer(
      "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
      "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->name, "user@example.com");
  EXPECT_EQ(m->token, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
  EXPECT_EQ(parse_oauthbearer("y,,\x01"
                              "auth=bearer x\x01\x01")
                ->name,
            "");
  EXPECT_EQ(parse_oauthbearer("n,a=a=3Db=2Cc,\x01"
                              "auth=Bearer x\x01\x01")
                ->name,
            "a=b,c");
  for (const char* bad : {"", "\x01", "n,,\x01\x01",
                          "n,,\x01"
                          "auth=Basic x\x01\x01",
                          "n,,\x01"
                          "auth=Bearer \x01\x01",
                          "n,,\x01"
                          "auth=Bearer x\x01",
                          "n,,\x01"
                          "auth=Bearer x y\x01\x01",
                          "p=tls-unique,,\x01"
                          "auth=Bearer x\x01\x01",
                          "n,b=x,\x01"
                          "auth=Bearer x\x01\x01",
                          "n,a==,\x01"
                          "auth=Bearer x\x01\x01",
                          "n,,x\x01"
                          "auth=Bearer x\x01\x01",
                          "n,,\x01"
                          "auth=Bearer x\x01"
                          "auth=Bearer y\x01\x01",
                          "n,,\x01"
                          "novalue\x01"
                          "auth=Bearer x\x01\x01",
                          "n,,\x01"
                          "auth=Bearer x\x01\x01"
                          "a=b\x01\x01",
                          "auth=Bearer x\x01\x01"})
    EXPECT_FALSE(parse_oauthbearer(bad)) << text::printable(bad);
  EXPECT_FALSE(
      parse_oauthbearer("n,,\x01"
                        "auth=Bearer " +
                        std::string(9'000, 'x') + "\x01\x01"));
}

TEST(Bearer, Xoauth2Messages) {
  const auto m = parse_xoauth2(
      "user=someuser@example.com\x01"
      "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->name, "someuser@example.com");
  EXPECT_EQ(m->token, "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
  for (const char* bad : {"", "\x01\x01", "user=x\x01\x01", "auth=Bearer x\x01\x01",
                          "user=x\x01"
                          "auth=Bearer x\x01"})
    EXPECT_FALSE(parse_xoauth2(bad)) << text::printable(bad);
}

}  // namespace
}  // namespace pabal::identity
