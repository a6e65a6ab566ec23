#include "sieve/regex.h"

#include <unicode/uregex.h>
#include <unicode/utext.h>

#include "base/text.h"

namespace pabal::sieve {
namespace {

constexpr size_t kMaxPattern = 4'096;      // octets
constexpr int32_t kStackOctets = 1 << 20;  // ICU's heap for going back, of one match
constexpr size_t kMaxSubject = 1 << 20;    // octets of a value that are looked at

bool is_class_name(std::string_view name) {
  for (const std::string_view known :
       {"alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl", "xdigit"})
    if (name == known) return true;
  return false;
}

Error wrong(std::string message) { return {Code::kInvalid, std::move(message)}; }

// POSIX brackets, where a backslash is itself and a ] in front too, as an ICU set. `at` is behind the [, and is put
// behind the ].
Result<std::string> bracket(std::string_view p, size_t& at) {
  std::string out = "[";
  if (at < p.size() && p[at] == '^') {
    out += '^';
    ++at;
  }
  const size_t first = at;
  for (; at < p.size(); ++at) {
    const char c = p[at];
    if (c == ']' && at != first) {
      ++at;
      return out + "]";
    }
    if (c == '[' && at + 1 < p.size() && (p[at + 1] == '.' || p[at + 1] == '='))
      return wrong("collating elements like [.x.] are not supported in a regular expression; write the characters");
    if (c == '[' && at + 1 < p.size() && p[at + 1] == ':') {
      const size_t end = p.find(":]", at + 2);
      if (end == p.npos || !is_class_name(p.substr(at + 2, end - at - 2)))
        return wrong("a class in a regular expression is one like [:alpha:] or [:digit:]");
      out += p.substr(at, end + 2 - at);
      at = end + 1;
      continue;
    }
    const bool range = c == '-' && at != first && at + 1 < p.size() && p[at + 1] != ']';
    if (static_cast<unsigned char>(c) < 0x80 && !text::is_alnum(c) && !range) out += '\\';
    out += c;
  }
  return wrong("a [ in the regular expression has no ]; close it, or write \\[ for the character");
}

struct Budget {
  uint64_t* ticks;
};

// ICU calls these now and then, and stops when they say so.
UBool on_match(const void* context, int32_t) {
  uint64_t& ticks = *static_cast<const Budget*>(context)->ticks;
  if (ticks == 0) return false;
  --ticks;
  return true;
}

}  // namespace

Result<std::string> icu_pattern(std::string_view p) {
  if (p.size() > kMaxPattern) return wrong("the regular expression is too long; the most is 4096 octets");
  if (!text::is_utf8(p)) return wrong("the regular expression is not UTF-8");
  std::string out;
  bool repeated = true;  // nothing that could be repeated stands before
  for (size_t at = 0; at < p.size();) {
    const char c = p[at];
    const bool was_repeated = std::exchange(repeated, false);
    if (c == '[') {
      ++at;
      auto set = bracket(p, at);
      if (!set) return set;
      out += *set;
    } else if (c == '\\') {
      if (++at == p.size()) return wrong("the regular expression ends with a backslash; write \\\\ for the character");
      const char escaped = p[at++];
      if (text::is_digit(escaped)) return wrong("references like \\1 are not part of extended regular expressions");
      // \w and its like are not POSIX, but everybody's tools know them.
      const bool known = std::string_view("wWsSbBdD").find(escaped) != std::string_view::npos;
      if (!text::is_alnum(escaped) || known) out += '\\';
      out += escaped;
    } else if (c == '*' || c == '+' || c == '?' || c == '{') {
      if (was_repeated) return wrong("in the regular expression nothing stands before a *, +, ? or { to be repeated");
      repeated = true;
      if (c == '{') {
        const size_t end = p.find('}', at);
        if (end == p.npos) return wrong("a { in the regular expression has no }; write \\{ for the character");
        out += p.substr(at, end + 1 - at);
        at = end + 1;
      } else {
        out += c;
        ++at;
      }
    } else {
      repeated = c == '(' || c == '|' || c == '^';
      if (c == '}') out += '\\';
      out += c;
      ++at;
    }
  }
  return out;
}

Result<std::shared_ptr<Regex>> Regex::compile(std::string_view pattern, bool ignore_case) {
  auto translated = icu_pattern(pattern);
  if (!translated) return translated.error();
  UErrorCode error = U_ZERO_ERROR;
  UText* text = utext_openUTF8(nullptr, translated->data(), static_cast<int64_t>(translated->size()), &error);
  UParseError where{};
  URegularExpression* compiled =
      uregex_openUText(text, UREGEX_DOTALL | (ignore_case ? UREGEX_CASE_INSENSITIVE : 0), &where, &error);
  utext_close(text);
  if (U_FAILURE(error) || !compiled) {
    if (compiled) uregex_close(compiled);
    return wrong("the regular expression is not well formed (" + std::string(u_errorName(error)) +
                 "); check its parentheses, brackets and braces");
  }
  uregex_setStackLimit(compiled, kStackOctets, &error);
  return std::shared_ptr<Regex>(new Regex(compiled));
}

Regex::~Regex() { uregex_close(compiled_); }

Regex::Outcome Regex::match(std::string_view value, uint64_t& ticks) {
  if (ticks == 0) return Outcome::kTooMuch;
  value = value.substr(0, kMaxSubject);
  UErrorCode error = U_ZERO_ERROR;
  const Budget budget{&ticks};
  uregex_setMatchCallback(compiled_, on_match, &budget, &error);
  UText* text = utext_openUTF8(nullptr, value.data(), static_cast<int64_t>(value.size()), &error);
  uregex_setUText(compiled_, text, &error);
  const bool found = uregex_find64(compiled_, -1, &error);
  captures_.clear();
  if (U_SUCCESS(error) && found) {
    const int32_t groups = uregex_groupCount(compiled_, &error);
    for (int32_t i = 0; i <= groups && U_SUCCESS(error); ++i) {
      const int64_t begin = uregex_start64(compiled_, i, &error), end = uregex_end64(compiled_, i, &error);
      captures_.push_back(begin < 0 ? std::string_view() : value.substr(begin, end - begin));
    }
  }
  const bool failed = U_FAILURE(error);
  utext_close(text);
  if (failed) return Outcome::kTooMuch;
  return found ? Outcome::kYes : Outcome::kNo;
}

}  // namespace pabal::sieve
