// Object identifiers (RFC 8474): "M12" a mailbox, "E34" a message, "T34" a thread. They are the mail model's own
// numbers with a letter, so that JMAP can give the same. Those of another's account end with its number, "M12_7": one
// client never sees two things of one name. Pure.
#pragma once

#include <string>

#include "mailbox/mailbox.h"

namespace pabal::access::imap {

// `of`: whose the thing is; `reader`: who is logged in.
inline std::string object_id(char kind, uint64_t number, mailbox::AccountId of, mailbox::AccountId reader) {
  return kind + std::to_string(number) + (of == reader ? "" : "_" + std::to_string(of));
}

// RFC 8514 §3: when a message came into a mailbox.
inline Time saved_in(const mailbox::Message& message, mailbox::MailboxId box) {
  for (const mailbox::Message::Place& place : message.places)
    if (place.mailbox == box) return place.saved;
  return message.saved;  // it has left since its row was read
}

}  // namespace pabal::access::imap
