#include <algorithm>
#include <utility>

#include "base/text.h"
#include "message/address.h"
#include "message/limits.h"

// Address lists of header fields: RFC 5322 §3.4 with §4.4's obsolete forms, and what is seen in the wild. One pass: the
// text between two commas becomes tokens, from which the address is then picked.
namespace pabal::message {
namespace {

struct Token {
  std::string text;
  bool quoted = false;  // was a quoted string
  bool blank = false;   // blanks or a comment stand before it
  bool is_at() const { return !quoted && text == "@"; }
};
using Tokens = std::vector<Token>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; }

// The tokens' text, with one blank where there were some.
std::string phrase_of(const Tokens& tokens, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < end; ++i) {
    if (!out.empty() && tokens[i].blank) out += ' ';
    out += tokens[i].text;
  }
  return out;
}

// The same without blanks: a local part or a domain.
std::string joined(const Tokens& tokens, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < end; ++i) out += tokens[i].text;
  return out;
}

size_t last_at(const Tokens& tokens) {
  for (size_t i = tokens.size(); i-- > 0;)
    if (tokens[i].is_at()) return i;
  return tokens.size();
}

class ListReader {
 public:
  explicit ListReader(std::string_view in) : in_(in.substr(0, kMaxFieldBytes)) {}

  std::vector<AddressItem> read() {
    bool in_group = false;
    while (at_ < in_.size() && out_.size() < kMaxAddresses) {
      const char c = in_[at_];
      if (c == ',' || c == ';') {  // a semicolon outside of a group: some programs part addresses so
        ++at_;
        flush();
        if (c == ';' && in_group) out_.push_back({AddressItem::kGroupEnd, "", "", ""});
        if (c == ';') in_group = false;
      } else if (c == ':' && !in_group && !angle_ && !has_at_) {
        ++at_;
        out_.push_back({AddressItem::kGroupStart, phrase_of(tokens_, 0, tokens_.size()), "", ""});
        clear();
        in_group = true;
      } else if (c == '<') {
        if (angle_ && last_at(spec_) < spec_.size()) {  // "A <a@b> B <c@d>": a comma was forgotten
          Tokens next_name(tokens_.begin() + static_cast<long>(named_), tokens_.end());
          tokens_.resize(named_);
          flush();
          tokens_ = std::move(next_name);
        }
        angle();
      } else
        token(tokens_);
    }
    flush();
    if (in_group) out_.push_back({AddressItem::kGroupEnd, "", "", ""});
    return std::move(out_);
  }

 private:
  void clear() {
    tokens_.clear();
    spec_.clear();
    comment_.clear();
    angle_ = has_at_ = blank_ = false;
  }

  // Reads one token, blank or comment.
  void token(Tokens& into) {
    const char c = in_[at_];
    if (is_blank(c) || c == '>' || c == ')') {  // brackets that close nothing
      blank_ = true;
      ++at_;
      return;
    }
    if (c == '(') return comment();
    Token t;
    t.blank = std::exchange(blank_, false);
    if (c == '"') {
      t.quoted = true;
      t.text = quoted();
    } else if (c == '[') {  // a literal, with its brackets
      const size_t end = std::min(in_.find_first_of("],;<>", at_), in_.size() - 1);
      const size_t size = end - at_ + (in_[end] == ']' || end == in_.size() - 1);
      t.text = in_.substr(at_, size);
      at_ += std::max<size_t>(size, 1);
    } else if (const size_t word = encoded_word()) {
      t.text = in_.substr(at_, word);
      at_ += word;
    } else {
      size_t end = at_ + 1;
      if (c != '@')
        while (end < in_.size() && !is_blank(in_[end]) &&
               std::string_view("@,;:<>()\"[").find(in_[end]) == std::string_view::npos)
          ++end;
      t.text = in_.substr(at_, end - at_);
      at_ = end;
    }
    if (&into == &tokens_) has_at_ |= t.is_at();
    into.push_back(std::move(t));
  }

  // Length of an encoded word here: commas, colons and at-signs inside of it part nothing (RFC 2047 §5 (3) forbids them
  // there, and many write them). 0: none.
  size_t encoded_word() const {
    constexpr size_t kMaxWord = 200;  // RFC 2047 §2: 75
    if (!in_.substr(at_).starts_with("=?")) return 0;
    int marks = 0;
    for (size_t i = at_ + 1; i < std::min(in_.size(), at_ + kMaxWord); ++i) {
      if (is_blank(in_[i])) return 0;
      if (in_[i] == '?' && ++marks >= 4 && i + 1 < in_.size() && in_[i + 1] == '=') return i + 2 - at_;
    }
    return 0;
  }

  void comment() {
    size_t depth = 0;
    std::string text;
    while (at_ < in_.size()) {
      const char c = in_[at_++];
      if (c == '(' && depth++ == 0) continue;
      if (c == ')' && --depth == 0) break;
      if (c == '\\' && at_ < in_.size())
        text += in_[at_++];
      else if (c != '\r' && c != '\n' && c != '\0')
        text += c;
    }
    if (comment_.empty()) comment_ = text::trim(text);
    blank_ = true;
  }

  std::string quoted() {
    std::string text;
    for (++at_; at_ < in_.size() && in_[at_] != '"'; ++at_) {
      if (in_[at_] == '\\' && at_ + 1 < in_.size()) ++at_;
      if (in_[at_] != '\r' && in_[at_] != '\n' && in_[at_] != '\0') text += in_[at_];
    }
    if (at_ < in_.size()) ++at_;
    return text;
  }

  // "<local@domain>"; the bracket may be missing at the end. With two of them the last one counts.
  void angle() {
    ++at_;
    angle_ = true;
    spec_.clear();
    const std::string outer = std::exchange(comment_, "");
    while (at_ < in_.size() && in_[at_] != '>' && in_[at_] != '<') {
      const char c = in_[at_];
      const bool route =
          !spec_.empty() && spec_.front().is_at();  // RFC 5322 §4.4: "@a,@b:" before the address is dropped
      if (c == ':' && (route || (spec_.size() == 1 && text::iequals(spec_.front().text, "mailto")))) {
        spec_.clear();
        ++at_;
      } else if (c == ',' || c == ';') {
        if (!route) break;
        ++at_;
      } else
        token(spec_);
    }
    if (at_ < in_.size() && in_[at_] == '>') ++at_;
    comment_ = outer;
    blank_ = true;
    named_ = tokens_.size();
  }

  // Puts out the address gathered so far.
  void flush() {
    AddressItem item;
    const Tokens& spec = angle_ ? spec_ : tokens_;
    const size_t at = last_at(spec);
    if (angle_) {
      item.display = phrase_of(tokens_, 0, tokens_.size());
      item.local = joined(spec_, 0, at);
      item.domain = joined(spec_, std::min(at + 1, spec.size()), spec.size());
    } else if (at == spec.size()) {
      item.local = phrase_of(tokens_, 0, tokens_.size());
    } else {
      // "Name name@host" and "name@host Name": the address is what hangs together around the "@".
      const auto together = [&](size_t i) {  // tokens i and i + 1
        const Token &a = spec[i], &b = spec[i + 1];
        return !b.blank || a.is_at() || b.is_at() || (!a.quoted && a.text.ends_with('.')) ||
               (!b.quoted && b.text.starts_with('.'));
      };
      size_t begin = at, end = at;
      while (begin > 0 && together(begin - 1)) --begin;
      while (end + 1 < spec.size() && together(end)) ++end;
      item.local = joined(spec, begin, at);
      item.domain = joined(spec, at + 1, end + 1);
      item.display = phrase_of(spec, 0, begin);
      if (item.display.empty()) item.display = phrase_of(spec, end + 1, spec.size());
    }
    if (item.display.empty()) item.display = comment_;
    if (!item.local.empty() || !item.domain.empty()) out_.push_back(std::move(item));
    clear();
  }

  std::string_view in_;
  size_t at_ = 0;
  std::vector<AddressItem> out_;
  Tokens tokens_, spec_;  // outside and inside of angle brackets
  std::string comment_;   // the first one
  size_t named_ = 0;      // tokens before the angle bracket
  bool angle_ = false, has_at_ = false, blank_ = false;
};

}  // namespace

std::vector<AddressItem> parse_address_list(std::string_view raw) { return ListReader(raw).read(); }

}  // namespace pabal::message
