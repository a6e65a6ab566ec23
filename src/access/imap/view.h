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
  View(mailbox::MailboxId mailbox, mailbox::UidMap uids, mailbox::ModSeq seen)
      : mailbox_(mailbox), uids_(std::move(uids)), seen_(seen) {}

  mailbox::MailboxId mailbox() const { return mailbox_; }
  const mailbox::UidMap& uids() const { return uids_; }
  mailbox::ModSeq seen() const { return seen_; }
  mailbox::Uid last() const { return uids_.ranges().empty() ? 0 : uids_.ranges().back().last; }

  void note(const mailbox::Change& change);  // in the order of the feed; those of other mailboxes only move seen()
  void replace(const mailbox::UidMap& now, mailbox::ModSeq seen);  // when the feed does not reach back far enough
  // The client knows the flags of `uid` up to `modseq`: it set them itself.
  void own(mailbox::Uid uid, mailbox::ModSeq modseq) { own_[uid] = modseq; }

  struct News {
    std::vector<uint32_t> expunged;  // sequence numbers, highest first: each is right when its turn comes
    std::optional<uint32_t> exists;
    std::vector<mailbox::Uid> changed;
    bool mailbox_removed = false;
  };
  // RFC 9051 §7.5.1: no EXPUNGE while the client may be sending sequence numbers; they wait then.
  News take(bool may_expunge);

 private:
  mailbox::MailboxId mailbox_ = 0;
  mailbox::UidMap uids_;
  mailbox::ModSeq seen_ = 0;
  std::set<mailbox::Uid> added_, removed_, changed_;
  std::map<mailbox::Uid, mailbox::ModSeq> own_;
  bool mailbox_removed_ = false;
};

}  // namespace pabal::access::imap
