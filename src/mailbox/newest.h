// Messages from the newest down, for pages of lists: the cost grows with what is looked at, not with what there is.
#pragma once

#include <functional>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

// The messages that came into the account before the one with the id `before` (0: all), the last first, until `visit`
// gives false; removed ones, which are in no mailbox, too. Without what rows keep of them: flags, \Deleted, and the
// modseq of the last change.
Result<void> newest_messages(const store::Reader& r, AccountId account, MessageId before,
                             const std::function<bool(Message&&)>& visit);
// The rows of a mailbox below the UID `before` (0: all), the last first, until `visit` gives false.
Result<void> newest_rows(const store::Reader& r, AccountId account, MailboxId mailbox, Uid before,
                         const std::function<bool(const Row&)>& visit);

}  // namespace pabal::mailbox
