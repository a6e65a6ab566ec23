// Answers the criteria of SEARCH from the store. May read every message of a mailbox: run it on a pool.
#pragma once

#include <vector>

#include "access/imap/search_key.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

// Everything by value or outliving every session, so that it may run while the session waits or ends.
struct SearchJob {
  const store::Store& store;
  const mailbox::Mailboxes& mailboxes;
  mailbox::AccountId account;
  mailbox::MailboxId mailbox;
  mailbox::UidMap uids;   // as the client knows the mailbox
  mailbox::UidMap saved;  // "$"
  SearchKey key;
};
// The messages of `uids` that match and are still there, ascending.
Result<std::vector<Target>> run(const SearchJob& job);

}  // namespace pabal::access::imap
