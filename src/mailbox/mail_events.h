// What IMAP clients do with messages, told to whoever runs the scripts of RFC 6785: app/ hands delivery/'s
// implementation to access/.
#pragma once

#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

class MailEvents {
 public:
  virtual ~MailEvents() = default;

  enum class Cause : uint8_t { kAppend, kCopy, kFlag };
  struct Affected {
    Uid uid = 0;
    Flags changed{};  // kFlag: those that are set now and were not, or were and are not
  };
  struct Event {
    Cause cause = Cause::kAppend;
    AccountId user = 0;   // who did it
    AccountId owner = 0;  // of the mailbox
    MailboxId mailbox = 0;
    std::vector<Affected> messages;
  };
  // False: nothing would come of an event there, so that none need be gathered. Thread-safe.
  virtual bool listens(AccountId owner, MailboxId mailbox) const = 0;
  // After the commit. Returns at once and never fails its caller; thread-safe. What follows of it is no event.
  virtual void happened(Event event) = 0;
};

}  // namespace pabal::mailbox
