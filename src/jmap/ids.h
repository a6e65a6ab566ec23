// Ids of JMAP: the mail model's numbers behind a letter. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "mailbox/mailbox.h"

namespace pabal::jmap {

inline std::string mailbox_id(mailbox::MailboxId id) { return "M" + std::to_string(id); }
inline std::string email_id(mailbox::MessageId id) { return "E" + std::to_string(id); }
inline std::string thread_id(mailbox::ThreadId id) { return "T" + std::to_string(id); }
inline std::string state_text(mailbox::ModSeq state) { return std::to_string(state); }

// Nothing: not an id of that letter. An id has one spelling.
inline std::optional<uint64_t> number_of(char letter, std::string_view id) {
  if (id.size() < 2 || id.size() > 20 || id[0] != letter || id[1] == '0') return {};
  return text::parse_u64(id.substr(1));
}
inline std::optional<mailbox::MailboxId> mailbox_of(std::string_view id) {
  const auto number = number_of('M', id);
  if (!number || *number > UINT32_MAX) return {};
  return static_cast<mailbox::MailboxId>(*number);
}
inline std::optional<mailbox::MessageId> message_of(std::string_view id) { return number_of('E', id); }

}  // namespace pabal::jmap
