// Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), and the patterns of LIST. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pabal::access::imap {

std::string to_modified_utf7(std::string_view utf8);
// Nothing unless it is exactly what to_modified_utf7 would write: so a name has one spelling.
std::optional<std::string> from_modified_utf7(std::string_view text);

// RFC 9051 §6.3.9: '*' stands for any characters, '%' for any but the separator '/'. INBOX matches in any case.
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace pabal::access::imap
