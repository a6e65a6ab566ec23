// What a change of labels does to messages.
#pragma once

#include <string>
#include <vector>

#include "api/json.h"
#include "gmail/labels.h"
#include "mailbox/mailbox.h"

namespace pabal::gmail {

constexpr size_t kMaxLabelsChanged = 100;  // added and removed by one call
constexpr size_t kMessagesPerCommit = 100;

struct LabelChange {
  std::vector<std::string> add, remove;  // ids
};
// {addLabelIds, removeLabelIds}. kInvalid: they are no lists of strings, or too long.
Result<LabelChange> parse_change(const api::json::value& body);

// Adds and removes labels of messages; those that are gone (no messages, or in no mailbox) are kNotFound where
// `strict`, else passed over. TRASH and SPAM take the place of other labels; who takes them away gets the former ones
// back, or INBOX. A message that would have no label is archived. kInvalid: an unknown label, or SENT and DRAFT, which
// only sending and drafts give.
Result<void> change_labels(mailbox::Mailboxes& boxes, store::Transaction& t, mailbox::AccountId account,
                           const std::vector<mailbox::MessageId>& messages, const LabelChange& change, Time now,
                           bool strict);
// For good: out of every mailbox (the undelete window of the mail model still has it).
Result<void> remove_message(mailbox::Mailboxes& boxes, store::Transaction& t, mailbox::AccountId account,
                            mailbox::MessageId id);

// Where a new message with these labels is to be, and its flags. kInvalid, as above; the system's SENT and DRAFT are
// allowed here.
struct Placing {
  std::vector<mailbox::MailboxId> mailboxes;
  mailbox::Flags flags;
};
Result<Placing> placing_of(mailbox::Mailboxes& boxes, store::Transaction& t, mailbox::AccountId account,
                           const std::vector<std::string>& labels);

}  // namespace pabal::gmail
