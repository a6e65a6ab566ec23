// The parameters of SELECT and EXAMINE (RFC 7162 §3.1.8, §3.2.5), and what of them can be said without a store. Pure.
#pragma once

#include <optional>

#include "access/imap/sequence_set.h"
#include "access/imap/words.h"

namespace pabal::access::imap {

struct Qresync {  // what a client remembers of the mailbox
  uint32_t uid_validity = 0;
  mailbox::ModSeq modseq = 0;
  std::optional<SequenceSet> known;       // UIDs; nothing: all there ever were
  SequenceSet match_numbers, match_uids;  // as many sequence numbers as UIDs: pairs, ascending
};

struct SelectRequest {
  bool condstore = false;
  std::optional<Qresync> qresync;
};
// What follows the mailbox, to the end. Nothing: malformed.
std::optional<SelectRequest> parse_select(Words& words);

// RFC 7162 §3.2.5.2: the highest UID of a pair that is so in the mailbox too: up to there the client knows what was
// removed. 0: of none.
mailbox::Uid agreed_up_to(const Qresync& qresync, const mailbox::UidMap& uids);

// Those of `wanted` that lie over `above`, not over `last`, and are not in `uids`.
mailbox::UidMap missing(const std::vector<SequenceSet::Range>& wanted, const mailbox::UidMap& uids, mailbox::Uid above,
                        mailbox::Uid last);

}  // namespace pabal::access::imap
