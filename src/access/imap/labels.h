// X-GM-LABELS of Google's "IMAP Extensions": the mailboxes of a message as its labels. Those with a role have the names
// \Inbox, \Sent, \Draft, \Important, \Junk, \Trash, \Archive; \Starred is the flag \Flagged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/imap/words.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

struct Label {
  bool starred = false;
  mailbox::MailboxId mailbox = 0;  // else; 0: there is none of that name
  bool is_on(const mailbox::Message& message) const;
};

// What the name of a label leads to: a role ("\Sent"), or the name of a mailbox in UTF-8.
Result<Label> find_label(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account,
                         const std::string& name);
// The label of a mailbox with a role; nothing: its name is the label.
std::optional<std::string_view> role_label(mailbox::Role role);

std::string parse_label(Words& words);  // "\Inbox" without quotes, or an astring
// "(\Inbox \"A label\" other)", or one without parentheses; nothing: malformed, or too many. As written.
std::optional<std::vector<std::string>> parse_labels(Words& words);

}  // namespace pabal::access::imap
