// sharing: who is meant by the names in lists of rights, and what is shared with whom. mailbox/sharing.h has the lists,
// identity the names; every protocol asks here.
//
// Identifiers (RFC 4314 §2): the name of an account, "anyone" for all accounts of this server, or the address of an
// alias: a group of those accounts it leads to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/directory.h"
#include "mailbox/sharing.h"

namespace pabal::sharing {

// kNotFound: nobody is called so.
Result<mailbox::Grantee> grantee_named(const identity::Directory& directory, const store::Reader& r,
                                       std::string_view identifier);
// Nothing: the account or alias is gone.
Result<std::optional<std::string>> name_of(const identity::Directory& directory, const store::Reader& r,
                                           const mailbox::Grantee& who);

// What `who` may do with a mailbox: everything when it is theirs.
Result<mailbox::Rights> rights_of(const identity::Directory& directory, const store::Reader& r, mailbox::AccountId who,
                                  mailbox::AccountId owner, mailbox::MailboxId mailbox);

struct SharedMailbox {
  mailbox::AccountId owner = 0;
  std::string owner_name;
  mailbox::Mailbox box;
  mailbox::Rights rights = 0;
};
// The mailboxes of others that `who` may see ("l"), by owner and name.
Result<std::vector<SharedMailbox>> shared_with(const identity::Directory& directory,
                                               const mailbox::Mailboxes& mailboxes, const store::Reader& r,
                                               mailbox::AccountId who);

}  // namespace pabal::sharing
