// libunbound against a name server of our own on the loopback: what is cached, what is validated, how it fails.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "base/codec.h"
#include "base/text.h"
#include "dns/resolver.h"

namespace pabal::dns {
namespace {

constexpr uint16_t kDnskey = 48, kRrsig = 46;

std::string u16(unsigned v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
std::string wire(std::string_view name) {
  std::string out;
  if (!name.empty())
    for (const auto label : text::split(name, '.')) out += static_cast<char>(label.size()) + std::string(label);
  return out + '\0';
}
std::string ipv4(const char* ip) {
  char raw[4];
  inet_pton(AF_INET, ip, raw);
  return {raw, 4};
}

struct Rr {
  std::string name;
  uint16_t type;
  uint32_t ttl;
  std::string data;
  std::string text() const {
    return wire(name) + u16(type) + u16(1) + Encoder().u32(ttl).take() + u16(static_cast<unsigned>(data.size())) + data;
  }
};

// Signs one zone with one P-256 key (RFC 6605), as RFC 4034 §3.1.8.1 says.
class Signer {
 public:
  explicit Signer(std::string zone) : zone_(std::move(zone)), key_(EVP_EC_gen("P-256")) {
    unsigned char point[65];
    size_t size = 0;
    EVP_PKEY_get_octet_string_param(key_, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size);
    dnskey_ = u16(257) + '\x03' + '\x0d' + std::string(reinterpret_cast<char*>(point) + 1, 64);
  }
  ~Signer() { EVP_PKEY_free(key_); }
  Rr dnskey() const { return {zone_, kDnskey, 3600, dnskey_}; }
  std::string anchor() const {
    return zone_ + ". IN DNSKEY 257 3 13 " + text::base64(std::string_view(dnskey_).substr(4)) + "\n";
  }

  Rr sign(const std::vector<Rr>& set) const {
    uint32_t tag = 0;  // RFC 4034 appendix B
    for (size_t i = 0; i < dnskey_.size(); ++i) tag += static_cast<unsigned char>(dnskey_[i]) << (i % 2 ? 0 : 8);
    tag += tag >> 16 & 0xFFFF;
    const auto now = static_cast<uint32_t>(std::time(nullptr));  // libunbound knows no other clock
    const auto labels = static_cast<uint8_t>(text::split(set[0].name, '.').size());
    const std::string head = Encoder()
                                 .raw(u16(set[0].type))
                                 .u8(13)
                                 .u8(labels)
                                 .u32(set[0].ttl)
                                 .u32(now + 86400)
                                 .u32(now - 3600)
                                 .raw(u16(tag & 0xFFFF))
                                 .raw(wire(zone_))
                                 .take();
    std::vector<std::string> records;
    for (const Rr& rr : set) records.push_back(rr.text());
    std::sort(records.begin(), records.end());
    std::string covered = head;
    for (const std::string& record : records) covered += record;
    return {set[0].name, kRrsig, set[0].ttl, head + signature(covered)};
  }

 private:
  std::string signature(const std::string& covered) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    unsigned char der[128];
    size_t size = sizeof der;
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_);
    EVP_DigestSign(context, der, &size, reinterpret_cast<const unsigned char*>(covered.data()), covered.size());
    EVP_MD_CTX_free(context);
    const unsigned char* at = der;
    ECDSA_SIG* sig = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
    unsigned char raw[64];
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    return {reinterpret_cast<char*>(raw), 64};
  }

  std::string zone_;
  EVP_PKEY* key_;
  std::string dnskey_;
};

// Answers by UDP what the test put in; counts the questions.
class NameServer {
 public:
  NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~NameServer() {
    stop_ = true;
    thread_.join();
    ::close(socket_);
  }
  std::string forwarder() const { return "127.0.0.1@" + std::to_string(port_); }
  void add(Rr rr) {
    std::lock_guard lock(mutex_);
    records_.push_back(std::move(rr));
  }
  void exists(std::string name) { add({std::move(name), 0, 0, ""}); }
  void fails(std::string name) {
    std::lock_guard lock(mutex_);
    failing_ = std::move(name);
  }
  int asked(const std::string& name, uint16_t type) {
    std::lock_guard lock(mutex_);
    return asked_[{name, type}];
  }

 private:
  void run() {
    while (!stop_) {
      pollfd wait{socket_, POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      char block[4096];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_, block, sizeof block, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 17) continue;
      const std::string reply = answer({block, static_cast<size_t>(got)});
      ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  std::string answer(std::string_view query) {
    std::string name;
    size_t at = 12;
    while (query[at] != 0) {
      const auto length = static_cast<size_t>(query[at]);
      name += (name.empty() ? "" : ".") + text::lowered(query.substr(at + 1, length));
      at += length + 1;
    }
    const auto type = static_cast<uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 |
                                            static_cast<unsigned char>(query[at + 2]));
    const std::string question(query.substr(12, at + 5 - 12));
    std::lock_guard lock(mutex_);
    ++asked_[{name, type}];
    std::string answers;
    unsigned count = 0, rcode = 3;
    std::string at_name = name;
    for (bool more = true; more;) {
      more = false;
      for (const Rr& rr : records_) {
        if (rr.name != at_name) continue;
        rcode = 0;
        const bool covers = rr.type == kRrsig && (static_cast<unsigned char>(rr.data[0]) << 8 |
                                                  static_cast<unsigned char>(rr.data[1])) == type;
        const bool alias = rr.type == static_cast<uint16_t>(Type::kCname) && type != rr.type;
        if (rr.type != type && !covers && !alias) continue;
        answers += rr.text();
        ++count;
        if (alias) {
          at_name = alias_of_[rr.name];
          more = true;
          break;
        }
      }
    }
    if (name == failing_) rcode = 2;
    const std::string opt = std::string(1, '\0') + u16(41) + u16(1232) + Encoder().u32(0x8000).take() + u16(0);
    return std::string(query.substr(0, 2)) + u16(0x8180 | rcode) + u16(1) + u16(count) + u16(0) + u16(1) + question +
           answers + opt;
  }

 public:
  void alias(const std::string& name, const std::string& to) {
    add({name, static_cast<uint16_t>(Type::kCname), 300, wire(to)});
    std::lock_guard lock(mutex_);
    alias_of_[name] = to;
  }

 private:
  const int socket_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<Rr> records_;
  std::map<std::string, std::string> alias_of_;
  std::string failing_;
  std::map<std::pair<std::string, uint16_t>, int> asked_;
  std::thread thread_;
};

Result<Answer> ask(Resolver& resolver, const std::string& name, Type type) {
  std::promise<Result<Answer>> promise;
  resolver.query(name, type, [&](Result<Answer> answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

std::unique_ptr<Resolver> make(const NameServer& server, const std::string& anchor = "") {
  UnboundOptions options;
  options.forwarder = server.forwarder();
  options.resolv_conf.clear();
  options.trust_anchor_file = anchor;
  auto made = make_unbound(options);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

const uint16_t kA = static_cast<uint16_t>(Type::kA), kMx = static_cast<uint16_t>(Type::kMx);

TEST(Unbound, KeepsAnAnswerForItsTtl) {
  NameServer server;
  server.add({"mx.corp.example", kA, 600, ipv4("192.0.2.1")});
  server.add({"mx.corp.example", kA, 600, ipv4("192.0.2.2")});
  const auto resolver = make(server);
  for (int i = 0; i < 5; ++i) {
    const auto a = ask(*resolver, "MX.corp.example", Type::kA);
    ASSERT_TRUE(a) << a.error().message;
    EXPECT_EQ(a->status, Answer::Status::kFound);
    EXPECT_EQ(a->records.size(), 2u);
    EXPECT_LE(a->records[0].ttl, 600u);
    EXPECT_GT(a->records[0].ttl, 590u);
    EXPECT_FALSE(a->secure);
  }
  EXPECT_EQ(server.asked("mx.corp.example", kA), 1);
}

TEST(Unbound, TellsNoDataFromNoDomainAndFollowsAliases) {
  NameServer server;
  server.add({"corp.example", kMx, 300, u16(10) + wire("mx.corp.example")});
  server.alias("www.corp.example", "host.corp.example");
  server.add({"host.corp.example", kA, 300, ipv4("192.0.2.3")});
  const auto resolver = make(server);
  EXPECT_EQ(ask(*resolver, "corp.example", Type::kA)->status, Answer::Status::kNoData);
  EXPECT_EQ(ask(*resolver, "nobody.corp.example", Type::kA)->status, Answer::Status::kNxDomain);
  const auto mx = ask(*resolver, "corp.example", Type::kMx);
  ASSERT_TRUE(mx && mx->records.size() == 1);
  EXPECT_EQ(mx->records[0].data, "mx.corp.example");
  EXPECT_EQ(mx->records[0].preference, 10);
  const auto www = ask(*resolver, "www.corp.example", Type::kA);
  ASSERT_TRUE(www && www->records.size() == 1);
  EXPECT_EQ(www->records[0].data, "192.0.2.3");
  EXPECT_EQ(www->canonical, "host.corp.example");
}

TEST(Unbound, AServerThatFailsIsAPassingFault) {
  NameServer server;
  server.fails("broken.example");
  const auto resolver = make(server);
  const auto broken = ask(*resolver, "broken.example", Type::kMx);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.code(), Code::kUnavailable);
}

// libunbound gives such a server up after some 17 seconds, also with kUnavailable; a test does not wait for that.
TEST(Unbound, AQuestionToAServerThatIsNotThereEndsWithTheResolver) {
  UnboundOptions options;
  {
    NameServer server;
    options.forwarder = server.forwarder();
  }
  std::optional<Result<Answer>> out;
  {
    const auto resolver = make_unbound(options);
    ASSERT_TRUE(resolver);
    (*resolver)->query("corp.example", Type::kMx, [&](Result<Answer> answer) { out = std::move(answer); });
  }
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->code(), Code::kUnavailable);
}

TEST(Unbound, RefusesWhatIsNoNameWithoutAsking) {
  NameServer server;
  const auto resolver = make(server);
  for (const std::string& bad :
       {std::string(), std::string("a..b"), std::string("b\xC3\xBC.org"), std::string(64, 'a')})
    EXPECT_EQ(ask(*resolver, bad, Type::kA).code(), Code::kInvalid) << bad;
}

TEST(Unbound, AsksAboutNamesThatAreNoHosts) {
  NameServer server;
  for (const char* name : {"bob+x=y.users.example", "a\\b \"c\".users.example", "-x-.users.example"}) {
    server.add({name, kA, 300, ipv4("127.0.0.2")});
    const auto resolver = make(server);
    const auto a = ask(*resolver, name, Type::kA);
    ASSERT_TRUE(a) << a.error().message;
    EXPECT_EQ(a->status, Answer::Status::kFound) << name;
  }
}

TEST(Unbound, EveryQuestionIsAnsweredAlsoWhenItStops) {
  NameServer server;
  std::atomic<int> answers{0};
  {
    const auto resolver = make(server);
    for (int i = 0; i < 200; ++i)
      resolver->query("h" + std::to_string(i) + ".corp.example", Type::kA, [&](Result<Answer>) { ++answers; });
  }
  EXPECT_EQ(answers, 200);
}

struct Signed : ::testing::Test {
  NameServer server;
  Signer signer{"signed.example"};
  std::string file = ::testing::TempDir() + "pabal_anchor_" + std::to_string(::getpid());
  void SetUp() override {
    std::ofstream(file) << signer.anchor();
    add_signed({signer.dnskey()});
  }
  void TearDown() override { std::filesystem::remove(file); }
  void add_signed(const std::vector<Rr>& set) {
    for (const Rr& rr : set) server.add(rr);
    server.add(signer.sign(set));
  }
};

TEST_F(Signed, AnswersAreSecure) {
  add_signed({{"signed.example", kMx, 300, u16(10) + wire("mx.signed.example")}});
  const auto resolver = make(server, file);
  const auto mx = ask(*resolver, "signed.example", Type::kMx);
  ASSERT_TRUE(mx) << mx.error().message;
  EXPECT_TRUE(mx->secure);
  EXPECT_EQ(mx->records.at(0).data, "mx.signed.example");
}

TEST_F(Signed, AnAnswerThatWasForgedIsRefused) {
  const Rr good{"mx.signed.example", kA, 300, ipv4("192.0.2.1")};
  const Rr forged{"mx.signed.example", kA, 300, ipv4("203.0.113.66")};
  server.add(forged);
  server.add(signer.sign({good}));
  const auto resolver = make(server, file);
  const auto a = ask(*resolver, "mx.signed.example", Type::kA);
  ASSERT_FALSE(a);
  EXPECT_EQ(a.code(), Code::kDenied) << a.error().message;
}

TEST_F(Signed, AnAnswerWithoutItsSignatureIsRefused) {
  server.add({"mx.signed.example", kA, 300, ipv4("203.0.113.66")});
  const auto resolver = make(server, file);
  EXPECT_EQ(ask(*resolver, "mx.signed.example", Type::kA).code(), Code::kDenied);
}

TEST_F(Signed, ZonesOutsideTheAnchorAreInsecureAndStillAnswered) {
  server.add({"mx.corp.example", kA, 300, ipv4("192.0.2.1")});
  const auto resolver = make(server, file);
  const auto a = ask(*resolver, "mx.corp.example", Type::kA);
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_FALSE(a->secure);
}

// The anchor that ships with Debian (dns-root-data) is taken; without a network it fails as any server that is not
// there.
TEST(Unbound, TakesTheRootAnchorAndFailsGracefullyWithoutANetwork) {
  UnboundOptions options;
  if (!std::filesystem::exists(options.trust_anchor_file)) GTEST_SKIP() << "dns-root-data is not installed";
  NameServer server;  // answers nothing of the root: validation cannot succeed
  server.fails("example.org");
  options.forwarder = server.forwarder();
  const auto resolver = make_unbound(options);
  ASSERT_TRUE(resolver) << resolver.error().message;
  const auto answer = ask(**resolver, "example.org", Type::kMx);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.code() == Code::kUnavailable || answer.code() == Code::kDenied) << answer.error().message;
}

}  // namespace
}  // namespace pabal::dns
