// The "regex" extension (draft-ietf-sieve-regex): POSIX extended regular expressions, run by ICU within a budget.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct URegularExpression;

namespace pabal::sieve {

// Differs from POSIX in what only match variables can see: of alternatives the first that matches is taken, not the
// longest.
class Regex {
 public:
  // kInvalid: what is wrong with the pattern.
  static Result<std::shared_ptr<Regex>> compile(std::string_view pattern, bool ignore_case);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  enum class Outcome : uint8_t { kNo, kYes, kTooMuch };
  // Somewhere in `value`. `ticks` is counted down by one for every 10,000 times ICU goes back; kTooMuch at 0, or when
  // the match needs more than its MiB of stack.
  Outcome match(std::string_view value, uint64_t& ticks);
  // After kYes: the whole match, then each group; into `value`.
  const std::vector<std::string_view>& captures() const { return captures_; }

 private:
  explicit Regex(URegularExpression* compiled) : compiled_(compiled) {}
  URegularExpression* compiled_;
  std::vector<std::string_view> captures_;
};

// The pattern in ICU's language. kInvalid: it is no extended regular expression.
Result<std::string> icu_pattern(std::string_view posix);

}  // namespace pabal::sieve
