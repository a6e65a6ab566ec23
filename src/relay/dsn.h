// Delivery status notifications (RFC 3464): what the sender is told, in words for people and in fields for programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "queue/queue.h"

namespace pabal::relay {

enum class DsnKind { kFailed, kDelayed, kRelayed };

// The whole report on the recipients `about` of `entry`; `original` is the message it is about, or empty when it is
// lost. `id`: of the report, unique. Its reverse-path must be null (RFC 5321 §4.5.5); the caller sees to it.
std::string build_dsn(DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about,
                      std::string_view original, std::string_view hostname, Time now, uint64_t id);

// The status of RFC 3463 that fits the report: "5.1.1" of "550 5.1.1 no such user" or of our own "5.1.1 no such user";
// a general one when the words have none of that class.
std::string status_of(std::string_view reply, DsnKind kind);

}  // namespace pabal::relay
