// Delivery status notifications (RFC 3464): what the sender is told, in words for people and in fields for programs.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "queue/queue.h"

namespace pabal::relay {

enum class DsnKind { kFailed, kDelayed, kRelayed };

// The whole report for those recipients of `entry` that `wants` accepts; `original` is the message it is about. Its reverse-path must
// be null (RFC 5321 §4.5.5); the caller sees to it.
std::string build_dsn(DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about,
                      std::string_view original, std::string_view hostname, Time now, Random& random);

// "5.1.1" of "550 5.1.1 no such user" or of our own words; what the reply's first digit says when there is none.
std::string status_of(std::string_view reply, DsnKind kind);

}  // namespace pabal::relay
