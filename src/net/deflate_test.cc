#include "net/deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"
#include "net/sim.h"

namespace pabal::net {
namespace {

// Raw DEFLATE by zlib alone, each text flushed: what any client sends.
class Sender {
 public:
  explicit Sender(int flush = Z_SYNC_FLUSH) : flush_(flush) {
    EXPECT_EQ(deflateInit2(&z_, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  }
  ~Sender() { deflateEnd(&z_); }
  std::string operator()(std::string text) {
    std::string out(text.size() + 1000, '\0');
    z_.next_in = reinterpret_cast<Bytef*>(text.data());
    z_.avail_in = static_cast<uInt>(text.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(out.size());
    deflate(&z_, flush_);
    out.resize(out.size() - z_.avail_out);
    return out;
  }

 private:
  z_stream z_{};
  int flush_;
};

class Receiver {
 public:
  Receiver() { EXPECT_EQ(inflateInit2(&z_, -15), Z_OK); }
  ~Receiver() { inflateEnd(&z_); }
  std::string operator()(std::string octets) {
    std::string out(1 << 20, '\0');
    z_.next_in = reinterpret_cast<Bytef*>(octets.data());
    z_.avail_in = static_cast<uInt>(octets.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(out.size());
    const int done = inflate(&z_, Z_SYNC_FLUSH);
    EXPECT_TRUE(done == Z_OK || done == Z_BUF_ERROR) << done;
    out.resize(out.size() - z_.avail_out);
    return out;
  }

 private:
  z_stream z_{};
};

struct Reading {
  std::string octets;
  Result<size_t> last = size_t{1};
  size_t largest = 0;
  bool over = false;
};

Task<void> read_on(Stream* stream, std::shared_ptr<Reading> reading, size_t buffer) {
  std::string block(buffer, '\0');
  for (;;) {
    Task<Result<size_t>> one = stream->read(block, stream->loop().now() + hours(10));
    reading->last = co_await one;
    if (!reading->last || *reading->last == 0) break;
    reading->largest = std::max(reading->largest, *reading->last);
    reading->octets.append(block, 0, *reading->last);
  }
  reading->over = true;
}
Task<void> write_one(Stream* stream, std::string text, Result<void>* done) {
  Task<Result<void>> one = stream->write(text, stream->loop().now() + hours(10));
  *done = co_await one;
}

struct DeflateTest : testing::Test {
  SimLoop loop;
  StreamPair pair = make_stream_pair(loop);
  std::unique_ptr<Stream> peer = std::move(pair.client), stream = make_deflate_stream(std::move(pair.server));
  std::shared_ptr<Reading> in = std::make_shared<Reading>(), at_peer = std::make_shared<Reading>();

  void start(size_t buffer = 4096) {
    loop.spawn(read_on(stream.get(), in, buffer));
    loop.spawn(read_on(peer.get(), at_peer, 4096));
  }
  void write(Stream& to, const std::string& text) {
    Result<void> done = Error{Code::kInternal, "hangs"};
    loop.spawn(write_one(&to, text, &done));
    loop.run_for(milliseconds(1));
    EXPECT_TRUE(done) << done.error().message;
  }
  ~DeflateTest() override {
    stream->close();
    peer->close();
    loop.run_for(seconds(1));
  }
};

TEST_F(DeflateTest, SpeaksRawDeflateAndFlushesEachWrite) {
  start();
  Sender sender;
  Receiver receiver;
  write(*peer, sender("a noop\r\n"));
  EXPECT_EQ(in->octets, "a noop\r\n");
  write(*stream, "a OK done\r\n");
  EXPECT_EQ(receiver(std::exchange(at_peer->octets, {})), "a OK done\r\n");
  const std::string letter(300'000, 'x');
  write(*stream, letter);
  EXPECT_LT(at_peer->octets.size(), letter.size() / 50);
  EXPECT_EQ(receiver(std::exchange(at_peer->octets, {})), letter);
  write(*stream, "");
  EXPECT_EQ(at_peer->octets, "");
}

TEST_F(DeflateTest, CarriesAnythingInPiecesOfAnySize) {
  start(100);
  SeededRandom random(5);
  Sender sender;
  Receiver receiver;
  std::string sent, answered, got;
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (size_t n = random.below(3'000); n > 0; --n)
      text += static_cast<char>(random.below(i % 2 ? 256 : 4));  // some that cannot be compressed
    sent += text;
    const std::string octets = sender(text);
    for (size_t at = 0, n = 0; at < octets.size(); at += n) {
      n = 1 + random.below(700);
      write(*peer, octets.substr(at, n));
    }
    write(*stream, text);
    answered += text;
    got += receiver(std::exchange(at_peer->octets, {}));
    if (random.below(5) == 0) loop.run_for(minutes(1));  // rests
  }
  EXPECT_TRUE(in->octets == sent);
  EXPECT_TRUE(got == answered);
}

TEST_F(DeflateTest, RestsWithoutLosingWhatThePeerRefersTo) {
  start();
  for (const int flush : {Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH}) {
    StreamPair ends = make_stream_pair(loop);
    const auto one = make_deflate_stream(std::move(ends.server));
    const auto read = std::make_shared<Reading>();
    loop.spawn(read_on(one.get(), read, 4096));
    Sender sender(flush);
    std::string all;
    for (int i = 0; i < 20; ++i) {
      const std::string text = "tag" + std::to_string(i) + " UID FETCH 1:* (FLAGS BODY.PEEK[HEADER])\r\n";
      all += text;
      write(*ends.client, sender(text));
      write(*one, "answer");
      loop.run_for(minutes(1));
    }
    EXPECT_EQ(read->octets, all) << flush;
    one->close();
    ends.client->close();
    loop.run_for(seconds(1));
  }
}

TEST_F(DeflateTest, ABombComesInBuffersOfTheReader) {
  start(1000);
  Sender sender;
  const std::string bomb = sender(std::string(10 << 20, '\0'));
  EXPECT_LT(bomb.size(), 20'000u);
  write(*peer, bomb);
  loop.run_for(seconds(1));
  EXPECT_EQ(in->octets.size(), 10u << 20);
  EXPECT_LE(in->largest, 1000u);
}

TEST_F(DeflateTest, WhatIsNoDeflateEndsTheStream) {
  start();
  write(*peer, "a NOOP\r\nb NOOP\r\n");
  EXPECT_TRUE(in->over);
  EXPECT_EQ(in->last.code(), Code::kClosed);
}

TEST_F(DeflateTest, TheEndOfTheDataIsTheEnd) {
  start();
  Sender last(Z_FINISH);
  write(*peer, last("bye") + "more");
  EXPECT_EQ(in->octets, "bye");
  EXPECT_TRUE(in->over && in->last && *in->last == 0);
}

TEST_F(DeflateTest, AClosedPeerIsNoticed) {
  start();
  peer->close();
  loop.run_for(seconds(1));
  EXPECT_TRUE(in->over && in->last && *in->last == 0);
}

}  // namespace
}  // namespace pabal::net
