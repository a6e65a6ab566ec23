// What to do with NUL octets: mail of BINARYMIME (RFC 3030) and of IMAP BINARY (RFC 3516) may have them, what IMAP
// sends as text must not (RFC 9051 §4.3.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "message/message.h"

namespace pabal::message {

// The message with each body that holds a NUL in base64 and labelled so; nothing else changes, and decoded it is the
// same. `message` is parse(bytes). Nothing: a NUL stands where nothing can be encoded, such as in a header, between
// parts, or in what claims to be base64.
std::optional<std::string> encode_binary(std::string_view bytes, const Message& message);

}  // namespace pabal::message
