// The limits of the protocol, each with its reason.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace pabal::smtp {

constexpr size_t kMaxCommandLine = 4096;        // RFC 5321 §4.5.3.1.4 asks for 512; AUTH (RFC 4954 §4) for 12,288 in its own lines
constexpr size_t kMaxAuthLine = 12'288;         // RFC 4954 §4
constexpr size_t kMaxTextLine = 1 << 20;        // §4.5.3.1.6 asks for 1,000; longer ones are common and are kept, to a bound
constexpr size_t kMaxRecipients = 1'000;        // §4.5.3.1.8 asks for 100 at least
constexpr size_t kMaxMessages = 1'000;          // of one session; then 421, and the client comes again
constexpr size_t kMaxErrors = 20;               // 5xx replies of one session before it is closed
constexpr size_t kMaxCommandsWithoutMail = 200; // NOOP, RSET, EHLO in a row: nobody needs more
constexpr minutes kCommandTime{5};              // §4.5.3.2.7
constexpr minutes kDataBlockTime{3};            // §4.5.3.2.5
constexpr hours kMessageTime{1};                // a message that takes longer is a slow loris
constexpr seconds kTlsTime{30};
constexpr size_t kMaxReplyLines = 100;          // client side: a server's multi-line reply
constexpr size_t kMaxReplyLine = 4096;

}  // namespace pabal::smtp
