#include "access/imap/view.h"

namespace pabal::access::imap {

void View::note(const mailbox::Change& change) {
  using Kind = mailbox::Change::Kind;
  seen_ = std::max(seen_, change.modseq);
  if (change.mailbox != mailbox_) return;
  switch (change.kind) {
    case Kind::kAdded:
      if (change.uid > last()) added_.insert(change.uid);
      break;
    case Kind::kRemoved:
      if (added_.erase(change.uid) == 0 && uids_.sequence(change.uid) > 0) removed_.insert(change.uid);
      break;
    case Kind::kFlags: {
      const auto own = own_.find(change.uid);
      if (own == own_.end() || own->second < change.modseq) changed_.insert(change.uid);
      break;
    }
    case Kind::kMailboxRemoved: mailbox_removed_ = true; break;
    default: break;
  }
}

void View::replace(const mailbox::UidMap& now, mailbox::ModSeq seen) {
  for (const auto& range : uids_.ranges())
    for (mailbox::Uid uid = range.first; uid <= range.last; ++uid)
      if (now.sequence(uid) == 0) removed_.insert(uid);
  for (const auto& range : now.ranges())
    for (mailbox::Uid uid = std::max(range.first, last() + 1); uid <= range.last; ++uid) added_.insert(uid);
  std::erase_if(added_, [&](mailbox::Uid uid) { return now.sequence(uid) == 0; });
  seen_ = std::max(seen_, seen);
}

View::News View::take(bool may_expunge) {
  News news;
  news.mailbox_removed = mailbox_removed_;
  for (const mailbox::Uid uid : changed_)
    if (uids_.sequence(uid) > 0 && !removed_.contains(uid)) news.changed.push_back(uid);
  changed_.clear();
  own_.clear();
  if (may_expunge && !removed_.empty()) {
    for (auto uid = removed_.rbegin(); uid != removed_.rend(); ++uid) news.expunged.push_back(uids_.sequence(*uid));
    // Built anew in one pass: taking them out one by one would be quadratic in a fragmented mailbox.
    mailbox::UidMap left;
    for (mailbox::UidMap::Range range : uids_.ranges()) {
      for (auto gone = removed_.lower_bound(range.first); gone != removed_.end() && *gone <= range.last; ++gone) {
        if (*gone > range.first) left.append({range.first, *gone - 1});
        range.first = *gone + 1;
      }
      if (range.first <= range.last) left.append(range);
    }
    uids_ = std::move(left);
    removed_.clear();
  }
  if (!added_.empty()) {
    for (const mailbox::Uid uid : added_) uids_.add(uid);
    added_.clear();
    news.exists = uids_.count();
  }
  return news;
}

}  // namespace pabal::access::imap
