#include "message/date.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/text.h"

namespace pabal::message {
namespace {

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::pair<std::string_view, int> kZones[] = {
    {"ut", 0},     {"utc", 0},    {"gmt", 0},    {"z", 0},      {"est", -300}, {"edt", -240},
    {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
    {"cet", 60},   {"cest", 120}, {"bst", 60},   {"jst", 540},  {"kst", 540},  {"wet", 0},
    {"west", 60},  {"eet", 120},  {"eest", 180}, {"msk", 180},  {"hst", -600}};
constexpr size_t kMaxDate = 200;  // octets looked at

struct Parsed {
  Time time;
  int zone = 0;
};

std::string without_comments(std::string_view s) {
  std::string out;
  int depth = 0;
  for (char c : s.substr(0, kMaxDate)) {
    if (c == '(')
      ++depth;
    else if (c == ')')
      depth -= depth > 0;
    else if (depth == 0)
      out += text::is_alnum(c) || c == ':' || c == '+' || c == '-' || c == '.' ? c : ' ';
  }
  return out;
}

int month_of(std::string_view word) {
  for (int i = 0; i < 12; ++i)
    if (word.size() >= 3 && text::iequals(word.substr(0, 3), kMonths[i])) return i + 1;
  return 0;
}

// "+0900", "-05:30"; minutes.
std::optional<int> offset_of(std::string_view word) {
  if (word.size() < 3 || (word[0] != '+' && word[0] != '-')) return {};
  std::string digits;
  for (char c : word.substr(1))
    if (text::is_digit(c))
      digits += c;
    else if (c != ':')
      return {};
  if (digits.size() == 2) digits += "00";
  if (digits.size() == 3) digits.insert(0, 1, '0');
  if (digits.size() != 4) return {};
  const int hours = (digits[0] - '0') * 10 + digits[1] - '0', minutes = (digits[2] - '0') * 10 + digits[3] - '0';
  if (hours > 23 || minutes > 59) return {};
  return (word[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

std::optional<Parsed> parse_parts(std::string_view raw) {
  std::string clean = without_comments(raw);
  int year = -1, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  bool have_time = false, have_zone = false;
  std::vector<std::string_view> words;
  for (const std::string_view word : text::split(clean, ' '))
    if (!word.empty()) words.push_back(word);
  const auto number = [](std::string_view s) -> int {
    const auto n = text::parse_u64(s);
    return n && *n < 100'000 ? static_cast<int>(*n) : -1;
  };
  const auto take_time = [&](std::string_view word) {
    const auto parts = text::split(word, ':');
    if (parts.size() < 2 || parts.size() > 3) return false;
    hour = number(parts[0]);
    minute = number(parts[1]);
    second = parts.size() == 3 ? number(parts[2].substr(0, parts[2].find('.'))) : 0;
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60) return false;
    second = std::min(second, 59);  // a leap second
    have_time = true;
    return true;
  };
  for (std::string_view word : words) {
    // ISO 8601: 2026-11-24T09:15:00
    if (word.size() >= 10 && word[4] == '-' && word[7] == '-' && number(word.substr(0, 4)) > 0) {
      year = number(word.substr(0, 4));
      month = number(word.substr(5, 2));
      day = number(word.substr(8, 2));
      word.remove_prefix(10);
      if (!word.empty() && text::lower(word[0]) == 't') word.remove_prefix(1);
      if (word.empty()) continue;
    }
    if (word.find(':') != word.npos && !have_time && text::is_digit(word[0])) {
      // A zone stuck to the time: 09:15:00Z, 09:15:00+0900
      const size_t end = std::min(word.find_first_not_of("0123456789:."), word.size());
      if (!take_time(word.substr(0, end))) return {};
      word.remove_prefix(end);
      if (word.empty()) continue;
    }
    if (const auto offset = offset_of(word)) {
      zone = *offset;
      have_zone = true;
      continue;
    }
    if (text::is_alpha(word[0])) {
      if (have_time && (text::iequals(word, "am") || text::iequals(word, "pm"))) {
        if (hour >= 1 && hour <= 12) hour = hour % 12 + (text::iequals(word, "pm") ? 12 : 0);
        continue;
      }
      if (month == 0 && month_of(word)) {
        month = month_of(word);
        continue;
      }
      const size_t letters =
          std::min(word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), word.size());
      for (const auto& [name, minutes] : kZones)
        if (text::iequals(word.substr(0, letters), name) && !have_zone) {
          zone = offset_of(word.substr(letters)).value_or(minutes);  // "GMT+0900"
          have_zone = true;
        }
      continue;
    }
    // 24-Nov-2026
    const auto parts = text::split(word, '-');
    if (parts.size() == 3 && month_of(parts[1])) {
      day = number(parts[0]);
      month = month_of(parts[1]);
      year = number(parts[2]);
      if (parts[2].size() == 2) year += year < 50 ? 2000 : 1900;
      continue;
    }
    const int n = number(word);
    if (n < 0) continue;
    if (day == 0 && word.size() <= 2 && n >= 1 && n <= 31)
      day = n;
    else if (year < 0) {
      // RFC 5322 §4.3: two digits below 50 are 20xx, other two and three digits count from 1900; so does "0102" (seen).
      year = word.size() == 2 ? n + (n < 50 ? 2000 : 1900) : n < 1000 ? n + 1900 : n;
    } else if (have_time && !have_zone && word.size() == 4) {  // "+" forgotten
      zone = offset_of("+" + std::string(word)).value_or(0);
      have_zone = true;
    }
  }
  if (day == 0 || month < 1 || month > 12 || year < 1900 || year > 9999) return {};
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return {};
  const Time t = std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) - minutes(zone);
  return Parsed{t, zone};
}

}  // namespace

std::optional<Time> parse_date(std::string_view text) {
  const auto parsed = parse_parts(text);
  if (!parsed) return {};
  return parsed->time;
}

int parse_date_zone(std::string_view text) {
  const auto parsed = parse_parts(text);
  return parsed ? parsed->zone : 0;
}

std::string format_date(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(t - day));
  std::string month(kMonths[unsigned(date.month()) - 1]);
  month[0] = text::upper(month[0]);
  char out[64];
  std::snprintf(out, sizeof out, "%s, %02u %s %04d %02d:%02d:%02d +0000",
                std::string(kDays[std::chrono::weekday(day).c_encoding()]).c_str(), unsigned(date.day()), month.c_str(),
                int(date.year()), int(clock.hours().count()), int(clock.minutes().count()),
                int(clock.seconds().count()));
  return out;
}

}  // namespace pabal::message
