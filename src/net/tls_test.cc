// Handshakes over real sockets: what is verified, what is said of it, and what cannot hang.
#include <gmock/gmock.h>

#include "net/test_io.h"

namespace pabal::net {
namespace {

using testing::HasSubstr;

struct Met {
  Result<void> client, server;
  TlsInfo client_info, server_info;
};

Task<Result<void>> accept(std::shared_ptr<Stream> stream, std::shared_ptr<TlsServer> tls, Duration patience) {
  Task<Result<void>> shaking = stream->tls_accept(tls, stream->loop().now() + patience);
  co_return co_await shaking;
}
Task<Result<void>> connect(std::shared_ptr<Stream> stream, TlsClientOptions options, Duration patience) {
  Task<Result<void>> shaking = stream->tls_connect(options, stream->loop().now() + patience);
  co_return co_await shaking;
}

// Two ends of a TCP connection, on one loop.
class Ends {
 public:
  explicit Ends(IoLoops& loops) : loop_(loops.loop(0)), kept_(loop_) {
    auto listener = loops.network().listen({{"127.0.0.1", 0}}, kept_.taker());
    EXPECT_TRUE(listener);
    client = *run(loop_, dial(loop_, loops.network(), (*listener)->local())).get();
    kept_.wait_for(1);
    on(loop_, [this] { server = kept_.take(); });
  }
  ~Ends() {
    on(loop_, [this] {
      client.reset();
      server.reset();
    });
  }
  std::shared_ptr<Stream> client, server;

 private:
  Loop& loop_;
  Kept kept_;
};

Met meet(std::shared_ptr<TlsServer> tls, TlsClientOptions options) {
  IoLoops loops(1);
  Ends ends(loops);
  auto accepting = run(loops.loop(0), accept(ends.server, tls, kLong));
  auto connecting = run(loops.loop(0), connect(ends.client, options, kLong));
  Met met;
  met.client = connecting.get();
  if (!met.client) on(loops.loop(0), [&] { ends.client->close(); });
  met.server = accepting.get();
  on(loops.loop(0), [&] {
    if (ends.client->tls()) met.client_info = *ends.client->tls();
    if (ends.server->tls()) met.server_info = *ends.server->tls();
  });
  return met;
}

TEST(Tls, AlpnChoosesByTheServersOrder) {
  const Folder folder;
  tls_in(folder, {"mail.example.com"});  // makes the files
  const auto web = make_tls_server(folder.file("c.pem"), folder.file("k.pem"), {"h2", "http/1.1"});
  ASSERT_TRUE(web);
  TlsClientOptions options;
  options.protocols = {"http/1.1", "h2"};
  Met met = meet(*web, options);
  ASSERT_TRUE(met.client && met.server);
  EXPECT_EQ(met.server_info.protocol, "h2");
  EXPECT_EQ(met.client_info.protocol, "h2");

  options.protocols = {};
  met = meet(*web, options);
  ASSERT_TRUE(met.server);
  EXPECT_EQ(met.server_info.protocol, "");

  options.protocols = {"imap"};
  met = meet(*web, options);
  EXPECT_FALSE(met.client);
  EXPECT_FALSE(met.server);

  ASSERT_TRUE((*web)->reload());  // the list survives it
  options.protocols = {"http/1.1"};
  met = meet(*web, options);
  ASSERT_TRUE(met.server);
  EXPECT_EQ(met.server_info.protocol, "http/1.1");
}

TEST(Tls, AServerWithoutProtocolsPassesOverAlpn) {
  const Folder folder;
  TlsClientOptions options;
  options.protocols = {"h2"};
  const Met met = meet(tls_in(folder, {"mail.example.com"}), options);
  ASSERT_TRUE(met.client && met.server);
  EXPECT_EQ(met.server_info.protocol, "");
}

TEST(Tls, BothSidesTellTheSameOfASession) {
  const Folder folder;
  TlsClientOptions options;
  options.server_name = "mail.example.com";
  options.ca_file = folder.file("c.pem");
  options.require_verified = true;
  const Met met = meet(tls_in(folder, {"mail.example.com"}), options);
  ASSERT_TRUE(met.client) << met.client.error().message;
  ASSERT_TRUE(met.server);
  EXPECT_TRUE(met.client_info.verified);
  EXPECT_EQ(met.client_info.verify_error, "");
  EXPECT_EQ(met.client_info.version, "TLSv1.3");
  EXPECT_EQ(met.server_info.version, "TLSv1.3");
  EXPECT_EQ(met.client_info.cipher, met.server_info.cipher);
  EXPECT_EQ(met.server_info.server_name, "mail.example.com");
  EXPECT_EQ(met.client_info.channel_binding.size(), 32u);
  EXPECT_EQ(met.client_info.channel_binding, met.server_info.channel_binding);
  EXPECT_EQ(met.client_info.endpoint_binding.size(), 32u);
  EXPECT_EQ(met.client_info.endpoint_binding, met.server_info.endpoint_binding);
}

TEST(Tls, WhatCannotBeVerifiedIsRefusedOnlyWhereItIsAskedFor) {
  struct Case {
    const char* name;
    std::string asked;
    bool trusted, expired;
    const char* why;
  };
  const Case cases[] = {{"unknown root", "mail.example.com", false, false, "self-signed"},
                        {"other name", "other.example.com", true, false, "name mismatch"},
                        {"other address", "127.0.0.2", true, false, "IP address mismatch"},
                        {"expired", "mail.example.com", true, true, "expired"}};
  for (const Case& one : cases) {
    const Folder folder;
    const auto tls = tls_in(folder, {"mail.example.com", "127.0.0.1"}, from_unix(1'500'000'000),
                            one.expired ? days(30) : days(10'000));
    TlsClientOptions options;
    options.server_name = one.asked;
    if (one.trusted) options.ca_file = folder.file("c.pem");
    const Met opportunistic = meet(tls, options);
    ASSERT_TRUE(opportunistic.client) << one.name << ": " << opportunistic.client.error().message;
    EXPECT_FALSE(opportunistic.client_info.verified) << one.name;
    EXPECT_THAT(opportunistic.client_info.verify_error, HasSubstr(one.why)) << one.name;
    options.require_verified = true;
    const Met strict = meet(tls, options);
    EXPECT_EQ(strict.client.code(), Code::kIo) << one.name;
    EXPECT_THAT(strict.client.error().message, HasSubstr("certificate verify failed")) << one.name;
    EXPECT_FALSE(strict.server) << one.name;
  }
}

TEST(Tls, ACertificateForAnAddressIsGoodForThatAddress) {
  const Folder folder;
  TlsClientOptions options;
  options.server_name = "127.0.0.1";
  options.ca_file = folder.file("c.pem");
  options.require_verified = true;
  const Met met = meet(tls_in(folder, {"mail.example.com", "127.0.0.1"}), options);
  ASSERT_TRUE(met.client) << met.client.error().message;
  EXPECT_TRUE(met.client_info.verified);
  EXPECT_EQ(met.server_info.server_name, "") << "SNI is for names";
}

TEST(Tls, ReloadTakesTheNewCertificateForTheNextHandshake) {
  const Folder folder;
  const auto tls = tls_in(folder, {"mail.example.com"});
  const std::string before = meet(tls, {}).server_info.endpoint_binding;
  const auto fresh = make_self_signed({"mail.example.com"}, from_unix(1'700'000'000), days(3650));
  folder.write("c.pem", fresh->certificate_pem);
  EXPECT_EQ(tls->reload().code(), Code::kInvalid) << "the key of another certificate";
  EXPECT_EQ(meet(tls, {}).server_info.endpoint_binding, before) << "a failed reload changes nothing";
  folder.write("k.pem", fresh->key_pem);
  ASSERT_TRUE(tls->reload());
  EXPECT_NE(meet(tls, {}).server_info.endpoint_binding, before);
  EXPECT_EQ(make_tls_server(folder.file("none.pem"), folder.file("k.pem")).code(), Code::kInvalid);
}

TEST(Tls, ASilentPeerEndsAtTheDeadlineAndAStrangeOneAtOnce) {
  IoLoops loops(1);
  {
    Ends ends(loops);
    EXPECT_EQ(run(loops.loop(0), accept(ends.server, test_tls(), milliseconds(20))).get().code(), Code::kTimeout);
  }
  {
    Ends ends(loops);
    EXPECT_EQ(run(loops.loop(0), connect(ends.client, {}, milliseconds(20))).get().code(), Code::kTimeout);
  }
  for (const std::string octets : {"EHLO there\r\n", "\x16\x03\x01\xFF\xFF garbage", ""}) {
    Ends ends(loops);
    auto accepting = run(loops.loop(0), accept(ends.server, test_tls(), kLong));
    EXPECT_TRUE(run(loops.loop(0), write_all(ends.client, octets, kLong)).get());
    on(loops.loop(0), [&] { ends.client->close(); });
    const auto done = accepting.get();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.code(), Code::kIo);
    EXPECT_THAT(done.error().message, HasSubstr("TLS handshake failed"));
  }
}

TEST(Tls, OctetsSentBehindTheHandshakeAreReadInOrder) {
  IoLoops loops(1);
  Ends ends(loops);
  auto accepting = run(loops.loop(0), accept(ends.server, test_tls(), kLong));
  ASSERT_TRUE(run(loops.loop(0), connect(ends.client, {}, kLong)).get());
  ASSERT_TRUE(accepting.get());
  std::string sent, got;
  for (int i = 0; i < 200; ++i) {
    const std::string part(static_cast<size_t>(i * 37 % 5000), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(run(loops.loop(0), write_all(ends.client, part, kLong)).get());
    sent += part;
    while (got.size() < sent.size()) {
      const auto some = run(loops.loop(0), read_some(ends.server, kLong)).get();
      ASSERT_TRUE(some);
      got += *some;
    }
  }
  EXPECT_EQ(got, sent);
  on(loops.loop(0), [&] { ends.client->close(); });
  EXPECT_EQ(*run(loops.loop(0), read_some(ends.server, kLong)).get(), "") << "close_notify";
}

TEST(Tls, ASecondHandshakeIsRefused) {
  IoLoops loops(1);
  Ends ends(loops);
  auto accepting = run(loops.loop(0), accept(ends.server, test_tls(), kLong));
  ASSERT_TRUE(run(loops.loop(0), connect(ends.client, {}, kLong)).get());
  ASSERT_TRUE(accepting.get());
  EXPECT_EQ(run(loops.loop(0), connect(ends.client, {}, kLong)).get().code(), Code::kInvalid);
  EXPECT_EQ(run(loops.loop(0), accept(ends.server, test_tls(), kLong)).get().code(), Code::kInvalid);
}

}  // namespace
}  // namespace pabal::net
