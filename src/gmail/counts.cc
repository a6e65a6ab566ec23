#include "gmail/counts.h"

#include <algorithm>
#include <mutex>

#include "base/recent.h"
#include "mailbox/newest.h"

namespace pabal::gmail {

using mailbox::AccountId;
using mailbox::MessageId;
using mailbox::ThreadId;

namespace {

constexpr size_t kAccounts = 50;   // whose threads are known: 16 octets a message
constexpr size_t kCounts = 5'000;  // mailboxes

// The thread of each message of an account, removed ones too: that never changes, so that only new ones are read.
struct ThreadMap {
  std::mutex mutex;
  std::vector<std::pair<MessageId, ThreadId>> known;  // by id

  Result<void> learn(const store::Reader& r, AccountId account) {
    const MessageId last = known.empty() ? 0 : known.back().first;
    const size_t before = known.size();
    const auto read = mailbox::newest_messages(r, account, 0, [&](mailbox::Message&& m) {
      if (m.id <= last) return false;
      known.emplace_back(m.id, m.thread);
      return true;
    });
    std::reverse(known.begin() + static_cast<long>(before), known.end());
    if (!read) known.resize(before);
    return read;
  }
};

}  // namespace

struct Counts::Impl {
  Recent<std::shared_ptr<ThreadMap>> maps{kAccounts};
  Recent<ThreadCounts> counts{kCounts};
  std::mutex making;
};

Counts::Counts() : impl_(std::make_unique<Impl>()) {}
Counts::~Counts() = default;

Result<ThreadCounts> Counts::of_these(const store::Reader& r, AccountId account, std::vector<Counted> messages) {
  std::shared_ptr<ThreadMap> map;
  {
    std::lock_guard lock(impl_->making);
    const std::string key = std::to_string(account);
    const auto known = impl_->maps.find(key);
    map = known ? *known : std::make_shared<ThreadMap>();
    if (!known) impl_->maps.put(key, map);
  }
  std::vector<std::pair<ThreadId, bool>> threads;  // false: unread, so that it sorts first
  threads.reserve(messages.size());
  ThreadCounts out;
  {
    std::lock_guard lock(map->mutex);
    if (const auto learnt = map->learn(r, account); !learnt) return learnt.error();
    auto at = map->known.begin();
    for (const Counted& one : messages) {
      at = std::lower_bound(at, map->known.end(), std::pair<MessageId, ThreadId>(one.id, 0));
      if (at == map->known.end() || at->first != one.id) continue;
      threads.emplace_back(at->second, !one.unread);
      ++out.messages;
      out.unread += one.unread;
    }
  }
  std::sort(threads.begin(), threads.end());
  for (auto thread = threads.begin(); thread != threads.end(); ++thread) {
    if (thread != threads.begin() && std::prev(thread)->first == thread->first) continue;
    ++out.threads;
    out.unread_threads += !thread->second;
  }
  return out;
}

Result<ThreadCounts> Counts::of(const mailbox::Mailboxes& boxes, const store::Reader& r, AccountId account,
                                const mailbox::Mailbox& box) {
  const std::string key = std::to_string(account) + "/" + std::to_string(box.uid_validity) + "/" +
                          std::to_string(box.id) + "/" + std::to_string(box.highest_modseq);
  if (const auto known = impl_->counts.find(key)) return *known;
  std::vector<Counted> messages;
  messages.reserve(box.messages);
  const auto read = boxes.rows(r, account, box.id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
    messages.push_back({row.message, !row.flags.has(mailbox::kSeen)});
    return true;
  });
  if (!read) return read.error();
  std::sort(messages.begin(), messages.end(), [](const Counted& a, const Counted& b) { return a.id < b.id; });
  auto counted = of_these(r, account, std::move(messages));
  if (counted) impl_->counts.put(key, *counted);
  return counted;
}

Result<ThreadCounts> Counts::of_all(const mailbox::Mailboxes& boxes, const store::Reader& r, AccountId account) {
  const auto figures = boxes.figures(r, account);
  if (!figures) return figures.error();
  const std::string key = std::to_string(account) + "@" + std::to_string(figures->modseq);
  if (const auto known = impl_->counts.find(key)) return *known;
  const auto list = boxes.list(r, account);
  if (!list) return list.error();
  std::vector<Counted> messages;
  for (const mailbox::Mailbox& box : *list) {
    const auto read = boxes.rows(r, account, box.id, 1, UINT32_MAX, [&](const mailbox::Row& row) {
      messages.push_back({row.message, !row.flags.has(mailbox::kSeen)});
      return true;
    });
    if (!read) return read.error();
  }
  std::sort(messages.begin(), messages.end(), [](const Counted& a, const Counted& b) { return a.id < b.id; });
  messages.erase(
      std::unique(messages.begin(), messages.end(), [](const Counted& a, const Counted& b) { return a.id == b.id; }),
      messages.end());
  auto counted = of_these(r, account, std::move(messages));
  if (counted) impl_->counts.put(key, *counted);
  return counted;
}

}  // namespace pabal::gmail
