// RFC 2047 encoded words and the charsets behind them. Every function here accepts any bytes and always gives
// valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace pabal::message {

// Unfolds and decodes encoded words in `raw`; raw 8-bit text is taken as UTF-8 when it is, else as windows-1252.
// Encoded words split inside a character (forbidden, but common with ISO-2022-JP and UTF-8) are joined before
// conversion.
std::string decode_words(std::string_view raw);

// UTF-8 text as a field value in ASCII: unchanged when it is plain ASCII that cannot be taken for an encoded word, else
// encoded words (UTF-8; B or Q, the shorter) of at most 75 octets separated by blanks, never splitting a character.
// Good in unstructured fields and as the phrase of an address. Text that a line cannot hold as it is (blanks at an end,
// a word of more than 900 octets) is coded too, so that decode_words gives it back. The first word takes at most
// `first` octets: what is left of the line behind the field's name.
std::string encode_word(std::string_view utf8, size_t first = 75);

// Text of a charset (any MIME name or alias ICU or this room's table knows) as UTF-8; U+FFFD for what cannot be
// decoded.
// An empty or unknown charset is taken as UTF-8 when it is, else as windows-1252.
std::string to_utf8(std::string_view bytes, std::string_view charset);

// True when to_utf8 knows this charset by name.
bool knows_charset(std::string_view charset);

// Valid UTF-8 with bad sequences replaced by U+FFFD.
std::string clean_utf8(std::string_view bytes);

// In Normalization Form C: what some systems write as letters and marks, or as single jamo, as whole characters.
std::string composed(std::string_view utf8);

// The first `limit` octets at most, never cutting a UTF-8 character.
std::string_view utf8_prefix(std::string_view utf8, size_t limit);

}  // namespace pabal::message
