// Content codings (RFC 9110 §8.4): which one a client takes best, and the coding itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pabal::web {

enum class Coding : uint8_t { kIdentity, kGzip, kZstd, kBrotli };
std::string_view coding_name(Coding coding);

// RFC 9110 §12.5.3: by its weights; of equal ones br, zstd, gzip. Without the field nothing is coded.
Coding choose_coding(std::string_view accept_encoding);

// Nothing: the coder failed, or the result is not shorter.
std::optional<std::string> compress(std::string_view body, Coding coding);

// text/*, JSON, XML, JavaScript, SVG ...: what is not compressed already.
bool is_compressible(std::string_view content_type);

}  // namespace pabal::web
