// HTTP/2: libnghttp2 as the client, and octets of our own where a client means harm.
#include <gmock/gmock.h>
#include <nghttp2/nghttp2.h>

#include <map>

#include "web/test_server.h"

namespace pabal::web {
namespace {

using testing::HasSubstr;

class Client {
 public:
  explicit Client(TestServer& server) : server_(server) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* me) {
          static_cast<Client*>(me)->answers[frame->hd.stream_id].fields[std::string(name, name + name_size)] =
              std::string(value, value + value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* me) {
          static_cast<Client*>(me)->answers[id].body.append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t id, uint32_t error, void* me) {
          static_cast<Client*>(me)->answers[id].error = static_cast<int>(error);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* me) {
          if (frame->hd.type == NGHTTP2_GOAWAY)
            static_cast<Client*>(me)->goaway = static_cast<int>(frame->goaway.error_code);
          return 0;
        });
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, 0, nullptr, 0);
  }
  ~Client() { nghttp2_session_del(session_); }

  struct Answer {
    std::map<std::string, std::string> fields;
    std::string body;
    int error = -1;  // -1: the stream is open
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;

  int32_t request(const std::string& method, const std::string& path, std::string body = "", const Fields& more = {}) {
    Fields fields{{":method", method}, {":scheme", "https"}, {":authority", "h.example"}, {":path", path}};
    fields.insert(fields.end(), more.begin(), more.end());
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields)
      list.push_back({reinterpret_cast<uint8_t*>(name.data()), reinterpret_cast<uint8_t*>(value.data()), name.size(),
                      value.size(), 0});
    nghttp2_data_provider provider{{.ptr = nullptr},
                                   [](nghttp2_session*, int32_t id, uint8_t* out, size_t size, uint32_t* flags,
                                      nghttp2_data_source*, void* me) -> ssize_t {
                                     std::string& left = static_cast<Client*>(me)->bodies_[id];
                                     const size_t n = std::min(size, left.size());
                                     std::copy_n(left.data(), n, out);
                                     left.erase(0, n);
                                     if (n == 0 && static_cast<Client*>(me)->tunnel_ == id) return NGHTTP2_ERR_DEFERRED;
                                     if (left.empty() && static_cast<Client*>(me)->tunnel_ != id)
                                       *flags |= NGHTTP2_DATA_FLAG_EOF;
                                     return static_cast<ssize_t>(n);
                                   }};
    const int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                              body.empty() ? nullptr : &provider, nullptr);
    bodies_[id] = std::move(body);
    if (method == "CONNECT") tunnel_ = id;
    return id;
  }
  // More of a CONNECT's octets, which do not end.
  void put(std::string octets) {
    bodies_[tunnel_] += octets;
    nghttp2_session_resume_data(session_, tunnel_);
    talk();
  }
  // Octets to and fro until nobody has anything to say.
  void talk() {
    for (;;) {
      const uint8_t* data = nullptr;
      std::string out;
      for (ssize_t n; (n = nghttp2_session_mem_send(session_, &data)) > 0;)
        out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
      if (!out.empty()) server_.send(out);
      const std::string in = server_.heard();
      if (!in.empty()) nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(in.data()), in.size());
      if (consume)
        for (auto& [id, answer] : answers) {
          size_t& told = told_[id];
          if (answer.body.size() > told)
            nghttp2_session_consume(session_, id, answer.body.size() - std::exchange(told, answer.body.size()));
        }
      if (out.empty() && in.empty()) return;
    }
  }
  void reset(int32_t id) { nghttp2_submit_rst_stream(session_, 0, id, NGHTTP2_CANCEL); }

  std::map<int32_t, Answer> answers;
  int goaway = -1;
  bool consume = true;

 private:
  TestServer& server_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::string> bodies_;
  std::map<int32_t, size_t> told_;
  int32_t tunnel_ = 0;
};

TEST(Http2, AnswersManyStreamsAtOnce) {
  TestServer server(true);
  Client client(server);
  std::vector<int32_t> ids;
  ids.push_back(client.request("GET", "/slow"));
  for (int i = 0; i < 50; ++i) ids.push_back(client.request("GET", "/hello/" + std::to_string(i)));
  const int32_t posted = client.request("POST", "/echo", "some body");
  client.talk();
  EXPECT_EQ(client.answers[ids[0]].error, -1);  // does not hold up the others
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.answers[ids[i + 1]].body, "hello " + std::to_string(i) + " 127.0.0.1 http h.example");
    EXPECT_EQ(client.answers[ids[i + 1]].error, 0);
  }
  EXPECT_EQ(client.answers[posted].body, "some body");
  EXPECT_EQ(client.answers[posted].fields[":status"], "200");
  EXPECT_EQ(client.answers[posted].fields["content-length"], "9");
  EXPECT_EQ(client.answers[posted].fields["x-content-type-options"], "nosniff");
  server.loop.run_for(seconds(21));
  client.talk();
  EXPECT_EQ(client.answers[ids[0]].body, "slow");
}

TEST(Http2, LargeBodiesGoBothWaysWithinTheWindows) {
  TestServer server(true);
  Client client(server);
  const int32_t up = client.request("POST", "/count", std::string(5 << 20, 'x'));
  const int32_t down = client.request("GET", "/large");
  const int32_t over = client.request("POST", "/echo", std::string(10'001, 'x'));
  client.talk();
  EXPECT_EQ(client.answers[up].body, std::to_string(5 << 20));
  EXPECT_EQ(client.answers[down].body.size(), size_t{1} << 20);
  EXPECT_EQ(client.answers[over].fields[":status"], "413");
}

// RFC 8441.
TEST(Http2, WebSocketsAreAStreamAmongOthers) {
  TestServer server(true);
  Client client(server);
  client.talk();  // the server's settings are to be known
  const int32_t socket =
      client.request("CONNECT", "/socket", masked_frame(0x81, "one"),
                     {{":protocol", "websocket"}, {"sec-websocket-version", "13"}, {"origin", "https://h.example"}});
  const int32_t beside = client.request("GET", "/hello/x");
  client.talk();
  EXPECT_EQ(client.answers[socket].fields[":status"], "200");
  EXPECT_EQ(client.answers[socket].fields["sec-websocket-protocol"], "echo");
  EXPECT_EQ(client.answers[socket].fields.count("content-length"), 0u);
  EXPECT_EQ(client.answers[socket].body, "\x81\x03one");
  EXPECT_EQ(client.answers[beside].fields[":status"], "200");
  client.put(masked_frame(0x81, "two"));
  EXPECT_EQ(client.answers[socket].body, "\x81\x03one\x81\x03two");
  server.loop.run_for(kSocketPing * 2 + seconds(10));  // silent: nobody answers the pings
  client.talk();
  EXPECT_EQ(client.answers[socket].error, NGHTTP2_CANCEL);
  EXPECT_EQ(server.echo.handled, 2);
  EXPECT_EQ(server.echo.open, nullptr);

  const int32_t again = client.request("CONNECT", "/socket", masked_frame(0x81, "bye"),
                                       {{":protocol", "websocket"}, {"sec-websocket-version", "13"}});
  client.talk();
  EXPECT_EQ(client.answers[again].body, std::string("\x88\x02\x03\xe8"));
  client.put(masked_frame(0x88, std::string("\x03\xe8")));
  EXPECT_EQ(server.echo.handled, 3);
  const int32_t other = client.request("CONNECT", "/socket", "x", {{":protocol", "connect-udp"}});
  const int32_t nowhere = client.request("CONNECT", "/nowhere", "x", {{":protocol", "websocket"}});
  client.talk();
  EXPECT_EQ(client.answers[other].fields[":status"], "501");
  EXPECT_EQ(client.answers[nowhere].fields[":status"], "404");
}

TEST(Http2, BodiesUnderWayOfAllHaveABudget) {
  TestServer server(true);
  Client client(server);
  Budget::Share others(server.connections.budget());
  ASSERT_TRUE(others.hold(kMaxGathered - 150'000));
  const int32_t large = client.request("POST", "/large", std::string(200'000, 'x'));
  const int32_t small = client.request("POST", "/large", std::string(60'000, 'x'));
  client.talk();
  EXPECT_EQ(client.answers[large].fields[":status"], "503");
  EXPECT_EQ(client.answers[small].body, "60000");
  EXPECT_EQ(server.connections.budget().held(), kMaxGathered - 150'000);
}

TEST(Http2, RefusesWithAStatus) {
  TestServer server(true);
  Client client(server);
  const int32_t missing = client.request("GET", "/nowhere"), dots = client.request("GET", "/a/%2e%2e/b");
  const int32_t method = client.request("DELETE", "/"), throws = client.request("GET", "/throws");
  const int32_t head = client.request("HEAD", "/large"),
                fat = client.request("GET", "/", "", {{"a", std::string(45'000, 'b')}});
  const int32_t hosts = client.request("GET", "/", "", {{"host", "other.example"}});
  const int32_t early = client.request("POST", "/nowhere", std::string(3 << 20, 'x'));
  client.talk();
  EXPECT_EQ(client.answers[missing].fields[":status"], "404");
  EXPECT_EQ(client.answers[dots].fields[":status"], "400");
  EXPECT_EQ(client.answers[method].fields[":status"], "405");
  EXPECT_EQ(client.answers[method].fields["allow"], "OPTIONS, GET, HEAD");
  EXPECT_EQ(client.answers[throws].fields[":status"], "500");
  EXPECT_EQ(client.answers[head].fields["content-length"], "1048576");
  EXPECT_EQ(client.answers[head].body, "");
  EXPECT_EQ(client.answers[fat].fields[":status"], "431");
  EXPECT_EQ(client.answers[hosts].fields[":status"], "400");
  EXPECT_EQ(client.answers[early].fields[":status"], "404");
  EXPECT_EQ(client.answers[early].error, 0);  // the rest of the body is not wanted, and that is no error
  EXPECT_EQ(client.goaway, -1);
}

TEST(Http2, StreamsAnswersAndNoticesWhoGoes) {
  TestServer server(true);
  Client client(server);
  const int32_t id = client.request("GET", "/ticks?n=3");
  client.talk();
  const auto first = server.echo.ticker;
  server.loop.run_for(seconds(5));
  client.talk();
  EXPECT_EQ(client.answers[id].body, std::string(30, 'x'));
  EXPECT_EQ(client.answers[id].error, 0);
  const int32_t endless = client.request("GET", "/ticks?n=1000");
  client.talk();
  server.loop.run_for(seconds(2));
  client.reset(endless);
  client.talk();
  EXPECT_TRUE(server.echo.ticker->cancelled);
  EXPECT_FALSE(first->cancelled);
  const int32_t broken = client.request("GET", "/ticks?n=-1");
  client.talk();
  EXPECT_EQ(client.answers[broken].error, NGHTTP2_INTERNAL_ERROR);
}

TEST(Http2, RapidResetsEndTheConnection) {
  TestServer server(true);
  Client client(server);
  client.talk();
  int opened = 0;
  for (; opened < 2'000 && client.goaway < 0; opened += 10) {
    std::vector<int32_t> ids;
    for (int i = 0; i < 10; ++i) ids.push_back(client.request("GET", "/slow"));
    client.talk();
    for (const int32_t id : ids) client.reset(id);
    client.talk();
  }
  EXPECT_EQ(client.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_LE(opened, 120);
  EXPECT_TRUE(server.closed);
}

std::string frame(uint8_t type, uint8_t flags, uint32_t id, const std::string& payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(id >> shift);
  return out + payload;
}
const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, "");

TEST(Http2, FloodsEndTheConnection) {
  const std::string field("\x00\x01x\x7f\x81\x4e", 6);  // x: 205 octets to come
  const std::string large = field + std::string(205, 'y');
  std::string headers = frame(NGHTTP2_HEADERS, 0, 1, "\x82\x86\x84");
  const std::pair<std::string, std::string> floods[] = {
      {"CONTINUATION", frame(NGHTTP2_CONTINUATION, 0, 1, large)},
      {"PING", frame(NGHTTP2_PING, 0, 0, "12345678")},
      {"SETTINGS", frame(NGHTTP2_SETTINGS, 0, 0, "")},
  };
  for (const auto& [name, one] : floods) {
    TestServer server(true);
    server.listening = false;  // the answers pile up
    server.ask("");
    server.send(kPreface + (name == "CONTINUATION" ? headers : ""));
    std::string many;
    for (int i = 0; i < 1'000; ++i) many += one;
    for (int i = 0; i < 60; ++i) {
      server.send(many);
      server.loop.run_for(seconds(1));
    }
    server.loop.run_for(minutes(2));
    EXPECT_TRUE(server.ended) << name;
  }
}

TEST(Http2, WhoSpeaksSomethingElseOrNothingIsSentAway) {
  {
    TestServer server(true);
    server.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server(true);
    server.loop.run_for(kIdleTime + seconds(10));
    EXPECT_TRUE(server.closed);
  }
  {
    TestServer server(true);
    server.send(kPreface + frame(NGHTTP2_HEADERS, 0, 1, "\x82"));  // and no end of it
    server.loop.run_for(minutes(1));
    EXPECT_TRUE(server.closed);
  }
}

TEST(Http2, WhoIsSlowLosesTheStream) {
  TestServer server(true);
  Client client(server);
  client.consume = false;
  const int32_t down = client.request("GET", "/large");
  client.talk();
  EXPECT_EQ(client.answers[down].error, -1);  // its window is full
  server.loop.run_for(kWriteTime + seconds(10));
  client.talk();
  EXPECT_EQ(client.answers[down].error, NGHTTP2_CANCEL);
}

TEST(Http2, DrainingFinishesWhatIsUnderWay) {
  TestServer server(true);
  Client client(server);
  const int32_t id = client.request("GET", "/slow");
  client.talk();
  server.connections.drain();
  client.talk();
  EXPECT_EQ(client.goaway, NGHTTP2_NO_ERROR);
  server.loop.run_for(seconds(30));
  client.talk();
  EXPECT_EQ(client.answers[id].body, "slow");
  EXPECT_TRUE(server.closed);
}

}  // namespace
}  // namespace pabal::web
