// Octets of a script to tokens (RFC 5228 §8.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sieve/sieve.h"

namespace pabal::sieve {

struct Place {
  uint32_t line = 1, column = 1;  // of characters
};

struct Token {
  enum Kind : uint8_t { kEnd, kIdentifier, kTag, kNumber, kString, kPunctuation, kFault };
  Kind kind = kEnd;
  Place at;
  std::string text;     // identifier or tag in lower case (without its colon); string: its value; fault: what to do
  uint64_t number = 0;  // of kNumber
  char mark = 0;        // of kPunctuation: one of ( ) { } [ ] , ;
};

class Lexer {
 public:
  // `script` must outlive it.
  explicit Lexer(std::string_view script);
  // The next token; after a fault only kEnd should be expected.
  Token next();

 private:
  void advance(size_t count);
  char peek(size_t ahead = 0) const { return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0'; }
  std::optional<Token> skip_blank();  // a fault, if there is one
  Token fault(Place at, std::string what) const;
  Token word(Place at);
  Token number(Place at);
  Token quoted(Place at);
  Token multi_line(Place at);

  std::string_view script_;
  size_t at_ = 0;
  Place place_;
};

// RFC 5228 §8.1: ALPHA or "_" first, then digits too.
bool is_identifier(std::string_view s);

}  // namespace pabal::sieve
