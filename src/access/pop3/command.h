// Octets to lines, lines to commands (RFC 1939 §3). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/pop3/limits.h"

namespace pabal::access::pop3 {

class LineReader {
 public:
  void feed(std::string_view octets) { in_.append(octets); }

  enum class State {
    kNeedMore,  // feed() more
    kLine,      // take() it
    kTooLong,   // over kMaxLine: nothing can be made of what follows
  };
  State next();
  std::string take();  // without CRLF; a bare LF ends a line too

  bool pending() const { return at_ < in_.size(); }  // octets behind the last line taken
  void clear();

 private:
  std::string in_;
  size_t at_ = 0;       // the first octet not taken yet
  size_t scanned_ = 0;  // no LF before this: a slow sender costs no second look
  size_t end_ = 0;      // of kLine: its LF
};

struct Command {
  std::string name;  // in upper case; empty: no command at all
  std::string text;  // what follows the blank, as it came: passwords have blanks (RFC 1939 §7)
};
Command parse_command(std::string_view line);

// `least` to `most` decimal numbers parted by blanks, none over kMaxTopLines. Nothing: they are not such.
std::optional<std::vector<size_t>> parse_numbers(std::string_view text, size_t least, size_t most);

}  // namespace pabal::access::pop3
