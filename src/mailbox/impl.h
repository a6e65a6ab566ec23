// What the sources of Mailboxes share. Not for other rooms.
#pragma once

#include <map>
#include <mutex>
#include <unordered_map>

#include "base/id.h"
#include "base/random.h"
#include "mailbox/keys.h"
#include "mailbox/mailbox.h"
#include "mailbox/records.h"

namespace pabal::mailbox {

struct Mailboxes::Impl {
  Impl(store::Store& s, const Clock& c) : store(s), clock(c), bodies(c, random) {}
  // One word list more waits in an account: a hint, so that accounts_to_fold() need not look at every account.
  void word_list_waits(AccountId account) {
    std::lock_guard lock(tails_mutex);
    ++tails[account];
  }

  store::Store& store;
  const Clock& clock;
  SystemRandom random;
  IdSource bodies;
  std::mutex folding;  // held by the one fold() that works
  std::mutex tails_mutex;
  std::unordered_map<AccountId, size_t> tails;  // word lists that wait, about; complete once tails_known
  bool tails_known = false;
};

inline Error damaged(std::string_view what) {
  return {Code::kCorrupt, "the record of " + std::string(what) + " is damaged; run pabal verify"};
}

// Reads and decodes; nullopt when the key is absent.
template <typename T>
Result<std::optional<T>> read(const store::Reader& r, const std::string& key, std::string_view what,
                              std::optional<T> (*decode)(std::string_view)) {
  const auto record = r.get(key);
  if (!record) return record.error();
  if (!*record) return std::optional<T>();
  auto decoded = decode(**record);
  if (!decoded) return damaged(what);
  return decoded;
}

inline Result<AccountState> need_state(const store::Reader& r, AccountId account) {
  const auto state = read<AccountState>(r, keys::state(account), "an account", decode_state);
  if (!state) return state.error();
  if (!*state) return Error{Code::kNotFound, "there is no such account"};
  return **state;
}

// The word lists that wait. It begins behind those that were folded: the store keeps traces of erased keys for a while,
// and to step over thousands of them costs more than the search.
// `lists`: 'w' of messages, 'W' of their attached files.
inline Result<store::Range> tail_of(const store::Reader& r, AccountId account, char lists = 'w') {
  const auto first = r.get(keys::first_waiting(account, lists));
  if (!first) return first.error();
  store::Range range = store::Range::prefix(keys::in_account(account, lists).take());
  if (*first) range.begin = keys::in_account(account, lists).u64(Decoder(**first).u64()).take();
  return range;
}

inline bool fits(const AccountState& state, uint64_t octets) {
  return state.quota_octets == 0 || (octets <= state.quota_octets && state.octets <= state.quota_octets - octets);
}

// The first octet of a stored body says how the octets behind it are to be read. prepare.cc
enum Form : uint8_t {
  kAsItIs = 0,
  kCompressed = 1,  // zstd
  kGoesOn = 2,      // a header longer than kMaxStoredHeader: what is behind it begins the rest
  kWhole = 4        // the length of the header, then header and rest as they are
};
struct Unpacked {
  uint8_t form = 0;
  size_t header = 0;  // octets of it among those appended
};
// Appends the octets to `out`; nothing: damaged.
std::optional<Unpacked> unpack(std::string_view stored, std::string& out);

// The rows of the block that a UID is in, ascending.
Result<std::vector<Row>> read_block(const store::Reader& r, AccountId account, MailboxId mailbox, Uid uid);
// Gives messages what their rows keep of them: flags, \Deleted of each place, the modseq of the last change of them.
// Neighbours share blocks, which it reads once: for messages that are read together, and no longer.
class Completion {
 public:
  Completion(const store::Reader& r, AccountId account) : r_(r), account_(account) {}
  Result<void> of(Message& message);

 private:
  const store::Reader& r_;
  const AccountId account_;
  std::map<MailboxId, std::pair<Uid, std::vector<Row>>> last_;  // a UID of each block, and its rows
};

// The message, removed or not; kNotFound.
Result<Message> need_message(const store::Reader& r, AccountId account, MessageId id);

// One account's changes within one transaction: takes the next modseq once, collects the changes, writes state and
// mailboxes at the end. So a message in three mailboxes that changes a flag is one modseq, one change record and one
// state write.
class Edit {
 public:
  static Result<Edit> begin(store::Transaction& t, AccountId account);
  AccountState state;
  const ModSeq modseq;

  Result<Mailbox*> mailbox(MailboxId id);  // kNotFound
  Mailbox& create(const Clock& clock, const std::string& name, Role role);
  void erase(MailboxId id);
  void note(Change::Kind kind, MailboxId mailbox, Uid uid = 0, MessageId message = 0, ThreadId thread = 0);
  // Both as that mailbox shows them.
  void note_flags(MailboxId mailbox, Uid uid, MessageId message, const Flags& before, const Flags& after);
  // With nothing noted, nothing is written.
  Result<void> finish();

 private:
  Edit(store::Transaction& t, AccountId account, AccountState s)
      : state(s), modseq(s.modseq + 1), t_(t), account_(account) {}
  store::Transaction& t_;
  AccountId account_;
  std::map<MailboxId, Mailbox> boxes_;  // read or made, written by finish()
  std::vector<HistoryChange> changes_;
};

// Places of messages in mailboxes: rows, UID chunks and counters together; the message itself is not written. edit.cc
// `place` without its UID, which enter() gives.
Result<Uid> enter(store::Transaction& t, AccountId account, Edit& edit, Message& message, Message::Place place);
Result<void> leave(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId mailbox);
// The row of one place, which is there, with the modseq of the edit, and its change record. `before`: its flags so far.
Result<void> write_row(store::Transaction& t, AccountId account, Edit& edit, const Message& message,
                       const Message::Place& place, const Flags& before);
// Writes the message with the modseq of the edit. A row keeps the modseq of the last change seen in its mailbox.
void write_message(store::Transaction& t, AccountId account, const Edit& edit, Message& message);
// leave(), then writes the message; one that is in no mailbox any more begins its undelete window at `now`. undelete.cc
Result<void> take_out(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId mailbox,
                      Time now);

// The files of a message are not read yet. attached.cc
void note_files(store::Transaction& t, AccountId account, MessageId message);

// The list of rights of a mailbox that is made below another, or removed. sharing.cc
Result<void> inherit_acl(store::Transaction& t, AccountId owner, MailboxId parent, MailboxId mailbox);
Result<void> drop_acl(store::Transaction& t, AccountId owner, MailboxId mailbox);

// The annotations of a mailbox, kept by the account itself. annotations.cc
Result<void> copy_annotations(store::Transaction& t, AccountId account, MailboxId from, MailboxId to);
Result<void> drop_annotations(store::Transaction& t, AccountId account, MailboxId mailbox);

// Threads. thread.cc
Result<ThreadId> join_thread(store::Transaction& t, AccountId account, const message::Summary& summary, MessageId id,
                             Time now);
// Forgets what led to the thread of a message that is purged, when it was the last of it.
Result<void> leave_thread(store::Transaction& t, AccountId account, const message::Summary& summary,
                          const Message& message);

}  // namespace pabal::mailbox
