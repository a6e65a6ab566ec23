#include "sieve/dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pabal::sieve {
namespace {

constexpr std::array<std::string_view, 13> kParts = {"year",  "month",  "day",    "date", "julian",
                                                     "hour",  "minute", "second", "time", "iso8601",
                                                     "std11", "zone",   "weekday"};
constexpr std::array<std::string_view, 7> kDayNames = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int kJulianOf1970 = 40'587;  // Modified Julian Day

std::string zone_text(std::chrono::minutes zone, std::string_view between) {
  const auto size = std::abs(zone.count());
  return fmt::format("{}{:02}{}{:02}", zone.count() < 0 ? '-' : '+', size / 60, between, size % 60);
}

}  // namespace

bool is_date_part(std::string_view part) {
  return std::any_of(kParts.begin(), kParts.end(), [&](std::string_view p) { return text::iequals(p, part); });
}

std::optional<std::chrono::minutes> parse_zone(std::string_view zone) {
  if (zone.size() != 5 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const auto number = text::parse_u64(zone.substr(1));
  if (!number || *number % 100 > 59) return std::nullopt;
  const std::chrono::minutes size(*number / 100 * 60 + *number % 100);
  return zone[0] == '-' ? -size : size;
}

std::optional<std::string> date_part(std::string_view part, Time time, std::chrono::minutes zone) {
  const auto local = std::chrono::floor<seconds>(time) + zone;
  const auto day = std::chrono::floor<days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(local - day);
  const int year = static_cast<int>(date.year());
  const unsigned month = static_cast<unsigned>(date.month()), in_month = static_cast<unsigned>(date.day());
  const unsigned weekday = std::chrono::weekday(day).c_encoding();
  const auto clock_text =
      fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  const std::string p = text::lowered(part);
  if (p == "year") return fmt::format("{:04}", year);
  if (p == "month") return fmt::format("{:02}", month);
  if (p == "day") return fmt::format("{:02}", in_month);
  if (p == "date") return fmt::format("{:04}-{:02}-{:02}", year, month, in_month);
  if (p == "julian") return std::to_string(day.time_since_epoch().count() + kJulianOf1970);
  if (p == "hour") return clock_text.substr(0, 2);
  if (p == "minute") return clock_text.substr(3, 2);
  if (p == "second") return clock_text.substr(6, 2);
  if (p == "time") return clock_text;
  if (p == "iso8601")
    return fmt::format("{:04}-{:02}-{:02}T{}{}", year, month, in_month, clock_text, zone_text(zone, ":"));
  if (p == "std11")
    return fmt::format("{}, {:02} {} {:04} {} {}", kDayNames[weekday], in_month, kMonths[month - 1], year, clock_text,
                       zone_text(zone, ""));
  if (p == "zone") return zone_text(zone, "");
  if (p == "weekday") return std::to_string(weekday);
  return std::nullopt;
}

}  // namespace pabal::sieve
