// IMAP URLs that name a message or a part of one (RFC 5092), in the relative forms that CATENATE takes (RFC 4469 §3):
//   /Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.MIME/;PARTIAL=0.100
//   ;UID=20          of the selected mailbox
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "access/imap/fetch_request.h"

namespace pabal::access::imap {

constexpr size_t kMaxUrl = 4'000;  // octets: names have 255, tripled by their encoding

struct MessageUrl {
  std::string mailbox;        // UTF-8, as far as it was; empty: the selected one
  uint32_t uid_validity = 0;  // 0: any
  mailbox::Uid uid = 0;
  Section section;  // with its partial
};

// Nothing: malformed, absolute, or of something else than a message.
std::optional<MessageUrl> parse_message_url(std::string_view url);

}  // namespace pabal::access::imap
