#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace pabal {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "pabal: a fault of ours: %s does not hold at %s:%d; please report it\n", condition, file, line);
  std::abort();
}

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not found";
    case Code::kExists:
      return "exists";
    case Code::kConflict:
      return "conflict";
    case Code::kLimit:
      return "limit";
    case Code::kDenied:
      return "denied";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimeout:
      return "timeout";
    case Code::kClosed:
      return "closed";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kIo:
      return "io";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kInternal:
      return "internal";
  }
  return "unknown";
}

}  // namespace pabal
