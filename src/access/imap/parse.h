// access: the MAA. imap: RFC 9051 (IMAP4rev2) and RFC 3501. parse: octets to words, without I/O.
//
// A command comes as lines and literals. CommandReader gathers one whole command; Words reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace pabal::access::imap {

constexpr size_t kMaxLineBeforeLogin = 8 << 10;   // octets of a command, literals included
constexpr size_t kMaxLine = 1 << 20;              // after login: UID sets of large mailboxes are long
constexpr size_t kMaxDepth = 50;                  // parentheses, NOT and OR
constexpr size_t kMaxSetRanges = 100'000;

// Gathers one command. feed() takes what came; state() tells what is wanted next.
class CommandReader {
 public:
  void limit(size_t line, size_t literal) { max_line_ = line, max_literal_ = literal; }
  void feed(std::string_view bytes) { in_.append(bytes); }

  enum class State {
    kNeedMore,      // read more
    kNeedContinue,  // send "+ ", the client waits (a synchronising literal)
    kCommand,       // take() it
    kTooBig,        // a synchronising literal over the limit: take() what came and say NO; the client sends it not
    kTooLong,       // over the limits: BAD, and the connection cannot be kept in step
  };
  State next();
  std::string take();            // the command: lines and literals as they came, without the last line end
  bool pending() const { return at_ < in_.size(); }
  void clear() { in_.clear(); at_ = 0; command_.clear(); }
  uint64_t literal_left() const { return literal_left_; }
  size_t held() const { return in_.size() + command_.size(); }
  // One line that is not a command (DONE, SASL answers); nothing: not whole yet.
  std::optional<std::string> line();

 private:
  std::string in_, command_;
  size_t at_ = 0;
  uint64_t literal_left_ = 0;
  bool continue_due_ = false;
  size_t max_line_ = kMaxLineBeforeLogin, max_literal_ = kMaxLineBeforeLogin;
};

// Reads a command word by word. After a fault ok() is false and everything gives empty values.
class Words {
 public:
  explicit Words(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool done() const { return in_.empty(); }
  char peek() const { return in_.empty() ? '\0' : in_[0]; }
  bool accept(char c);          // takes it if it is next
  void expect(char c);
  void space() { expect(' '); }
  std::string atom();           // upper-cased by the caller where that matters
  std::string astring();        // atom, quoted or literal
  std::string list_mailbox();   // with wildcards
  std::optional<std::string> nstring();
  std::string_view literal();   // must be one: {n}, {n+} or ~{n}
  uint32_t number();
  void fail() { ok_ = false; in_ = {}; }
  std::string_view rest() const { return in_; }

 private:
  std::string quoted();
  std::string_view in_;
  bool ok_ = true;
};

// 1:5,9,20:* ; '*' is kStar. Sorted and joined by resolve().
struct SequenceSet {
  static constexpr uint32_t kStar = UINT32_MAX;
  struct Range { uint32_t first, last; };
  std::vector<Range> ranges;
  // With '*' as `max`: ascending, disjoint. "5:*" with max 3 is 3:5 (RFC 9051 §9, seq-range).
  std::vector<Range> resolve(uint32_t max) const;
};
std::optional<SequenceSet> parse_set(std::string_view text);

// RFC 3501 §5.1.3
std::string to_modified_utf7(std::string_view utf8);
std::optional<std::string> from_modified_utf7(std::string_view text);

// "17-Jul-1996 02:44:25 -0700" and "1-Feb-1994"
std::optional<Time> parse_date_time(std::string_view text);
std::optional<std::chrono::sys_days> parse_day(std::string_view text);
std::string format_date_time(Time t);

std::string quote(std::string_view s);    // a quoted string, or a literal where it cannot be one
std::string nquote(std::string_view s);   // NIL when empty

}  // namespace pabal::access::imap
