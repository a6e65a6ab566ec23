#include "access/managesieve/reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace pabal::access::managesieve {
namespace {

constexpr size_t kMaxWords = 10;     // no command has more than three
constexpr uint64_t kMaxSkips = 20;   // a literal over the limit is read and dropped up to so many limits
constexpr size_t kMaxQuoted = 4096;  // octets; the grammar has 1024, and older clients send longer ones

// ATOM-CHAR of RFC 5804 §4
bool is_atom(unsigned char c) {
  return c > 0x20 && c < 0x7F && c != '(' && c != ')' && c != '{' && c != '"' && c != '\\';
}

}  // namespace

void Reader::fail(std::string_view why) {
  if (fault_.empty()) fault_ = why;
}

// "{n+}" at the end of the line. The "+" may be missing: nobody waits in this protocol (literal-c2s).
bool Reader::announced(std::string_view line) {
  const size_t open = line.rfind('{');
  if (!line.ends_with('}') || open == line.npos) return false;
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  const auto size = text::parse_u64(digits);
  if (!size) return false;
  literal_left_ = *size;
  return true;
}

// The string whose opening quote is at `at`; gives where it ends, or npos.
size_t Reader::quoted(std::string_view line, size_t at) {
  Word word{Word::Kind::kString, ""};
  for (++at; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] == '\\' && ++at == line.size()) break;
    word.text += line[at];
  }
  if (at >= line.size()) return fail("a quoted string does not end"), std::string_view::npos;
  if (word.text.size() > kMaxQuoted) return fail("a string that long is sent as a literal"), std::string_view::npos;
  if (!text::is_utf8(word.text)) return fail("a quoted string must be UTF-8"), std::string_view::npos;
  words_.push_back(std::move(word));
  return at + 1;
}

// A literal is framed also where the words before it are wrong, so that the next command is found.
bool Reader::parse_line(std::string_view line) {
  const bool literal = announced(line);
  if (literal) line = line.substr(0, line.rfind('{'));
  size_t at = 0;
  bool separated = !std::exchange(after_literal_, false);
  while (at < line.size() && fault_.empty()) {
    if (line[at] == ' ') {
      separated = true;
      ++at;
      continue;
    }
    if (!separated) fail("a blank was expected between the words");
    if (words_.size() >= kMaxWords) fail("too many words");
    if (!fault_.empty()) break;
    separated = false;
    if (line[at] == '"') {
      at = quoted(line, at);
      continue;
    }
    const size_t start = at;
    while (at < line.size() && is_atom(static_cast<unsigned char>(line[at]))) ++at;
    const std::string_view atom = line.substr(start, at - start);
    if (atom.empty()) {
      fail("a word, a number or a string was expected");
      break;
    }
    const bool number = std::all_of(atom.begin(), atom.end(), text::is_digit);
    words_.push_back({number ? Word::Kind::kNumber : Word::Kind::kAtom, std::string(atom)});
  }
  if (literal && !separated) fail("a blank was expected before the literal");
  return literal;
}

Reader::State Reader::next() {
  for (;;) {
    if (literal_left_ > 0) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(literal_left_, in_.size() - at_));
      if (!refused_ && fault_.empty()) words_.back().text.append(in_, at_, n);
      at_ += n;
      literal_left_ -= n;
      if (literal_left_ > 0) {
        in_.clear();
        at_ = scanned_ = 0;
        return State::kNeedMore;
      }
      scanned_ = 0;
    }
    const size_t lf = in_.find('\n', std::max(at_, scanned_));
    if (lf == in_.npos) {
      in_.erase(0, std::exchange(at_, 0));
      scanned_ = in_.size();
      return in_.size() + line_octets_ > max_line_ ? State::kTooLong : State::kNeedMore;
    }
    std::string_view line = std::string_view(in_).substr(at_, lf - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at_ = lf + 1;
    scanned_ = 0;
    line_octets_ += line.size();
    if (line_octets_ > max_line_) return State::kTooLong;
    if (!parse_line(line)) return !fault_.empty() ? State::kBad : refused_ ? State::kTooBig : State::kCommand;
    if (literal_left_ > max_literals_ * kMaxSkips || literal_octets_ > max_literals_ * kMaxSkips)
      return State::kTooLong;
    literal_octets_ += literal_left_;
    refused_ = refused_ || literal_octets_ > max_literals_;
    after_literal_ = true;
    if (fault_.empty()) words_.push_back({Word::Kind::kString, ""});
  }
}

std::vector<Word> Reader::take() {
  if (!pending()) {  // gives memory back between commands
    in_ = {};
    at_ = scanned_ = 0;
  }
  line_octets_ = literal_octets_ = 0;
  refused_ = after_literal_ = false;
  fault_.clear();
  return std::exchange(words_, {});
}

void Reader::clear() {
  in_.clear();
  at_ = scanned_ = 0;
  literal_left_ = 0;
  take();
}

}  // namespace pabal::access::managesieve
