#include "access/pop3/command.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::access::pop3 {

LineReader::State LineReader::next() {
  end_ = in_.find('\n', std::max(at_, scanned_));
  if (end_ != in_.npos) return end_ - at_ > kMaxLine + 1 ? State::kTooLong : State::kLine;
  if (at_ > 0) in_.erase(0, at_);
  at_ = 0;
  scanned_ = in_.size();
  return in_.size() > kMaxLine + 1 ? State::kTooLong : State::kNeedMore;
}

std::string LineReader::take() {
  std::string line = in_.substr(at_, end_ - at_);
  if (line.ends_with('\r')) line.pop_back();
  at_ = end_ + 1;
  if (!pending()) clear();  // gives memory back between commands
  return line;
}

void LineReader::clear() {
  in_ = {};
  at_ = scanned_ = 0;
}

Command parse_command(std::string_view line) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, blank);
  // RFC 1939 §3: three or four letters; UTF8 has a digit.
  if (name.empty() || name.size() > 4 || !std::all_of(name.begin(), name.end(), text::is_alnum)) return {};
  return {text::uppered(name), std::string(line.substr(std::min(blank + 1, line.size())))};
}

std::optional<std::vector<size_t>> parse_numbers(std::string_view text, size_t least, size_t most) {
  std::vector<size_t> out;
  for (const std::string_view word : text::split(text, ' ')) {
    if (word.empty()) continue;
    const auto number = text::parse_u64(word);
    if (!number || *number > kMaxTopLines || out.size() == most) return {};
    out.push_back(static_cast<size_t>(*number));
  }
  if (out.size() < least) return {};
  return out;
}

}  // namespace pabal::access::pop3
