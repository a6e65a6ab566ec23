// Parts of dates, RFC 5260 §4.2.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace pabal::sieve {

bool is_date_part(std::string_view part);  // any case
// Nothing for what is_date_part() does not know.
std::optional<std::string> date_part(std::string_view part, Time time, std::chrono::minutes zone);
std::optional<std::chrono::minutes> parse_zone(std::string_view zone);  // "+0100"

}  // namespace pabal::sieve
