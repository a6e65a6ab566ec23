// The limits of the protocol, each with its reason.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace pabal::smtp {

// Server side.
constexpr size_t kMaxCommandLine = 4096;  // RFC 5321 §4.5.3.1.4 asks for 512, and the extensions for a few hundred more
constexpr size_t kMaxAuthLine = 12'288;   // RFC 4954 §4
constexpr size_t kMaxDroppedLine = 1 << 20;  // a longer command line is no mistake: the connection is closed
constexpr size_t kMaxTextLine = 1 << 20;  // §4.5.3.1.6 asks for 1,000; longer ones are common and are kept, to a bound
constexpr size_t kMaxRecipients = 1'000;  // §4.5.3.1.8 asks for 100 at least
constexpr size_t kMaxRcptCommands = 10'000;      // in one transaction, refused ones included; then 421
constexpr size_t kMaxMessages = 1'000;           // of one session; then 421, and the client comes again
constexpr size_t kMaxErrors = 20;                // commands of one session answered 5xx before it is closed with 421
constexpr size_t kMaxAuthFailures = 5;           // of one session (RFC 4954 §9); the login guard counts over sessions
constexpr size_t kMaxCommandsWithoutMail = 200;  // NOOP, RSET, EHLO in a row: nobody needs more
constexpr minutes kCommandTime{5};               // §4.5.3.2.7, for a whole command line
constexpr minutes kDataBlockTime{3};             // §4.5.3.2.5
constexpr hours kMessageTime{1};                 // a message that takes longer is a slow loris
constexpr minutes kReplyTime{5};                 // for a client to take our replies
constexpr seconds kTlsTime{30};
// Octets asked of the kernel at once. Between commands a small block is held, so that 10,000 idle sessions cost 20 MB;
// for content one that a megabyte needs 32 calls with.
constexpr size_t kCommandBlock = 2 * 1024;
constexpr size_t kContentBlock = 32 * 1024;

// Client side: a server's reply.
constexpr size_t kMaxReplyLines = 100;
constexpr size_t kMaxReplyLine = 4096;

}  // namespace pabal::smtp
