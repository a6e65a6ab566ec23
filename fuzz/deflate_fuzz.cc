// room: net
// What a peer sends as DEFLATE: any octets are read to an end, no read gives more than it asked for, and a stream that
// rests between the pieces reads the same as one that does not.
#include <string>

#include "base/check.h"
#include "net/deflate.h"
#include "net/sim.h"

namespace {

using namespace pabal;

constexpr size_t kMostRead = 1 << 20;  // a bomb is not taken to its end

Task<void> read_on(net::Stream* stream, std::string* out, bool* over) {
  std::string block(777, '\0');
  while (out->size() < kMostRead) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + hours(1'000));
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) break;
    PABAL_CHECK(*got <= block.size());
    out->append(block, 0, *got);
  }
  *over = true;
}
Task<void> write_on(net::Stream* stream, std::string text) {
  Task<Result<void>> writing = stream->write(text, stream->loop().now() + hours(1'000));
  (void)co_await writing;
}

std::string read_all(std::string_view input, size_t piece, Duration pause) {
  net::SimLoop loop;
  net::StreamPair pair = net::make_stream_pair(loop);
  const auto stream = net::make_deflate_stream(std::move(pair.server));
  std::string out;
  bool over = false;
  loop.spawn(read_on(stream.get(), &out, &over));
  for (size_t at = 0; at < input.size(); at += piece) {
    loop.spawn(write_on(pair.client.get(), std::string(input.substr(at, piece))));
    loop.spawn(write_on(stream.get(), "x"));
    loop.run_for(pause);
  }
  pair.client->close();
  loop.run_for(minutes(1));
  PABAL_CHECK(over);
  stream->close();
  loop.run_for(minutes(1));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  PABAL_CHECK(read_all(input, 1 + data[0], minutes(1)) == read_all(input, input.size(), milliseconds(1)));
  return 0;
}
