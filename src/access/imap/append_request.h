// What APPEND and REPLACE bring (RFC 9051 §6.3.12, RFC 3502, RFC 4466 §2.6, RFC 4469, RFC 6855 §4). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/imap/words.h"

namespace pabal::access::imap {

constexpr size_t kMaxAppends = 5'000;  // messages of one command: they are one transaction, as those of a COPY
constexpr size_t kMaxUrls = 500;       // of one command: each may unpack a large message

struct AppendPart {
  std::string_view text{};           // octets of the command
  std::optional<std::string> url{};  // in place of them
};

struct AppendMessage {
  mailbox::Flags flags;
  std::optional<Time> date;
  std::vector<AppendPart> parts;  // put together they are the message
};

struct AppendRequest {
  std::vector<AppendMessage> messages;
  std::string_view fault{};  // why it is malformed; empty: it is not
};

// What follows the mailbox name, to the end of the command.
AppendRequest parse_append(Words& words);

}  // namespace pabal::access::imap
