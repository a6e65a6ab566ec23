#include "access/imap/view.h"

#include <algorithm>

namespace pabal::access::imap {

using mailbox::ModSeq;
using mailbox::Uid;
using mailbox::UidMap;

View::View(mailbox::MailboxId mailbox, UidMap uids, ModSeq seen)
    : mailbox_(mailbox), uids_(std::move(uids)), seen_(seen) {
  highest_ = last();
}

void View::note(const mailbox::Change& change) {
  using Kind = mailbox::Change::Kind;
  seen_ = std::max(seen_, change.modseq);
  if (change.mailbox != mailbox_) return;
  switch (change.kind) {
    case Kind::kAdded:
      if (change.uid > highest_) added_.insert(change.uid);
      break;
    case Kind::kRemoved:
      if (added_.erase(change.uid) == 0 && uids_.sequence(change.uid) > 0) removed_.insert(change.uid);
      break;
    case Kind::kFlags: {
      const auto own = own_.find(change.uid);
      const bool known =
          own != own_.end() && (change.modseq <= own->second.told || change.modseq == own->second.silent);
      if (!known) changed_.insert(change.uid);
      break;
    }
    case Kind::kMailboxRemoved:
      mailbox_removed_ = true;
      break;
    default:
      break;
  }
}

void View::replace(const UidMap& now, const std::vector<Uid>& changed, ModSeq seen) {
  for (const UidMap::Range& range : uids_.ranges())
    for (uint64_t uid = range.first; uid <= range.last; ++uid)
      if (now.sequence(static_cast<Uid>(uid)) == 0) removed_.insert(static_cast<Uid>(uid));
  added_.clear();
  for (const UidMap::Range& range : now.ranges())
    for (uint64_t uid = std::max<uint64_t>(range.first, uint64_t{highest_} + 1); uid <= range.last; ++uid)
      added_.insert(static_cast<Uid>(uid));
  changed_.insert(changed.begin(), changed.end());
  seen_ = std::max(seen_, seen);
}

void View::told(Uid uid, ModSeq modseq) {
  Own& own = own_[uid];
  own.told = std::max(own.told, modseq);
}

void View::silent(Uid uid, ModSeq modseq) { own_[uid].silent = modseq; }

View::News View::take(bool may_expunge) {
  News news;
  news.mailbox_removed = mailbox_removed_;
  for (const Uid uid : changed_)
    if (uids_.sequence(uid) > 0 && !removed_.contains(uid)) news.changed.push_back(uid);
  changed_.clear();
  own_.clear();
  if (may_expunge && !removed_.empty()) {
    for (auto uid = removed_.rbegin(); uid != removed_.rend(); ++uid) news.expunged.push_back(uids_.sequence(*uid));
    // Built anew in one pass: taking them out one by one would be quadratic in a fragmented mailbox.
    UidMap left;
    auto gone = removed_.begin();
    for (UidMap::Range range : uids_.ranges()) {
      for (; gone != removed_.end() && *gone <= range.last; ++gone) {
        if (*gone > range.first) left.append({range.first, *gone - 1});
        range.first = *gone + 1;
      }
      if (range.first <= range.last) left.append(range);
    }
    uids_ = std::move(left);
    removed_.clear();
  }
  if (!added_.empty()) {
    for (const Uid uid : added_) uids_.add(uid);
    highest_ = *added_.rbegin();
    added_.clear();
    news.exists = uids_.count();
  }
  return news;
}

}  // namespace pabal::access::imap
