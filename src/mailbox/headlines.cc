#include "mailbox/headlines.h"

#include <algorithm>

#include "base/codec.h"
#include "mailbox/message_records.h"
#include "message/casemap.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kNodeOctets = 96;  // of a subject beside its text: the map's node, its rank, what malloc takes

// `<"a"@b>` is `<a@b>`. Never 0.
uint64_t hash_of(std::string id) {
  std::erase_if(id, [](char c) { return c == '"' || c == '\\'; });
  return std::max<uint64_t>(hash64(id), 1);
}

}  // namespace

uint32_t Subjects::number_of(std::string_view subject) {
  std::string text = message::casemap(message::base_subject(subject));
  if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
  const auto number = static_cast<uint32_t>(numbers_.size());
  octets_ += kNodeOctets + text.size();
  numbers_.emplace(std::move(text), number);
  return number;
}

void Subjects::rank_all() {
  if (ranks_.size() == numbers_.size()) return;
  ranks_.resize(numbers_.size());
  uint32_t rank = 0;
  for (const auto& [text, number] : numbers_) ranks_[number] = rank++;
}

Headline headline_of(const Message& message, const message::Summary& summary, Subjects& subjects) {
  Headline out;
  out.id = message.id;
  out.received = message.received;
  out.sent = summary.date.value_or(message.received);
  out.size = message.size;
  out.subject = subjects.number_of(summary.subject);
  out.reply = message::is_reply_subject(summary.subject);
  if (!summary.message_id.empty()) out.message_id = hash_of(summary.message_id);
  // Of In-Reply-To alone only the first id counts. The summary has those of References before them.
  const bool of_in_reply_to =
      std::all_of(summary.references.begin(), summary.references.end(),
                  [&](const std::string& id) { return summary.in_reply_to.find(id) != std::string::npos; });
  for (const std::string& id : summary.references) {
    if (of_in_reply_to && !out.references.empty()) break;
    out.references.push_back(hash_of(id));
  }
  return out;
}

const Headline* Headlines::find(MessageId id, size_t& near) const {
  if (near + 1 < lines_.size() && lines_[near + 1].id == id) return &lines_[++near];
  const auto at = std::lower_bound(lines_.begin(), lines_.end(), id,
                                   [](const Headline& line, MessageId wanted) { return line.id < wanted; });
  if (at == lines_.end() || at->id != id) return nullptr;
  near = static_cast<size_t>(at - lines_.begin());
  return &*at;
}

// `ids` in any order.
Result<void> Headlines::read(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                             std::vector<MessageId> ids) {
  size_t near = 0;
  std::erase_if(ids, [&](MessageId id) { return find(id, near) != nullptr; });
  if (ids.empty()) return {};
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<Message> messages;
  auto read = each_message_record(r, account, ids, [&](Message&& m) { messages.push_back(std::move(m)); });
  if (!read) return read;
  const size_t known = lines_.size();
  if (known == 0) lines_.reserve(messages.size());
  auto message = messages.begin();
  read = boxes.each_summary(r, account, ids, [&](MessageId id, message::Summary&& summary) {
    while (message != messages.end() && message->id < id) ++message;
    if (message == messages.end() || message->id != id) return;
    lines_.push_back(headline_of(*message, summary, subjects_));
    references_ += lines_.back().references.size();
  });
  if (known > 0 && known < lines_.size() && lines_[known].id < lines_[known - 1].id)
    std::sort(lines_.begin(), lines_.end(), [](const Headline& a, const Headline& b) { return a.id < b.id; });
  return read;
}

size_t Headlines::octets() const {
  return sizeof(Headlines) + lines_.capacity() * sizeof(Headline) + references_ * 2 * sizeof(uint64_t) +
         subjects_.octets();
}

std::shared_ptr<HeadlineCache::Kept> HeadlineCache::kept(AccountId account) {
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(accounts_.begin(), accounts_.end(), [&](const auto& one) { return one->account == account; });
  if (found != accounts_.end()) {
    accounts_.splice(accounts_.begin(), accounts_, found);
  } else {
    accounts_.push_front(std::make_shared<Kept>());
    accounts_.front()->account = account;
  }
  return accounts_.front();
}

// Drops those that were asked longest ago, that the others have room.
void HeadlineCache::count(const std::shared_ptr<Kept>& used, size_t octets) {
  std::lock_guard lock(mutex_);
  used->octets = octets;
  size_t all = 0;
  std::erase_if(accounts_, [&](const auto& one) { return (all += one->octets) > max_octets_; });
}

size_t HeadlineCache::octets() const {
  std::lock_guard lock(mutex_);
  size_t all = 0;
  for (const auto& one : accounts_) all += one->octets;
  return all;
}

Result<void> HeadlineCache::with(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                                 const std::vector<MessageId>& ids, const std::function<void(const Headlines&)>& use) {
  const std::shared_ptr<Kept> mine = kept(account);
  size_t octets = 0;
  {
    std::lock_guard lock(mine->mutex);
    if (const auto done = mine->headlines.read(boxes, r, account, ids); !done) return done;
    mine->headlines.subjects_.rank_all();
    use(mine->headlines);
    octets = mine->headlines.octets();
  }
  count(mine, octets);
  return {};
}

}  // namespace pabal::mailbox
