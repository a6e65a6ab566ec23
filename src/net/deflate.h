// A stream with DEFLATE (RFC 1951, raw) over another one, both ways, as COMPRESS of IMAP has it (RFC 4978).
//
// Each write() is flushed whole, so that what is written arrives. read() inflates no more than its buffer holds: a peer
// that sends a bomb has its octets taken one buffer after the other, like everybody.
//
// The compressor takes about 70 KB and the inflater up to 40. Both are let go when nothing was written for some
// seconds; what is kept is what the peer may refer to: its last 32 KB at most, and as little as it has said. An IMAP
// session in IDLE was measured at 10 KB without DEFLATE, at 70 KB with it, and at 18 KB when it rests.
#pragma once

#include <memory>

#include "net/stream.h"

namespace pabal::net {

constexpr seconds kDeflateRest{10};  // after the last write

// Takes `inner` over at a moment when neither side has compressed octets on the way. No TLS can be begun inside.
std::unique_ptr<Stream> make_deflate_stream(std::unique_ptr<Stream> inner);

}  // namespace pabal::net
