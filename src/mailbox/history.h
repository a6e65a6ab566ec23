// The change feed with what it says of flags and threads: Gmail's history.list tells which labels came and went, and
// UNREAD and STARRED are flags; JMAP tells which emails and threads there were, even of messages that are gone.
#pragma once

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

struct HistoryChange : Change {
  // Of kFlags: those of kSeen, kFlagged and kDeleted (of that mailbox) that were set and cleared. None: another flag
  // changed, or the record is of a version that did not tell.
  uint8_t set = 0, cleared = 0;
  ThreadId thread = 0;  // of kAdded and kRemoved; 0: the record is of a version that did not tell
};
// As Mailboxes::changes().
Result<std::vector<HistoryChange>> history(const store::Reader& r, AccountId account, ModSeq since, size_t limit);

}  // namespace pabal::mailbox
