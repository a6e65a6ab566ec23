// For the tests of the client: one whose server is played by the test.
#pragma once

#include "smtp/client.h"
#include "smtp/test_server.h"

namespace pabal::smtp {

template <typename T>
Task<void> keep(Task<T> task, std::shared_ptr<std::optional<T>> out) {
  T value = co_await task;
  out->emplace(std::move(value));
}

class TestClient {
 public:
  TestClient() {
    net::StreamPair pair = net::make_stream_pair(loop);
    server.emplace(loop, std::move(pair.server));
    client.emplace(std::move(pair.client), "bar.com");
  }
  ~TestClient() {
    server.reset();
    loop.run_for(hours(2));
  }

  template <typename T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    loop.spawn(keep(std::move(task), out));
    loop.run_until_idle();
    return out;
  }
  // Plays the server: "C:" is expected of the client, "S:" is said. Content is what lies between.
  void play(std::string_view script) {
    for (const std::string_view raw : text::split(script, '\n')) {
      const std::string_view step = text::trim(raw);
      if (step.starts_with("S:")) server->send(std::string(step.substr(3)) + "\r\n");
      if (!step.starts_with("C:")) continue;
      heard += server->heard();
      const size_t end = heard.find("\r\n");
      ASSERT_NE(end, heard.npos) << "the client has not said: " << step;
      EXPECT_EQ(heard.substr(0, end), step.size() > 3 ? step.substr(3) : "");
      heard.erase(0, end + 2);
    }
    heard += server->heard();
    EXPECT_EQ(heard, "") << "the client says more";
  }
  void hello(const std::string& extensions) {
    const auto done = start(client->hello());
    play("S: 220-foo.com ESMTP\nS: 220 and more\nC: EHLO bar.com\nS: 250" +
         std::string(extensions.empty() ? " foo.com" : "-foo.com\n") + extensions);
    ASSERT_TRUE(*done && **done) << "hello";
  }

  net::SimLoop loop;
  std::optional<Peer> server;
  std::optional<ClientConnection> client;
  std::string heard;
};

inline Outgoing letter(std::vector<std::string> recipients, std::string_view content = "Subject: x\r\n\r\n.y\r\n") {
  Outgoing out;
  out.mail.reverse_path = "a@bar.com";
  for (std::string& address : recipients) {
    OutgoingRcpt rcpt;
    rcpt.address = std::move(address);
    out.recipients.push_back(std::move(rcpt));
  }
  out.content = content;
  return out;
}

inline std::vector<int> codes(const SendResult& result) {
  std::vector<int> out;
  for (const ServerReply& reply : result.recipients) out.push_back(reply.code);
  return out;
}

}  // namespace pabal::smtp
