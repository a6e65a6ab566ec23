#include "access/write.h"

#include <algorithm>

namespace pabal::access {

Task<Result<void>> write_in_steps(net::Stream& stream, std::string_view octets, size_t at_once, Duration patience) {
  while (!octets.empty()) {
    const std::string_view step = octets.substr(0, at_once);
    Task<Result<void>> writing = stream.write(step, stream.loop().now() + patience);
    if (const Result<void> done = co_await writing; !done) co_return done;
    octets.remove_prefix(step.size());
  }
  co_return Result<void>();
}

}  // namespace pabal::access
