#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "net/io_loop.h"

namespace pabal::net {
namespace {

constexpr seconds kLong{20};

Task<void> echo(std::shared_ptr<Stream> stream, std::shared_ptr<TlsServer> tls) {
  Loop& loop = stream->loop();
  if (tls) {
    Task<Result<void>> shaking = stream->tls_accept(tls, loop.now() + kLong);
    if (!(co_await shaking)) co_return;
  }
  std::string block(65536, '\0');
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, loop.now() + kLong);
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
    Task<Result<void>> writing = stream->write(std::string_view(block).substr(0, *got), loop.now() + kLong);
    if (!(co_await writing)) co_return;
  }
}

Task<Result<std::string>> exchange(Loop& loop, Network& network, Address to, bool tls, std::string text) {
  Task<Result<std::unique_ptr<Stream>>> connecting = network.connect(loop, to, "", loop.now() + kLong);
  Result<std::unique_ptr<Stream>> connected = co_await connecting;
  if (!connected) co_return connected.error();
  std::unique_ptr<Stream> stream = std::move(*connected);
  if (tls) {
    TlsClientOptions options;
    options.server_name = "mail.example.com";
    Task<Result<void>> shaking = stream->tls_connect(options, loop.now() + kLong);
    if (const Result<void> done = co_await shaking; !done) co_return done.error();
    if (stream->tls()->version != "TLSv1.3" || stream->tls()->verified || stream->tls()->channel_binding.size() != 32)
      co_return Error{Code::kInternal, "the TLS facts are wrong"};
  }
  std::string back;
  std::string block(65536, '\0');
  for (size_t at = 0; at < text.size(); at += 100'000) {
    const std::string part = text.substr(at, 100'000);
    Task<Result<void>> writing = stream->write(part, loop.now() + kLong);
    if (const Result<void> done = co_await writing; !done) co_return done.error();
    while (back.size() < std::min(text.size(), at + 100'000)) {
      Task<Result<size_t>> reading = stream->read(block, loop.now() + kLong);
      const Result<size_t> got = co_await reading;
      if (!got) co_return got.error();
      if (*got == 0) co_return Error{Code::kClosed, "closed early"};
      back.append(block, 0, *got);
    }
  }
  co_return back;
}

template <typename T>
Task<void> fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  T value = co_await task;
  promise->set_value(std::move(value));
}
template <typename T>
std::future<T> run(Loop& loop, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  loop.spawn(fulfil(std::move(task), promise));
  return future;
}

std::shared_ptr<TlsServer> test_tls() {
  const auto made = make_self_signed({"mail.example.com", "127.0.0.1"}, from_unix(1'700'000'000), days(3650));
  EXPECT_TRUE(made);
  const std::string folder = testing::TempDir() + "/pabal-net-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/c.pem") << made->certificate_pem;
  std::ofstream(folder + "/k.pem") << made->key_pem;
  auto server = make_tls_server(folder + "/c.pem", folder + "/k.pem");
  EXPECT_TRUE(server) << server.error().message;
  std::filesystem::remove_all(folder);
  return *server;
}

class IoNetwork : public testing::TestWithParam<bool> {};

TEST_P(IoNetwork, EchoesAHundredConnectionsOverTwoLoops) {
  const auto tls = GetParam() ? test_tls() : nullptr;
  IoLoops loops(2);
  const auto listener = loops.network().listen({{"127.0.0.1", 0}}, [tls](std::unique_ptr<Stream> stream) {
    std::shared_ptr<Stream> shared = std::move(stream);
    shared->loop().spawn(echo(shared, tls));
  });
  ASSERT_TRUE(listener);
  std::vector<std::future<Result<std::string>>> waiting;
  const std::string text = std::string(300'000, 'x') + "end";
  for (size_t i = 0; i < 100; ++i) {
    Loop& loop = loops.loop(i % 2);
    waiting.push_back(run(loop, exchange(loop, loops.network(), (*listener)->local(), GetParam(), i % 10 ? "hello" : text)));
  }
  for (size_t i = 0; i < waiting.size(); ++i) {
    const auto back = waiting[i].get();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, i % 10 ? "hello" : text);
  }
}
INSTANTIATE_TEST_SUITE_P(ClearAndTls, IoNetwork, testing::Bool());

Task<Result<size_t>> read_once(Loop& loop, Network& network, Address to, Duration patience, std::shared_ptr<Stream>* out) {
  Task<Result<std::unique_ptr<Stream>>> connecting = network.connect(loop, to, "", loop.now() + kLong);
  Result<std::unique_ptr<Stream>> stream = co_await connecting;
  if (!stream) co_return stream.error();
  const std::shared_ptr<Stream> held = std::move(*stream);
  if (out) *out = held;
  char block[16];
  Task<Result<size_t>> reading = held->read(block, loop.now() + patience);
  co_return co_await reading;
}

TEST(IoStream, AReadEndsAtItsDeadline) {
  IoLoops loops(1);
  std::vector<std::unique_ptr<Stream>> kept;
  const auto listener = loops.network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<Stream> s) { kept.push_back(std::move(s)); });
  const auto got = run(loops.loop(0), read_once(loops.loop(0), loops.network(), (*listener)->local(), milliseconds(20), nullptr)).get();
  EXPECT_EQ(got.code(), Code::kTimeout);
  loops.stop();
}

TEST(IoStream, StoppingTheLoopsEndsAReadThatWaits) {
  auto loops = std::make_unique<IoLoops>(1);
  std::vector<std::unique_ptr<Stream>> kept;
  const auto listener = loops->network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<Stream> s) { kept.push_back(std::move(s)); });
  auto future = run(loops->loop(0), read_once(loops->loop(0), loops->network(), (*listener)->local(), kLong, nullptr));
  while (future.wait_for(milliseconds(10)) != std::future_status::ready) loops->stop();
  EXPECT_FALSE(future.get());
}

TEST(IoNetwork, RefusedConnectionsAndTakenPortsAreNamed) {
  IoLoops loops(1);
  auto listener = loops.network().listen({{"127.0.0.1", 0}}, [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(listener);
  EXPECT_EQ(loops.network().listen({(*listener)->local()}, [](std::unique_ptr<Stream>) {}).code(), Code::kExists);
  const Address free = (*listener)->local();
  listener->reset();
  EXPECT_EQ(run(loops.loop(0), read_once(loops.loop(0), loops.network(), free, kLong, nullptr)).get().code(), Code::kUnavailable);
}

Task<Result<int>> sum_from_threads(Loop& loop, Pool& pool) {
  int total = 0;
  for (int i = 0; i < 1000; ++i) {
    std::function<Result<int>()> work = [i]() -> Result<int> { return i; };
    Task<Result<int>> working = run_on<int>(pool, loop, work);
    const Result<int> one = co_await working;
    if (!one) co_return one;
    total += *one;
  }
  co_return total;
}

TEST(Pool, HandsResultsBackOnTheLoop) {
  IoLoops loops(1);
  const auto pool = make_pool(3, 100);
  EXPECT_EQ(*run(loops.loop(0), sum_from_threads(loops.loop(0), *pool)).get(), 499'500);
}

TEST(Pool, RefusesWhatDoesNotFitItsQueue) {
  const auto pool = make_pool(1, 1);
  std::promise<void> started, release;
  ASSERT_TRUE(pool->submit([&] { started.set_value(); release.get_future().wait(); }));
  started.get_future().wait();
  EXPECT_TRUE(pool->submit([] {}));
  EXPECT_FALSE(pool->submit([] {}));
  release.set_value();
}

TEST(Address, IsReadAndWritten) {
  for (const char* good : {"127.0.0.1:25", "[::1]:993", "0.0.0.0:0"}) EXPECT_EQ(parse_address(good)->text(), good);
  for (const char* bad : {"", "25", "127.0.0.1", "::1:25", "[::1]", "1.2.3:4", "1.2.3.4:65536", "a:1"}) EXPECT_FALSE(parse_address(bad)) << bad;
}

}  // namespace
}  // namespace pabal::net
