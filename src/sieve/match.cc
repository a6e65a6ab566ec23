#include "sieve/match.h"

#include <cstring>

namespace pabal::sieve {
namespace {

constexpr uint64_t kWorkInStep = 128;  // positions a wildcard tries for one step

bool contains(std::string_view s, std::string_view needle) {
  // memmem is linear in both, whatever they hold.
  return needle.empty() || memmem(s.data(), s.size(), needle.data(), needle.size()) != nullptr;
}

}  // namespace

Matching::Matching(Run& run, const Node& node, bool captures)
    : run_(run), match_(node.choice(Slot::kMatch, kIs)), captures_(captures), keys_(run.texts(node, Slot::kKeys)) {
  if (const Operand* name = node.find(Slot::kComparator); name && !name->strings.empty()) {
    const auto known = parse_comparator(name->strings[0].text);
    known ? void(comparator_ = *known) : run_.fail("the comparator is not known");
  }
  if (match_ == kCount || match_ == kValueOf) {
    const auto relation = parse_relation(run.text(node, Slot::kMatch));
    relation ? void(relation_ = *relation) : run_.fail("behind :count and :value stands one of gt, ge, lt, le, eq, ne");
  }
  for (const std::string& key : keys_) {
    if (!run_.step_octets(key.size())) return;
    if (match_ == kMatches)
      wildcards_.emplace_back(comparator_, key);
    else if (match_ == kIs || match_ == kContains)
      folded_.push_back(fold(comparator_, key));
  }
}

bool Matching::add(std::string_view value) {
  ++count_;
  if (match_ == kCount || run_.failed()) return false;
  // Unicode's folding costs thirty times that of ASCII.
  if (!run_.step(1 + value.size() / (comparator_ == Comparator::kUnicodeCasemap ? 32 : 1024))) return false;
  Folded folded;
  const bool numeric = comparator_ == Comparator::kAsciiNumeric;
  if (match_ == kMatches)
    folded = fold_by_character(comparator_, value);
  else if (match_ == kIs || match_ == kContains)
    folded.text = fold(comparator_, value);
  for (size_t key = 0; key < keys_.size(); ++key) {
    if (!run_.step_octets(match_ == kIs && !numeric ? 0 : value.size())) return false;
    if (matches(key, value, folded)) return true;
    if (run_.failed()) return false;
  }
  return false;
}

bool Matching::matches(size_t key, std::string_view value, const Folded& folded) {
  switch (match_) {
    case kIs:
      if (comparator_ == Comparator::kAsciiNumeric) return compare_numbers(value, keys_[key]) == 0;
      return folded.text == folded_[key];
    case kContains:
      return contains(folded.text, folded_[key]);
    case kValueOf:
      return holds(relation_, compare(comparator_, value, keys_[key]));
    case kMatches: {
      uint64_t work = run_.limits.steps * kWorkInStep;
      const uint64_t before = work;
      const auto outcome = wildcards_[key].match(value, folded, work);
      if (!run_.step((before - work) / kWorkInStep)) return false;
      if (outcome != Wildcard::Outcome::kYes) return false;
      captured(wildcards_[key].captures());
      return true;
    }
    case kRegex: {
      const auto regex = run_.regex(keys_[key], comparator_ != Comparator::kOctet);
      if (!regex) return false;
      const auto outcome = regex->match(value, run_.regex_ticks);
      if (outcome == Regex::Outcome::kTooMuch)
        run_.fail("a regular expression needs too much time or memory here; make it simpler");
      if (outcome != Regex::Outcome::kYes) return false;
      captured(regex->captures());
      return true;
    }
    case kInList:
      return run_.host.in_list(keys_[key], value);
    default:
      return false;
  }
}

void Matching::captured(const std::vector<std::string_view>& captures) {
  if (captures_) run_.set_captures(captures);
}

bool Matching::finish() {
  if (match_ != kCount || run_.failed()) return false;
  // RFC 5231 §4.2
  const std::string count = std::to_string(count_);
  for (const std::string& key : keys_)
    if (holds(relation_, compare(comparator_, count, key))) return true;
  return false;
}

}  // namespace pabal::sieve
