#include "access/imap/parse.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace pabal::access::imap {

// --- CommandReader --------------------------------------------------------------------------------------------------

CommandReader::State CommandReader::next() {
  for (;;) {
    if (literal_left_ > 0) {
      const size_t n = static_cast<size_t>(std::min<uint64_t>(literal_left_, in_.size() - at_));
      command_.append(in_, at_, n);
      at_ += n;
      literal_left_ -= n;
      if (literal_left_ > 0) {
        in_.clear();
        at_ = 0;
        if (std::exchange(continue_due_, false)) return State::kNeedContinue;
        return State::kNeedMore;
      }
    }
    const size_t lf = in_.find('\n', at_);
    if (lf == in_.npos) {
      if (std::exchange(continue_due_, false)) return State::kNeedContinue;
      if (in_.size() - at_ > max_line_) return State::kTooLong;
      if (at_ > 0) {
        in_.erase(0, at_);
        at_ = 0;
      }
      return State::kNeedMore;
    }
    continue_due_ = false;
    std::string_view line = std::string_view(in_).substr(at_, lf - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > max_line_ || command_.size() + line.size() > max_line_ + max_literal_) return State::kTooLong;
    // A literal at its end: {n} or {n+} (RFC 7888).
    if (line.ends_with('}')) {
      const size_t open = line.rfind('{');
      std::string_view digits = open == line.npos ? std::string_view() : line.substr(open + 1, line.size() - open - 2);
      const bool plus = digits.ends_with('+');
      if (plus) digits.remove_suffix(1);
      if (const auto size = text::parse_u64(digits)) {
        command_.append(line);
        command_ += "\r\n";
        at_ = lf + 1;
        // RFC 7888 §4: a client that does not wait for us sends it whatever we say.
        if (*size > max_literal_ || command_.size() + *size > max_line_ + max_literal_)
          return plus ? State::kTooLong : State::kTooBig;
        literal_left_ = *size;
        continue_due_ = !plus;
        if (*size == 0 && continue_due_) {
          continue_due_ = false;
          return State::kNeedContinue;
        }
        continue;
      }
    }
    command_.append(line);
    at_ = lf + 1;
    return State::kCommand;
  }
}

std::string CommandReader::take() {
  if (at_ >= in_.size()) {
    in_ = {};
    at_ = 0;
  }
  return std::exchange(command_, {});
}

std::optional<std::string> CommandReader::line() {
  const size_t lf = in_.find('\n', at_);
  if (lf == in_.npos) return {};
  std::string out = in_.substr(at_, lf - at_);
  if (out.ends_with('\r')) out.pop_back();
  at_ = lf + 1;
  return out;
}

// --- Words ----------------------------------------------------------------------------------------------------------

bool Words::accept(char c) {
  if (peek() != c || in_.empty()) return false;
  in_.remove_prefix(1);
  return true;
}

void Words::expect(char c) {
  if (!accept(c)) fail();
}

namespace {
bool is_atom_char(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != 0x7F && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}
}  // namespace

std::string Words::atom() {
  size_t n = 0;
  while (n < in_.size() && is_atom_char(in_[n]) && in_[n] != ']') ++n;
  if (n == 0) fail();
  std::string out(in_.substr(0, n));
  if (ok_) in_.remove_prefix(n);
  return out;
}

std::string Words::quoted() {
  std::string out;
  in_.remove_prefix(1);
  for (size_t i = 0; i < in_.size(); ++i) {
    if (in_[i] == '"') {
      in_.remove_prefix(i + 1);
      return out;
    }
    if (in_[i] == '\\' && ++i == in_.size()) break;
    if (in_[i] == '\r' || in_[i] == '\n' || in_[i] == '\0') break;
    out += in_[i];
  }
  fail();
  return {};
}

std::string_view Words::literal() {
  accept('~');
  const size_t close = in_.find("}\r\n");
  if (peek() != '{' || close == in_.npos) return fail(), std::string_view();
  std::string_view digits = in_.substr(1, close - 1);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  const auto size = text::parse_u64(digits);
  if (!size || *size > in_.size() - close - 3) return fail(), std::string_view();
  const std::string_view out = in_.substr(close + 3, *size);
  in_.remove_prefix(close + 3 + *size);
  return out;
}

std::string Words::astring() {
  if (peek() == '"') return quoted();
  if (peek() == '{') return std::string(literal());
  size_t n = 0;
  while (n < in_.size() && is_atom_char(in_[n])) ++n;
  if (n == 0) return fail(), std::string();
  std::string out(in_.substr(0, n));
  in_.remove_prefix(n);
  return out;
}

std::string Words::list_mailbox() {
  if (peek() == '"') return quoted();
  if (peek() == '{') return std::string(literal());
  size_t n = 0;
  while (n < in_.size() && (is_atom_char(in_[n]) || in_[n] == '%' || in_[n] == '*')) ++n;
  if (n == 0) return fail(), std::string();
  std::string out(in_.substr(0, n));
  in_.remove_prefix(n);
  return out;
}

std::optional<std::string> Words::nstring() {
  if (peek() == '"' || peek() == '{') return astring();
  if (!text::iequals(atom(), "NIL")) fail();
  return {};
}

uint32_t Words::number() {
  size_t n = 0;
  while (n < in_.size() && text::is_digit(in_[n])) ++n;
  const auto value = text::parse_u64(in_.substr(0, n));
  if (!value || *value > UINT32_MAX) return fail(), 0;
  in_.remove_prefix(n);
  return static_cast<uint32_t>(*value);
}

// --- sets -----------------------------------------------------------------------------------------------------------

std::optional<SequenceSet> parse_set(std::string_view text) {
  SequenceSet set;
  const auto value = [](std::string_view s) -> std::optional<uint32_t> {
    if (s == "*") return SequenceSet::kStar;
    const auto n = text::parse_u64(s);
    if (!n || *n == 0 || *n >= SequenceSet::kStar) return {};
    return static_cast<uint32_t>(*n);
  };
  for (const std::string_view part : text::split(text, ',')) {
    const size_t colon = part.find(':');
    const auto first = value(part.substr(0, colon));
    const auto last = colon == part.npos ? first : value(part.substr(colon + 1));
    if (!first || !last || set.ranges.size() >= kMaxSetRanges) return {};
    set.ranges.push_back({*first, *last});
  }
  return set;
}

std::vector<SequenceSet::Range> SequenceSet::resolve(uint32_t max) const {
  std::vector<Range> out;
  for (Range r : ranges) {
    if (r.first == kStar) r.first = max;
    if (r.last == kStar) r.last = max;
    if (r.first > r.last) std::swap(r.first, r.last);
    out.push_back(r);
  }
  std::sort(out.begin(), out.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> joined;
  for (const Range& r : out) {
    if (!joined.empty() && r.first <= joined.back().last) joined.back().last = std::max(joined.back().last, r.last);
    else joined.push_back(r);
  }
  return joined;
}

// --- modified UTF-7 -------------------------------------------------------------------------------------------------

std::string to_modified_utf7(std::string_view utf8) {
  std::string out, wide;
  const auto flush = [&] {
    if (wide.empty()) return;
    std::string coded = text::base64(wide);
    while (!coded.empty() && coded.back() == '=') coded.pop_back();
    std::replace(coded.begin(), coded.end(), '/', ',');
    out += "&" + coded + "-";
    wide.clear();
  };
  for (size_t i = 0; i < utf8.size();) {
    const unsigned char c = static_cast<unsigned char>(utf8[i]);
    if (c >= 0x20 && c < 0x7F) {
      flush();
      out += utf8[i++];
      if (c == '&') out += '-';
      continue;
    }
    const size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    // Invalid UTF-8 never comes here: names are checked when they are made.
    char32_t point = length == 1 ? c : c & (0xFF >> (length + 1));
    for (size_t k = 1; k < length && i + k < utf8.size(); ++k) point = point << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
    i += length;
    const auto put = [&](char32_t unit) { (wide += static_cast<char>(unit >> 8)) += static_cast<char>(unit); };
    if (point >= 0x10000) {
      point -= 0x10000;
      put(0xD800 | point >> 10);
      put(0xDC00 | (point & 0x3FF));
    } else put(point);
  }
  flush();
  return out;
}

std::optional<std::string> from_modified_utf7(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '&') {
      if (static_cast<unsigned char>(s[i]) < 0x20) return {};
      out += s[i];
      continue;
    }
    const size_t end = s.find('-', i);
    if (end == s.npos) return {};
    std::string coded(s.substr(i + 1, end - i - 1));
    i = end;
    if (coded.empty()) {
      out += '&';
      continue;
    }
    std::replace(coded.begin(), coded.end(), ',', '/');
    while (coded.size() % 4) coded += '=';
    const auto wide = text::unbase64(coded);
    if (!wide || wide->size() % 2) return {};
    for (size_t k = 0; k < wide->size(); k += 2) {
      const auto unit = [&](size_t at) { return static_cast<char32_t>(static_cast<unsigned char>((*wide)[at]) << 8 | static_cast<unsigned char>((*wide)[at + 1])); };
      char32_t c = unit(k);
      if (c >= 0xD800 && c < 0xDC00) {
        if (k + 3 >= wide->size() || unit(k + 2) < 0xDC00 || unit(k + 2) > 0xDFFF) return {};
        c = 0x10000 + ((c - 0xD800) << 10) + (unit(k + 2) - 0xDC00);
        k += 2;
      } else if (c >= 0xDC00 && c < 0xE000) return {};
      if (c < 0x80) out += static_cast<char>(c);
      else if (c < 0x800) (out += static_cast<char>(0xC0 | c >> 6)) += static_cast<char>(0x80 | (c & 63));
      else if (c < 0x10000) ((out += static_cast<char>(0xE0 | c >> 12)) += static_cast<char>(0x80 | (c >> 6 & 63))) += static_cast<char>(0x80 | (c & 63));
      else (((out += static_cast<char>(0xF0 | c >> 18)) += static_cast<char>(0x80 | (c >> 12 & 63))) += static_cast<char>(0x80 | (c >> 6 & 63))) += static_cast<char>(0x80 | (c & 63));
    }
  }
  return out;
}

// --- dates and strings ----------------------------------------------------------------------------------------------

namespace {
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
}

std::optional<std::chrono::sys_days> parse_day(std::string_view s) {
  const auto parts = text::split(text::trim(s), '-');
  if (parts.size() != 3) return {};
  const auto day = text::parse_u64(text::trim(parts[0])), year = text::parse_u64(parts[2]);
  for (unsigned i = 0; i < 12; ++i) {
    if (!text::iequals(parts[1], kMonths[i])) continue;
    if (!day || !year || *day > 31 || *year > 9999) return {};
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)), std::chrono::month(i + 1), std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return {};
    return std::chrono::sys_days(date);
  }
  return {};
}

std::optional<Time> parse_date_time(std::string_view s) {
  s = text::trim(s);
  const auto words = text::split(s, ' ');
  if (words.size() != 3 || words[2].size() != 5) return {};
  const auto day = parse_day(words[0]);
  const auto clock = text::split(words[1], ':');
  if (!day || clock.size() != 3) return {};
  const auto h = text::parse_u64(clock[0]), m = text::parse_u64(clock[1]), sec = text::parse_u64(clock[2]), zone = text::parse_u64(words[2].substr(1));
  if (!h || !m || !sec || !zone || *h > 23 || *m > 59 || *sec > 60 || (words[2][0] != '+' && words[2][0] != '-')) return {};
  const auto offset = hours(*zone / 100) + minutes(*zone % 100);
  const Time local = *day + hours(*h) + minutes(*m) + seconds(*sec);
  return words[2][0] == '+' ? local - offset : local + offset;
}

std::string format_date_time(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(t - day));
  char out[64];
  std::snprintf(out, sizeof out, "\"%02u-%s-%04d %02d:%02d:%02d +0000\"", unsigned(date.day()), std::string(kMonths[unsigned(date.month()) - 1]).c_str(),
                int(date.year()), int(clock.hours().count()), int(clock.minutes().count()), int(clock.seconds().count()));
  return out;
}

std::string quote(std::string_view s) {
  const bool plain = s.size() <= 1000 && std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F; });
  if (!plain) return "{" + std::to_string(s.size()) + "}\r\n" + std::string(s);
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string nquote(std::string_view s) { return s.empty() ? "NIL" : quote(s); }

}  // namespace pabal::access::imap
