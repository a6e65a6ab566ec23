// What became of an attempt, and how it is written: the entry's new state, a line of the trace for each recipient, and
// the reports that are due (RFC 3464), all in one transaction.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/random.h"
#include "mailbox/local_delivery.h"
#include "queue/queue.h"
#include "relay/dsn.h"
#include "watch/trace.h"

namespace pabal::relay {

constexpr size_t kParseHere = 32 << 10;  // octets: smaller messages are parsed on the loop, larger ones on the pool

// What an attempt found out about one recipient.
struct Outcome {
  std::string address;
  enum class Kind : uint8_t { kDelivered, kFailed, kDeferred } kind = Kind::kDeferred;
  std::string reply;          // the other server's words, "550 5.1.1 ...", or ours, "4.4.1 ..."
  std::string host, tls;      // of whoever said it; empty: ourselves
  bool peer_reports = false;  // kDelivered: whoever has it now tells the sender, if he asked (RFC 3461)
};

struct OutcomeServices {
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  IdSource& ids;
  std::string hostname;
};

// Writes the outcomes into the entry as it is now; an operator may have changed it since the attempt began.
// `attempted`: as it was then, for the trace of what has been cancelled meanwhile. An entry nobody waits in any more is
// erased and its body let go.
Result<void> apply(store::Transaction& t, const OutcomeServices& s, const queue::Entry& attempted,
                   const std::vector<Outcome>& outcomes, Time now, Random& random, bool with_reports = true);

// A message of the queue for people here. `prepared`: the entry's whole message.
struct LocalMail {
  mailbox::LocalDelivery::Mail mail;
  std::vector<std::pair<std::string, std::shared_ptr<mailbox::LocalDelivery::Plan>>> to;  // addresses; plans or null
};
LocalMail local_mail(const OutcomeServices& s, const queue::Entry& entry, const std::vector<std::string>& addresses,
                     std::shared_ptr<const mailbox::Prepared> prepared);

// Delivers to those of `local` that still wait and applies that: one commit, so that a crash never files a message
// twice. The plans have run.
Result<void> deliver_here(store::Transaction& t, const OutcomeServices& s, const queue::Entry& attempted,
                          const LocalMail& local, Time now, Random& random);

// Sends the report to the entry's sender: into the mailbox when he is ours, else by the queue. Nothing for a null
// reverse-path: never a report about a report (RFC 5321 §6.1).
Result<void> report(store::Transaction& t, const OutcomeServices& s, DsnKind kind, const queue::Entry& entry,
                    const std::vector<const queue::Recipient*>& about, std::string_view original, Time now);

}  // namespace pabal::relay
