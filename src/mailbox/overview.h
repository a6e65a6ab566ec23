// Overviews: what lists of messages are filtered and ordered by, of accounts that were looked at lately, in memory. The
// first look at an account reads all its messages (0.3 s for 100,000); after that the change feed keeps it true, and a
// page of the newest of 100,000 costs microseconds.
//
// \Deleted places are left out: what is to be expunged is not there for those who know no EXPUNGE (RFC 8621 §4.1.1).
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

class Overview {
 public:
  struct Line {
    MessageId id = 0;
    ThreadId thread = 0;
    Time received;
    uint64_t size = 0;
    uint8_t system = 0;                   // Flag
    std::vector<std::string> keywords{};  // lower case
    std::vector<MailboxId> boxes{};       // none: the message is gone
    bool has(Flag f) const { return system & f; }
    bool is_in(MailboxId box) const;
    bool has_keyword(std::string_view lower_case) const;
  };
  // Ascending by id, with some that are gone.
  const std::vector<Line>& lines() const { return lines_; }
  const Line* find(MessageId id) const;  // null: not known
  // Places in lines(), by received and id, ascending.
  const std::vector<uint32_t>& by_arrival() const { return by_arrival_; }
  ModSeq modseq() const { return modseq_; }

  struct Counts {
    uint32_t emails = 0, unread = 0, threads = 0, unread_threads = 0;
  };
  // RFC 8621 §2, of mailboxes for which `visible` holds; unread: neither seen nor a draft. `trash`: 0: there is none.
  std::map<MailboxId, Counts> counts(MailboxId trash, const std::function<bool(MailboxId)>& visible) const;

 private:
  friend class Overviews;
  Result<void> read_all(const Mailboxes& boxes, const store::Reader& r, AccountId account, ModSeq at);
  Result<void> follow(const Mailboxes& boxes, const store::Reader& r, AccountId account, ModSeq at);
  Line* line(MessageId id);

  std::vector<Line> lines_;
  std::vector<uint32_t> by_arrival_;
  ModSeq modseq_ = 0;
  bool read_ = false;
};

class Overviews {
 public:
  explicit Overviews(const Mailboxes& boxes) : boxes_(boxes) {}
  // Calls `use` with the account's overview as of `r`; others wait meanwhile. kConflict: somebody has looked at a newer
  // moment before; take a new one. Thread-safe; may read much: on a pool.
  Result<void> with(const store::Reader& r, AccountId account, const std::function<void(const Overview&)>& use);

 private:
  struct Kept {
    std::mutex mutex;
    Overview overview;
  };
  std::shared_ptr<Kept> kept(AccountId account);
  void drop_old();

  const Mailboxes& boxes_;
  std::mutex mutex_;
  std::list<std::pair<AccountId, std::shared_ptr<Kept>>> accounts_;  // the latest first
};

constexpr size_t kMaxOverviews = 64;             // accounts
constexpr size_t kMaxOverviewLines = 1'000'000;  // of all of them, about 100 octets each

}  // namespace pabal::mailbox
