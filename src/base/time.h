// Time is passed in: whoever needs "now" holds a Clock, so that a test runs five days of retries in a millisecond.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pabal {

using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;  // UTC, microseconds since 1970

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline int64_t to_micros(Time t) { return t.time_since_epoch().count(); }
inline Time from_micros(int64_t us) { return Time(Duration(us)); }
inline int64_t to_unix(Time t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }
inline Time from_unix(int64_t s) { return Time(std::chrono::seconds(s)); }

// RFC 3339 in UTC with milliseconds: 2026-11-24T09:15:00.123Z
std::string to_rfc3339(Time t);
// A date-time of RFC 3339 §5.6, with any offset and fraction (digits beyond the microsecond are dropped). A leap second
// is the second before it. Nothing when it is malformed, or before 1970.
std::optional<Time> parse_rfc3339(std::string_view text);

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

// A clock a test turns by hand. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start = from_unix(1'800'000'000)) : micros_(to_micros(start)) {}
  Time now() const override { return from_micros(micros_.load()); }
  void advance(Duration d) { micros_ += d.count(); }
  void set(Time t) { micros_ = to_micros(t); }

 private:
  std::atomic<int64_t> micros_;
};

}  // namespace pabal
