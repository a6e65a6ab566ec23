// The bounds of IMAP sessions, with the reason of each.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace pabal::access::imap {

constexpr size_t kMaxLineBeforeLogin =
    8 << 10;                          // octets of a command, literals included: names, passwords, SASL answers
constexpr size_t kMaxLine = 1 << 20;  // after login: UID sets of large mailboxes are long
constexpr size_t kMaxSkips = 20;      // a refused non-synchronising literal is read and dropped up to so many limits
constexpr size_t kMaxTag = 100;       // octets
constexpr size_t kMaxDepth = 50;      // parentheses, NOT and OR: they are parsed by recursion
constexpr size_t kMaxSetRanges = 100'000;
constexpr size_t kMaxSearchKeys = 1'000;
constexpr size_t kMaxSortKeys = 20;           // there are 9
constexpr size_t kMaxLabels = 100;            // of one STORE X-GM-LABELS
constexpr size_t kMaxContexts = 16;           // searches of one session that tell of changes (RFC 5267)
constexpr size_t kMaxSortedContext = 20'000;  // messages of one of them that is a SORT: their order is kept
constexpr size_t kMaxFetchItems = 200;        // items of a FETCH; fields of one HEADER.FIELDS
constexpr size_t kMaxMetadataEntries = 100;   // of one GETMETADATA or SETMETADATA
constexpr size_t kMaxPatterns = 100;          // of one LIST
constexpr size_t kMaxPattern = 1'000;         // octets; names have 255
constexpr size_t kMaxKeyword = 100;           // octets of one keyword
constexpr size_t kMaxNamedKeywords = 1'000;   // of one mailbox that FLAGS answers name: each new one repeats them all

constexpr minutes kIdleTime{30};  // RFC 9051 §5.4: at least 30 minutes
constexpr minutes kStillHere{2};  // between words to an idling client: NATs and mobile networks forget sooner than 30
constexpr minutes kLoginTime{2};  // between commands before login
constexpr minutes kWriteTime{5};  // for the client to take kWriteAtOnce
constexpr size_t kWriteAtOnce = 1 << 20;  // octets written under one deadline: a slow line may take a large message
constexpr seconds kTlsTime{30};
constexpr seconds kProgressEvery{10};  // RFC 9585: so often a client hears of a long command
constexpr size_t kMaxBad = 20;         // BAD answers in a row, then BYE
constexpr size_t kMaxFailedLogins = 3;
constexpr size_t kMaxNotifyGroups = 100;       // of one NOTIFY
constexpr size_t kMaxNotifyMailboxes = 1'000;  // that they name
constexpr size_t kMaxNotifyOwners = 100;       // accounts whose shared mailboxes one session is told of

constexpr size_t kFlushAt = 64 << 10;       // octets of answers gathered before they are written
constexpr size_t kRowsAtOnce = 1'000;       // rows of a FETCH that are read in one go
constexpr size_t kStoredAtOnce = 64;        // of one that needs structures, headers or bodies: a few KiB each
constexpr size_t kFlagsPerCommit = 10'000;  // messages whose flags one transaction sets: some ms of the committer
constexpr size_t kMessagesPerCommit = 500;  // changed in one transaction: the committer serves others between
constexpr size_t kCopyAtOnce =
    5'000;  // COPY is one transaction up to here (all or nothing); beyond it is undone by hand
constexpr size_t kRefiledAtOnce = 16 << 20;  // octets of messages that are made ready for another account and committed
constexpr size_t kOnPool = 256 << 10;        // octets: larger messages are parsed and unpacked on the pool
constexpr seconds kKeepBody{10};             // a large body read in pieces stays in memory so long after the last piece
// Mailboxes up to so many messages are searched octet by octet: 50 us a message. Larger ones by the index.
constexpr size_t kSubstringSearch = 1'000;
constexpr size_t kMaxTraced = 1'000;  // messages whose reading one session puts into the trace

}  // namespace pabal::access::imap
