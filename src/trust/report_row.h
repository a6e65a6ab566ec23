// Rows of aggregate reports as records of the store. Not for others.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "trust/aggregate.h"

namespace pabal::trust {

constexpr size_t kMaxKeptSignatures = 10;  // of one row: the first ones

// Without its count, envelope_to and texts for people: rows that differ in these alone are one.
std::string encode_row(const AggregateReport::Row& row);
std::optional<AggregateReport::Row> decode_row(std::string_view record);

constexpr uint32_t kDaySeconds = 86'400;
inline uint32_t day_of(Time t) { return static_cast<uint32_t>(to_unix(t) / kDaySeconds); }  // days since 1970, UTC
inline Time start_of_day(uint32_t day) { return from_unix(int64_t{day} * kDaySeconds); }

}  // namespace pabal::trust
