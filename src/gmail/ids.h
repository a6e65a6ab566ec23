// Ids as Gmail writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mailbox/mailbox.h"

namespace pabal::gmail {

// Of messages and threads: 16 lower-case hexadecimal digits.
std::string id_text(uint64_t id);
std::optional<uint64_t> parse_id(std::string_view text);

// Of drafts: "r" and the id of the first message that the draft was.
std::string draft_text(mailbox::MessageId first);
std::optional<mailbox::MessageId> parse_draft(std::string_view text);

// Octets in base64url with padding, as `raw` and `data` have them; and back, from either alphabet, padded or not.
std::string octets_text(std::string_view octets);
std::optional<std::string> parse_octets(std::string_view text);

}  // namespace pabal::gmail
