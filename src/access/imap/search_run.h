// Answers the criteria of SEARCH from the store. May read every message of a mailbox: run it on a pool.
//
// Strings are substrings, whatever the case. In mailboxes of up to kSubstringSearch messages the octets decide. In
// larger ones the word index bounds who may match; where the string is only words it decides, and a blank of it stands
// for whatever parts two words; a string with other marks is looked for in the octets of those that may match. TEXT
// looks there into the subject, addresses, the header fields of mailbox/search.h ('h': not those of tracing and
// signatures), the text parts (of alternatives the plain one), names of files, subjects and senders of embedded
// messages. TEXT and BODY find words of attached files as well (mailbox/attached.h). RFC 9051 §6.4.4 leaves them this
// room.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "access/imap/search_key.h"
#include "mailbox/mailbox.h"

namespace pabal::access::imap {

// How far long work has come, and whether it is still wanted. Shared by the session and the pool.
struct Progress {
  std::atomic<uint32_t> done = 0, total = 0;  // messages
  std::atomic<bool> stop = false;             // the work gives kTimeout soon
};

// Everything by value or outliving every session, so that it may run while the session waits or ends.
struct SearchJob {
  const store::Store& store;
  const mailbox::Mailboxes& mailboxes;
  mailbox::AccountId account;
  mailbox::MailboxId mailbox;
  mailbox::UidMap uids;   // as the client knows the mailbox
  mailbox::UidMap saved;  // "$"
  SearchKey key;
  Time now;
  mailbox::AccountId reader;  // who asks: of another's account he may know this mailbox only
  std::string me;             // the address that from:me of X-GM-RAW means
  std::shared_ptr<Progress> progress = std::make_shared<Progress>();
};

struct Match {
  Target target;
  mailbox::MessageId message;
};
// The messages of `uids` that match and are still there, ascending. `r` is one moment.
Result<std::vector<Match>> run(const SearchJob& job, const store::Reader& r);

// The message and the summary of each (empty, where not wanted), in its order; those gone since are left out of
// `matches` too.
struct Wanted {
  bool message = true, summary = true;
};
Result<void> each_whole(
    const SearchJob& job, const store::Reader& r, std::vector<Match>& matches, Wanted wanted,
    const std::function<void(const Match&, const mailbox::Message&, const message::Summary&)>& visit);
// Sorts both by `octets` (sort.h), equal ones by their numbers.
void put_in_order(std::vector<Match>& matches, std::vector<std::string>& octets);

}  // namespace pabal::access::imap
