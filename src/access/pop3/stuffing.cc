#include "access/pop3/stuffing.h"

#include <algorithm>

namespace pabal::access::pop3 {

Stuffing::Piece Stuffing::next() {
  if (in_.empty()) return {};
  Piece piece;
  if ((line_ == kCrLf || line_ == kLf) && in_.front() == '.') piece.dot = ".";
  const size_t lf = in_.find("\n.");
  piece.octets = in_.substr(0, lf == in_.npos ? lf : lf + 1);
  in_.remove_prefix(piece.octets.size());

  const std::string_view got = piece.octets;
  const bool after_cr = got.size() > 1 ? got[got.size() - 2] == '\r' : line_ == kCr;
  if (got.back() == '\n')
    line_ = after_cr ? kCrLf : kLf;
  else
    line_ = got.back() == '\r' ? kCr : kInside;
  return piece;
}

size_t top_size(std::string_view message, size_t lines) {
  bool in_header = true;
  for (size_t at = 0; at < message.size();) {
    const size_t lf = message.find('\n', at);
    if (lf == message.npos) return message.size();
    const std::string_view line = message.substr(at, lf - at);
    at = lf + 1;
    if (in_header)
      in_header = !(line.empty() || line == "\r");
    else
      --lines;
    if (!in_header && lines == 0) return at;
  }
  return message.size();
}

}  // namespace pabal::access::pop3
