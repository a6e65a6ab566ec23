// The pure parts of the protocol: command lines to values, and the scanner that finds the end of DATA.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace pabal::smtp {

struct MailParams {
  std::string reverse_path;      // "" is <>
  std::optional<uint64_t> size;  // RFC 1870
  bool smtputf8 = false;         // RFC 6531
  bool requiretls = false;       // RFC 8689
  bool body_8bit = false, body_binary = false;
  std::string ret;                  // RFC 3461: FULL or HDRS
  std::string envid;                // decoded
  std::string auth;                 // RFC 4954 §5, decoded
  std::optional<seconds> hold_for;  // RFC 4865: when it is to leave, in one of two ways
  std::optional<Time> hold_until;
  bool held() const { return hold_for || hold_until; }
};

enum RcptNotify : uint8_t { kNever = 1, kSuccess = 2, kFailure = 4, kDelay = 8 };  // the bits of queue::Notify

struct RcptParams {
  std::string address;  // "Postmaster" without a domain is allowed (RFC 5321 §4.1.1.3)
  uint8_t notify = 0;   // 0: not given
  std::string orcpt;    // decoded, "rfc822;bob@example.org"
};

// An error's message is the reply: "501 5.5.4 ...".
Result<MailParams> parse_mail(std::string_view arguments);  // what follows "MAIL "
Result<RcptParams> parse_rcpt(std::string_view arguments);

struct Verb {
  std::string name;            // upper case
  std::string_view arguments;  // trimmed
};
Verb parse_verb(std::string_view line);

// xtext of RFC 3461 §4. Nothing when it is malformed.
std::optional<std::string> decode_xtext(std::string_view text);
std::string encode_xtext(std::string_view text);

// Finds the end of DATA: CRLF.CRLF and nothing else (RFC 5321 §4.1.1.4). Takes octets in any pieces, undoes the dots.
class DataScanner {
 public:
  explicit DataScanner(uint64_t max_size) : max_size_(max_size) {}

  // Consumes up to the end of the message; gives how many octets were taken. done() tells whether the end was among
  // them.
  size_t feed(std::string_view bytes);
  bool done() const { return done_; }

  // What is wrong with the content, if anything. Content that is refused is not kept: memory stays bounded.
  bool too_large() const { return too_large_; }
  bool bare_line_end() const { return bare_; }  // a CR or LF alone: what smuggling is made of
  bool has_nul() const { return nul_; }
  bool line_too_long() const { return long_line_; }

  std::string take() { return std::move(content_); }
  size_t held() const { return content_.capacity(); }

 private:
  void append(std::string_view bytes);

  enum class State : uint8_t { kLineStart, kText, kCr, kDot, kDotCr } state_ = State::kLineStart;
  const uint64_t max_size_;
  std::string content_;
  uint64_t size_ = 0;
  size_t line_ = 0;
  bool done_ = false, too_large_ = false, bare_ = false, nul_ = false, long_line_ = false;
};

}  // namespace pabal::smtp
