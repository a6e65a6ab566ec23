// What one client has been told of its selected mailbox. Sequence numbers change only when news are taken, so that they
// are the same on both sides (RFC 9051 §7.5.1). Pure: the session feeds it the account's changes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::access::imap {

class View {
 public:
  View() = default;
  // `uids` as they were at modification sequence `seen`.
  View(mailbox::MailboxId mailbox, mailbox::UidMap uids, mailbox::ModSeq seen);

  const mailbox::UidMap& uids() const { return uids_; }
  mailbox::ModSeq seen() const { return seen_; }

  // A change of the feed, in its order; those of other mailboxes only move seen().
  void note(const mailbox::Change& change);
  // In place of the feed when it does not reach back far enough: the UIDs now, and those whose flags changed since
  // seen().
  void replace(const mailbox::UidMap& now, const std::vector<mailbox::Uid>& changed, mailbox::ModSeq seen);

  // The client has been sent the flags of `uid` as of `modseq`.
  void told(mailbox::Uid uid, mailbox::ModSeq modseq);
  // The client made the change `modseq` itself and asked for no answer; changes of others before it are still news.
  void silent(mailbox::Uid uid, mailbox::ModSeq modseq);

  struct News {
    std::vector<uint32_t> expunged;  // sequence numbers, highest first: each is right when its turn comes
    std::optional<uint32_t> exists;
    std::vector<mailbox::Uid> changed;  // flags; number them after the expunges
    bool mailbox_removed = false;
    bool empty() const { return expunged.empty() && !exists && changed.empty() && !mailbox_removed; }
  };
  // RFC 9051 §7.5.1: no EXPUNGE while the client may be sending sequence numbers; they wait then, and EXISTS counts
  // them still.
  News take(bool may_expunge);
  bool has_removals() const { return !removed_.empty(); }

 private:
  mailbox::Uid last() const { return uids_.ranges().empty() ? 0 : uids_.ranges().back().last; }

  mailbox::MailboxId mailbox_ = 0;
  mailbox::UidMap uids_;
  mailbox::ModSeq seen_ = 0;
  mailbox::Uid highest_ = 0;  // the highest UID ever told
  std::set<mailbox::Uid> added_, removed_, changed_;
  struct Own {
    mailbox::ModSeq told = 0, silent = 0;
  };
  std::map<mailbox::Uid, Own> own_;
  bool mailbox_removed_ = false;
};

}  // namespace pabal::access::imap
