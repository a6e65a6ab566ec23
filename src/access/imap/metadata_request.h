// GETMETADATA and SETMETADATA to values, and answers to octets (RFC 5464). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "access/imap/words.h"
#include "mailbox/annotations.h"

namespace pabal::access::imap {

struct GetMetadata {
  std::string mailbox;               // as the client wrote it; empty: the server
  uint32_t depth = 0;                // levels below each entry; UINT32_MAX: all
  std::optional<uint32_t> max_size;  // octets
  std::vector<std::string> entries;  // in lower case
};
std::optional<GetMetadata> parse_get_metadata(Words& words);

struct SetMetadata {
  std::string mailbox;
  std::vector<mailbox::Annotation> changes;
};
std::optional<SetMetadata> parse_set_metadata(Words& words);

// "entry" or "(entry entry)".
std::vector<std::string> parse_entries(Words& words, bool with_prefixes);

// How many levels `entry` is below `top`; nothing: it is elsewhere.
std::optional<uint32_t> levels_below(std::string_view top, std::string_view entry);

// "(/shared/comment "text" /private/comment NIL)"
std::string entry_values(const std::vector<mailbox::Annotation>& list);

}  // namespace pabal::access::imap
