// Writing what may be large to a client that may be slow.
#pragma once

#include <string_view>

#include "net/stream.h"

namespace pabal::access {

// All of `octets`, with `patience` for each `at_once` of them: a slow line may take a large message, one that stands
// still may not. The octets must live until it ends. The error of the write that failed; the stream is open still.
Task<Result<void>> write_in_steps(net::Stream& stream, std::string_view octets, size_t at_once, Duration patience);

}  // namespace pabal::access
