#include "sieve/lexer.h"

#include <limits>

#include "base/text.h"

namespace pabal::sieve {
namespace {

bool starts_word(char c) { return text::is_alpha(c) || c == '_'; }
bool in_word(char c) { return text::is_alnum(c) || c == '_'; }

// Line ends as CRLF, however the script was written: its texts go into mail.
void append_line_end(std::string& out) { out += "\r\n"; }

}  // namespace

bool is_identifier(std::string_view s) {
  if (s.empty() || !starts_word(s[0])) return false;
  for (char c : s)
    if (!in_word(c)) return false;
  return true;
}

Lexer::Lexer(std::string_view script) : script_(script) {
  if (script_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // the mark some editors write
}

void Lexer::advance(size_t count) {
  for (; count > 0 && at_ < script_.size(); --count, ++at_) {
    const auto c = static_cast<unsigned char>(script_[at_]);
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if ((c & 0xC0) != 0x80) {
      ++place_.column;
    }
  }
}

Token Lexer::fault(Place at, std::string what) const {
  Token t;
  t.kind = Token::kFault;
  t.at = at;
  t.text = std::move(what);
  return t;
}

std::optional<Token> Lexer::skip_blank() {
  while (at_ < script_.size()) {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      advance(1);
    } else if (c == '#') {
      const size_t end = script_.find('\n', at_);
      advance((end == script_.npos ? script_.size() : end + 1) - at_);
    } else if (c == '/' && peek(1) == '*') {
      const size_t end = script_.find("*/", at_ + 2);
      if (end == script_.npos) return fault(place_, "this comment has no end; close it with */");
      advance(end + 2 - at_);
    } else {
      break;
    }
  }
  return std::nullopt;
}

Token Lexer::next() {
  if (auto broken = skip_blank()) return *broken;
  const Place at = place_;
  if (at_ >= script_.size()) return Token{Token::kEnd, at, {}, 0, 0};
  const char c = peek();
  if (c == '"') return quoted(at);
  if (starts_word(c)) return word(at);
  if (text::is_digit(c)) return number(at);
  if (c == ':') {
    advance(1);
    if (!starts_word(peek())) return fault(at, "a colon begins a tag like :contains; write its name behind it");
    Token t = word(at);
    if (t.kind == Token::kIdentifier) t.kind = Token::kTag;
    return t;
  }
  if (std::string_view("(){}[],;").find(c) != std::string_view::npos) {
    advance(1);
    return Token{Token::kPunctuation, at, {}, 0, c};
  }
  return fault(
      at, "'" + text::printable(script_.substr(at_, 1)) + "' does not belong here; texts are written in double quotes");
}

Token Lexer::word(Place at) {
  const size_t begin = at_;
  while (in_word(peek())) advance(1);
  const std::string_view name = script_.substr(begin, at_ - begin);
  if (peek() == ':' && text::iequals(name, "text")) {
    advance(1);
    return multi_line(at);
  }
  if (name.size() > 64) return fault(at, "this name is too long; no command has it");
  return Token{Token::kIdentifier, at, text::lowered(name), 0, 0};
}

Token Lexer::number(Place at) {
  // RFC 5228 §2.4.1: with K, M or G behind it.
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  uint64_t value = 0;
  bool over = false;
  for (; text::is_digit(peek()); advance(1)) {
    const uint64_t digit = peek() - '0';
    over = over || value > (kMost - digit) / 10;
    value = value * 10 + digit;
  }
  const char unit = text::lower(peek());
  if (unit == 'k' || unit == 'm' || unit == 'g') {
    const int shift = unit == 'k' ? 10 : unit == 'm' ? 20 : 30;
    over = over || value > kMost >> shift;
    value <<= shift;
    advance(1);
  }
  if (in_word(peek())) return fault(at, "a number has only digits and one of K, M, G behind them");
  if (over) return fault(at, "this number is too large; the most is 9223372036854775807");
  return Token{Token::kNumber, at, {}, value, 0};
}

Token Lexer::quoted(Place at) {
  advance(1);
  Token t{Token::kString, at, {}, 0, 0};
  for (;;) {
    if (at_ >= script_.size()) return fault(at, "this text has no end; close it with \"");
    char c = peek();
    if (c == '"') break;
    if (c == '\\') {  // RFC 5228 §2.4.2: \" and \\; before others it means nothing
      advance(1);
      if (at_ >= script_.size()) continue;
      c = peek();
    }
    if (c == '\n') {
      if (t.text.ends_with('\r')) t.text.pop_back();
      append_line_end(t.text);
    } else {
      t.text += c;
    }
    if (t.text.size() > kMaxStringBytes) return fault(at, "this text is too long; the most is 64 KiB");
    advance(1);
  }
  advance(1);
  return t;
}

Token Lexer::multi_line(Place at) {
  while (text::is_wsp(peek())) advance(1);
  if (peek() == '#') {
    while (at_ < script_.size() && peek() != '\n') advance(1);
  }
  if (peek() == '\r') advance(1);
  if (peek() != '\n') return fault(at, "text: is followed by a new line; the text begins there");
  advance(1);
  Token t{Token::kString, at, {}, 0, 0};
  while (at_ < script_.size()) {
    const size_t lf = script_.find('\n', at_);
    const size_t end = lf == script_.npos ? script_.size() : lf + 1;
    std::string_view line = script_.substr(at_, end - at_);
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    advance(end - at_);
    if (line == ".") return t;
    if (line.starts_with("..")) line.remove_prefix(1);  // dot-stuffed
    t.text += line;
    append_line_end(t.text);
    if (t.text.size() > kMaxStringBytes) return fault(at, "this text is too long; the most is 64 KiB");
  }
  return fault(at, "this text has no end; close it with a line that holds a single dot");
}

}  // namespace pabal::sieve
