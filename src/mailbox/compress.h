// zstd at its first level: what is written once and read seldom. Below it sizes grow by half for 5 us a message saved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pabal::mailbox {

// Appends `bytes` compressed to `out`. False, and nothing appended, when that would not be shorter.
bool compress(std::string_view bytes, std::string& out);
// Appends what `frame` holds to `out`. False when it is damaged or would be larger than `limit`.
bool decompress(std::string_view frame, size_t limit, std::string& out);
// The same, alone.
std::optional<std::string> decompressed(std::string_view frame, size_t limit);

}  // namespace pabal::mailbox
