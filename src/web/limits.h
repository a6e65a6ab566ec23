// The bounds of the HTTP server, with the reason of each.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace pabal::web {

constexpr size_t kMaxRequestLine = 8 << 10;  // RFC 9112 §3 asks for 8,000 octets; 414
constexpr size_t kMaxHead = 32 << 10;        // octets of all fields; 431
constexpr size_t kMaxFields = 100;           // 431
constexpr size_t kMaxSegments = 32;          // of a path
constexpr size_t kMaxQueryPairs = 1'000;
constexpr size_t kMaxBody = 1 << 20;        // of a request, where the route says nothing else; 413
constexpr size_t kMaxChunkLine = 256;       // size and extensions of one chunk
constexpr size_t kMaxTrailers = 8 << 10;    // octets behind the last chunk; they are dropped
constexpr size_t kReadAhead = 64 << 10;     // octets of a connection taken before anybody asks for them: pipelining
constexpr size_t kIdleBlock = 4 << 10;      // octets an idle connection holds to read into
constexpr size_t kWriteAtOnce = 64 << 10;   // octets written under one deadline
constexpr size_t kMinCompressed = 1 << 10;  // smaller bodies gain nothing
constexpr size_t kMaxCompressed = 4 << 20;  // larger ones would hold up the loop

// WebSockets
constexpr size_t kMaxSocketMessage = 1 << 20;  // octets of a client's message, where the handler says nothing else
constexpr size_t kSocketBacklog = 1 << 20;     // octets that wait for the client; who leaves more untaken is dropped
constexpr size_t kSocketIdleBlock = 256;       // in place of kIdleBlock
constexpr seconds kSocketPing{50};             // of silence; proxies and NATs tend to forget after 60
constexpr seconds kSocketCloseTime{5};         // for the client to answer our Close frame

constexpr seconds kTlsTime{30};
constexpr seconds kHeadTime{30};  // for the whole head of a request
constexpr seconds kIdleTime{75};  // between requests
constexpr seconds kBodyTime{60};  // for a body, and one second more for each kBodyRate octets that have come
constexpr size_t kBodyRate = 4 << 10;
constexpr seconds kWriteTime{60};  // for the client to take kWriteAtOnce

// HTTP/2
constexpr size_t kMaxStreams = 100;                 // at once, of one connection
constexpr size_t kMaxResets = 100;                  // streams that the client has reset, less those it let us answer
constexpr size_t kStreamWindow = 256 << 10;         // octets of a body under way that nobody has read yet
constexpr size_t kConnectionWindow = 1 << 20;       // of all of them
constexpr size_t kMaxBufferedBodies = 64ull << 20;  // octets of bodies that are read whole, of one connection
constexpr size_t kMaxDropped = 1 << 20;    // octets of a body taken for nothing when the answer is out; then a reset
constexpr size_t kSourceAhead = 64 << 10;  // octets of a streamed response held for the client

}  // namespace pabal::web
