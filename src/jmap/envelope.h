// The envelope of an EmailSubmission (RFC 8621 §7): as a client gives it, with parameters of SMTP, or as it follows
// from the header.
#pragma once

#include "jmap/fields.h"
#include "mailbox/outgoing.h"
#include "message/message.h"

namespace pabal::jmap {

struct Envelope {
  std::string mail_from;  // "" is the null reverse-path
  std::vector<mailbox::Outgoing::Recipient> recipients;
  std::optional<Time> release;
  std::string envid, ret;
  bool requiretls = false;
  json::object told;  // as it stands in the object
};
Or<Envelope> read_envelope(const json::object& given, Time now);
// `own`: the address of the identity, where that of the header is not his.
Or<Envelope> envelope_of(const message::Summary& summary, const std::string& own,
                         const std::function<bool(const std::string&)>& is_his);

}  // namespace pabal::jmap
