#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "mailbox/query.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;

Query leaf(Op op, std::string text = {}) {
  Query out;
  out.op = op;
  out.text = std::move(text);
  return out;
}
// The star behind a word says that it may go on.
Query words(Op op, std::string text, bool exact) {
  Query out = leaf(op, std::move(text));
  out.exact = exact;
  if (const size_t end = out.text.find_last_not_of('*'); !exact && end != out.text.npos && end + 1 < out.text.size()) {
    out.text.resize(end + 1);
    out.prefix = true;
  }
  return out;
}
Query negated(Query query) {
  Query out;
  out.op = Op::kNot;
  out.children.push_back(std::move(query));
  return out;
}
Query flag(uint8_t bit) {
  Query out = leaf(Op::kFlag);
  out.flag = bit;
  return out;
}
Query at(Op op, Time time) {
  Query out = leaf(op);
  out.time = time;
  return out;
}

// 2004/04/16, 2004-04-16, 04/16/2004, or seconds of Unix time.
std::optional<Time> parse_when(std::string_view s) {
  if (const auto whole = text::parse_u64(s); whole && s.size() > 4)
    return *whole < uint64_t{1} << 40 ? std::optional<Time>(from_unix(static_cast<int64_t>(*whole))) : std::nullopt;
  const auto parts = text::split(s, s.find('-') == s.npos ? '/' : '-');
  if (parts.size() > 3) return {};
  std::vector<uint64_t> n;
  for (const std::string_view part : parts) {
    const auto value = text::parse_u64(part);
    if (!value || *value > 9'999) return {};
    n.push_back(*value);
  }
  if (parts[0].size() != 4) {  // month, day, year
    if (n.size() != 3) return {};
    std::rotate(n.begin(), n.begin() + 2, n.end());
  }
  n.resize(3, 1);
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(n[0])),
                                        std::chrono::month(static_cast<unsigned>(n[1])),
                                        std::chrono::day(static_cast<unsigned>(n[2])));
  if (!day.ok()) return {};
  return Time(std::chrono::sys_days(day));
}

// 3d, 2m, 1y before `now`.
std::optional<Time> parse_ago(std::string_view s, Time now) {
  if (s.size() < 2) return {};
  const auto n = text::parse_u64(s.substr(0, s.size() - 1));
  if (!n || *n > 10'000) return {};
  const auto many = static_cast<int>(*n);
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const auto moved = [&](std::chrono::year_month_day day) {
    if (!day.ok()) day = day.year() / day.month() / std::chrono::last;
    return now - (std::chrono::sys_days(today) - std::chrono::sys_days(day));
  };
  switch (text::lower(s.back())) {
    case 'h':
      return now - hours(many);
    case 'd':
      return now - days(many);
    case 'm':
      return moved(today - std::chrono::months(many));
    case 'y':
      return moved(today - std::chrono::years(many));
    default:
      return {};
  }
}

// 10M, 200K, 1234
std::optional<uint64_t> parse_octets(std::string_view s) {
  uint64_t unit = 1;
  if (!s.empty() && text::lower(s.back()) == 'b') s.remove_suffix(1);
  if (!s.empty() && text::lower(s.back()) == 'k') unit = 1 << 10;
  if (!s.empty() && text::lower(s.back()) == 'm') unit = 1 << 20;
  if (!s.empty() && text::lower(s.back()) == 'g') unit = 1 << 30;
  if (unit > 1) s.remove_suffix(1);
  const auto n = text::parse_u64(s);
  if (!n || *n > UINT64_MAX / (1 << 30)) return {};
  return *n * unit;
}

bool has_words(std::string_view text) {
  bool any = false;
  cut(text, [&](const Token&) { return !(any = true); });
  return any;
}

class Parser {
 public:
  Parser(std::string_view in, Time now) : in_(in), now_(now) {}

  std::optional<Query> all() {
    Query out = leaf(Op::kAnd);
    do {
      Query some = terms('\0', "", 0);
      std::move(some.children.begin(), some.children.end(), std::back_inserter(out.children));
    } while (skip_stray());
    if (!ok_) return {};
    return out;
  }

 private:
  using Name = std::string;  // of an operator, in lower case; empty: none

  // Behind a parenthesis that closes nothing it goes on.
  bool skip_stray() {
    if (in_.empty() || !ok_) return false;
    in_.remove_prefix(1);
    return true;
  }
  char next() const { return in_.empty() ? '\0' : in_[0]; }
  void blanks() {
    while (!in_.empty() && (text::is_wsp(in_[0]) || in_[0] == '\r' || in_[0] == '\n')) in_.remove_prefix(1);
  }
  bool accept(char c) {
    if (next() != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  // A word of its own, as written.
  bool accept_word(std::string_view word) {
    if (!in_.starts_with(word)) return false;
    const std::string_view behind = in_.substr(word.size());
    if (!behind.empty() && std::string_view(" \t\r\n(){}\"").find(behind[0]) == std::string_view::npos) return false;
    in_ = behind;
    return true;
  }
  std::string word() {
    const size_t end = std::min(in_.find_first_of(" \t\r\n(){}\""), in_.size());
    const std::string out(in_.substr(0, end));
    in_.remove_prefix(end);
    return out;
  }
  std::string quoted() {  // behind its first quote; the last may be missing
    const size_t end = std::min(in_.find('"'), in_.size());
    const std::string out(in_.substr(0, end));
    in_.remove_prefix(std::min(end + 1, in_.size()));
    return out;
  }

  // Up to `close`, which stays. Those in braces are one or the other, others must all hold.
  Query terms(char close, const Name& name, size_t depth) {
    Query out = leaf(close == '}' ? Op::kOr : Op::kAnd);
    for (blanks(); ok_ && !in_.empty() && next() != ')' && next() != '}'; blanks()) {
      if (accept_word("AND") || accept_word("OR") || accept_word("|")) continue;  // between nothing
      std::optional<Query> one = either(name, depth);
      if (one) out.children.push_back(std::move(*one));
    }
    return out;
  }

  std::optional<Query> either(const Name& name, size_t depth) {
    std::optional<Query> first = near(name, depth);
    for (blanks(); ok_ && (accept_word("OR") || accept_word("|")); blanks()) {
      blanks();
      std::optional<Query> other = near(name, depth);
      if (!first || !other) {
        if (!first) first = std::move(other);
        continue;
      }
      if (first->op != Op::kOr) {
        Query any = leaf(Op::kOr);
        any.children.push_back(std::move(*first));
        first = std::move(any);
      }
      first->children.push_back(std::move(*other));
    }
    return first;
  }

  std::optional<Query> near(const Name& name, size_t depth) {
    std::optional<Query> first = one(name, depth);
    blanks();
    if (!first || first->op != Op::kText || !accept_word("AROUND")) return first;
    blanks();
    constexpr uint64_t kUsual = 5;
    const auto distance = text::is_digit(next()) ? text::parse_u64(word()) : kUsual;
    blanks();
    std::optional<Query> second = one(name, depth);
    if (!second || second->op != Op::kText) return first;  // near nothing
    Query out = leaf(Op::kAround);
    out.number = distance.value_or(kUsual);
    out.children.push_back(std::move(*first));
    out.children.push_back(std::move(*second));
    return out;
  }

  std::optional<Query> one(const Name& name, size_t depth) {
    if (depth > kMaxQueryDepth || ++terms_ > kMaxQueryTerms) {
      ok_ = false;
      return {};
    }
    if (accept('+')) return one(name, depth + 1);
    if (next() == '-' && in_.size() > 1 && !text::is_wsp(in_[1])) {
      in_.remove_prefix(1);
      std::optional<Query> inner = one(name, depth + 1);
      if (!inner) return {};
      return negated(std::move(*inner));
    }
    if (next() == '(' || next() == '{') return group(name, depth);
    if (accept('"')) return meaning(name, quoted(), true);
    if (next() == ')' || next() == '}' || in_.empty()) return {};
    const size_t colon = in_.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    if (colon != in_.npos && colon > 0 && in_[colon] == ':' && name.empty()) {
      const Name inner = text::lowered(in_.substr(0, colon));
      if (is_operator(inner)) {
        in_.remove_prefix(colon + 1);
        blanks();
        if (next() == '(' || next() == '{') return group(inner, depth);
        const bool in_quotes = accept('"');
        return meaning(inner, in_quotes ? quoted() : word(), in_quotes);
      }
    }
    return meaning(name, word(), false);
  }

  std::optional<Query> group(const Name& name, size_t depth) {
    const char close = next() == '(' ? ')' : '}';
    in_.remove_prefix(1);
    Query out = terms(close, name, depth + 1);
    accept(close);
    if (out.children.empty()) return {};
    if (out.children.size() == 1) return std::move(out.children.front());
    return out;
  }

  static bool is_operator(const Name& name) {
    static constexpr std::string_view kNames[] = {
        "from",     "to",    "cc",     "bcc",        "subject",    "list",     "deliveredto", "rfc822msgid",
        "filename", "has",   "in",     "label",      "is",         "category", "larger",      "smaller",
        "size",     "after", "before", "older_than", "newer_than", "newer",    "older"};
    return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
  }

  // A value that means nothing finds nothing.
  std::optional<Query> meaning(const Name& name, std::string value, bool in_quotes) {
    if (value.empty()) return {};
    struct Text {
      std::string_view name;
      Op op;
    };
    static constexpr Text kTexts[] = {{"", Op::kText},
                                      {"from", Op::kFrom},
                                      {"to", Op::kTo},
                                      {"cc", Op::kCc},
                                      {"bcc", Op::kBcc},
                                      {"subject", Op::kSubject},
                                      {"list", Op::kList},
                                      {"deliveredto", Op::kDeliveredTo},
                                      {"rfc822msgid", Op::kMessageId},
                                      {"filename", Op::kFilename},
                                      {"label", Op::kLabel}};
    for (const Text& known : kTexts)
      if (known.name == name) return words(known.op, std::move(value), in_quotes);
    const std::string lower = text::lowered(value);
    if (name == "has") return has(lower);
    if (name == "is") return is(lower);
    if (name == "category")  // as who sorts mail sets them, whatever protocol
      return leaf(Op::kKeyword, "$category_" + (lower == "primary" ? "personal" : lower));
    if (name == "in")
      return lower == "anywhere"  ? leaf(Op::kAnywhere)
             : lower == "starred" ? flag(kFlagged)
                                  : leaf(Op::kLabel, std::move(value));
    if (name == "larger" || name == "smaller" || name == "size") {
      const auto octets = parse_octets(lower);
      if (!octets) return leaf(Op::kNone);
      Query out = leaf(name == "smaller" ? Op::kSmaller : Op::kLarger);
      out.number = *octets;
      return out;
    }
    const bool ago = name == "older_than" || name == "newer_than";
    const auto when = ago ? parse_ago(lower, now_) : parse_when(lower);
    if (!when) return leaf(Op::kNone);
    return at(name == "after" || name == "newer" || name == "newer_than" ? Op::kSince : Op::kBefore, *when);
  }

  static Query has(const std::string& value) {
    if (value == "attachment") return leaf(Op::kAttachment);
    if (value == "userlabels") return leaf(Op::kUserLabels);
    if (value == "nouserlabels") return negated(leaf(Op::kUserLabels));
    return leaf(Op::kNone);  // stars of colours, drives and the like
  }
  static Query is(const std::string& value) {
    if (value == "read") return flag(kSeen);
    if (value == "unread") return negated(flag(kSeen));
    if (value == "starred") return flag(kFlagged);
    if (value == "unstarred") return negated(flag(kFlagged));
    if (value == "important") return leaf(Op::kLabel, value);
    return leaf(Op::kNone);
  }

  std::string_view in_;
  const Time now_;
  size_t terms_ = 0;
  bool ok_ = true;
};

}  // namespace

std::optional<Query> parse_query(std::string_view utf8, Time now) { return Parser(utf8, now).all(); }

namespace {

// Where the phrase that `utf8` begins with ends; a backslash takes the character behind it as it is (RFC 8621 §4.4.1).
size_t closing_quote(std::string_view utf8) {
  for (size_t at = 1; at < utf8.size(); ++at) {
    if (utf8[at] == utf8[0]) return at;
    if (utf8[at] == '\\') ++at;
  }
  return utf8.npos;
}

std::string without_backslashes(std::string_view phrase) {
  std::string out;
  for (size_t at = 0; at < phrase.size(); ++at) {
    if (phrase[at] == '\\' && at + 1 < phrase.size()) ++at;
    out += phrase[at];
  }
  return out;
}

}  // namespace

std::optional<Query> text_query(Op op, std::string_view utf8) {
  constexpr std::string_view kBlanks = " \t\r\n";
  Query out = leaf(Op::kAnd);
  bool any = false;
  for (size_t at = utf8.find_first_not_of(kBlanks); at != utf8.npos; at = utf8.find_first_not_of(kBlanks)) {
    utf8.remove_prefix(at);
    any = true;
    // A quote that is never closed is of the text.
    const size_t close = utf8[0] == '"' || utf8[0] == '\'' ? closing_quote(utf8) : utf8.npos;
    const bool in_quotes = close != utf8.npos;
    const size_t end = in_quotes ? close : std::min(utf8.find_first_of(kBlanks), utf8.size());
    std::string value = in_quotes ? without_backslashes(utf8.substr(1, close - 1)) : std::string(utf8.substr(0, end));
    if (has_words(value)) out.children.push_back(words(op, std::move(value), in_quotes));  // a dash alone is no term
    if (out.children.size() > kMaxQueryTerms) return {};
    utf8.remove_prefix(end + (in_quotes ? 1 : 0));
  }
  if (any && out.children.empty()) return leaf(Op::kNone);
  if (out.children.size() == 1) return std::move(out.children.front());
  return out;
}

}  // namespace pabal::mailbox
