#include "access/imap/view.h"

#include <algorithm>

namespace pabal::access::imap {

using mailbox::ModSeq;
using mailbox::Uid;
using mailbox::UidMap;

View::View(const mailbox::Mailbox& box, UidMap uids, ModSeq seen)
    : mailbox_(box.id), uids_(std::move(uids)), seen_(seen), highest_modseq_(box.highest_modseq) {
  highest_ = std::max(last(), box.uid_next - 1);
}

ModSeq View::told_through() const {
  ModSeq out = highest_modseq_;
  for (const auto* waiting : {&added_, &removed_, &changed_})
    for (const auto& [uid, modseq] : *waiting) out = std::min(out, modseq - 1);
  return std::max<ModSeq>(out, 1);
}

void View::note(const mailbox::Change& change) {
  using Kind = mailbox::Change::Kind;
  seen_ = std::max(seen_, change.modseq);
  if (change.mailbox != mailbox_) return;
  if (change.uid > 0) highest_modseq_ = std::max(highest_modseq_, change.modseq);
  switch (change.kind) {
    case Kind::kAdded:
      if (change.uid > highest_) added_.emplace(change.uid, change.modseq);
      break;
    case Kind::kRemoved:
      if (added_.erase(change.uid) == 0 && uids_.sequence(change.uid) > 0) {
        removed_.emplace(change.uid, change.modseq);
        changed_.erase(change.uid);
      }
      break;
    case Kind::kFlags:
      if (!is_own(change) && uids_.sequence(change.uid) > 0) changed_.emplace(change.uid, change.modseq);
      break;
    case Kind::kMailboxRemoved:
      mailbox_removed_ = true;
      break;
    default:
      break;
  }
}

void View::replace(const UidMap& now, const std::vector<Uid>& changed, ModSeq seen, ModSeq highest_modseq) {
  const ModSeq since = told_through() + 1;  // the least that any of this can have
  for (const UidMap::Range& range : uids_.ranges())
    for (uint64_t uid = range.first; uid <= range.last; ++uid)
      if (now.sequence(static_cast<Uid>(uid)) == 0) {
        removed_.emplace(static_cast<Uid>(uid), since);
        changed_.erase(static_cast<Uid>(uid));
      }
  added_.clear();
  for (const UidMap::Range& range : now.ranges())
    for (uint64_t uid = std::max<uint64_t>(range.first, uint64_t{highest_} + 1); uid <= range.last; ++uid)
      added_.emplace(static_cast<Uid>(uid), since);
  for (const Uid uid : changed)
    if (uids_.sequence(uid) > 0 && !removed_.contains(uid)) changed_.emplace(uid, since);
  seen_ = std::max(seen_, seen);
  highest_modseq_ = std::max(highest_modseq_, highest_modseq);
}

bool View::did(ModSeq modseq) {
  if (modseq != seen_ + 1) return false;
  seen_ = highest_modseq_ = modseq;
  return true;
}

void View::told(Uid uid, ModSeq modseq) {
  own_sorted_ = own_sorted_ && (own_.empty() || own_.back().uid <= uid);
  own_.push_back({uid, modseq, 0});
  next_own_ = 0;
}

void View::silent(Uid uid, ModSeq modseq) {
  told(uid, 0);
  own_.back().silent = modseq;
}

bool View::is_own(const mailbox::Change& change) {
  if (!own_sorted_) std::sort(own_.begin(), own_.end(), [](const Own& a, const Own& b) { return a.uid < b.uid; });
  own_sorted_ = true;
  auto own = own_.begin() + static_cast<long>(std::min(next_own_, own_.size()));
  if (own == own_.end() || own->uid != change.uid)
    own = std::lower_bound(own_.begin(), own_.end(), change.uid, [](const Own& o, Uid uid) { return o.uid < uid; });
  bool known = false;
  for (; own != own_.end() && own->uid == change.uid; ++own)
    known = known || change.modseq <= own->told || change.modseq == own->silent;
  next_own_ = static_cast<size_t>(own - own_.begin());
  return known;
}

View::News View::take(May may) {
  News news;
  news.mailbox_removed = mailbox_removed_;
  if (may.flags) {
    for (const auto& [uid, modseq] : changed_) news.changed.push_back(uid);
    changed_.clear();
  }
  own_.clear();
  next_own_ = 0;
  if (may.expunge && !removed_.empty()) {
    for (const auto& [uid, modseq] : removed_) news.removed.push_back(uid);
    for (auto uid = news.removed.rbegin(); uid != news.removed.rend(); ++uid)
      news.expunged.push_back(uids_.sequence(*uid));
    // Built anew in one pass: taking them out one by one would be quadratic in a fragmented mailbox.
    UidMap left;
    auto gone = news.removed.begin();
    for (UidMap::Range range : uids_.ranges()) {
      for (; gone != news.removed.end() && *gone <= range.last; ++gone) {
        if (*gone > range.first) left.append({range.first, *gone - 1});
        range.first = *gone + 1;
      }
      if (range.first <= range.last) left.append(range);
    }
    uids_ = std::move(left);
    removed_.clear();
  }
  if (may.exists && !added_.empty()) {
    for (const auto& [uid, modseq] : added_) {
      uids_.add(uid);
      news.added.push_back(uid);
    }
    highest_ = std::max(highest_, news.added.back());
    added_.clear();
    news.exists = uids_.count();
  }
  return news;
}

}  // namespace pabal::access::imap
