// The bounds of POP3 sessions, with the reason of each.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace pabal::access::pop3 {

// Octets of a line without its end. RFC 2449 §4 wants 255 of commands, RFC 5034 §4 12,288 of SASL answers; one limit
// does for both.
constexpr size_t kMaxLine = 12'288;

constexpr minutes kIdleTime{10};   // RFC 1939 §3: at least 10 minutes
constexpr minutes kLoginTime{10};  // from the greeting to the login, however busy the client is
constexpr minutes kWriteTime{2};   // for the client to take kWriteAtOnce
constexpr seconds kTlsTime{30};
constexpr size_t kMaxBad = 20;  // commands in a row that are none
constexpr size_t kMaxFailedLogins = 3;

constexpr size_t kFlushAt = 64 << 10;           // octets of answers gathered before they are written
constexpr size_t kWriteAtOnce = 256 << 10;      // octets of a message written under one deadline
constexpr size_t kOnPool = 256 << 10;           // octets: larger messages are unpacked on the pool
constexpr size_t kMessagesPerCommit = 500;      // removed in one transaction: the committer serves others between
constexpr size_t kMaxMessages = 1'000'000;      // of a maildrop, the oldest: it is kept in memory, 32 octets each
constexpr size_t kMaxTopLines = 1'000'000'000;  // numbers of clients are not larger
constexpr size_t kMaxTraced = 1'000;            // messages whose reading one session puts into the trace

}  // namespace pabal::access::pop3
