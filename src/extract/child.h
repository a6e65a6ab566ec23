// The side of the server: one child process a file (sandbox.h). Whatever becomes of the child, the server goes on.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace pabal::extract {

constexpr seconds kMaxWait{30};  // for a child, before it is ended

// `command` is this program with the word "extract". Blocks: not for a loop. The text, meant as UTF-8. kTimeout;
// kLimit: the file is too large; kInvalid: the child did not come to its end, for the file is damaged or was made to
// break it; kUnavailable: no child could be started, or it has no sandbox; kClosed: `stop` was set.
Result<std::string> in_child(const std::vector<std::string>& command, std::string_view file,
                             const std::atomic<bool>& stop, seconds wait = kMaxWait);

}  // namespace pabal::extract
