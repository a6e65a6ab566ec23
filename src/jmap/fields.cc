#include "jmap/fields.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "message/date.h"

namespace pabal::jmap {
namespace {

constexpr uint64_t kMaxInt = (uint64_t{1} << 53) - 1;  // RFC 8620 §1.3

bool digits_at(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == '0' ? !text::is_digit(text[i]) : text[i] != pattern[i]) return false;
  return true;
}

}  // namespace

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::all_of(text.begin(), text.end(), [](char c) { return text::is_alnum(c) || c == '-' || c == '_'; });
}

std::optional<uint64_t> unsigned_int(const json::value& value) {
  if (const int64_t* i = value.if_int64(); i && *i >= 0 && static_cast<uint64_t>(*i) <= kMaxInt)
    return static_cast<uint64_t>(*i);
  if (const uint64_t* u = value.if_uint64(); u && *u <= kMaxInt) return *u;
  if (const double* d = value.if_double(); d && *d >= 0 && *d <= static_cast<double>(kMaxInt) && std::floor(*d) == *d)
    return static_cast<uint64_t>(*d);
  return {};
}

std::optional<Time> parse_utc_date(std::string_view text) {
  if (!digits_at(text, "0000-00-00T00:00:00") || !text.ends_with('Z')) return {};
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (!fraction.empty() && (fraction.front() != '.' || fraction.size() < 2 ||
                            !std::all_of(fraction.begin() + 1, fraction.end(), text::is_digit)))
    return {};
  const auto number = [&](size_t at, size_t size) { return static_cast<int>(*text::parse_u64(text.substr(at, size))); };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!day.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return {};
  int64_t micros = 0, unit = 100'000;
  for (size_t i = 1; i < fraction.size() && unit > 0; ++i, unit /= 10) micros += (fraction[i] - '0') * unit;
  return Time(std::chrono::sys_days(day)) + hours(number(11, 2)) + minutes(number(14, 2)) + seconds(number(17, 2)) +
         Duration(micros);
}

std::string utc_date(Time t) {
  // RFC 8620 §1.4: no fraction where it is zero.
  std::string out = to_rfc3339(t);
  if (out.ends_with(".000Z")) out.replace(out.size() - 5, 5, "Z");
  return out;
}

const json::value* Fields::value(std::string_view name) const {
  const json::value* found = object_.if_contains(name);
  return found && !found->is_null() ? found : nullptr;
}

std::optional<std::string> Fields::string(std::string_view name) {
  const json::value* found = value(name);
  if (!found) return {};
  if (const json::string* s = found->if_string()) return std::string(*s);
  note(name);
  return {};
}

std::optional<uint64_t> Fields::number(std::string_view name) {
  const json::value* found = value(name);
  if (!found) return {};
  const auto number = unsigned_int(*found);
  if (!number) note(name);
  return number;
}

std::optional<int64_t> Fields::integer(std::string_view name) {
  const json::value* found = value(name);
  if (!found) return {};
  constexpr auto kMost = static_cast<int64_t>(kMaxInt);
  if (const int64_t* i = found->if_int64(); i && *i <= kMost && *i >= -kMost) return *i;
  note(name);
  return {};
}

bool Fields::boolean(std::string_view name, bool otherwise) {
  const json::value* found = value(name);
  if (!found) return otherwise;
  if (const bool* b = found->if_bool()) return *b;
  note(name);
  return otherwise;
}

std::optional<std::vector<std::string>> Fields::strings(std::string_view name) {
  const json::array* list = array(name);
  if (!list) return {};
  std::vector<std::string> out;
  for (const json::value& one : *list) {
    if (!one.is_string()) {
      note(name);
      return {};
    }
    out.emplace_back(one.as_string());
  }
  return out;
}

std::optional<std::set<std::string>> Fields::set(std::string_view name) {
  const json::object* map = object(name);
  if (!map) return {};
  std::set<std::string> out;
  for (const auto& [key, one] : *map) {
    if (one != json::value(true)) {
      note(name);
      return {};
    }
    out.emplace(key);
  }
  return out;
}

const json::object* Fields::object(std::string_view name) {
  const json::value* found = value(name);
  if (found && !found->is_object()) note(name);
  return found ? found->if_object() : nullptr;
}

const json::array* Fields::array(std::string_view name) {
  const json::value* found = value(name);
  if (found && !found->is_array()) note(name);
  return found ? found->if_array() : nullptr;
}

std::optional<Time> Fields::utc_date(std::string_view name) {
  const auto text = string(name);
  if (!text) return {};
  const auto time = parse_utc_date(*text);
  if (!time) note(name);
  return time;
}

std::optional<Failure> Fields::bad_arguments() const {
  if (bad_.empty()) return {};
  return invalid_arguments("of a wrong type or value: " + text::join(bad_, ", "));
}

std::optional<Failure> Fields::bad_properties() const {
  if (bad_.empty()) return {};
  return invalid_properties(bad_);
}

}  // namespace pabal::jmap
