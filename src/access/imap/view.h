// What one client has been told of its selected mailbox. Sequence numbers change only when news are taken, so that they
// are the same on both sides (RFC 9051 §7.5.1). Pure: the session feeds it the account's changes.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::access::imap {

class View {
 public:
  View() = default;
  // `uids` as they were at modification sequence `seen` of the account. `box`: the mailbox then, for what it gives out
  // next and its own highest modification sequence.
  View(const mailbox::Mailbox& box, mailbox::UidMap uids, mailbox::ModSeq seen);

  const mailbox::UidMap& uids() const { return uids_; }
  mailbox::ModSeq seen() const { return seen_; }
  mailbox::Uid highest_uid() const { return highest_; }  // that was ever told, of messages that are gone too
  // RFC 7162 §3.1.2.1: HIGHESTMODSEQ of this mailbox as far as the client has been told all (§3.2): what is held back
  // lies over it. At least 1.
  mailbox::ModSeq told_through() const;

  // A change of the feed, in its order; those of other mailboxes only move seen().
  void note(const mailbox::Change& change);
  // In place of the feed when it does not reach back far enough: the UIDs now, and those whose flags changed since
  // seen().
  void replace(const mailbox::UidMap& now, const std::vector<mailbox::Uid>& changed, mailbox::ModSeq seen,
               mailbox::ModSeq highest_modseq);

  // The client has been sent the flags of `uid` as of `modseq`.
  void told(mailbox::Uid uid, mailbox::ModSeq modseq);
  // The client made the change `modseq` itself and asked for no answer; changes of others before it are still news.
  void silent(mailbox::Uid uid, mailbox::ModSeq modseq);
  // The change `modseq` is of flags here alone, made by this client and answered as it asked. True: it is the next of
  // the feed, which need not be read for it; false: say `told` or `silent` of each message.
  [[nodiscard]] bool did(mailbox::ModSeq modseq);

  struct News {
    std::vector<uint32_t> expunged;     // sequence numbers, highest first: each is right when its turn comes
    std::vector<mailbox::Uid> removed;  // the same by UID, ascending
    std::optional<uint32_t> exists;
    std::vector<mailbox::Uid> added;    // why
    std::vector<mailbox::Uid> changed;  // flags; number them after the expunges
    bool mailbox_removed = false;
    bool empty() const { return expunged.empty() && !exists && changed.empty() && !mailbox_removed; }
  };
  struct May {  // what can be told now; the rest waits
    // RFC 9051 §7.5.1: no EXPUNGE while the client may be sending sequence numbers; EXISTS counts them still.
    bool expunge = true;
    bool exists = true, flags = true;  // RFC 5465: false where the client wants no such news
  };
  News take(May may);
  News take(bool may_expunge) { return take(May{may_expunge}); }
  bool waits() const { return !added_.empty() || !removed_.empty() || !changed_.empty(); }

 private:
  mailbox::Uid last() const { return uids_.ranges().empty() ? 0 : uids_.ranges().back().last; }

  mailbox::MailboxId mailbox_ = 0;
  mailbox::UidMap uids_;
  mailbox::ModSeq seen_ = 0;
  mailbox::Uid highest_ = 0;
  mailbox::ModSeq highest_modseq_ = 0;  // of the changes of this mailbox that are known here
  std::map<mailbox::Uid, mailbox::ModSeq> added_, removed_, changed_;  // since when
  struct Own {
    mailbox::Uid uid;
    mailbox::ModSeq told, silent;
  };
  bool is_own(const mailbox::Change& change);
  std::vector<Own> own_;  // ascending by UID when own_sorted_; several of one UID
  bool own_sorted_ = true;
  size_t next_own_ = 0;  // where the change looked up next may be: most come in this order
  bool mailbox_removed_ = false;
};

}  // namespace pabal::access::imap
