// Text tables for terminals.
#pragma once

#include <string>
#include <vector>

namespace pabal::app {

// Columns as wide as their widest cell (by UTF-8 characters), two blanks between, the last one ragged. Empty: "".
std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);
std::string octets(uint64_t n);  // "0 B", "8.0 KiB", "1.5 GiB"

}  // namespace pabal::app
