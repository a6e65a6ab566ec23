// A command's text to words, and words to text (RFC 9051 §9). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

// Reads a command word by word. After a fault ok() is false and everything gives empty values.
class Words {
 public:
  explicit Words(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && in_.empty(); }  // read to the end without a fault
  char peek() const { return in_.empty() ? '\0' : in_[0]; }
  std::string_view rest() const { return in_; }
  void fail() { ok_ = false, in_ = {}; }

  bool accept(char c);                      // takes it if it is next
  bool accept_word(std::string_view word);  // likewise, any case; what follows must not belong to the word
  void expect(char c);
  void space() { expect(' '); }
  std::string atom();
  std::string name();          // letters, digits, '.' and '-': names of commands, items and options, in upper case
  std::string astring();       // atom, quoted or literal
  std::string list_mailbox();  // likewise, with wildcards
  std::string_view literal(bool* eight = nullptr);  // must be one: {n}, {n+}; with `eight` also ~{n}, and says so
  uint64_t number64();
  uint32_t number();
  std::string_view set();  // octets of a sequence set

 private:
  std::string quoted();
  std::string plain(std::string_view more);
  std::string_view in_;
  bool ok_ = true;
};

// "(A B)" of words read by `one`, at least one; stops at the first fault.
template <typename One>
void parenthesised(Words& words, One one) {
  words.expect('(');
  do one();
  while (words.ok() && words.accept(' '));
  words.expect(')');
}

// --- flags ----------------------------------------------------------------------------------------------------------

// "(\Seen $Forwarded)" or the same without parentheses. \Recent is taken and forgotten; other unknown \flags are a
// fault.
std::optional<mailbox::Flags> parse_flags(Words& words);
void add_flag_list(std::string& out, const mailbox::Flags& flags);  // with its parentheses

// --- dates ----------------------------------------------------------------------------------------------------------

std::optional<std::chrono::sys_days> parse_day(std::string_view text);  // 1-Feb-1994
std::optional<Time> parse_date_time(std::string_view text);             // 17-Jul-1996 02:44:25 -0700
std::string format_date_time(Time t);                                   // quoted, in UTC

// --- strings --------------------------------------------------------------------------------------------------------

std::string quote(std::string_view s);       // a quoted string, or a literal where it cannot be one
std::string quote_utf8(std::string_view s);  // a quoted string that may hold UTF-8 (RFC 9051 §4.3, RFC 6855)
std::string nquote(std::string_view s);      // NIL when empty

}  // namespace pabal::access::imap
