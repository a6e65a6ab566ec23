// What this room keeps in an account, below the mail model's own keys, so that it goes with the account.
//   A ACCOUNT G l MAILBOX    how a label looks: visibilities, colours
//   A ACCOUNT G t MESSAGE    the mailboxes that a message in Trash or Junk was in before; with expiry
//   A ACCOUNT G d DRAFT      the message that a draft is now; DRAFT is its first message, and no key while it is that
//   one A ACCOUNT G m MESSAGE    the draft that such a message is
#pragma once

#include <string>

#include "base/codec.h"
#include "mailbox/mailbox.h"

namespace pabal::gmail::keys {

inline Encoder in_account(mailbox::AccountId account, char kind) {
  Encoder out;
  out.u8('A').u32(account).u8('G').u8(static_cast<uint8_t>(kind));
  return out;
}
inline std::string label(mailbox::AccountId a, mailbox::MailboxId m) { return in_account(a, 'l').u32(m).take(); }
inline std::string former(mailbox::AccountId a, mailbox::MessageId m) { return in_account(a, 't').u64(m).take(); }
inline std::string draft(mailbox::AccountId a, mailbox::MessageId first) {
  return in_account(a, 'd').u64(first).take();
}
inline std::string draft_of(mailbox::AccountId a, mailbox::MessageId now) { return in_account(a, 'm').u64(now).take(); }

}  // namespace pabal::gmail::keys
