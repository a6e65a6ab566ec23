// The change feed with what it says of flags: Gmail's history.list tells which labels came and went, and UNREAD and
// STARRED are flags.
#pragma once

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

// Of kFlags: those of kSeen and kFlagged that were set and cleared. Neither: another flag changed, or the record is of
// a version that did not tell.
struct HistoryChange : Change {
  uint8_t set = 0, cleared = 0;
};
// As Mailboxes::changes().
Result<std::vector<HistoryChange>> history(const store::Reader& r, AccountId account, ModSeq since, size_t limit);

}  // namespace pabal::mailbox
