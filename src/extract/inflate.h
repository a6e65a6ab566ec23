// Decompression within a budget that all streams of a file share.
#pragma once

#include <string>
#include <string_view>

namespace pabal::extract {

struct Budget {
  size_t octets;  // that may still be unpacked
};
enum class Wrapping : uint8_t { kRaw, kZlib };
// What can be unpacked of a stream that may be cut or damaged; takes what it gives from the budget.
std::string inflate(std::string_view packed, Wrapping wrapping, Budget& budget);

}  // namespace pabal::extract
