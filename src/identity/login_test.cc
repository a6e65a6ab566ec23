#include "identity/login.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "identity/test_directory.h"
#include "net/sim.h"

namespace pabal::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = SaslStep::Kind;

// --- the guard ------------------------------------------------------------------------------------------------------

TEST(LoginGuard, LetsThreeFailuresPassAndThenDoublesTheWait) {
  ManualClock clock;
  LoginGuard guard(clock);
  for (const int expected : {0, 0, 0, 1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_EQ(guard.delay("k"), seconds(expected));
    guard.failed("k");
  }
  EXPECT_EQ(guard.delay("other"), seconds(0));
  guard.succeeded("k");
  EXPECT_EQ(guard.delay("k"), seconds(0));
  EXPECT_EQ(guard.size(), 0u);
}

TEST(LoginGuard, ForgetsAfterAQuarterOfAnHour) {
  ManualClock clock;
  LoginGuard guard(clock);
  for (int i = 0; i < 5; ++i) guard.failed("k");
  clock.advance(minutes(15));
  EXPECT_EQ(guard.delay("k"), seconds(4));
  clock.advance(seconds(1));
  EXPECT_EQ(guard.delay("k"), seconds(0));
  guard.failed("k");
  EXPECT_EQ(guard.delay("k"), seconds(0)) << "the old failures are not counted again";
  EXPECT_EQ(guard.size(), 1u);
}

TEST(LoginGuard, GivesTurnsSoThatManyConnectionsGuessNoFasterThanOne) {
  ManualClock clock;
  LoginGuard guard(clock);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(guard.take_turn("k"), seconds(0)) << "without failures nobody waits";
  for (int i = 0; i < 10; ++i) guard.failed("k");
  for (const int expected : {30, 60, 90, 120}) EXPECT_EQ(guard.take_turn("k"), seconds(expected));
  EXPECT_EQ(guard.take_turn("k"), std::nullopt);
  clock.advance(seconds(60));
  EXPECT_EQ(guard.take_turn("k"), seconds(90));
  EXPECT_EQ(guard.take_turn("other"), seconds(0));
}

TEST(LoginGuard, RemembersABoundedNumberAndForgetsTheOldestFirst) {
  ManualClock clock;
  LoginGuard guard(clock);
  for (int i = 0; i < 6; ++i) guard.failed("i192.0.2.1");
  for (size_t i = 0; i + 1 < kMaxGuarded; ++i) guard.failed("n" + std::to_string(i));
  guard.failed("i192.0.2.1");  // fresh again
  for (size_t i = 0; i < 1000; ++i) guard.failed("m" + std::to_string(i));
  EXPECT_EQ(guard.size(), kMaxGuarded);
  EXPECT_GT(guard.delay("i192.0.2.1"), seconds(0)) << "a flood of names does not wash an address clean";
}

// --- exchanges ------------------------------------------------------------------------------------------------------

struct LoginTest : testing::Test, TestDirectory {
  net::SimLoop loop;
  std::unique_ptr<net::Pool> pool = net::make_pool(2, 100);
  LoginGuard guard{loop};
  Login login{*directory, *pool, guard, random};
  net::TlsInfo tls;
  std::unique_ptr<SaslExchange> exchange;

  LoginTest() {
    tls.version = "TLSv1.3";
    tls.channel_binding = std::string(32, 'E');
    tls.endpoint_binding = std::string(32, 'P');
    EXPECT_TRUE(domain("example.com"));
    EXPECT_TRUE(account("alice@example.com", "correct horse"));
  }

  static Task<void> keep(Task<SaslStep> task, std::optional<SaslStep>* out) { out->emplace(co_await task); }
  SaslStep run(Task<SaslStep> task) {
    std::optional<SaslStep> out;
    loop.spawn(keep(std::move(task), &out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(10)));
    return out.value_or(SaslStep{});
  }
  SaslStep start(const std::string& mechanism, std::optional<std::string> initial = {},
                 const net::TlsInfo* over = nullptr, const std::string& ip = "192.0.2.1") {
    exchange = std::make_unique<SaslExchange>(login, loop, ip, over);
    return run(exchange->start(mechanism, std::move(initial)));
  }
  SaslStep next(const std::string& data) { return run(exchange->next(data)); }

  static Task<void> keep_account(Task<Result<Account>> task, std::optional<Result<Account>>* out) {
    out->emplace(co_await task);
  }
  Result<Account> password(const std::string& name, const std::string& word, const std::string& ip = "192.0.2.1") {
    std::optional<Result<Account>> out;
    loop.spawn(keep_account(login.password(loop, name, word, ip), &out));
    EXPECT_TRUE(loop.run_until([&] { return out.has_value(); }, minutes(10)));
    return *out;
  }
};

std::string plain(const std::string& authzid, const std::string& name, const std::string& password) {
  return authzid + '\0' + name + '\0' + password;
}

// A client of RFC 5802, with a hand on each thing it says.
struct ScramClient {
  std::string name = "alice@example.com", password = "correct horse", gs2 = "n,,", binding,
              nonce = "fyko+d2lbbFgONRv9qkxdawL";
  std::string server_nonce, signature;

  std::string bare() const { return "n=" + name + ",r=" + nonce; }
  std::string first() const { return gs2 + bare(); }
  std::string last(const std::string& server_first, std::string extension = "") {
    const auto fields = text::split(server_first, ',');
    server_nonce = std::string(fields[0].substr(2));
    const ScramSecret secret = make_scram(password, *text::unbase64(fields[1].substr(2)),
                                          static_cast<uint32_t>(*text::parse_u64(fields[2].substr(2))));
    const std::string without_proof = "c=" + text::base64(gs2 + binding) + ",r=" + server_nonce + extension;
    const std::string message = bare() + "," + server_first + "," + without_proof;
    signature = text::base64(hmac_sha256(secret.server_key, message));
    return without_proof + ",p=" + text::base64(proof(*text::unbase64(fields[1].substr(2)), message, secret));
  }
  // ClientKey XOR ClientSignature; the ClientKey is the HMAC of the salted password.
  std::string proof(const std::string& salt, const std::string& message, const ScramSecret& secret) const {
    std::string salted = hmac_sha256(password, salt + std::string("\0\0\0\1", 4)), u = salted;  // PBKDF2, RFC 8018 §5.2
    for (uint32_t i = 1; i < secret.iterations; ++i) {
      u = hmac_sha256(password, u);
      for (size_t k = 0; k < u.size(); ++k) salted[k] = static_cast<char>(salted[k] ^ u[k]);
    }
    std::string key = hmac_sha256(salted, "Client Key");
    const std::string mask = hmac_sha256(secret.stored_key, message);
    for (size_t k = 0; k < key.size(); ++k) key[k] = static_cast<char>(key[k] ^ mask[k]);
    return key;
  }
};

TEST_F(LoginTest, OffersPlusOnlyWhereThereIsAChannel) {
  EXPECT_THAT(sasl_mechanisms(nullptr), ElementsAre("SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "XOAUTH2", "LOGIN"));
  EXPECT_THAT(sasl_mechanisms(&tls),
              ElementsAre("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "XOAUTH2", "LOGIN"));
  tls.channel_binding.clear();
  EXPECT_THAT(sasl_mechanisms(&tls), ElementsAre("SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "XOAUTH2", "LOGIN"));
}

TEST_F(LoginTest, PlainLogsInWithAndWithoutAnInitialResponse) {  // RFC 4616
  const SaslStep at_once = start("PLAIN", plain("", "alice@example.com", "correct horse"));
  ASSERT_EQ(at_once.kind, Kind::kSuccess) << at_once.error.message;
  EXPECT_EQ(at_once.account.name, "alice@example.com");
  const SaslStep asked = start("PLAIN");
  ASSERT_EQ(asked.kind, Kind::kChallenge);
  EXPECT_EQ(asked.data, "");
  EXPECT_EQ(next(plain("Alice@example.com", "alice@example.com", "correct horse")).kind, Kind::kSuccess);
}

TEST_F(LoginTest, PlainRefusesEverythingElse) {
  const std::string good = plain("", "alice@example.com", "correct horse");
  for (const std::string& message :
       {std::string(), std::string("\0", 1), std::string("\0\0", 2), std::string("x"), plain("", "", "correct horse"),
        plain("bob@example.com", "alice@example.com", "correct horse"), good + '\0', '\0' + good, good + "!",
        good.substr(0, good.size() - 1), plain("", std::string(2'000, 'a'), "correct horse"),
        plain("", "alice@example.com", std::string(100'000, 'a')), std::string("\xFF\xFE\0\x80", 4)}) {
    LoginGuard fresh(loop);
    Login other(*directory, *pool, fresh, random);
    SaslExchange one(other, loop, "192.0.2.1", nullptr);
    const SaslStep step = run(one.start("PLAIN", message));
    EXPECT_EQ(step.kind, Kind::kFailure) << text::printable(message);
    EXPECT_EQ(step.error.code, Code::kDenied);
    EXPECT_EQ(run(one.next(good)).kind, Kind::kFailure) << "one exchange, one try";
  }
}

TEST_F(LoginTest, LoginAsksForNameAndPassword) {
  SaslStep step = start("LOGIN");
  EXPECT_EQ(step.data, "Username:");
  step = next("alice@example.com");
  EXPECT_EQ(step.data, "Password:");
  EXPECT_EQ(next("correct horse").kind, Kind::kSuccess);

  step = start("LOGIN", "alice@example.com");  // the name as initial response, as some clients do
  EXPECT_EQ(step.data, "Password:");
  EXPECT_EQ(next("wrong horse").kind, Kind::kFailure);
  EXPECT_EQ(next("correct horse").kind, Kind::kFailure);
  start("LOGIN");
  EXPECT_EQ(next(std::string(1'001, 'a')).kind, Kind::kFailure);
}

TEST_F(LoginTest, NamesAreLookedUpAsSaslprepMakesThem) {
  ASSERT_TRUE(account("ix\u00E9@example.com", "correct horse"));
  EXPECT_EQ(start("PLAIN", plain("", "\u2168\u00E9@example.com", "correct horse")).kind, Kind::kSuccess);
}

struct BearerLoginTest : LoginTest {
  std::string secret;
  BearerLoginTest() {
    const AccountId alice = (*directory->account(*store, "alice@example.com"))->id;
    secret = directory->make_token(alice);
    EXPECT_TRUE(commit([&](store::Transaction& t) -> Result<void> {
      Token token;
      token.scopes = {std::string(kMailRead)};
      token.expires = clock.now() + days(1);
      const auto issued = directory->issue_token(t, alice, secret, token);
      return issued ? Result<void>() : issued.error();
    }));
  }
  static std::string oauthbearer(const std::string& name, const std::string& token) {
    return "n," + (name.empty() ? "" : "a=" + name) + ",\x01host=mx\x01" + "auth=Bearer " + token + "\x01\x01";
  }
  static std::string xoauth2(const std::string& name, const std::string& token) {
    return "user=" + name + "\x01" + "auth=Bearer " + token + "\x01\x01";
  }
};

TEST_F(BearerLoginTest, ATokenLogsIn) {
  for (const std::string name : {"", "alice@example.com", "Alice@EXAMPLE.com"}) {
    const SaslStep step = start("OAUTHBEARER", oauthbearer(name, secret));
    ASSERT_EQ(step.kind, Kind::kSuccess) << step.error.message;
    EXPECT_EQ(step.account.name, "alice@example.com");
  }
  EXPECT_EQ(start("XOAUTH2", xoauth2("alice@example.com", secret)).kind, Kind::kSuccess);
  EXPECT_EQ(start("XOAUTH2").data, "");
  EXPECT_EQ(next(xoauth2("alice@example.com", secret)).kind, Kind::kSuccess);
}

TEST_F(BearerLoginTest, AFailureComesInTwoSteps) {  // RFC 7628 §3.2.2, §3.2.3
  SaslStep step = start("OAUTHBEARER", oauthbearer("alice@example.com", "pabal_wrong"));
  ASSERT_EQ(step.kind, Kind::kChallenge);
  EXPECT_EQ(step.data, R"({"status":"invalid_token","scope":"mail.read"})");
  step = next("\x01");
  EXPECT_EQ(step.kind, Kind::kFailure);
  EXPECT_EQ(step.error.code, Code::kDenied);
  EXPECT_THAT(step.error.message, Not(HasSubstr("pabal_")));
  EXPECT_EQ(next(oauthbearer("", secret)).kind, Kind::kFailure) << "one exchange, one try";

  step = start("XOAUTH2", xoauth2("alice@example.com", "pabal_wrong"));
  EXPECT_EQ(step.data, R"({"status":"401","schemes":"bearer","scope":"mail.read"})");
  EXPECT_EQ(next("").kind, Kind::kFailure);
}

TEST_F(BearerLoginTest, ATokenIsForItsAccountAndScopeOnly) {
  ASSERT_TRUE(account("bob@example.com"));
  for (const std::string name : {"bob@example.com", "nobody@example.com"})
    EXPECT_EQ(start("OAUTHBEARER", oauthbearer(name, secret)).kind, Kind::kChallenge) << name;
  SaslExchange sending(login, loop, "192.0.2.1", nullptr, kMailSend);
  const SaslStep step = run(sending.start("OAUTHBEARER", oauthbearer("alice@example.com", secret)));
  EXPECT_EQ(step.data, R"({"status":"insufficient_scope","scope":"mail.send"})");
  EXPECT_EQ(run(sending.next("\x01")).kind, Kind::kFailure);
  for (const char* bad : {"", "\x01", "x"}) EXPECT_EQ(start("OAUTHBEARER", bad).kind, Kind::kFailure);
}

TEST_F(BearerLoginTest, FailuresMakeGuessersWait) {
  for (int i = 0; i < 6; ++i) start("OAUTHBEARER", oauthbearer("", "pabal_wrong"));
  EXPECT_GT(guard.delay("i192.0.2.1"), seconds(0));
  EXPECT_EQ(guard.delay("n"), seconds(0)) << "nobody's name is no name";
  start("XOAUTH2", xoauth2("alice@example.com", "pabal_wrong"), nullptr, "192.0.2.9");
  EXPECT_EQ(guard.size(), 3u);
}

TEST_F(LoginTest, MechanismsThatAreNotOfferedFail) {
  for (const char* name : {"", "CRAM-MD5", "plain", "XOAUTH2", "EXTERNAL", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"})
    EXPECT_EQ(start(name, "x").kind, Kind::kFailure) << name;
  tls.channel_binding.clear();
  EXPECT_EQ(start("SCRAM-SHA-256-PLUS", {}, &tls).kind, Kind::kFailure);
}

TEST_F(LoginTest, ScramProvesBothSides) {
  ScramClient client;
  const SaslStep first = start("SCRAM-SHA-256", client.first());
  ASSERT_EQ(first.kind, Kind::kChallenge) << first.error.message;
  EXPECT_TRUE(first.data.starts_with("r=" + client.nonce)) << first.data;
  EXPECT_GT(text::split(first.data, ',')[0].size(), client.nonce.size() + 20) << "our half of the nonce is there";
  const SaslStep final = next(client.last(first.data));
  ASSERT_EQ(final.kind, Kind::kChallenge) << final.error.message;
  EXPECT_EQ(final.data, "v=" + client.signature);
  const SaslStep end = next("");
  ASSERT_EQ(end.kind, Kind::kSuccess);
  EXPECT_EQ(end.account.name, "alice@example.com");
  EXPECT_EQ(next("").kind, Kind::kFailure);
}

TEST_F(LoginTest, ScramTakesExtensionsItNeedNotKnowAndEscapedNames) {
  ScramClient client;
  SaslStep step = start("SCRAM-SHA-256");
  EXPECT_EQ(step.data, "");
  step = next(client.first());
  EXPECT_EQ(next(client.last(step.data, ",x=whatever")).kind, Kind::kChallenge);
  ASSERT_TRUE(account("a=b@example.com", "correct horse"));
  client.name = "a=3Db@example.com";
  client.gs2 = "n,a=a=3Db@example.com,";
  step = start("SCRAM-SHA-256", client.first());
  ASSERT_EQ(step.kind, Kind::kChallenge) << step.error.message;
  EXPECT_EQ(next(client.last(step.data)).kind, Kind::kChallenge);
}

TEST_F(LoginTest, ScramBindsTheChannel) {  // RFC 5802 §6, RFC 9266, RFC 5929 §4
  for (const auto& [flag, binding] : {std::pair("p=tls-exporter,,", tls.channel_binding),
                                      std::pair("p=tls-server-end-point,,", tls.endpoint_binding)}) {
    ScramClient client;
    client.gs2 = flag;
    client.binding = binding;
    const SaslStep first = start("SCRAM-SHA-256-PLUS", client.first(), &tls);
    ASSERT_EQ(first.kind, Kind::kChallenge) << first.error.message;
    EXPECT_EQ(next(client.last(first.data)).kind, Kind::kChallenge) << flag;
    EXPECT_EQ(next("").kind, Kind::kSuccess);

    client.binding[0] ^= 1;  // somebody stands between, with a channel of his own
    const SaslStep again = start("SCRAM-SHA-256-PLUS", client.first(), &tls);
    EXPECT_EQ(next(client.last(again.data)).kind, Kind::kFailure) << flag;
  }
}

TEST_F(LoginTest, ScramFollowsTheRulesOfTheBindingFlag) {
  net::TlsInfo unbound = tls;
  unbound.channel_binding.clear();
  net::TlsInfo no_endpoint = tls;
  no_endpoint.endpoint_binding.clear();
  struct Case {
    const char* mechanism;
    const char* flag;
    const net::TlsInfo* over;
    Kind expected;
  };
  const Case cases[] = {
      {"SCRAM-SHA-256", "n", nullptr, Kind::kChallenge},
      {"SCRAM-SHA-256", "y", nullptr, Kind::kChallenge},
      {"SCRAM-SHA-256", "n", &tls, Kind::kChallenge},
      {"SCRAM-SHA-256", "y", &unbound, Kind::kChallenge},
      {"SCRAM-SHA-256", "y", &tls, Kind::kFailure},  // the list was changed on the way
      {"SCRAM-SHA-256", "p=tls-exporter", &tls, Kind::kFailure},
      {"SCRAM-SHA-256", "", nullptr, Kind::kFailure},
      {"SCRAM-SHA-256", "N", nullptr, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "n", &tls, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "y", &tls, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "p=tls-unique", &tls, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "p=", &tls, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point", &no_endpoint, Kind::kFailure},
      {"SCRAM-SHA-256-PLUS", "p=tls-exporter", &tls, Kind::kChallenge},
  };
  for (const Case& c : cases) {
    ScramClient client;
    client.gs2 = std::string(c.flag) + ",,";
    EXPECT_EQ(start(c.mechanism, client.first(), c.over).kind, c.expected) << c.mechanism << " " << c.flag;
  }
}

TEST_F(LoginTest, ScramRefusesMalformedFirstMessages) {
  for (const std::string& message : {std::string(),
                                     std::string(","),
                                     std::string("n,,"),
                                     std::string("n,,n=alice@example.com"),
                                     std::string("n,,r=abc,n=alice@example.com"),
                                     std::string("n,,n=,r=abc"),
                                     std::string("n,,n=alice@example.com,r="),
                                     std::string("n,,n=al=ice,r=abc"),
                                     std::string("n,,n=al=2,r=abc"),
                                     std::string("n,,m=ext,n=alice@example.com,r=abc"),
                                     std::string("n,b=x,n=alice@example.com,r=abc"),
                                     std::string("n,a=bob@example.com,n=alice@example.com,r=abc"),
                                     std::string("n,a=,n=alice@example.com,r=abc"),
                                     std::string("n,,n=alice@example.com,r=a b"),
                                     std::string("n,,n=alice@example.com,r=a\nb"),
                                     std::string("n,,n=alice@example.com,r=\xFF"),
                                     std::string("n,,n=alice@example.com,r=a\0b", 29),
                                     "n,,n=alice@example.com,r=" + std::string(5'000, 'x'),
                                     std::string(100, ','),
                                     std::string(1'000'000, 'n')}) {
    EXPECT_EQ(start("SCRAM-SHA-256", message).kind, Kind::kFailure) << text::printable(message);
    EXPECT_EQ(next(message).kind, Kind::kFailure);
  }
}

TEST_F(LoginTest, ScramRefusesMalformedAndForgedFinalMessages) {
  ScramClient client;
  const auto attempt =
      [&](const std::function<std::string(const std::string& good, const std::string& first)>& change) {
        // An address of its own each time: the guard is not what is tested here.
        static int host = 0;
        guard.succeeded("nalice@example.com");
        const SaslStep first = start("SCRAM-SHA-256", client.first(), nullptr, "192.0.2." + std::to_string(++host));
        return next(change(client.last(first.data), first.data)).kind;
      };
  const auto replaced = [](std::string s, const std::string& what, const std::string& with) {
    return s.replace(s.find(what), what.size(), with);
  };
  EXPECT_EQ(attempt([](const std::string& good, auto&) { return good; }), Kind::kChallenge);
  for (const char* message : {"", ",", "c=biws", ",p=", "c=biws,r=,p=", "p=AAAA", "c=,r=x,p=!!!!", "x,p=AAAA"})
    EXPECT_EQ(attempt([&](auto&, auto&) { return std::string(message); }), Kind::kFailure) << message;
  EXPECT_EQ(attempt([&](auto& good, auto&) { return replaced(good, "c=biws", "c=eSws"); }), Kind::kFailure)
      << "y where n was said";
  EXPECT_EQ(attempt([&](auto& good, auto&) { return replaced(good, client.server_nonce, client.nonce); }),
            Kind::kFailure);
  EXPECT_EQ(attempt([&](auto& good, auto&) { return replaced(good, ",p=", ",x=1,p="); }), Kind::kFailure)
      << "not what was signed";
  EXPECT_EQ(attempt([&](auto& good, auto&) { return good.substr(0, good.size() - 4); }), Kind::kFailure);
  EXPECT_EQ(attempt([&](auto& good, auto&) { return good + std::string(10'000, 'A'); }), Kind::kFailure);
  client.password = "wrong horse";
  EXPECT_EQ(attempt([](const std::string& good, auto&) { return good; }), Kind::kFailure);
  client.password = "correct horse";
  client.name = "nobody@example.com";
  EXPECT_EQ(attempt([](const std::string& good, auto&) { return good; }), Kind::kFailure);
}

TEST_F(LoginTest, ScramEndsWhenTheClientSaysMoreThanNothing) {
  ScramClient client;
  const SaslStep first = start("SCRAM-SHA-256", client.first());
  ASSERT_EQ(next(client.last(first.data)).kind, Kind::kChallenge);
  EXPECT_EQ(next("more").kind, Kind::kFailure);
  EXPECT_EQ(next("").kind, Kind::kFailure);
}

TEST_F(LoginTest, ScramDoesNotLetASwitchedOffAccountIn) {
  ScramClient client;
  const SaslStep first = start("SCRAM-SHA-256", client.first());
  enable((*directory->account(*store, "alice@example.com"))->id, false);
  EXPECT_EQ(next(client.last(first.data)).kind, Kind::kFailure);
}

// --- waiting --------------------------------------------------------------------------------------------------------

TEST_F(LoginTest, FailuresMakeTheNextTryWait) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(password("alice@example.com", "wrong horse").code(), Code::kDenied);
  const Time before = loop.now();
  EXPECT_EQ(password("alice@example.com", "wrong horse").code(), Code::kDenied);
  EXPECT_EQ(loop.now() - before, seconds(1));
  EXPECT_TRUE(password("alice@example.com", "correct horse"));
  EXPECT_EQ(loop.now() - before, seconds(3));
  // The name is clear again; the address is not: else a guesser clears it with an account of his own.
  EXPECT_EQ(guard.delay("nalice@example.com"), seconds(0));
  EXPECT_GT(guard.delay("i192.0.2.1"), seconds(0));
}

TEST_F(LoginTest, ScramWaitsByTheSameCounts) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(password("alice@example.com", "wrong horse"));
  ScramClient client;
  const SaslStep first = start("SCRAM-SHA-256", client.first());
  const Time before = loop.now();
  EXPECT_EQ(next(client.last(first.data)).kind, Kind::kChallenge);
  EXPECT_EQ(loop.now() - before, seconds(2));
}

TEST_F(LoginTest, AnAddressThatGuessesOnManyConnectionsIsSentAway) {
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(password("user" + std::to_string(i) + "@example.com", "wrong horse"));
  const Time before = loop.now();
  std::vector<std::optional<Result<Account>>> tries(20);
  for (auto& one : tries)
    loop.spawn(keep_account(login.password(loop, "alice@example.com", "wrong horse", "192.0.2.1"), &one));
  loop.run_for(minutes(3));
  int checked = 0, sent_away = 0;
  for (const auto& one : tries) {
    ASSERT_TRUE(one);
    EXPECT_FALSE(one->ok());
    (one->code() == Code::kDenied ? checked : sent_away)++;
  }
  EXPECT_LE(checked, 8);
  EXPECT_EQ(checked + sent_away, 20);
  EXPECT_GT(loop.now(), before);
  EXPECT_TRUE(password("alice@example.com", "correct horse", "198.51.100.7")) << "others are not kept out";
}

TEST_F(LoginTest, AFullPoolIsAPassingFault) {
  pool = net::make_pool(1, 0);
  Login busy(*directory, *pool, guard, random);
  SaslExchange one(busy, loop, "192.0.2.1", nullptr);
  const SaslStep step = run(one.start("PLAIN", plain("", "alice@example.com", "correct horse")));
  EXPECT_EQ(step.kind, Kind::kFailure);
  EXPECT_EQ(step.error.code, Code::kLimit);
  EXPECT_EQ(guard.size(), 0u) << "nobody failed";
}

}  // namespace
}  // namespace pabal::identity
