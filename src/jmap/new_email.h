// Emails that come in by calls: composed from properties (RFC 8621 §4.6), imported, copied from another account. What
// is expensive is done here, before the transaction that files them.
#pragma once

#include <memory>

#include "jmap/email.h"
#include "mailbox/mailbox.h"

namespace pabal::jmap {

constexpr size_t kMaxEmailsMade = 200'000'000;  // octets of all that one call makes

struct NewEmail {
  std::set<std::string> mailboxes;  // ids as given: creation ids too
  mailbox::Flags flags;
  std::optional<Time> received;
  std::shared_ptr<const mailbox::Prepared> prepared;

  // Of a copy: the same body and prefix as the message there, while it is there.
  struct Source {
    mailbox::AccountId account = 0;
    mailbox::MessageId message = 0;
    mailbox::BodyId body = 0;
    std::string prefix, results;
  };
  std::optional<Source> source{};
};

// The octets that an Email of these properties is. Reads blobs: for the pool.
Or<std::string> compose_email(Call& call, const json::object& email);

// An Email, EmailImport or, of a copy, an Email of the account `from`; on the pool.
Or<NewEmail> read_new_email(Call& call, const json::object& given);
Or<NewEmail> read_import(Call& call, const json::object& given);
Or<NewEmail> read_copy(Call& call, const Account& from, const json::object& given);

}  // namespace pabal::jmap
