// How many threads there are in a mailbox. The mail model counts messages; threads are counted here when somebody asks,
// and remembered until the mailbox changes. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "mailbox/mailbox.h"

namespace pabal::gmail {

struct ThreadCounts {
  uint64_t messages = 0, unread = 0;  // of messages
  uint64_t threads = 0, unread_threads = 0;
};

class Counts {
 public:
  Counts();
  ~Counts();
  // `box` as read from `r`, which is one moment. Reads all rows of a mailbox that has changed: on a pool.
  Result<ThreadCounts> of(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account,
                          const mailbox::Mailbox& box);
  // Of all mailboxes together, each message and thread once.
  Result<ThreadCounts> of_all(const mailbox::Mailboxes& boxes, const store::Reader& r, mailbox::AccountId account);
  // Of these messages, which ascend.
  struct Counted {
    mailbox::MessageId id = 0;
    bool unread = false;
  };
  Result<ThreadCounts> of_these(const store::Reader& r, mailbox::AccountId account, std::vector<Counted> messages);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pabal::gmail
