// Text tables for terminals.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace pabal::app {

// Columns as wide as their widest cell (East Asian letters take two), two blanks between, the last one ragged. No rows:
// "".
std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);
std::string octets(uint64_t n);  // "0 B", "8.0 KiB", "1.5 GiB"
std::string span(Duration d);    // "0 s", "45 s", "12 min", "3 h", "2 days"; rounded; negative ones as 0 s

}  // namespace pabal::app
