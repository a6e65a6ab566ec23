// gmail: Gmail's REST API (gmail/v1), wire-compatible with Google's own clients: what is at
// /gmail/v1/users/{userId}/. Messages, threads, labels and drafts are the mail model's (mailbox/), under Gmail's names:
//
// - A label is a mailbox: INBOX, SENT, DRAFT, SPAM, TRASH and IMPORTANT by role, others are "Label_<number>". UNREAD,
//   STARRED and CATEGORY_* are flags. A message in the Archive mailbox alone has no label, as in Gmail.
// - Ids are our numbers in 16 hexadecimal digits; historyId is the modification sequence.
// - A message has TRASH or SPAM instead of its other labels, as IMAP's clients move it; its former ones are kept for
//   the day somebody takes it out again.
//
// It knows HTTP by web/ and JSON by api/, and sends through mailbox::Outgoing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/caller.h"
#include "base/random.h"
#include "gmail/counts.h"
#include "mailbox/mailbox.h"
#include "mailbox/outgoing.h"
#include "net/loop.h"
#include "push/outlets.h"
#include "web/router.h"

namespace pabal::gmail {

struct Services {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  const identity::Directory& directory;
  const api::Callers& callers;
  net::Pool& pool;
  const Clock& clock;
  Random& random;
  std::string hostname;                    // of Message-IDs made here
  uint64_t max_message_size = 0;           // octets
  mailbox::Outgoing* outgoing = nullptr;   // null: nothing can be sent
  const push::Outlets* outlets = nullptr;  // null: nothing can be watched
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
};

// Before the first request. The services outlive the router.
void add_routes(web::Router& router, Services& services);

}  // namespace pabal::gmail
