// Notices that somebody may do more or less with a mailbox than before (RFC 9670 §3), for the one whom it concerns.
// They lie in that account until they are dismissed: at most one of each mailbox, which tells what was before the first
// change that has not been dismissed, and what is now.
#pragma once

#include "identity/directory.h"
#include "mailbox/sharing.h"
#include "objects/objects.h"

namespace pabal::sharing {

constexpr size_t kMaxNotices = 100;  // of one account; then the oldest goes

struct Notice {
  Time created{};
  mailbox::AccountId by = 0;  // who made the change; 0: the operator
  std::string by_name;        // his address then
  mailbox::AccountId owner = 0;
  mailbox::MailboxId mailbox = 0;
  mailbox::Role role = mailbox::Role::kNone;
  std::string name;  // of the mailbox then
  mailbox::Rights before = 0, after = 0;
};
// The value of an object of Kind::kShareNotice. Nothing: it is damaged.
std::optional<Notice> decode_notice(std::string_view value);

struct RightsChange {
  mailbox::AccountId owner = 0;
  mailbox::MailboxId mailbox = 0;
  mailbox::Grantee who;
  bool negative = false;
  char sign = '=';
  mailbox::Rights rights = 0;
  mailbox::AccountId by = 0;  // who makes it; 0: the operator
};
// mailbox::change_acl(), with a notice for the account that is named. Groups and "anyone" get none: one change of
// theirs would write to all accounts.
Result<void> change_rights(const identity::Directory& directory, const mailbox::Mailboxes& mailboxes,
                           store::Transaction& t, const RightsChange& change, Time now);

}  // namespace pabal::sharing
