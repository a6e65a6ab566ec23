// Text as the protocols see it: octets, ASCII case rules, the base64 and hex of RFC 4648, UTF-8 checks. Locale-free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pabal::text {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_wsp(char c) { return c == ' ' || c == '\t'; }

std::string lowered(std::string_view s);
std::string uppered(std::string_view s);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view s, std::string_view prefix);
bool icontains(std::string_view s, std::string_view needle);
std::string_view trim(std::string_view s);  // removes SP, HTAB, CR, LF at both ends
std::vector<std::string_view> split(std::string_view s, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
bool is_ascii(std::string_view s);
bool is_utf8(std::string_view s);  // RFC 3629: no overlong forms, no surrogates

// Whole decimal number, no sign, no blanks, no overflow; nothing otherwise.
std::optional<uint64_t> parse_u64(std::string_view s);

// For logs and traces: control characters and DEL as \xNN, cut at `limit` octets with "...".
std::string printable(std::string_view s, size_t limit = 200);

std::string hex(std::string_view bytes);
std::optional<std::string> unhex(std::string_view s);
std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes);               // no padding
std::optional<std::string> unbase64(std::string_view s);     // strict: padding required, no blanks
std::optional<std::string> unbase64url(std::string_view s);  // padding optional

// Compares secrets in time that depends on their lengths only.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace pabal::text
