// The bounds of this room. Input beyond them is no error: the parse goes on without the excess and says `truncated`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pabal::message {

// Offsets are 32 bits; nothing near this passes the SMTP size limit. Bytes beyond are not looked at.
inline constexpr size_t kMaxMessageBytes = 0xffff'ff00;
// MIME depth: real mail stays under 10; 100 keeps recursion (parse, encode, destructors, IMAP output) far from the
// stack's end.
inline constexpr size_t kMaxDepth = 100;
// Parts of one message, all levels. Real mail with hundreds of parts exists (digests); beyond 1,000 it is an attack on
// whoever walks the tree. Parts after the last one allowed are not in the tree.
inline constexpr size_t kMaxParts = 1'000;
// Octets of one header block whose fields are looked at. Postfix stops at 100 KiB; long DKIM/ARC/Received chains stay
// under 64 KiB.
inline constexpr size_t kMaxHeaderBytes = 1 << 20;
// Fields of one header block that are returned.
inline constexpr size_t kMaxHeaderFields = 5'000;
// One structured field (address list, parameters, references) that is parsed; 256 KiB is over 5,000 recipients.
inline constexpr size_t kMaxFieldBytes = 256 << 10;
inline constexpr size_t kMaxAddresses = 10'000;     // entries of one address list, groups' ends included
inline constexpr size_t kMaxReferences = 200;       // ids: the first (thread's root) and the newest are kept
inline constexpr size_t kMaxMessageIdBytes = 998;   // one line (RFC 5322 §2.1.1); longer ids are no ids
inline constexpr size_t kMaxParams = 100;           // parameters of one field, after continuations are joined
inline constexpr size_t kMaxParamBytes = 16 << 10;  // one parameter value: a file name of 4 KiB, percent-encoded
inline constexpr size_t kMaxCommentDepth = 100;     // nested comments; deeper ones are skipped as text to the end
inline constexpr size_t kMaxBoundaryBytes = 1'000;  // RFC 2046 §5.1.1 allows 70; longer ones are seen in the wild
inline constexpr size_t kMaxLanguages = 50;
inline constexpr size_t kMaxHtmlBytes = 16 << 20;  // HTML turned into text for the index and previews

}  // namespace pabal::message
