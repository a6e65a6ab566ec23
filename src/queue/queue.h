// queue: the durable outbound queue. One entry a message with a state for each recipient; its schedule is a second key
// in due order, so that the next due entry is found at once and a million queued messages cost disk, not memory. It
// decides nothing about routes or retries: relay/ does, and writes the outcome here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "message/message.h"
#include "store/store.h"

namespace pabal::queue {

using QueueId = uint64_t;  // base/id.h: id_text() is the id people see

enum Notify : uint8_t {
  kNotifyDefault = 0,
  kNotifyNever = 1,
  kNotifySuccess = 2,
  kNotifyFailure = 4,
  kNotifyDelay = 8
};  // RFC 3461 §4.1

struct Recipient {
  std::string address;
  enum class State : uint8_t { kWaiting, kDelivered, kFailed, kCancelled, kExpired } state = State::kWaiting;
  uint8_t notify = kNotifyDefault;
  std::string orcpt;  // decoded "rfc822;bob@example.org", or empty
  uint32_t attempts = 0;
  Time next_attempt;  // meaningful while waiting
  bool delay_reported = false;
  std::string last_reply;  // "550 5.1.1 no such user" or our own words
  std::string last_host;   // "mx1.example.org [192.0.2.1]"
  std::string last_tls;    // "TLSv1.3, opportunistic"
};

struct Entry {
  QueueId id = 0;
  std::string message_id;      // with angle brackets, for the trace
  std::string sender_account;  // who submitted it; empty: others' mail that is forwarded, reports
  std::string reverse_path;    // "" = <>
  std::string envid, ret;      // RFC 3461
  bool smtputf8 = false, requiretls = false, body_8bit = false, body_binary = false;
  uint64_t body = 0;       // mailbox::BodyId; the entry holds one reference
  std::string prefix;      // header lines before the stored body, or empty
  std::string sign_as;     // the domain here that vouches for it when it leaves (RFC 6376); empty: nobody
  std::string results;     // what the checks found when it came in (mailbox::Details::results). Of others' mail: it is
                           // sealed with this (RFC 8617), not signed
  bool junk = false;       // for mailboxes here: what is only kept goes into Junk
  uint64_t size = 0;       // prefix + body, octets
  Time created;            // of a scheduled one: when it was released
  Time expires;            // after it waiting recipients fail with 5.4.7
  bool scheduled = false;  // for the recipients' next_attempt; until that begins it can be taken back
  bool held = false;       // by an operator: nothing is attempted
  std::vector<Recipient> recipients;

  bool done() const;                         // nobody waits
  std::optional<Time> next_attempt() const;  // earliest among those waiting; none when held or done
};

// The entry of a letter that this server has written itself, signed as its author's domain; nobody wants to hear what
// becomes of it (RFC 3461 §6.1). `letter`: the parse of the whole message, of `size` octets. Its body is the caller's.
Entry letter_entry(QueueId id, const message::Message& letter, uint64_t size, std::string reverse_path,
                   const std::vector<std::string>& to, Time now, days lifetime);

// Due times are exact to the microsecond. All writes keep entry and schedule in step.
class Queue {
 public:
  explicit Queue(store::Store& store) : store_(store) {}

  Result<void> add(store::Transaction& t, const Entry& entry);
  Result<std::optional<Entry>> get(const store::Reader& r, QueueId id) const;
  // Writes the new state; an entry that is done() is erased (the caller releases its body in the same transaction).
  Result<void> update(store::Transaction& t, const Entry& entry);
  Result<void> erase(store::Transaction& t, QueueId id);

  // What is due at or before `now`, earliest first; and the first due time after `after`.
  struct Due {
    Time at;
    QueueId id = 0;
  };
  Result<std::vector<Due>> due(const store::Reader& r, Time now, size_t limit) const;
  Result<std::optional<Time>> next_due(const store::Reader& r, Time after) const;
  // For a `due` whose entry turns out to be missing, damaged or not due: takes it from the schedule, so that it blocks
  // nobody. A damaged record stays for inspection and a backup; one that is whole gets the place it should have.
  Result<void> mend(store::Transaction& t, const Due& due);

  // For operators; pages by id. `filter`: empty, or an address, domain or account that occurs in the entry.
  Result<std::vector<Entry>> list(const store::Reader& r, std::string_view filter, QueueId after, size_t limit) const;
  struct Figures {
    uint64_t entries = 0;
    uint64_t held = 0;
  };
  Result<Figures> figures(const store::Reader& r) const;

  // Before the first attempt: the entry, no longer scheduled. Nothing: it was taken back, held, or is not due.
  Result<std::optional<Entry>> release(store::Transaction& t, QueueId id, Time now);

  // Operator acts on the waiting recipients (those whose address or domain is `who`; empty: all). kNotFound.
  // retry: kConflict for what is scheduled; its sender has been promised that nobody gets it earlier.
  Result<void> retry(store::Transaction& t, QueueId id, std::string_view who, Time now);
  Result<void> hold(store::Transaction& t, QueueId id, bool on, Time now);
  // Gives the entry as it then is. A damaged one is removed (for all only); the entry given then has its id and nothing
  // else.
  Result<Entry> cancel(store::Transaction& t, QueueId id, std::string_view who);

  // The relay's wake-up: runs after commits that added or changed entries. See store::Store::watch.
  std::unique_ptr<store::Store::Watch> watch(std::function<void()> changed);

 private:
  store::Store& store_;
};

std::string encode(const Entry& entry);
std::optional<Entry> decode(std::string_view record);  // nullopt: not whole

}  // namespace pabal::queue
