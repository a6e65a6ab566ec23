#include "access/imap/words.h"

#include <algorithm>
#include <cstdio>

#include "access/imap/limits.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

bool is_atom_char(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != 0x7F &&
         std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}

}  // namespace

bool Words::accept(char c) {
  if (in_.empty() || in_[0] != c) return false;
  in_.remove_prefix(1);
  return true;
}

bool Words::accept_word(std::string_view word) {
  if (!text::istarts_with(in_, word)) return false;
  if (in_.size() > word.size() && (text::is_alnum(in_[word.size()]) || in_[word.size()] == '.')) return false;
  in_.remove_prefix(word.size());
  return true;
}

void Words::expect(char c) {
  if (!accept(c)) fail();
}

std::string Words::plain(std::string_view more) {
  size_t n = 0;
  while (n < in_.size() && (is_atom_char(in_[n]) || more.find(in_[n]) != more.npos)) ++n;
  if (n == 0) return fail(), std::string();
  std::string out(in_.substr(0, n));
  in_.remove_prefix(n);
  return out;
}

std::string Words::atom() {
  size_t n = 0;
  while (n < in_.size() && is_atom_char(in_[n]) && in_[n] != ']') ++n;
  if (n == 0) return fail(), std::string();
  std::string out(in_.substr(0, n));
  in_.remove_prefix(n);
  return out;
}

std::string Words::name() {
  size_t n = 0;
  while (n < in_.size() && (text::is_alnum(in_[n]) || in_[n] == '.' || in_[n] == '-' || in_[n] == '=')) ++n;
  if (n == 0 || n > 100) return fail(), std::string();
  std::string out = text::uppered(in_.substr(0, n));
  in_.remove_prefix(n);
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

std::string_view Words::literal(bool* eight) {
  const bool tilde = eight && accept('~');
  if (eight) *eight = tilde;
  const size_t close = in_.find("}\r\n");
  if (peek() != '{' || close == in_.npos) return fail(), std::string_view();
  std::string_view digits = in_.substr(1, close - 1);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  const auto size = text::parse_u64(digits);
  if (!size || *size > in_.size() - close - 3) return fail(), std::string_view();
  const std::string_view out = in_.substr(close + 3, static_cast<size_t>(*size));
  in_.remove_prefix(close + 3 + static_cast<size_t>(*size));
  return out;
}

std::string Words::astring() {
  if (peek() == '"') return quoted();
  if (peek() != '{') return plain("");
  const std::string_view octets = literal();
  if (octets.find('\0') != octets.npos) fail();  // RFC 9051 §9, CHAR8
  return ok_ ? std::string(octets) : std::string();
}

std::string Words::list_mailbox() { return peek() == '"' || peek() == '{' ? astring() : plain("%*"); }

uint64_t Words::number64() {
  size_t n = 0;
  while (n < in_.size() && text::is_digit(in_[n])) ++n;
  const auto value = text::parse_u64(in_.substr(0, n));
  if (!value || *value > INT64_MAX) return fail(), 0;  // RFC 9051 §9: 63 bits
  in_.remove_prefix(n);
  return *value;
}

uint32_t Words::number() {
  const uint64_t value = number64();
  if (value > UINT32_MAX) return fail(), 0;
  return static_cast<uint32_t>(value);
}

std::string_view Words::set() {
  size_t n = 0;
  while (n < in_.size() && (text::is_digit(in_[n]) || std::string_view(":,*$").find(in_[n]) != std::string_view::npos))
    ++n;
  const std::string_view out = in_.substr(0, n);
  in_.remove_prefix(n);
  if (n == 0) fail();
  return out;
}

// --- flags ----------------------------------------------------------------------------------------------------------

namespace {
constexpr std::pair<mailbox::Flag, std::string_view> kSystemFlags[] = {{mailbox::kAnswered, "\\Answered"},
                                                                       {mailbox::kFlagged, "\\Flagged"},
                                                                       {mailbox::kDeleted, "\\Deleted"},
                                                                       {mailbox::kSeen, "\\Seen"},
                                                                       {mailbox::kDraft, "\\Draft"}};
}  // namespace

std::optional<mailbox::Flags> parse_flags(Words& words) {
  mailbox::Flags flags;
  const bool list = words.accept('(');
  if (list && words.accept(')')) return flags;
  do {
    if (words.accept('\\')) {
      const std::string name = "\\" + words.atom();
      const auto known = std::find_if(std::begin(kSystemFlags), std::end(kSystemFlags),
                                      [&](const auto& f) { return text::iequals(f.second, name); });
      if (known != std::end(kSystemFlags))
        flags.system |= known->first;
      else if (!text::iequals(name, "\\Recent"))
        return {};
    } else {
      flags.keywords.push_back(words.atom());
      if (flags.keywords.back().size() > kMaxKeyword || flags.keywords.size() > mailbox::kMaxKeywords) return {};
    }
  } while (words.ok() && words.accept(' '));
  if (list) words.expect(')');
  if (!words.ok()) return {};
  return flags;
}

void add_flag_list(std::string& out, const mailbox::Flags& flags) {
  out += '(';
  const auto add = [&](std::string_view name) {
    if (out.back() != '(') out += ' ';
    out += name;
  };
  for (const auto& [flag, name] : kSystemFlags)
    if (flags.has(flag)) add(name);
  for (const std::string& keyword : flags.keywords) add(keyword);
  out += ')';
}

// --- dates ----------------------------------------------------------------------------------------------------------

namespace {
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// A number of exactly so many digits.
std::optional<int> digits(std::string_view s, size_t count) {
  const auto value = text::parse_u64(s);
  if (s.size() != count || !value) return {};
  return static_cast<int>(*value);
}
}  // namespace

std::optional<std::chrono::sys_days> parse_day(std::string_view s) {
  const auto parts = text::split(s, '-');
  if (parts.size() != 3) return {};
  const auto month = std::find_if(std::begin(kMonths), std::end(kMonths),
                                  [&](std::string_view name) { return text::iequals(name, parts[1]); });
  const auto day = digits(parts[0], parts[0].size() == 1 ? 1 : 2), year = digits(parts[2], 4);
  if (month == std::end(kMonths) || !day || !year) return {};
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return {};
  return std::chrono::sys_days(date);
}

std::optional<Time> parse_date_time(std::string_view s) {
  if (s.starts_with(' ')) s.remove_prefix(1);  // date-day-fixed: " 1-Feb-1994"
  const auto words = text::split(s, ' ');
  if (words.size() != 3 || words[2].size() != 5) return {};
  const auto day = parse_day(words[0]);
  const auto clock = text::split(words[1], ':');
  if (!day || clock.size() != 3) return {};
  const auto h = digits(clock[0], 2), m = digits(clock[1], 2), sec = digits(clock[2], 2);
  const auto zone_h = digits(words[2].substr(1, 2), 2), zone_m = digits(words[2].substr(3), 2);
  const char sign = words[2][0];
  if (!h || !m || !sec || !zone_h || !zone_m || *h > 23 || *m > 59 || *sec > 60 || *zone_m > 59 ||
      (sign != '+' && sign != '-'))
    return {};
  const auto offset = hours(*zone_h) + minutes(*zone_m);
  const Time local = *day + hours(*h) + minutes(*m) + seconds(*sec);
  return sign == '+' ? local - offset : local + offset;
}

std::string format_date_time(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(t - day));
  const std::string_view month = kMonths[unsigned(date.month()) - 1];
  char out[64];
  std::snprintf(out, sizeof out, "\"%02u-%.3s-%04d %02d:%02d:%02d +0000\"", unsigned(date.day()), month.data(),
                int(date.year()), int(clock.hours().count()), int(clock.minutes().count()),
                int(clock.seconds().count()));
  return out;
}

// --- strings --------------------------------------------------------------------------------------------------------

std::string quote_utf8(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string quote(std::string_view s) {
  constexpr size_t kMaxQuoted = 1'000;
  const bool plain =
      s.size() <= kMaxQuoted && std::all_of(s.begin(), s.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  return plain ? quote_utf8(s) : "{" + std::to_string(s.size()) + "}\r\n" + std::string(s);
}

std::string nquote(std::string_view s) { return s.empty() ? "NIL" : quote(s); }

}  // namespace pabal::access::imap
