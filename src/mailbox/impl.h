// What the sources of Mailboxes share. Not for other rooms.
#pragma once

#include "base/id.h"
#include "base/random.h"
#include "mailbox/keys.h"
#include "mailbox/mailbox.h"
#include "mailbox/records.h"

namespace pabal::mailbox {

struct Mailboxes::Impl {
  Impl(store::Store& s, const Clock& c) : store(s), clock(c), bodies(c, random) {}
  store::Store& store;
  const Clock& clock;
  SystemRandom random;
  IdSource bodies;
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

// One account's changes within one transaction: takes the next modseq once, collects the changes, writes state and mailboxes at
// the end. So a message in three mailboxes that changes a flag is one modseq, one change record and one state write.
class Edit {
 public:
  static Result<Edit> begin(store::Transaction& t, AccountId account);
  AccountState state;
  const ModSeq modseq;

  Result<Mailbox*> mailbox(MailboxId id);  // kNotFound
  void note(Change::Kind kind, MailboxId mailbox, Uid uid = 0, MessageId message = 0);
  void forget(MailboxId id) { boxes_.erase(id); }  // it was removed: do not write it back
  Result<void> finish();

 private:
  Edit(store::Transaction& t, AccountId account, AccountState s) : state(s), modseq(s.modseq + 1), t_(t), account_(account) {}
  store::Transaction& t_;
  AccountId account_;
  std::map<MailboxId, Mailbox> boxes_;
  std::vector<Change> changes_;
};

// Places of messages in mailboxes: rows, UID chunks and counters together. places.cc
Result<Uid> enter(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId mailbox);
Result<void> leave(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId mailbox);

}  // namespace pabal::mailbox
