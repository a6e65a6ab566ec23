// PABAL_CHECK: an assertion that stays on in release. Use it for what can only fail by a fault of ours, never for
// input.
#pragma once

namespace pabal {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define PABAL_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::pabal::check_failed(#condition, __FILE__, __LINE__))
