// Dates of header fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace pabal::message {

// RFC 5322 §3.3 and §4.3, and what is seen in the wild: comments, missing day name, seconds or zone (taken as UTC), 2-
// and 3-digit years, zone names, "GMT+0900", asctime order, ISO 8601. Nothing when there is no date in it.
std::optional<Time> parse_date(std::string_view text);

// RFC 5322 date-time of now in UTC: "Tue, 24 Nov 2026 09:15:00 +0000".
std::string format_date(Time t);

// The zone written in the date, in minutes east of UTC; 0 when there is none or no date. (IMAP SENTON compares the date
// as written, RFC 9051 §6.4.4.)
int parse_date_zone(std::string_view text);

}  // namespace pabal::message
