// The comparators of RFC 4790 and RFC 5051, and the wildcards of RFC 5228 §2.7.1 under them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pabal::sieve {

enum class Comparator : uint8_t { kOctet, kAsciiCasemap, kAsciiNumeric, kUnicodeCasemap };
std::optional<Comparator> parse_comparator(std::string_view name);  // "i;octet"; names are case-sensitive

// A value in the form in which octets are compared.
std::string fold(Comparator comparator, std::string_view value);

// The same, character by character, for whoever must find the way back. Marks stay in the order they have in the value;
// text that differs by that only is not met in mail.
struct Folded {
  std::string text;
  // For each octet of `text` where its character begins in the value; empty: octet for octet.
  std::vector<uint32_t> origin;
};
Folded fold_by_character(Comparator comparator, std::string_view value);

// As strcmp, over the values themselves.
int compare(Comparator comparator, std::string_view a, std::string_view b);
// Of RFC 4790 §9.1: a number is its digits up to what is none; no digit at all is more than every number.
int compare_numbers(std::string_view a, std::string_view b);

// A pattern with * and ?, backslash before a character for itself. `?` is a character (with i;octet an octet).
class Wildcard {
 public:
  Wildcard(Comparator comparator, std::string_view pattern);

  enum class Outcome : uint8_t { kNo, kYes, kTooMuch };
  // `folded` is fold_by_character(comparator, value). kTooMuch: `work`, counted down by each position tried, ran out.
  // With kYes, captures() are views into `value`: the whole, then one for each wildcard.
  Outcome match(std::string_view value, const Folded& folded, uint64_t& work);
  const std::vector<std::string_view>& captures() const { return captures_; }

 private:
  struct Unit {
    enum Kind : uint8_t { kOctet, kOne, kMany } kind;
    char octet = 0;
  };
  Comparator comparator_;
  std::vector<Unit> units_;
  std::vector<std::string_view> captures_;
};

}  // namespace pabal::sieve
