// One test's comparison: its match type, comparator and keys, given one value after the other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sieve/collation.h"
#include "sieve/run.h"
#include "sieve/values.h"

namespace pabal::sieve {

class Matching {
 public:
  // `captures`: a match sets ${0}, ${1}... (RFC 5229 §3.2).
  Matching(Run& run, const Node& node, bool captures = true);
  // True: the test is true, and needs no other value. A test whose match is :count only counts here.
  bool add(std::string_view value);
  // True when the values given are as many as :count asks for; false for other match types.
  bool finish();

 private:
  bool matches(size_t key, std::string_view value, const Folded& folded);
  void captured(const std::vector<std::string_view>& captures);

  Run& run_;
  Comparator comparator_ = Comparator::kAsciiCasemap;
  uint8_t match_;
  Relation relation_ = Relation::kEq;
  bool captures_;
  std::vector<std::string> keys_;
  std::vector<std::string> folded_;  // keys, for :is, :contains
  std::vector<Wildcard> wildcards_;  // keys, for :matches
  uint64_t count_ = 0;
};

}  // namespace pabal::sieve
