// Octets to whole commands: lines and the literals in them (RFC 9051 §4.3, RFC 7888). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "access/imap/limits.h"

namespace pabal::access::imap {

class CommandReader {
 public:
  void limit(size_t line, uint64_t literals) { max_line_ = line, max_literals_ = literals; }
  void feed(std::string_view octets) { in_.append(octets); }

  enum class State {
    kNeedMore,      // feed() more
    kNeedContinue,  // the client waits for "+ " before it sends a literal
    kCommand,       // take() it
    kTooBig,        // literals over the limit: take() gives the command as far as it was kept; the next one can be read
    kTooLong,       // the line is over the limit: where the next command begins cannot be known
  };
  State next();
  // The command as it came, without its last line end; literals as {n} CRLF and their octets.
  std::string take();
  // A line that is no command (DONE, answers of SASL); nothing: not whole yet.
  std::optional<std::string> line();

  bool pending() const { return at_ < in_.size(); }        // there are octets that next() has not taken
  uint64_t literal_left() const { return literal_left_; }  // octets of a literal that are still to come
  size_t held() const { return in_.size() - at_ + command_.size(); }
  void clear();

 private:
  std::optional<std::string_view> take_line();
  void start_literal(uint64_t size);

  std::string in_, command_;
  size_t at_ = 0;       // the first octet of in_ not taken yet
  size_t scanned_ = 0;  // there is no LF in in_ before this: a slow sender costs no second look
  uint64_t literal_left_ = 0, text_octets_ = 0, literal_octets_ = 0;
  bool refused_ = false;
  size_t max_line_ = kMaxLineBeforeLogin;
  uint64_t max_literals_ = kMaxLineBeforeLogin;
};

}  // namespace pabal::access::imap
