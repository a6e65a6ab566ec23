#include "access/managesieve/session.h"

#include <gmock/gmock.h>

#include "access/imap/session_testing.h"
#include "base/text.h"

namespace pabal::access::managesieve {
namespace {

using imap::testing::kPassword;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct NoTls final : net::TlsServer {
  Result<void> reload() override { return {}; }
};

// One client of one server on the simulated loop.
struct ManageSieve : testing::Test {
  imap::testing::Backend backend;
  sieve::Scripts scripts{backend.clock};
  Services services{*backend.store, scripts, backend.services->login, backend.services->pool, "mx.example.com"};
  net::SimLoop loop;
  std::unique_ptr<imap::testing::Client> client;

  ~ManageSieve() override {
    if (client) client->hang_up();
    loop.run_for(hours(1));
  }
  std::string connect(std::shared_ptr<net::TlsServer> tls = nullptr) {
    net::StreamPair pair = net::make_stream_pair(loop);
    loop.spawn(serve(std::move(pair.server), {std::move(tls)}, services));
    client = std::make_unique<imap::testing::Client>(loop, std::move(pair.client));
    return answer();
  }
  // All up to the line that ends an answer.
  std::string answer() {
    const auto ended = [this] {
      const std::string& text = client->received();
      const size_t line = text.size() < 3 ? 0 : text.rfind('\n', text.size() - 2) + 1;
      return text.ends_with("\r\n") && (text.compare(line, 2, "OK") == 0 || text.compare(line, 2, "NO") == 0 ||
                                        text.compare(line, 3, "BYE") == 0);
    };
    loop.run_until([&] { return client->closed() || ended(); }, minutes(10));
    return client->take();
  }
  std::string ask(const std::string& command) {
    client->send(command + "\r\n");
    return answer();
  }
  std::string login(const std::string& password = kPassword) {
    return ask("AUTHENTICATE \"PLAIN\" \"" + text::base64(std::string("\0alice@example.com\0", 19) + password) + "\"");
  }
  std::string put(const std::string& name, const std::string& script) {
    return ask("PUTSCRIPT \"" + name + "\" {" + std::to_string(script.size()) + "+}\r\n" + script);
  }
};

TEST_F(ManageSieve, GreetsWithItsCapabilities) {  // RFC 5804 §1.7
  EXPECT_THAT(connect(std::make_shared<NoTls>()),
              AllOf(HasSubstr("\"IMPLEMENTATION\" \"Pabal\"\r\n"), HasSubstr("\"SASL\" \"SCRAM-SHA-256 PLAIN"),
                    HasSubstr("fileinto"), HasSubstr("\"STARTTLS\"\r\n"), HasSubstr("\"NOTIFY\" \"mailto\"\r\n"),
                    HasSubstr("\"MAXREDIRECTS\" \"5\"\r\n"), HasSubstr("\"VERSION\" \"1.0\"\r\n"),
                    Not(HasSubstr("OWNER")), HasSubstr("OK \"mx.example.com")));
}

TEST_F(ManageSieve, StartTlsTellsCapabilitiesAnew) {  // RFC 5804 §2.2
  connect(std::make_shared<NoTls>());
  client->send("STARTTLS\r\n");
  EXPECT_TRUE(client->wait_for("OK \"TLS is on\""));
  EXPECT_THAT(client->take(),
              AllOf(StartsWith("OK"), HasSubstr("\"SASL\" \"SCRAM-SHA-256 PLAIN"), Not(HasSubstr("STARTTLS"))));
  EXPECT_THAT(ask("STARTTLS"), StartsWith("NO"));
}

TEST_F(ManageSieve, NothingPassesStartTlsInClear) {
  connect(std::make_shared<NoTls>());
  EXPECT_THAT(ask("STARTTLS\r\nNOOP"), StartsWith("BYE"));
}

TEST_F(ManageSieve, LogsInAndOutAndIsSaneBefore) {
  connect();
  EXPECT_THAT(ask("LISTSCRIPTS"), StartsWith("NO"));
  EXPECT_THAT(login("wrong"), StartsWith("NO"));
  EXPECT_THAT(login(), StartsWith("OK"));
  EXPECT_THAT(ask("CAPABILITY"), HasSubstr("\"OWNER\" \"alice@example.com\"\r\n"));
  EXPECT_THAT(login(), StartsWith("NO"));
  EXPECT_EQ(ask("UNAUTHENTICATE"), "OK\r\n");
  EXPECT_THAT(ask("UNAUTHENTICATE"), StartsWith("NO"));
  EXPECT_THAT(ask("LISTSCRIPTS"), StartsWith("NO"));
  EXPECT_THAT(ask("LOGOUT"), StartsWith("OK"));
  EXPECT_TRUE(client->wait_closed());
}

TEST_F(ManageSieve, PlainAlsoByChallenge) {
  connect();
  client->send("AUTHENTICATE \"PLAIN\"\r\n");
  EXPECT_TRUE(client->wait_for("\"\"\r\n"));
  client->take();
  EXPECT_THAT(ask("\"" + text::base64(std::string("\0alice@example.com\0", 19) + kPassword) + "\""), StartsWith("OK"));
}

TEST_F(ManageSieve, AnExchangeCanBeCancelled) {
  connect();
  client->send("AUTHENTICATE \"PLAIN\"\r\n");
  EXPECT_TRUE(client->wait_for("\"\"\r\n"));
  client->take();
  EXPECT_THAT(ask("\"*\""), StartsWith("NO"));
  EXPECT_THAT(ask("NOOP"), StartsWith("OK"));
}

TEST_F(ManageSieve, FailedLoginsEndTheSession) {
  connect();
  login("wrong");
  login("wrong");
  EXPECT_THAT(login("wrong"), StartsWith("BYE"));
  EXPECT_TRUE(client->wait_closed());
}

TEST_F(ManageSieve, KeepsScripts) {
  connect();
  login();
  EXPECT_EQ(put("main", "keep;\r\n"), "OK\r\n");
  EXPECT_EQ(put("qu\\\"ote", "discard;\r\n"), "OK\r\n");
  EXPECT_EQ(ask("GETSCRIPT \"main\""), "{7}\r\nkeep;\r\n\r\nOK\r\n");
  EXPECT_EQ(ask("SETACTIVE \"main\""), "OK\r\n");
  EXPECT_EQ(ask("LISTSCRIPTS"), "\"main\" ACTIVE\r\n{6}\r\nqu\"ote\r\nOK\r\n");
  EXPECT_THAT(ask("DELETESCRIPT \"main\""), StartsWith("NO (ACTIVE)"));
  EXPECT_THAT(ask("RENAMESCRIPT \"main\" \"qu\\\"ote\""), StartsWith("NO (ALREADYEXISTS)"));
  EXPECT_EQ(ask("RENAMESCRIPT \"main\" \"work\""), "OK\r\n");
  EXPECT_EQ(*scripts.active(*backend.store, backend.alice), "work");
  EXPECT_EQ(ask("SETACTIVE \"\""), "OK\r\n");
  EXPECT_EQ(ask("DELETESCRIPT \"work\""), "OK\r\n");
  for (const char* command :
       {"GETSCRIPT \"work\"", "SETACTIVE \"work\"", "DELETESCRIPT \"work\"", "RENAMESCRIPT \"work\" \"x\""})
    EXPECT_THAT(ask(command), StartsWith("NO (NONEXISTENT)")) << command;
}

TEST_F(ManageSieve, NamesLineAndColumnOfFaultsAndKeepsTheOldScript) {  // RFC 5804 §2.6
  connect();
  login();
  put("main", "keep;\r\n");
  EXPECT_THAT(put("main", "keep;\r\nInvalidSieveCommand;\r\n"), AllOf(StartsWith("NO"), HasSubstr("line 2, column 1")));
  EXPECT_THAT(put("main", ""), StartsWith("NO"));
  EXPECT_THAT(ask("GETSCRIPT \"main\""), HasSubstr("keep;"));
  EXPECT_THAT(ask("CHECKSCRIPT \"keep;\""), StartsWith("OK"));
  EXPECT_THAT(ask("CHECKSCRIPT \"keep\""), AllOf(StartsWith("NO"), HasSubstr("line 1")));
  EXPECT_THAT(put("", "keep;"), StartsWith("NO"));
  EXPECT_THAT(put("a\tb", "keep;"), StartsWith("NO"));
}

TEST_F(ManageSieve, KeepsToItsLimits) {
  connect();
  login();
  EXPECT_EQ(ask("HAVESPACE \"a\" 1000"), "OK\r\n");
  EXPECT_THAT(ask("HAVESPACE \"a\" 1048577"), StartsWith("NO (QUOTA/MAXSIZE)"));
  EXPECT_THAT(put("a", std::string((1 << 20) + 2000, '#')), StartsWith("NO (QUOTA/MAXSIZE)"));
  for (size_t i = 0; i < sieve::kMaxScripts; ++i) ASSERT_EQ(put("s" + std::to_string(i), "keep;"), "OK\r\n");
  EXPECT_THAT(put("one more", "keep;"), StartsWith("NO (QUOTA/MAXSCRIPTS)"));
  EXPECT_EQ(put("s1", "discard;"), "OK\r\n");
}

TEST_F(ManageSieve, AnswersEachOfPipelinedCommands) {
  connect();
  login();
  client->send("NOOP \"a\"\r\nNOOP {1+}\r\nb\r\nNOOP\r\n");
  EXPECT_TRUE(client->wait_for("OK \"done\"\r\n"));
  EXPECT_EQ(client->take(), "OK (TAG \"a\") \"done\"\r\nOK (TAG \"b\") \"done\"\r\nOK \"done\"\r\n");
}

TEST_F(ManageSieve, EndsWithThoseWhoSpeakSomethingElse) {
  connect();
  EXPECT_THAT(ask("GET / HTTP/1.1"), StartsWith("NO"));
  EXPECT_THAT(ask("NOOP 12"), StartsWith("NO"));
  for (int i = 0; i < 30 && !client->closed(); ++i) client->send("nonsense\r\n");
  EXPECT_TRUE(client->wait_closed(minutes(1)));
  EXPECT_THAT(client->take(), HasSubstr("BYE"));
}

TEST_F(ManageSieve, ForgetsThoseWhoSayNothing) {
  connect();
  EXPECT_TRUE(client->wait_closed(minutes(3)));
}

}  // namespace
}  // namespace pabal::access::managesieve
