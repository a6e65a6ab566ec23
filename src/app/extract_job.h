// Reads the text of attached files for the search (mailbox/attached.h), each in a process of its own (extract/child.h).
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"

namespace pabal::app {

struct Rooms;

constexpr size_t kFilesAtOnce = 50;  // messages of one step

// Reads those that wait, up to kFilesAtOnce messages, and gives how many. `command`: this program as such a process.
// kUnavailable: none can be started. Waits for commits: not on an event loop.
Result<size_t> read_attached(Rooms& rooms, const std::vector<std::string>& command, const std::atomic<bool>& stop);

}  // namespace pabal::app
