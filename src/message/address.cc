#include "message/address.h"

#include <idn2.h>

#include <algorithm>

#include "base/text.h"
#include "message/header.h"
#include "message/limits.h"
#include "message/words.h"

namespace pabal::message {
namespace {

constexpr size_t kMaxLocal = 64, kMaxDomain = 255;  // RFC 5321 §4.5.3.1.1, §4.5.3.1.2

bool is_atext(char c, bool utf8) {
  if (static_cast<unsigned char>(c) >= 0x80) return utf8;
  return text::is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view s, bool utf8) {
  bool after_dot = true;
  for (char c : s) {
    if (c == '.' ? after_dot : !is_atext(c, utf8)) return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

bool is_literal(std::string_view s) {
  if (s.size() < 3 || s.front() != '[' || s.back() != ']') return false;
  return std::all_of(s.begin() + 1, s.end() - 1, [](char c) { return c > ' ' && c < 0x7F && c != '[' && c != ']' && c != '\\'; });
}

// "\"a b\"" to "a b"; nothing when it is not one whole quoted string.
std::optional<std::string> unquote(std::string_view s, bool utf8) {
  if (s.size() < 2 || s.front() != '"' || s.back() != '"') return {};
  s = s.substr(1, s.size() - 2);
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\') {
      if (++i == s.size()) return {};
    } else if (s[i] == '"') return {};
    const unsigned char c = static_cast<unsigned char>(s[i]);
    if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8)) return {};
    out += s[i];
  }
  return out;
}

std::string quoted_local(std::string_view local) {
  if (is_dot_string(local, true)) return std::string(local);
  std::string out = "\"";
  for (char c : local) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string Address::text() const { return local.empty() && domain.empty() ? std::string() : quoted_local(local) + "@" + domain; }

std::optional<Address> parse_addr_spec(std::string_view s, bool allow_utf8) {
  if (allow_utf8 ? !text::is_utf8(s) : !text::is_ascii(s)) return {};
  const size_t at = s.rfind('@');
  if (at == s.npos) return {};
  const std::string_view local = s.substr(0, at), domain = s.substr(at + 1);
  Address out;
  if (local.starts_with('"')) {
    auto plain = unquote(local, allow_utf8);
    if (!plain) return {};
    out.local = std::move(*plain);
  } else if (is_dot_string(local, allow_utf8)) out.local = local;
  else return {};
  if (out.local.empty() || out.local.size() > kMaxLocal || domain.size() > kMaxDomain) return {};
  out.domain = text::lowered(domain);
  if (is_literal(domain)) return out;
  if (ascii_domain(out.domain).empty()) return {};
  return out;
}

std::string ascii_domain(std::string_view domain) {
  if (is_literal(domain)) return std::string(domain);
  std::string name(domain);
  if (!name.empty() && name.back() == '.') name.pop_back();
  if (!text::is_ascii(name)) {
    if (name.find('\0') != name.npos || name.size() > 1000) return {};
    uint8_t* converted = nullptr;
    if (idn2_lookup_u8(reinterpret_cast<const uint8_t*>(name.c_str()), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) return {};
    name = reinterpret_cast<char*>(converted);
    idn2_free(converted);
  }
  name = text::lowered(name);
  if (name.empty() || name.size() > 253) return {};
  for (const std::string_view label : text::split(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return {};
    for (char c : label)
      if (!text::is_alnum(c) && c != '-' && c != '_') return {};
  }
  return name;
}
std::string ascii_domain(const Address& address) { return ascii_domain(address.domain); }

std::string unicode_domain(std::string_view domain) {
  char* shown = nullptr;
  if (idn2_to_unicode_8z8z(std::string(domain).c_str(), &shown, IDN2_NONTRANSITIONAL) != IDN2_OK) return std::string(domain);
  std::string out(shown);
  idn2_free(shown);
  return out;
}

std::string AddressItem::display_text() const { return decode_words(display); }
std::string AddressItem::address() const { return domain.empty() ? quoted_local(local) : quoted_local(local) + "@" + domain; }

std::optional<Address> first_address(const std::vector<AddressItem>& list) {
  for (const AddressItem& item : list)
    if (item.kind == AddressItem::kMailbox && !item.domain.empty()) return Address{item.local, text::lowered(item.domain)};
  return {};
}

// --- lists ----------------------------------------------------------------------------------------------------------

namespace {

// Reads an address list of RFC 5322 §3.4 with §4.4's obsolete forms. One pass; each character is looked at once.
class ListReader {
 public:
  explicit ListReader(std::string_view in) : in_(in.substr(0, kMaxFieldBytes)) {}

  std::vector<AddressItem> read() {
    bool in_group = false;
    while (at_ < in_.size() && out_.size() < kMaxAddresses) {
      const char c = in_[at_];
      if (c == ',' || c == ';') {
        flush();
        if (c == ';' && in_group) {
          out_.push_back({AddressItem::kGroupEnd, "", "", ""});
          in_group = false;
        }
        ++at_;
      } else if (c == ':' && !in_group && words_.find('@') == words_.npos && !angle_) {
        out_.push_back({AddressItem::kGroupStart, std::string(text::trim(words_)), "", ""});
        clear();
        in_group = true;
        ++at_;
      } else if (c == '<') angle();
      else if (c == '(') comment();
      else if (c == '"') quoted();
      else if (c == '[') literal();
      else {
        words_ += c == '\r' || c == '\n' || c == '\t' || c == '\0' ? ' ' : c;
        ++at_;
      }
    }
    flush();
    if (in_group) out_.push_back({AddressItem::kGroupEnd, "", "", ""});
    return std::move(out_);
  }

 private:
  void clear() {
    words_.clear();
    comment_.clear();
    spec_.clear();
    quoted_local_.reset();
    angle_ = had_quote_ = false;
  }

  void comment() {
    size_t depth = 0;
    std::string text;
    while (at_ < in_.size()) {
      const char c = in_[at_++];
      if (c == '\\' && at_ < in_.size()) {
        text += in_[at_++];
        continue;
      }
      if (c == '(' && depth++ == 0) continue;
      if (c == ')' && --depth == 0) break;
      if (c != '\r' && c != '\n') text += c;
    }
    if (comment_.empty()) comment_ = text::trim(text);
    words_ += ' ';
  }

  // A quoted string: part of a phrase, or the local part when "@" follows.
  void quoted() {
    std::string text;
    for (++at_; at_ < in_.size() && in_[at_] != '"'; ++at_) {
      if (in_[at_] == '\\' && at_ + 1 < in_.size()) ++at_;
      if (in_[at_] != '\r' && in_[at_] != '\n') text += in_[at_];
    }
    if (at_ < in_.size()) ++at_;
    size_t next = at_;
    while (next < in_.size() && (text::is_wsp(in_[next]))) ++next;
    if (next < in_.size() && in_[next] == '@' && text::trim(words_).empty()) {
      quoted_local_ = text;
      return;
    }
    words_ += text;
    had_quote_ = true;
  }

  void literal() {
    const size_t end = std::min(in_.find(']', at_), in_.size() - 1);
    words_ += in_.substr(at_, end - at_ + 1);
    at_ = end + 1;
  }

  void angle() {
    ++at_;
    spec_.clear();
    std::optional<std::string> local;
    while (at_ < in_.size() && in_[at_] != '>') {
      const char c = in_[at_];
      if (c == '"') {
        std::string text;
        for (++at_; at_ < in_.size() && in_[at_] != '"'; ++at_) {
          if (in_[at_] == '\\' && at_ + 1 < in_.size()) ++at_;
          text += in_[at_];
        }
        if (at_ < in_.size()) ++at_;
        local = local.value_or("") + text;
      } else if (c == '(') {
        const std::string words = std::exchange(words_, "");
        comment();
        words_ = words;
      } else if (c == ',' && spec_.find('@') != spec_.npos && spec_.front() != '@') break;  // ">" was forgotten
      else {
        if (!text::is_wsp(c) && c != '\r' && c != '\n' && c != '\0') spec_ += c;
        ++at_;
      }
    }
    if (at_ < in_.size() && in_[at_] == '>') ++at_;
    // RFC 5322 §4.4: a route "@a,@b:" before the address is dropped.
    if (spec_.starts_with('@'))
      if (const size_t colon = spec_.find(':'); colon != spec_.npos) spec_.erase(0, colon + 1);
    if (local) quoted_local_ = local;
    angle_ = true;
  }

  void flush() {
    std::string phrase(text::trim(words_));
    AddressItem item;
    if (angle_) {
      item.display = !phrase.empty() || had_quote_ ? phrase : comment_;
      split(spec_, item);
    } else if (!phrase.empty() || quoted_local_) {
      std::string spec;
      for (char c : phrase)
        if (c != ' ' || phrase.find('@') == phrase.npos) spec += c;
      // "Name name@host": the last word with an @ is the address.
      if (const size_t at = phrase.find('@'); at != phrase.npos && !quoted_local_ && phrase.find(' ') != phrase.npos) {
        const size_t begin = phrase.find_last_of(' ', at);
        const bool name_first = begin != phrase.npos && begin + 1 < at && phrase.find('.', 0) != 0;
        const bool joined = begin != phrase.npos && (phrase[begin > 0 ? begin - 1 : 0] == '.' || phrase[begin + 1] == '.' || phrase[begin + 1] == '@');
        if (name_first && !joined) {
          item.display = std::string(text::trim(std::string_view(phrase).substr(0, begin)));
          spec = phrase.substr(begin + 1, phrase.find(' ', at) - begin - 1);
        }
      }
      if (item.display.empty()) item.display = comment_;
      split(spec, item);
    } else if (comment_.empty() || !angle_) {
      clear();
      return;
    }
    if (!item.local.empty() || !item.domain.empty()) out_.push_back(std::move(item));
    clear();
  }

  void split(const std::string& spec, AddressItem& item) {
    if (quoted_local_) {
      item.local = *quoted_local_;
      const size_t at = spec.rfind('@');
      item.domain = at == spec.npos ? "" : spec.substr(at + 1);
      return;
    }
    const size_t at = spec.rfind('@');
    item.local = spec.substr(0, at);
    if (at != spec.npos) item.domain = spec.substr(at + 1);
  }

  std::string_view in_;
  size_t at_ = 0;
  std::vector<AddressItem> out_;
  std::string words_, comment_, spec_;
  std::optional<std::string> quoted_local_;
  bool angle_ = false, had_quote_ = false;
};

// --- subjects: the steps of RFC 5256 §2.1 ---

std::string folded_blanks(std::string_view s) {
  std::string out;
  for (char c : s) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// "[list] " at the start; 0: none.
size_t blob(std::string_view s) {
  if (!s.starts_with('[')) return 0;
  const size_t end = s.find_first_of("[]", 1);
  if (end == s.npos || s[end] != ']') return 0;
  size_t after = end + 1;
  while (after < s.size() && s[after] == ' ') ++after;
  return after;
}

// "re", "fw" or "fwd" with blobs and a colon; 0: none.
size_t leader(std::string_view s) {
  size_t at = 0;
  while (const size_t n = blob(s.substr(at))) at += n;
  for (const std::string_view word : {"re", "fwd", "fw"}) {
    if (!text::istarts_with(s.substr(at), word)) continue;
    size_t next = at + word.size();
    while (next < s.size() && s[next] == ' ') ++next;
    if (const size_t n = blob(s.substr(next))) next += n;
    if (next >= s.size() || s[next] != ':') continue;
    ++next;
    while (next < s.size() && s[next] == ' ') ++next;
    return next;
  }
  return 0;
}

std::string base_of(std::string_view raw, bool& reply) {
  std::string subject = folded_blanks(decode_words(raw));
  for (;;) {
    while (text::iequals(std::string_view(subject).substr(subject.size() > 5 ? subject.size() - 5 : 0), "(fwd)")) {
      subject = text::trim(std::string_view(subject).substr(0, subject.size() - 5));
      reply = true;
    }
    for (bool changed = true; changed;) {
      changed = false;
      if (const size_t n = leader(subject)) {
        subject.erase(0, n);
        changed = reply = true;
      } else if (const size_t m = blob(subject); m > 0 && m < subject.size()) {
        subject.erase(0, m);
        changed = true;
      }
    }
    if (text::istarts_with(subject, "[fwd:") && subject.ends_with(']')) {
      subject = text::trim(std::string_view(subject).substr(5, subject.size() - 6));
      reply = true;
      continue;
    }
    return subject;
  }
}

}  // namespace

std::vector<AddressItem> parse_address_list(std::string_view raw) { return ListReader(raw).read(); }

std::string base_subject(std::string_view subject) {
  bool reply = false;
  return base_of(subject, reply);
}
bool is_reply_subject(std::string_view subject) {
  bool reply = false;
  base_of(subject, reply);
  return reply;
}

}  // namespace pabal::message
