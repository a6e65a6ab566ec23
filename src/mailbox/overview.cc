#include "mailbox/overview.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kReadAnew = 20'000;  // changed messages beyond which to read all is quicker

Overview::Line line_of(const Message& m) {
  Overview::Line line{m.id, m.thread, m.received, m.size, m.flags.system};
  for (const std::string& keyword : m.flags.keywords) line.keywords.push_back(text::lowered(keyword));
  for (const Message::Place& place : m.places)
    if (!place.deleted) line.boxes.push_back(place.mailbox);
  return line;
}

}  // namespace

bool Overview::Line::is_in(MailboxId box) const { return std::find(boxes.begin(), boxes.end(), box) != boxes.end(); }

bool Overview::Line::has_keyword(std::string_view keyword) const {
  return std::find(keywords.begin(), keywords.end(), keyword) != keywords.end();
}

const Overview::Line* Overview::find(MessageId id) const { return const_cast<Overview*>(this)->line(id); }

Overview::Line* Overview::line(MessageId id) {
  const auto at =
      std::lower_bound(lines_.begin(), lines_.end(), id, [](const Line& l, MessageId i) { return l.id < i; });
  return at != lines_.end() && at->id == id ? &*at : nullptr;
}

Result<void> Overview::read_all(const Mailboxes& boxes, const store::Reader& r, AccountId account, ModSeq at) {
  lines_.clear();
  by_arrival_.clear();
  read_ = false;
  const auto read = boxes.each_message(r, account, [&](Message&& m) { lines_.push_back(line_of(m)); });
  if (!read) return read;
  by_arrival_.resize(lines_.size());
  for (uint32_t i = 0; i < by_arrival_.size(); ++i) by_arrival_[i] = i;
  std::sort(by_arrival_.begin(), by_arrival_.end(), [&](uint32_t a, uint32_t b) {
    return lines_[a].received != lines_[b].received ? lines_[a].received < lines_[b].received : a < b;
  });
  modseq_ = at;
  read_ = true;
  return {};
}

Result<void> Overview::follow(const Mailboxes& boxes, const store::Reader& r, AccountId account, ModSeq at) {
  const auto changes = boxes.changes(r, account, modseq_, SIZE_MAX);
  if (!changes && changes.code() != Code::kNotFound) return changes.error();
  std::vector<MessageId> ids;
  if (changes)
    for (const Change& change : *changes)
      if (change.message != 0) ids.push_back(change.message);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (!changes || ids.size() > kReadAnew) return read_all(boxes, r, account, at);
  for (const MessageId id : ids)  // those that are gone are not visited
    if (Line* known = line(id)) known->boxes.clear();
  bool in_order = true;
  const auto read = boxes.each_message(r, account, ids, [&](Message&& m) {
    if (Line* known = line(m.id)) {
      *known = line_of(m);
      return;
    }
    in_order = in_order && (lines_.empty() || lines_.back().id < m.id);
    lines_.push_back(line_of(m));
    const auto behind = std::upper_bound(by_arrival_.begin(), by_arrival_.end(), m.received,
                                         [&](Time t, uint32_t i) { return t < lines_[i].received; });
    by_arrival_.insert(behind, static_cast<uint32_t>(lines_.size() - 1));
  });
  if (!read) return read;
  if (!in_order) return read_all(boxes, r, account, at);  // one that was purged here, and is not: never, but for faults
  modseq_ = at;
  return {};
}

std::map<MailboxId, Overview::Counts> Overview::counts(MailboxId trash,
                                                       const std::function<bool(MailboxId)>& visible) const {
  enum : uint8_t { kOutside = 1, kInTrash = 2 };
  std::map<MailboxId, Counts> out;
  std::unordered_map<ThreadId, uint8_t> unread;
  std::vector<std::pair<MailboxId, ThreadId>> members;
  for (const Line& line : lines_) {
    const bool is_unread = !line.has(kSeen) && !line.has(kDraft);
    for (const MailboxId box : line.boxes) {
      if (!visible(box)) continue;
      Counts& counts = out[box];
      ++counts.emails;
      counts.unread += is_unread;
      members.emplace_back(box, line.thread);
      if (is_unread) unread[line.thread] |= box == trash ? kInTrash : kOutside;
    }
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  for (const auto& [box, thread] : members) {
    Counts& counts = out[box];
    ++counts.threads;
    const auto found = unread.find(thread);
    if (found != unread.end()) counts.unread_threads += (found->second & (box == trash ? kInTrash : kOutside)) != 0;
  }
  return out;
}

std::shared_ptr<Overviews::Kept> Overviews::kept(AccountId account) {
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(accounts_.begin(), accounts_.end(), [&](const auto& one) { return one.first == account; });
  if (found != accounts_.end())
    accounts_.splice(accounts_.begin(), accounts_, found);
  else
    accounts_.emplace_front(account, std::make_shared<Kept>());
  return accounts_.front().second;
}

void Overviews::drop_old() {
  std::lock_guard lock(mutex_);
  size_t lines = 0, count = 0;
  for (auto one = accounts_.begin(); one != accounts_.end();) {
    // One that is in use is not looked into: it counts the next time.
    if (std::unique_lock free(one->second->mutex, std::try_to_lock); free)
      lines += one->second->overview.lines().size();
    const bool keep = ++count <= kMaxOverviews && (lines <= kMaxOverviewLines || one == accounts_.begin());
    one = keep ? std::next(one) : accounts_.erase(one);
  }
}

Result<void> Overviews::with(const store::Reader& r, AccountId account,
                             const std::function<void(const Overview&)>& use) {
  const auto figures = boxes_.figures(r, account);
  if (!figures) return figures.error();
  const std::shared_ptr<Kept> mine = kept(account);
  {
    std::lock_guard lock(mine->mutex);
    Overview& overview = mine->overview;
    if (overview.read_ && overview.modseq_ > figures->modseq)
      return Error{Code::kConflict, "a newer moment of the account was looked at"};
    if (!overview.read_ || overview.modseq_ < figures->modseq) {
      const auto done = overview.read_ ? overview.follow(boxes_, r, account, figures->modseq)
                                       : overview.read_all(boxes_, r, account, figures->modseq);
      if (!done) {
        overview.read_ = false;
        return done;
      }
    }
    use(overview);
  }
  drop_old();
  return {};
}

}  // namespace pabal::mailbox
