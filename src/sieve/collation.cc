#include "sieve/collation.h"

#include "base/text.h"
#include "message/casemap.h"

namespace pabal::sieve {
namespace {

std::string_view digits_of(std::string_view s) {
  size_t end = 0;
  while (end < s.size() && text::is_digit(s[end])) ++end;
  std::string_view digits = s.substr(0, end);
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

int sign(int order) { return (order > 0) - (order < 0); }

}  // namespace

std::optional<Comparator> parse_comparator(std::string_view name) {
  if (name == "i;octet") return Comparator::kOctet;
  if (name == "i;ascii-casemap") return Comparator::kAsciiCasemap;
  if (name == "i;ascii-numeric") return Comparator::kAsciiNumeric;
  if (name == "i;unicode-casemap") return Comparator::kUnicodeCasemap;
  return std::nullopt;
}

std::string fold(Comparator comparator, std::string_view value) {
  switch (comparator) {
    case Comparator::kOctet:
    case Comparator::kAsciiNumeric:
      break;
    case Comparator::kAsciiCasemap:
      return text::uppered(value);
    case Comparator::kUnicodeCasemap:
      return message::casemap(value);
  }
  return std::string(value);
}

Folded fold_by_character(Comparator comparator, std::string_view value) {
  Folded out;
  if (comparator != Comparator::kUnicodeCasemap || text::is_ascii(value)) {
    out.text = fold(comparator, value);
    return out;
  }
  for (size_t at = 0; at < value.size();) {
    const size_t begin = at++;
    while (at < value.size() && (value[at] & 0xC0) == 0x80) ++at;
    out.text += message::casemap(value.substr(begin, at - begin));
    out.origin.resize(out.text.size(), static_cast<uint32_t>(begin));
  }
  return out;
}

int compare_numbers(std::string_view a, std::string_view b) {
  const bool number_a = !a.empty() && text::is_digit(a[0]), number_b = !b.empty() && text::is_digit(b[0]);
  if (!number_a || !number_b) return number_a == number_b ? 0 : number_a ? -1 : 1;
  a = digits_of(a);
  b = digits_of(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

int compare(Comparator comparator, std::string_view a, std::string_view b) {
  if (comparator == Comparator::kAsciiNumeric) return compare_numbers(a, b);
  if (comparator == Comparator::kOctet) return sign(a.compare(b));
  return sign(fold(comparator, a).compare(fold(comparator, b)));
}

Wildcard::Wildcard(Comparator comparator, std::string_view pattern) : comparator_(comparator) {
  std::string literal;
  const auto flush = [&] {
    for (char c : fold(comparator, literal)) units_.push_back({Unit::kOctet, c});
    literal.clear();
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*' || c == '?') {
      flush();
      units_.push_back({c == '*' ? Unit::kMany : Unit::kOne, 0});
    } else {
      if (c == '\\' && i + 1 < pattern.size()) ++i;
      literal += pattern[i];
    }
  }
  flush();
}

Wildcard::Outcome Wildcard::match(std::string_view value, const Folded& folded, uint64_t& work) {
  const std::string& subject = folded.text;
  // The octet behind the character that begins at `at`.
  const auto next = [&](size_t at) {
    const size_t begin = at++;
    if (comparator_ == Comparator::kOctet) return at;
    if (folded.origin.empty()) {
      while (at < subject.size() && (subject[at] & 0xC0) == 0x80) ++at;
    } else {
      while (at < subject.size() && folded.origin[at] == folded.origin[begin]) ++at;
    }
    return at;
  };
  struct Span {
    size_t begin, end;
  };
  std::vector<Span> spans;
  size_t unit = 0, at = 0;
  // Where to go back to: the last *, how many spans were there with it, and where its text ends now. Trying the
  // shortest text for each * in turn and going back to the last one only finds a match if there is one.
  size_t many = units_.size(), many_spans = 0, many_end = 0;
  for (;;) {
    if (work == 0) return Outcome::kTooMuch;
    --work;
    if (unit < units_.size()) {
      const Unit& u = units_[unit];
      if (u.kind == Unit::kMany) {
        spans.push_back({at, at});
        many = unit++;
        many_spans = spans.size();
        many_end = at;
        continue;
      }
      if (at < subject.size() && (u.kind == Unit::kOne || subject[at] == u.octet)) {
        const size_t after = u.kind == Unit::kOne ? next(at) : at + 1;
        if (u.kind == Unit::kOne) spans.push_back({at, after});
        at = after;
        ++unit;
        continue;
      }
    } else if (at == subject.size()) {
      break;
    }
    if (many == units_.size() || many_end >= subject.size()) return Outcome::kNo;
    many_end = next(many_end);
    spans.resize(many_spans);
    spans.back().end = many_end;
    unit = many + 1;
    at = many_end;
  }
  const auto original = [&](size_t offset) {
    return offset >= subject.size() ? value.size() : folded.origin.empty() ? offset : folded.origin[offset];
  };
  captures_.assign(1, value);
  for (const Span& span : spans)
    captures_.push_back(value.substr(original(span.begin), original(span.end) - original(span.begin)));
  return Outcome::kYes;
}

}  // namespace pabal::sieve
