#include "base/text.h"
#include "message/address.h"
#include "message/words.h"

// The steps of RFC 5256 §2.1.
namespace pabal::message {
namespace {

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
