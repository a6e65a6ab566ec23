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

}  // namespace
}  // namespace pabal::net
