// A message as the lines of a multi-line answer (RFC 1939 §3): each line that begins with a dot gets another. Pure, and
// without a copy: it gives pieces of what it was given.
#pragma once

#include <string_view>

namespace pabal::access::pop3 {

class Stuffing {
 public:
  void feed(std::string_view octets) { in_ = octets; }  // must live until next() has given it all

  struct Piece {
    std::string_view dot;     // "." or nothing; goes before
    std::string_view octets;  // nothing: all was given
  };
  Piece next();

  // What ends the answer: the dot, on a line of its own.
  std::string_view end() const { return line_ == kCrLf ? ".\r\n" : "\r\n.\r\n"; }

 private:
  // What the last octets were. A line begins after a bare LF too: there are clients that take one for a line end, and
  // what they read on after a dot there must not be their next answer.
  enum { kInside, kCr, kLf, kCrLf } line_ = kCrLf;
  std::string_view in_;
};

// How much of a message TOP gives: its header, the blank line and `lines` lines (RFC 1939 §7).
size_t top_size(std::string_view message, size_t lines);

}  // namespace pabal::access::pop3
