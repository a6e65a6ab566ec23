// The change feed with what it says of flags and threads: Gmail's history.list tells which labels came and went, and
// UNREAD and STARRED are flags; JMAP tells which emails and threads there were, even of messages that are gone.
#pragma once

#include <array>
#include <string_view>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

struct HistoryChange : Change {
  // Of kFlags: those of kSeen, kFlagged and kDeleted (of that mailbox) that were set and cleared. None: another flag
  // changed.
  uint8_t set = 0, cleared = 0;
  ThreadId thread = 0;  // of kAdded and kRemoved
  // Of kFlags, the keywords that are categories: a bit for each of kCategoryKeywords.
  uint8_t categories_set = 0, categories_cleared = 0;
};
// What Gmail's categories are for IMAP and JMAP; in lower case.
constexpr std::array<std::string_view, 5> kCategoryKeywords{
    "$category_personal", "$category_social", "$category_promotions", "$category_updates", "$category_forums"};
// As Mailboxes::changes().
Result<std::vector<HistoryChange>> history(const store::Reader& r, AccountId account, ModSeq since, size_t limit);

}  // namespace pabal::mailbox
