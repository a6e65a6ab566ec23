#include "base/time.h"

#include <cstdio>

#include "base/text.h"

namespace pabal {

Time SystemClock::now() const { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

std::string to_rfc3339(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Duration> clock(t - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()), unsigned(date.month()),
                unsigned(date.day()), int(clock.hours().count()), int(clock.minutes().count()),
                int(clock.seconds().count()), int(clock.subseconds().count() / 1000));
  return text;
}

std::optional<Time> parse_rfc3339(std::string_view s) {
  // "2026-11-24T09:15:00" is 19 octets; the offset takes one at least.
  const auto number = [&](size_t at, size_t size) -> int {
    int value = 0;
    for (const char c : s.substr(at, size)) {
      if (!text::is_digit(c)) return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  if (s.size() < 20 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != 't') || s[13] != ':' || s[16] != ':')
    return {};
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2), minute = number(14, 2),
            second = number(17, 2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60)
    return {};
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return {};
  Time time = std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second == 60 ? 59 : second);
  size_t at = 19;
  if (s[at] == '.') {
    const size_t begin = ++at;
    for (int64_t unit = 100'000; at < s.size() && text::is_digit(s[at]); ++at, unit /= 10)
      time += Duration(unit * (s[at] - '0'));
    if (at == begin) return {};
  }
  const std::string_view offset = s.substr(at);
  if (offset == "Z" || offset == "z") return time;
  if (offset.size() != 6 || (offset[0] != '+' && offset[0] != '-') || offset[3] != ':') return {};
  const int offset_hours = number(at + 1, 2), offset_minutes = number(at + 4, 2);
  if (offset_hours < 0 || offset_hours > 23 || offset_minutes < 0 || offset_minutes > 59) return {};
  const Duration east = hours(offset_hours) + minutes(offset_minutes);
  time += offset[0] == '+' ? -east : east;
  if (time < Time{}) return {};
  return time;
}

}  // namespace pabal
