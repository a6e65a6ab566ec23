// Renders what a message is as IMAP data (RFC 9051 §7.5.2), from the stored structure: nothing is parsed again. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "access/imap/fetch_request.h"
#include "mailbox/mailbox.h"
#include "message/message.h"

namespace pabal::access::imap {

std::string envelope(const message::Summary& summary);
std::string body_structure(const message::Part& part, bool extended);

// Octets to send: `first` then `second`, views into what was given, or into `made`.
struct Octets {
  std::string_view first, second{};
  std::shared_ptr<const std::string> made{};
  size_t size() const { return first.size() + second.size(); }
};

// A section of the message itself, not of a part of it: of its header, and of what is behind that.
Octets own_octets(const Section& section, std::string_view header, std::string_view text);
// A section of the message prefix + body, cut as its partial says. Nothing: there is no such part.
std::optional<Octets> section_octets(const Section& section, const mailbox::Details& details, std::string_view body);
// RFC 9051 §6.4.5.2: with the transfer encoding undone. kUnsupported: an encoding that nobody knows.
Result<std::optional<Octets>> binary_octets(const Section& section, const mailbox::Details& details,
                                            std::string_view body);

}  // namespace pabal::access::imap
