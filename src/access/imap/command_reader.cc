#include "access/imap/command_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pabal::access::imap {
namespace {

struct Announced {
  uint64_t size;
  bool waits;  // a synchronising literal
};

// "{n}" or "{n+}" at the end of a line.
std::optional<Announced> announced_literal(std::string_view line) {
  if (!line.ends_with('}')) return {};
  const size_t open = line.rfind('{');
  if (open == line.npos) return {};
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  const bool plus = digits.ends_with('+');
  if (plus) digits.remove_suffix(1);
  const auto size = text::parse_u64(digits);
  if (!size) return {};
  return Announced{*size, !plus};
}

}  // namespace

std::optional<std::string_view> CommandReader::take_line() {
  const size_t lf = in_.find('\n', std::max(at_, scanned_));
  if (lf == in_.npos) {
    if (at_ > 0) in_.erase(0, std::exchange(at_, 0));
    scanned_ = in_.size();
    return {};
  }
  std::string_view line = std::string_view(in_).substr(at_, lf - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = lf + 1;
  scanned_ = 0;
  return line;
}

void CommandReader::start_literal(uint64_t size) {
  literal_left_ = size;
  literal_octets_ += size;
  if (!refused_) command_.reserve(command_.size() + static_cast<size_t>(size) + 64);
}

CommandReader::State CommandReader::next() {
  for (;;) {
    if (literal_left_ > 0) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(literal_left_, in_.size() - at_));
      if (!refused_) command_.append(in_, at_, n);
      at_ += n;
      literal_left_ -= n;
      if (literal_left_ > 0) {
        in_.clear();
        at_ = 0;
        return State::kNeedMore;
      }
    }
    const auto line = take_line();
    if (!line) return in_.size() + text_octets_ > max_line_ ? State::kTooLong : State::kNeedMore;
    text_octets_ += line->size();
    if (text_octets_ > max_line_) return State::kTooLong;
    const auto literal = announced_literal(*line);
    if (!refused_) command_.append(*line);
    if (!literal) {
      if (!refused_) return State::kCommand;
      return State::kTooBig;
    }
    const bool fits = !refused_ && literal->size <= max_literals_ && literal_octets_ + literal->size <= max_literals_;
    if (!fits) {
      // RFC 7888 §4: who waits is told NO and sends nothing; who does not is read and dropped, within reason.
      refused_ = true;
      if (literal->waits) return State::kTooBig;
      const uint64_t most = max_literals_ * kMaxSkips;
      if (literal->size > most || literal_octets_ > most) return State::kTooLong;
    } else {
      command_ += "\r\n";
    }
    start_literal(literal->size);
    if (literal->waits) return State::kNeedContinue;
  }
}

std::string CommandReader::take() {
  if (!pending()) {  // gives memory back between commands: thousands of clients idle
    in_ = {};
    at_ = scanned_ = 0;
  }
  text_octets_ = literal_octets_ = 0;
  refused_ = false;
  return std::exchange(command_, {});
}

std::optional<std::string> CommandReader::line() {
  const auto line = take_line();
  if (!line) return {};
  return std::string(*line);
}

void CommandReader::clear() {
  in_.clear();
  command_.clear();
  at_ = scanned_ = 0;
  literal_left_ = text_octets_ = literal_octets_ = 0;
  refused_ = false;
}

}  // namespace pabal::access::imap
