#include "smtp/wire.h"

#include <cstring>

#include "smtp/limits.h"

namespace pabal::smtp {
namespace {

// HTAB is taken: RFC 5321 §4.1.1 asks servers to tolerate trailing blanks.
bool has_controls(std::string_view text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7F) return true;
  return false;
}

}  // namespace

void Wire::make_room(size_t block) {
  const size_t held = end_ - begin_;
  if (held == 0) begin_ = end_ = 0;
  if (held == 0 ? capacity_ == block : capacity_ - end_ >= block) return;
  // Between commands the small block takes the place of the large one that content was read with.
  const size_t wanted = held + block;
  if (wanted <= capacity_ && held > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  } else {
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    if (held > 0) std::memcpy(larger.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(larger);
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = held;
}

Task<Wire::Got> Wire::fill(size_t block, Time deadline) {
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return Got::kEnd;
  // A stream gives what has come without looking at the clock: whoever sends without pause is stopped here.
  if (stream_->loop().now() >= deadline) co_return Got::kTimeout;
  make_room(block);
  Task<Result<size_t>> reading = stream_->read({buffer_.get() + end_, block}, deadline);
  const Result<size_t> got = co_await reading;
  if (!got) co_return got.code() == Code::kTimeout ? Got::kTimeout : Got::kEnd;
  end_ += *got;
  co_return *got > 0 ? Got::kOctets : Got::kEnd;
}

Task<bool> Wire::flush() {
  if (out_.empty()) co_return true;
  const std::string sent = std::exchange(out_, {});
  Task<Result<void>> writing = stream_->write(sent, stream_->loop().now() + kReplyTime);
  const Result<void> done = co_await writing;
  co_return done.ok();
}

Task<Line> Wire::read_line(size_t limit, Time deadline) {
  Line line;
  size_t searched = 0, dropped = 0;  // of the pending octets; of a line too long
  bool dropped_cr = false;           // the last octet dropped was a CR
  for (;;) {
    const std::string_view in = pending();
    const size_t lf = in.find('\n', searched);
    if (lf != in.npos) {
      const bool crlf = lf > 0 ? in[lf - 1] == '\r' : dropped_cr;
      if (!crlf)
        line.kind = Line::Kind::kBareLf;
      else if (dropped > 0 || lf > limit)
        line.kind = Line::Kind::kTooLong;
      else if (has_controls(in.substr(0, lf - 1)))
        line.kind = Line::Kind::kControls;
      else {
        line.kind = Line::Kind::kLine;
        line.text = in.substr(0, lf - 1);
      }
      consume(lf + 1);
      co_return line;
    }
    if (in.size() > limit) {
      dropped += in.size();
      dropped_cr = in.back() == '\r';
      drop_pending();
      if (dropped > kMaxDroppedLine) {
        line.kind = Line::Kind::kEndless;
        co_return line;
      }
    }
    searched = pending().size();
    Task<Got> filling = fill(kCommandBlock, deadline);
    const Got got = co_await filling;
    if (got != Got::kOctets) {
      line.kind = got == Got::kTimeout ? Line::Kind::kTimeout : Line::Kind::kEnd;
      co_return line;
    }
  }
}

}  // namespace pabal::smtp
