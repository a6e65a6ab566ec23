// Threads: References and In-Reply-To first, then the subject of a reply between the same people. Message-IDs lead to
// threads by keys of their hashes, also those that are only referred to: a reply that comes before its parent is in one
// thread with it. A thread never changes for a message (RFC 8621 §4.1.1 lets it not): when one message refers to two
// threads it joins that of the nearest reference, and both go on.
#include "base/text.h"
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxReferences = 20;      // ids of one message that thread it, the nearest ones
constexpr size_t kMaxCorrespondents = 10;  // addresses of one reply that are looked at
constexpr days kSubjectDays{30};  // a reply without references joins a thread of its subject that was alive since

Result<std::optional<ThreadId>> thread_at(const store::Reader& r, const std::string& key) {
  const auto record = r.get(key);
  if (!record) return record.error();
  if (!*record) return std::optional<ThreadId>();
  return std::optional<ThreadId>(Decoder(**record).u64());
}

// Of the Message-ID, then of the references from the nearest.
std::vector<std::string> id_keys(AccountId account, const message::Summary& summary) {
  std::vector<std::string> out;
  if (!summary.message_id.empty()) out.push_back(keys::thread_hash(account, hash64("id " + summary.message_id)));
  const auto& all = summary.references;
  for (size_t i = all.size(); i-- > 0 && all.size() - i <= kMaxReferences;)
    out.push_back(keys::thread_hash(account, hash64("id " + all[i])));
  return out;
}

// A subject is not enough: "Re: hi" joins a thread "hi" only if it goes to somebody who wrote in that thread.
std::string subject_key(AccountId account, const std::string& base, const message::AddressItem& author) {
  return keys::thread_hash(account, hash64("subject " + text::lowered(base) + '\n' + text::lowered(author.address())));
}

Result<std::optional<ThreadId>> thread_by_subject(const store::Reader& r, AccountId account,
                                                  const message::Summary& summary, const std::string& base) {
  size_t looked = 0;
  for (const auto* list : {&summary.to, &summary.cc})
    for (const message::AddressItem& person : *list) {
      if (person.kind != message::AddressItem::kMailbox || ++looked > kMaxCorrespondents) continue;
      const auto found = thread_at(r, subject_key(account, base, person));
      if (!found || *found) return found;
    }
  return std::optional<ThreadId>();
}

}  // namespace

Result<ThreadId> join_thread(store::Transaction& t, AccountId account, const message::Summary& summary, MessageId id,
                             Time now) {
  std::optional<ThreadId> thread;
  std::vector<std::string> unknown;
  for (std::string& key : id_keys(account, summary)) {
    const auto found = thread_at(t, key);
    if (!found) return found.error();
    if (!*found)
      unknown.push_back(std::move(key));
    else if (!thread)
      thread = **found;
  }
  const std::string base = message::base_subject(summary.subject);
  if (!thread && !base.empty() && message::is_reply_subject(summary.subject)) {
    const auto found = thread_by_subject(t, account, summary, base);
    if (!found) return found.error();
    thread = *found;
  }
  const ThreadId chosen = thread.value_or(id);
  const std::string value = Encoder().u64(chosen).take();
  for (const std::string& key : unknown) t.put(key, value);
  if (!base.empty() && !summary.from.empty())
    t.put_until(subject_key(account, base, summary.from.front()), value, now + kSubjectDays);
  t.put(keys::member(account, chosen, id), "");
  return chosen;
}

Result<void> leave_thread(store::Transaction& t, AccountId account, const message::Summary& summary,
                          const Message& message) {
  t.erase(keys::member(account, message.thread, message.id));
  store::Range range = store::Range::prefix(keys::in_account(account, 'T').u64(message.thread).take());
  range.limit = 1;
  const auto others = t.list(range);
  if (!others) return others.error();
  if (!others->empty()) return {};
  for (const std::string& key : id_keys(account, summary)) {
    const auto thread = thread_at(t, key);
    if (!thread) return thread.error();
    if (*thread == message.thread) t.erase(key);
  }
  return {};
}

}  // namespace pabal::mailbox
