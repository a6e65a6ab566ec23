// Drafts: messages in the Drafts mailbox, under ids that stay when their content changes.
#pragma once

#include <optional>

#include "mailbox/mailbox.h"

namespace pabal::gmail {

// The id of the draft that a message in Drafts is.
Result<mailbox::MessageId> draft_of(const store::Reader& r, mailbox::AccountId account, mailbox::MessageId message);
// The message that a draft is now; nothing: there is no such draft.
Result<std::optional<mailbox::Message>> draft_message(const mailbox::Mailboxes& boxes, const store::Reader& r,
                                                      mailbox::AccountId account, mailbox::MessageId draft);
// `message` takes the place of `before` as the draft; the caller removes that.
void replace_draft(store::Transaction& t, mailbox::AccountId account, mailbox::MessageId draft,
                   mailbox::MessageId before, mailbox::MessageId message);
// There is no draft of that id any more: it was sent, or deleted.
void forget_draft(store::Transaction& t, mailbox::AccountId account, mailbox::MessageId draft,
                  mailbox::MessageId message);

}  // namespace pabal::gmail
