// Listeners: limits, the end of one, Unix sockets.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <ifaddrs.h>
#include <sys/stat.h>

#include <atomic>

#include "net/test_io.h"

namespace pabal::net {
namespace {

TEST(Listener, ClosesAtOnceWhatIsOverItsLimit) {
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  Kept kept(loop);
  ListenOptions options;
  options.address = {"127.0.0.1", 0};
  options.max_streams = 2;
  const auto listener = loops.network().listen(options, kept.taker());
  ASSERT_TRUE(listener);
  std::vector<std::shared_ptr<Stream>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(*run(loop, dial(loop, loops.network(), (*listener)->local())).get());
  EXPECT_EQ(*run(loop, read_some(clients[2], kLong)).get(), "");
  EXPECT_EQ(kept.count(), 2u);
  kept.drop();  // room again
  clients.push_back(*run(loop, dial(loop, loops.network(), (*listener)->local())).get());
  kept.wait_for(1);
  on(loop, [&] { clients.clear(); });
}

// An address of this machine that is no loopback, or "".
std::string outside_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::string found;
  for (const ifaddrs* one = all; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
    if (!std::string(text).starts_with("127.")) found = text;
  }
  ::freeifaddrs(all);
  return found;
}

TEST(Listener, CountsByAddressAndSparesTheLoopback) {
  const std::string outside = outside_address();
  if (outside.empty()) GTEST_SKIP() << "this machine has only its loopback";
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  Kept kept(loop);
  ListenOptions options;
  options.address = {"0.0.0.0", 0};
  options.max_streams_per_ip = 1;
  const auto listener = loops.network().listen(options, kept.taker());
  ASSERT_TRUE(listener);
  const uint16_t port = (*listener)->local().port;
  std::vector<std::shared_ptr<Stream>> clients;
  for (int i = 0; i < 2; ++i) clients.push_back(*run(loop, dial(loop, loops.network(), {outside, port})).get());
  EXPECT_EQ(*run(loop, read_some(clients[1], kLong)).get(), "");
  EXPECT_EQ(kept.count(), 1u);
  for (int i = 0; i < 3; ++i) clients.push_back(*run(loop, dial(loop, loops.network(), {"127.0.0.1", port})).get());
  kept.wait_for(4);
  on(loop, [&] { clients.clear(); });
}

TEST(Listener, HandsOutNothingAfterItsEnd) {
  for (int round = 0; round < 20; ++round) {
    IoLoops loops(2);
    std::atomic<bool> over{false};
    std::atomic<int> late{0};
    auto listener = loops.network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<Stream>) { late += over; });
    ASSERT_TRUE(listener);
    std::vector<std::future<Result<std::shared_ptr<Stream>>>> dialing;
    for (int i = 0; i < 20; ++i)
      dialing.push_back(run(loops.loop(0), dial(loops.loop(0), loops.network(), (*listener)->local())));
    listener->reset();
    over = true;
    for (auto& one : dialing) {
      auto done = std::make_shared<Result<std::shared_ptr<Stream>>>(one.get());
      on(loops.loop(0), [&] { done.reset(); });
    }
    EXPECT_EQ(late, 0);
  }
}

TEST(Listener, MayBeDroppedOnItsLoop) {
  IoLoops loops(2);
  for (size_t i = 0; i < 2; ++i) {
    auto listener = loops.network().listen({{"127.0.0.1", 0}}, [](std::unique_ptr<Stream>) {});
    ASSERT_TRUE(listener);
    const Address address = (*listener)->local();
    on(loops.loop(i), [&] { listener->reset(); });
    on(loops.loop(0), [] {});  // what was posted has run
    EXPECT_EQ(run(loops.loop(0), dial(loops.loop(0), loops.network(), address)).get().code(), Code::kUnavailable);
  }
}

TEST(Listener, SpeaksIpv6WhereThereIsOne) {
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  Kept kept(loop);
  const auto listener = loops.network().listen({{"::1", 0}}, kept.taker());
  if (!listener) GTEST_SKIP() << listener.error().message;
  auto client = *run(loop, dial(loop, loops.network(), (*listener)->local())).get();
  kept.wait_for(1);
  on(loop, [&] {
    EXPECT_EQ(client->remote().ip, "::1");
    EXPECT_TRUE(client->local().loopback());
    client.reset();
  });
}

TEST(Listener, NamesWhatIsWrong) {
  IoLoops loops(1);
  EXPECT_EQ(loops.network().listen({{"not an address", 25}}, [](std::unique_ptr<Stream>) {}).code(), Code::kInvalid);
  EXPECT_EQ(loops.network().listen({{"192.0.2.1", 0}}, [](std::unique_ptr<Stream>) {}).code(), Code::kIo)
      << "not an address of this machine";
  EXPECT_EQ(run(loops.loop(0), dial(loops.loop(0), loops.network(), {"not an address", 25})).get().code(),
            Code::kInvalid);
}

int dial_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr address{};
  address.sa_family = AF_UNIX;
  std::string raw(reinterpret_cast<const char*>(&address), offsetof(sockaddr, sa_data));
  raw += path + '\0';
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(raw.data()), static_cast<socklen_t>(raw.size())), 0);
  return fd;
}

TEST(UnixListener, IsForItsOwnerOnlyAndLeavesNothing) {
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  const Folder folder;
  const std::string path = folder.file("admin");
  {
    Kept kept(loop);
    folder.write("admin", "left by a server that was killed");
    const auto listener = listen_unix(loops, path, kept.taker());
    ASSERT_TRUE(listener) << listener.error().message;
    struct stat facts{};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    const int fd = dial_unix(path);
    kept.wait_for(1);
    std::shared_ptr<Stream> stream;
    on(loop, [&] { stream = kept.take(); });
    EXPECT_TRUE(run(loop, write_all(stream, "hello", kLong)).get());
    char word[5];
    EXPECT_EQ(::recv(fd, word, sizeof word, MSG_WAITALL), 5);
    ::close(fd);
    EXPECT_EQ(*run(loop, read_some(stream, kLong)).get(), "");
    on(loop, [&] { stream.reset(); });
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(listen_unix(loops, folder.file(std::string(200, 'x')), [](std::unique_ptr<Stream>) {}).code(),
            Code::kInvalid);
  EXPECT_EQ(listen_unix(loops, folder.file("no/such/folder"), [](std::unique_ptr<Stream>) {}).code(),
            Code::kUnavailable);
}

}  // namespace
}  // namespace pabal::net
