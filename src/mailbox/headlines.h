// Headlines: what messages are sorted and threaded by, in memory, of accounts that were asked lately. None of it ever
// changes and message ids are never used again, so what was read once stays true: each question reads only the messages
// that no earlier one had (7 microseconds each), and 100,000 known ones are sorted in a few milliseconds.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

struct Headline {
  MessageId id = 0;
  Time received{}, sent{};             // sent: in UTC; without a date when it was received (RFC 5256 §2.2)
  uint64_t size = 0;                   // octets
  uint32_t subject = 0;                // number of the base subject in Subjects
  bool reply = false;                  // the subject was that of a reply or a forwarded message
  uint64_t message_id = 0;             // hash; 0: it has none
  std::vector<uint64_t> references{};  // hashes, the oldest first: of In-Reply-To alone its first id
};

// Base subjects (RFC 5256 §2.1), equal and in order as i;unicode-casemap says. Of each text one is kept.
class Subjects {
 public:
  Subjects() { number_of(""); }
  uint32_t number_of(std::string_view subject);  // as it stands in the header; without any text 0
  // Subjects are in order as their ranks are; those of new subjects are known after rank_all().
  void rank_all();
  uint32_t rank(uint32_t number) const { return ranks_[number]; }
  size_t octets() const { return octets_; }

 private:
  std::map<std::string, uint32_t, std::less<>> numbers_;
  std::vector<uint32_t> ranks_;  // by number
  size_t octets_ = 0;            // of memory, about
};

Headline headline_of(const Message& message, const message::Summary& summary, Subjects& subjects);

// Of one account.
class Headlines {
 public:
  // Null: not known. `near` is where the last one was: ids that mostly ascend are found at once.
  const Headline* find(MessageId id, size_t& near) const;
  const Subjects& subjects() const { return subjects_; }

 private:
  friend class HeadlineCache;
  Result<void> read(const Mailboxes& boxes, const store::Reader& r, AccountId account, std::vector<MessageId> ids);
  size_t octets() const;

  std::vector<Headline> lines_;  // ascending by id, with some that are gone
  Subjects subjects_;
  size_t references_ = 0;  // of all lines
};

class HeadlineCache {
 public:
  explicit HeadlineCache(size_t max_octets = kMaxOctets) : max_octets_(max_octets) {}
  // Calls `use` with headlines of at least those of `ids` that there are; who asks for the same account waits
  // meanwhile. Thread-safe; may read much: on a pool.
  Result<void> with(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                    const std::vector<MessageId>& ids, const std::function<void(const Headlines&)>& use);
  size_t octets() const;  // of memory, about

  static constexpr size_t kMaxOctets = 64 << 20;  // of all accounts: 400,000 messages, about

 private:
  struct Kept {
    AccountId account = 0;
    std::mutex mutex;
    Headlines headlines;
    size_t octets = 0;  // as last counted; under the cache's mutex
  };
  std::shared_ptr<Kept> kept(AccountId account);
  void count(const std::shared_ptr<Kept>& used, size_t octets);

  const size_t max_octets_;
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Kept>> accounts_;  // the latest first
};

}  // namespace pabal::mailbox
