#include <gtest/gtest.h>

#include <atomic>

#include "net/test_io.h"

namespace pabal::net {
namespace {

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
    waiting.push_back(
        run(loop, exchange(loop, loops.network(), (*listener)->local(), GetParam(), i % 10 ? "hello" : text)));
  }
  for (size_t i = 0; i < waiting.size(); ++i) {
    const auto back = waiting[i].get();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, i % 10 ? "hello" : text);
  }
}
INSTANTIATE_TEST_SUITE_P(ClearAndTls, IoNetwork, testing::Bool());

// A connection whose two ends the test holds.
class IoStreams : public testing::Test {
 protected:
  IoStreams() : loop(loops.loop(0)), kept(loop) {
    auto listener = loops.network().listen({{"127.0.0.1", 0}}, kept.taker());
    EXPECT_TRUE(listener);
    client = *run(loop, dial(loop, loops.network(), (*listener)->local())).get();
    kept.wait_for(1);
    on(loop, [this] { server = kept.take(); });
  }
  ~IoStreams() override {
    on(loop, [this] {
      client.reset();
      server.reset();
    });
  }
  IoLoops loops{1};
  Loop& loop;
  Kept kept;
  std::shared_ptr<Stream> client, server;
};

TEST_F(IoStreams, AReadEndsAtItsDeadlineAndTheStreamLivesOn) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(loop, read_some(client, milliseconds(5))).get().code(), Code::kTimeout);
  EXPECT_EQ(run(loop, read_some(client, milliseconds(-5))).get().code(), Code::kTimeout);
  EXPECT_TRUE(run(loop, write_all(server, "late", kLong)).get());
  EXPECT_EQ(*run(loop, read_some(client, kLong)).get(), "late");
}

TEST_F(IoStreams, AWriteNobodyReadsEndsAtItsDeadline) {
  EXPECT_EQ(run(loop, write_all(client, std::string(64 << 20, 'x'), milliseconds(50))).get().code(), Code::kTimeout);
}

TEST_F(IoStreams, ClosingEndsTheReadThatWaits) {
  auto waiting = run(loop, read_some(client, kLong));
  on(loop, [this] { client->close(); });
  EXPECT_EQ(waiting.get().code(), Code::kClosed);
  EXPECT_EQ(run(loop, read_some(client, kLong)).get().code(), Code::kClosed);
  EXPECT_EQ(run(loop, write_all(client, "x", kLong)).get().code(), Code::kClosed);
  EXPECT_EQ(*run(loop, read_some(server, kLong)).get(), "") << "the other side sees the end";
}

TEST_F(IoStreams, AReadMayWaitBesideAWrite) {
  auto waiting = run(loop, read_some(client, kLong));
  const std::string large(8 << 20, 'x');
  auto writing = run(loop, write_all(client, large, kLong));
  EXPECT_TRUE(run(loop, write_all(server, "in between", kLong)).get());
  EXPECT_EQ(*waiting.get(), "in between");
  for (size_t got = 0; got < large.size();) {
    const auto some = run(loop, read_some(server, kLong)).get();
    ASSERT_TRUE(some);
    got += some->size();
  }
  EXPECT_TRUE(writing.get());
}

TEST_F(IoStreams, LastWordsArriveThoughNotAllWasRead) {
  ASSERT_TRUE(run(loop, write_all(client, std::string(40'000, 'x'), kLong)).get());
  ASSERT_TRUE(run(loop, write_all(server, "goodbye", kLong)).get());
  on(loop, [this] { server->close(); });
  EXPECT_EQ(*run(loop, read_some(client, kLong)).get(), "goodbye");
  const auto end = run(loop, read_some(client, kLong)).get();
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(*end, "");
}

TEST(IoLoop, StoppingEndsAReadThatWaits) {
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  std::vector<std::unique_ptr<Stream>> kept;
  auto listener =
      loops.network().listen({{"127.0.0.1", 0}}, [&](std::unique_ptr<Stream> s) { kept.push_back(std::move(s)); });
  ASSERT_TRUE(listener);
  auto client = *run(loop, dial(loop, loops.network(), (*listener)->local())).get();
  auto waiting = run(loop, read_some(client, kLong));
  loops.stop();
  const auto got = waiting.get();
  EXPECT_TRUE(!got || got->empty());  // closed here, or there
}

TEST(IoNetwork, RefusedConnectionsAndTakenPortsAreNamed) {
  IoLoops loops(1);
  auto listener = loops.network().listen({{"127.0.0.1", 0}}, [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(listener);
  EXPECT_EQ(loops.network().listen({(*listener)->local()}, [](std::unique_ptr<Stream>) {}).code(), Code::kExists);
  const Address free = (*listener)->local();
  listener->reset();
  EXPECT_EQ(run(loops.loop(0), dial(loops.loop(0), loops.network(), free)).get().code(), Code::kUnavailable);
}

TEST(IoLoop, RunsTimersInTheirOrderAndNoneThatWasDropped) {
  IoLoops loops(1);
  Loop& loop = loops.loop(0);
  std::vector<int> ran;
  std::vector<std::unique_ptr<Loop::Timer>> timers;
  std::promise<void> last;
  on(loop, [&] {
    const Time now = loop.now();
    timers.push_back(loop.at(now + milliseconds(20), [&] {
      ran.push_back(3);
      last.set_value();
    }));
    timers.push_back(loop.at(now + milliseconds(10), [&] { ran.push_back(2); }));
    timers.push_back(loop.at(now - hours(1), [&] { ran.push_back(1); }));
    timers.push_back(loop.at(now + milliseconds(5), [&] { ran.push_back(0); }));
    timers.pop_back();
    auto self = std::make_shared<std::unique_ptr<Loop::Timer>>();
    *self = loop.at(now, [self] { self->reset(); });  // drops itself while it runs
  });
  last.get_future().wait();
  on(loop, [&] { timers.clear(); });
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

Task<void> sleep_long(Loop& loop, std::atomic<int>& ended) {
  Task<void> sleeping = sleep(loop, hours(1));
  co_await sleeping;
  ++ended;
}

TEST(IoLoop, StoppingWakesWhoSleepsAndFreesWhoNeverRan) {
  std::atomic<int> ended{0};
  {
    IoLoops loops(2);
    for (size_t i = 0; i < 10; ++i) loops.loop(i % 2).spawn(sleep_long(loops.loop(i % 2), ended));
    loops.stop();
    EXPECT_EQ(ended, 10);
    loops.loop(0).spawn(sleep_long(loops.loop(0), ended));  // its frame goes with the loop
  }
  EXPECT_EQ(ended, 10);
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
  std::promise<void> started, release;  // outlive the pool, which waits for its jobs
  const auto pool = make_pool(1, 1);
  ASSERT_TRUE(pool->submit([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool->submit([] {}));
  EXPECT_FALSE(pool->submit([] {}));
  release.set_value();
}

TEST(Address, IsReadAndWritten) {
  for (const char* good : {"127.0.0.1:25", "[::1]:993", "0.0.0.0:0"}) EXPECT_EQ(parse_address(good)->text(), good);
  for (const char* bad : {"", "25", "127.0.0.1", "::1:25", "[::1]", "1.2.3:4", "1.2.3.4:65536", "a:1"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

}  // namespace
}  // namespace pabal::net
