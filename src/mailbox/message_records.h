// What the records of many messages keep themselves, for whom that is enough.
#pragma once

#include <functional>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

// As Mailboxes::each_message(), without what rows keep: flags, \Deleted, the modseq of the last change of them.
Result<void> each_message_record(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                 const std::function<void(Message&&)>& visit);

}  // namespace pabal::mailbox
