// Renders what a message is as IMAP data (RFC 9051 §7.5.2), from the stored structure: nothing is parsed again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"
#include "message/message.h"

namespace pabal::access::imap {

std::string envelope(const message::Summary& s);
std::string body_structure(const message::Part& part, bool extended);
std::string flag_list(const mailbox::Flags& flags);  // "(\Seen $Forwarded)"

// A section of BODY[...]: part numbers, then what of it.
struct Section {
  std::vector<uint32_t> numbers;
  enum class What { kAll, kHeader, kHeaderFields, kHeaderFieldsNot, kText, kMime } what = What::kAll;
  std::vector<std::string> fields;  // as written by the client
  std::string name;                 // canonical, for the answer
};

// The octets of a section; nothing: there is no such part. `prefix` + `body` is the message.
std::optional<std::string> section_text(const Section& section, const message::Part& root, std::string_view prefix, std::string_view body);

}  // namespace pabal::access::imap
