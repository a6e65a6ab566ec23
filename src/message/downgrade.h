// Internationalized headers (RFC 6532) for programs that expect ASCII: the simple downgrading of RFC 6858.
#pragma once

#include <string>
#include <string_view>

namespace pabal::message {

// The header block in ASCII, its blank line included when it had one. Fields that are ASCII stay as they are. Others:
// names and texts become encoded words, parameters what RFC 2231 makes of them; an address that is not ASCII leaves a
// group without members, named as its owner is called, so that nobody can answer to it; a field that cannot be written
// otherwise is left out. A signature over what has changed does not hold any more.
std::string downgraded_header(std::string_view header_block);

}  // namespace pabal::message
