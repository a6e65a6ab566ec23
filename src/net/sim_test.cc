#include "net/sim.h"

#include <gtest/gtest.h>

namespace pabal::net {
namespace {

Task<void> note_after(SimLoop& loop, Duration d, std::string word, std::vector<std::string>& out) {
  Task<void> sleeping = sleep(loop, d);
  co_await sleeping;
  out.push_back(word);
}

TEST(SimLoop, RunsTimersInOrderOfTheirTimeWithoutWaiting) {
  SimLoop loop;
  const Time start = loop.now();
  std::vector<std::string> out;
  loop.spawn(note_after(loop, days(5), "last", out));
  loop.spawn(note_after(loop, hours(1), "second", out));
  loop.spawn(note_after(loop, hours(1), "third", out));
  loop.spawn(note_after(loop, seconds(1), "first", out));
  loop.run_for(days(6));
  EXPECT_EQ(out, (std::vector<std::string>{"first", "second", "third", "last"}));
  EXPECT_EQ(loop.now() - start, days(6));
}

Task<void> run_all(SimLoop& loop, std::vector<std::string>& out) {
  std::vector<Task<void>> tasks;
  for (const int n : {3, 1, 2}) tasks.push_back(note_after(loop, seconds(n), std::to_string(n), out));
  tasks.push_back(note_after(loop, seconds(0), "0", out));
  Task<void> together = all(std::move(tasks));
  co_await together;
  out.push_back("all");
  Task<void> none = all({});
  co_await none;
  out.push_back("none");
}

TEST(All, WaitsForTheLastOfThem) {
  SimLoop loop;
  std::vector<std::string> out;
  loop.spawn(run_all(loop, out));
  loop.run_for(seconds(3));
  EXPECT_EQ(out, (std::vector<std::string>{"0", "1", "2", "3", "all", "none"}));
}

Task<void> send_all(std::shared_ptr<Stream> stream, std::string text, Result<void>& result) {
  Task<Result<void>> writing = stream->write(text, stream->loop().now() + hours(1));
  result = co_await writing;
}
Task<void> read_all(std::shared_ptr<Stream> stream, std::string& out, Result<size_t>& last) {
  char block[1000];
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + hours(1));
    last = co_await reading;
    if (!last || *last == 0) co_return;
    out.append(block, *last);
  }
}

TEST(SimNetwork, CarriesMoreThanItsWindowAndTellsOfTheEnd) {
  SimLoop loop;
  StreamPair pair = make_stream_pair(loop);
  std::shared_ptr<Stream> client = std::move(pair.client), server = std::move(pair.server);
  Result<void> sent(Code::kInternal, "");
  Result<size_t> last = size_t{1};
  std::string got;
  const std::string text(1'000'000, 'x');
  loop.spawn(send_all(client, text, sent));
  loop.spawn(read_all(server, got, last));
  loop.run_for(seconds(1));
  EXPECT_TRUE(sent);
  EXPECT_EQ(got.size(), text.size());
  client->close();
  loop.run_for(seconds(1));
  EXPECT_EQ(*last, 0u);
}

Task<void> connect(SimLoop& loop, SimNetwork& network, std::string ip, Result<std::unique_ptr<Stream>>& out) {
  Task<Result<std::unique_ptr<Stream>>> connecting = network.connect(loop, {ip, 25}, "", loop.now() + minutes(5));
  out = co_await connecting;
}

TEST(SimNetwork, RefusesHangsAndCutsAsTold) {
  SimLoop loop;
  SimNetwork network(loop);
  std::shared_ptr<Stream> server;
  const auto listener = network.listen({{"10.0.0.1", 25}}, [&](std::unique_ptr<Stream> s) { server = std::move(s); });
  Result<std::unique_ptr<Stream>> out(Code::kInternal, "");
  loop.spawn(connect(loop, network, "10.0.0.2", out));
  loop.run_for(seconds(1));
  EXPECT_EQ(out.code(), Code::kUnavailable);

  network.blackhole("10.0.0.1");
  const Time start = loop.now();
  loop.spawn(connect(loop, network, "10.0.0.1", out));
  loop.run_until([&] { return !out && out.code() == Code::kTimeout; }, hours(1));
  EXPECT_EQ(loop.now() - start, minutes(5));

  network.blackhole("10.0.0.1", false);
  network.cut_after("10.0.0.1", 10);
  loop.spawn(connect(loop, network, "10.0.0.1", out));
  loop.run_for(seconds(1));
  ASSERT_TRUE(out);
  Result<void> sent;
  Result<size_t> last = size_t{1};
  std::string got;
  loop.spawn(send_all(std::shared_ptr<Stream>(std::move(*out)), std::string(11, 'x'), sent));
  loop.spawn(read_all(server, got, last));
  loop.run_for(seconds(1));
  EXPECT_EQ(sent.code(), Code::kIo);
  EXPECT_EQ(last.code(), Code::kIo);
}

Task<void> read_once(std::shared_ptr<Stream> stream, Duration patience, Result<size_t>& out) {
  char block[10];
  Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + patience);
  out = co_await reading;
}

TEST(SimStream, ReadsAndWritesEndAtTheirDeadlines) {
  SimLoop loop;
  StreamPair pair = make_stream_pair(loop);
  std::shared_ptr<Stream> client = std::move(pair.client), server = std::move(pair.server);
  const Time start = loop.now();
  Result<size_t> got = size_t{99};
  loop.spawn(read_once(client, minutes(5), got));
  loop.run_until([&] { return !got; }, hours(1));
  EXPECT_EQ(got.code(), Code::kTimeout);
  EXPECT_EQ(loop.now() - start, minutes(5));
  Result<void> sent;
  loop.spawn(send_all(server, std::string(1'000'000, 'x'), sent));  // nobody reads
  loop.run_for(hours(2));
  EXPECT_EQ(sent.code(), Code::kTimeout);
  loop.spawn(read_once(client, minutes(5), got));
  loop.run_until_idle();
  EXPECT_EQ(*got, 10u) << "what came is still there";
}

TEST(SimStream, ClosingEndsTheReadThatWaitsAndTellsTheOtherSide) {
  SimLoop loop;
  StreamPair pair = make_stream_pair(loop);
  std::shared_ptr<Stream> client = std::move(pair.client), server = std::move(pair.server);
  Result<size_t> here = size_t{99}, there = size_t{99};
  loop.spawn(read_once(client, minutes(5), here));
  loop.spawn(read_once(server, minutes(5), there));
  loop.run_until_idle();
  client->close();
  loop.run_until_idle();
  EXPECT_EQ(here.code(), Code::kClosed);
  EXPECT_EQ(*there, 0u);
  Result<void> sent;
  loop.spawn(send_all(server, "x", sent));
  loop.run_until_idle();
  EXPECT_EQ(sent.code(), Code::kIo);
}

TEST(SimStream, TlsIsPretendedOnEachSide) {
  SimLoop loop;
  StreamPair pair = make_stream_pair(loop);
  EXPECT_EQ(pair.client->tls(), nullptr);
  TlsClientOptions options;
  options.server_name = "mx.example";
  Task<Result<void>> shaking = pair.client->tls_connect(options, loop.now());
  start_detached(
      [](Task<Result<void>> task) -> Task<void> {
        const Result<void> done = co_await task;
        EXPECT_TRUE(done);
      }(std::move(shaking)),
      [](std::exception_ptr) {});
  ASSERT_NE(pair.client->tls(), nullptr);
  EXPECT_EQ(pair.client->tls()->server_name, "mx.example");
  EXPECT_EQ(pair.server->tls(), nullptr);
}

Task<void> wait_outside(SimLoop& loop, Pool& pool, Time& at) {
  std::function<Result<int>()> work = [] { return 1; };
  for (int i = 0; i < 50; ++i) {
    Task<Result<int>> working = run_on<int>(pool, loop, work);
    const Result<int> done = co_await working;
    EXPECT_TRUE(done);
  }
  at = loop.now();
}

TEST(SimLoop, TimeStandsStillWhileAnotherThreadWorks) {
  SimLoop loop;
  const auto pool = make_pool(2, 10);
  const Time start = loop.now();
  Time at;
  std::vector<std::string> out;
  loop.spawn(note_after(loop, milliseconds(1), "timer", out));
  loop.spawn(wait_outside(loop, *pool, at));
  loop.run_for(seconds(1));
  EXPECT_EQ(at, start) << "the pool's work took no virtual time";
  EXPECT_EQ(out.size(), 1u);
}

TEST(SimLoop, ADroppedTimerNeverRuns) {
  SimLoop loop;
  bool ran = false;
  auto timer = loop.at(loop.now() + seconds(1), [&] { ran = true; });
  timer.reset();
  loop.run_for(hours(1));
  EXPECT_FALSE(ran);
  std::unique_ptr<Loop::Timer> self;
  self = loop.at(loop.now() - hours(1), [&] {
    ran = true;
    self.reset();
  });  // drops itself while it runs
  loop.run_for(seconds(1));
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace pabal::net
