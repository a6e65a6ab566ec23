// Reports come compressed: gzip (RFC 1952) or zip, within limits.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pabal::trust {

constexpr size_t kMaxUnpacked = 10 << 20;  // octets; the largest reports of large services have 2 MiB
constexpr size_t kMaxUnpackRatio = 200;    // of what is unpacked to what is packed; reports reach 60
constexpr size_t kFreeOfRatio = 64 << 10;  // octets that any archive may unpack to
constexpr size_t kMaxArchiveEntries = 20;  // of a zip file, of which one is wanted

// The content of a gzip file, of the only file in a zip archive, or of its only .xml or .json file; other bytes are
// given back as they are. kLimit: too large, or a bomb. kUnsupported: encrypted, or a method that is not deflate.
// kInvalid: broken.
Result<std::string> unpack(std::string_view bytes);

// One gzip member at the best compression.
std::string gzip(std::string_view bytes);

}  // namespace pabal::trust
