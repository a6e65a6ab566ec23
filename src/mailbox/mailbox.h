// mailbox: the mail model over the store. A message is stored once per account and carries a set of mailboxes (labels);
// an IMAP mailbox is a label with UIDs. Bodies are stored once however many accounts hold them.
//
// Every change of an account takes one number of its modification sequence and leaves one change record: IMAP MODSEQ,
// JMAP state and Gmail historyId are that number. It never touches the network and knows no protocol.
//
// Writing functions take the store::Transaction they become part of: a delivery, its trace and its queue entry are one
// commit. They are deterministic and short, may run again when an engine retries, and do no parsing: what is expensive
// is done before by prepare(). Reading functions take any store::Reader; use one Snapshot for answers that must agree.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "message/message.h"
#include "store/store.h"

namespace pabal::mailbox {

using AccountId = uint32_t;
using MailboxId = uint32_t;  // unique in its account, never used again
using MessageId = uint64_t;  // unique in its account, grows with arrival; the JMAP Email id
using ThreadId = uint64_t;   // the MessageId of the thread's first message
using Uid = uint32_t;
using ModSeq = uint64_t;
using BodyId = uint64_t;  // of the whole store

// RFC 6154 special uses and the two mailboxes that have none.
enum class Role : uint8_t { kNone, kInbox, kDrafts, kSent, kJunk, kTrash, kArchive, kImportant };

// System flags as bits; keywords ("$Forwarded", "$MDNSent", user's own) as words.
enum Flag : uint8_t { kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16 };

struct Flags {
  uint8_t system = 0;
  std::vector<std::string> keywords;  // sorted, unique regardless of case, first spelling kept
  bool has(Flag f) const { return system & f; }
  friend bool operator==(const Flags&, const Flags&) = default;
};

struct Mailbox {
  MailboxId id = 0;
  std::string name;  // UTF-8, '/' separates levels; "INBOX" is the inbox
  Role role = Role::kNone;
  uint32_t uid_validity = 0;
  Uid uid_next = 1;
  uint32_t messages = 0;
  uint32_t unseen = 0;
  uint32_t deleted = 0;  // messages flagged \Deleted here
  uint64_t octets = 0;
  ModSeq highest_modseq = 0;  // of the messages in it, removals included
};

// What changes in a message's life.
struct Message {
  MessageId id = 0;
  ThreadId thread = 0;
  BodyId body = 0;
  uint64_t size = 0;  // RFC822.SIZE: prefix + body
  Time received;      // INTERNALDATE
  Time saved;         // when it came into the account
  ModSeq modseq = 0;
  ModSeq created_modseq = 0;
  Flags flags;  // without \Deleted
  struct Place {
    MailboxId mailbox = 0;
    Uid uid = 0;
    // \Deleted says that EXPUNGE takes the message out of this mailbox, so it is the place's: other mailboxes that show
    // the message do not show the flag, and keep it.
    bool deleted = false;
    Time saved{};  // when it came into this mailbox: RFC 8514
  };
  std::vector<Place> places;
  Time removed_until;  // of a message in no mailbox: when its undelete window ends
};

// What never changes. The whole message is prefix + the stored body.
struct Details {
  std::string prefix;          // Return-Path, Delivered-To and the like: this account's own, before the shared body
  message::Message structure;  // of the body; its offsets exclude the prefix
  std::string preview;         // up to 200 characters of text
  std::string results;         // what our own checks found of its sender, in the words of Authentication-Results (RFC
                               // 8601) after the authserv-id; empty: it was not checked. No field of a message counts
};

struct Row {  // one message in one mailbox, cheap to scan
  Uid uid = 0;
  MessageId message = 0;
  ModSeq modseq = 0;
  Flags flags;             // as this mailbox shows them: with its \Deleted
  bool elsewhere = false;  // the message may be in other mailboxes too
};

// The UIDs of a mailbox as sorted, disjoint, inclusive ranges; sequence number n is the n-th UID.
class UidMap {
 public:
  struct Range {
    Uid first, last;
  };
  uint32_t count() const;
  Uid at(uint32_t sequence) const;   // 1-based; 0 when out of range
  uint32_t sequence(Uid uid) const;  // 0 when absent
  void add(Uid uid);
  void append(Range range);  // behind all that are there
  bool remove(Uid uid);
  const std::vector<Range>& ranges() const { return ranges_; }
  friend bool operator==(const UidMap&, const UidMap&);

 private:
  void count_again();

  std::vector<Range> ranges_;
  std::vector<uint32_t> before_;  // messages before each range, for binary search
};

struct Change {
  enum class Kind : uint8_t {
    kAdded,
    kFlags,
    kRemoved,
    kMailboxCreated,
    kMailboxRenamed,
    kMailboxRemoved,
    kSubscription,
    kRights,      // sharing.h
    kAnnotations  // annotations.h; `mailbox` is 0 when it is another account's, or the server
  };
  ModSeq modseq = 0;
  Kind kind = Kind::kAdded;
  MailboxId mailbox = 0;  // kFlags: one record for each mailbox that shows it; kSubscription: 0 of a name without one
  Uid uid = 0;
  MessageId message = 0;
};

// A message made ready outside the transaction: parsed once, words cut, body compressed where that helps.
struct Prepared {
  std::shared_ptr<const std::string> bytes;  // the message without any per-account prefix
  message::Message structure;
  std::string encoded;  // the structure as a record
  std::string preview;
  std::string words;                // the word list the search takes in
  std::string stored, stored_rest;  // what goes to the body space; no rest: the first is the whole body
};
// Bodies with NULs become base64, since many ways to read mail cannot carry them. structure.has_nul: a NUL stands where
// that cannot be done; such a message is to be refused.
std::shared_ptr<const Prepared> prepare(std::string bytes);

struct Filing {                      // how one copy comes into one account
  std::string prefix;                // header lines with CRLF, or empty
  std::vector<MailboxId> mailboxes;  // empty: the inbox
  Flags flags;
  std::string results{};         // Details::results
  std::optional<Time> received;  // default: now
  bool check_quota = true;
};

struct Filed {
  MessageId message = 0;
  ThreadId thread = 0;
  std::vector<Message::Place> places;
  ModSeq modseq = 0;
};

struct AccountFigures {
  uint64_t octets = 0;
  uint64_t messages = 0;
  uint64_t quota_octets = 0;  // 0: none
  ModSeq modseq = 0;
};

class Mailboxes {
 public:
  // `clock` and `store` must outlive it. Thread-safe.
  Mailboxes(store::Store& store, const Clock& clock);
  ~Mailboxes();

  // Accounts. create_account makes INBOX, Drafts, Sent, Junk, Trash and Archive. kExists, also while an account of that
  // number is being swept.
  Result<void> create_account(store::Transaction& t, AccountId account, uint64_t quota_octets);
  // The account is gone for every function that writes, and its bodies are freed: a small one's at once, a large one's
  // by sweep_removed(), which frees up to `limit` messages of removed accounts and gives how many; 0: nothing is left.
  Result<void> remove_account(store::Transaction& t, AccountId account);
  Result<size_t> sweep_removed(store::Transaction& t, size_t limit);
  Result<void> set_quota(store::Transaction& t, AccountId account, uint64_t quota_octets);
  Result<AccountFigures> figures(const store::Reader& r, AccountId account) const;

  // Mailboxes. Names: 1 to 255 octets of UTF-8, no control characters, * or %, no empty level, at most 16 levels; INBOX
  // in any case is "INBOX". Creating or renaming to a/b/c makes the missing parents. kExists, kNotFound, kInvalid,
  // kLimit (count, a child's name too long), kDenied (removing INBOX). A removed mailbox leaves those below it.
  // `subscribed`: also subscribe to it, not to the parents.
  Result<MailboxId> create(store::Transaction& t, AccountId account, std::string_view name, Role role = Role::kNone,
                           bool subscribed = true);
  // Those below it go with it. Renaming INBOX moves its messages into a new mailbox (RFC 9051 §6.3.6).
  Result<void> rename(store::Transaction& t, AccountId account, MailboxId mailbox, std::string_view name);
  Result<void> remove(store::Transaction& t, AccountId account, MailboxId mailbox);  // its messages leave it
  // kExists: another mailbox has that role; kDenied: to take or give that of the inbox.
  Result<void> set_role(store::Transaction& t, AccountId account, MailboxId mailbox, Role role);
  Result<std::vector<Mailbox>> list(const store::Reader& r, AccountId account) const;  // in name order
  Result<std::optional<Mailbox>> find(const store::Reader& r, AccountId account, std::string_view name) const;
  Result<std::optional<Mailbox>> get(const store::Reader& r, AccountId account, MailboxId mailbox) const;
  Result<std::optional<Mailbox>> by_role(const store::Reader& r, AccountId account, Role role) const;
  // Subscriptions are names, whether or not there is such a mailbox, here or in another account; only unsubscribing or
  // rename() takes one away (RFC 9051 §6.3.7). A renamed mailbox takes its subscription along. No change: no modseq.
  // kInvalid: no name for a mailbox. kLimit: too many.
  Result<void> subscribe(store::Transaction& t, AccountId account, std::string_view name, bool on);
  Result<std::set<std::string>> subscriptions(const store::Reader& r, AccountId account) const;

  // Messages. `body` is put once: pass the same BodyId to file() for each account (and to the queue, which holds a
  // reference too). A body lives while somebody refers to it.
  BodyId new_body_id();
  Result<void> put_body(store::Transaction& t, BodyId body, const Prepared& prepared);  // with no reference yet
  Result<void> hold_body(store::Transaction& t, BodyId body);                           // one reference more
  Result<void> release_body(store::Transaction& t, BodyId body);                        // one less; the last frees it
  // Files a message: UIDs, thread, change record, word list, counters. Takes a reference to `body`. kLimit: over quota,
  // or too many or too long keywords. kNotFound: the account or a mailbox.
  Result<Filed> file(store::Transaction& t, AccountId account, const Prepared& prepared, BodyId body,
                     const Filing& filing);
  // Sets flags of messages of one mailbox to what `edit` makes of them. \Deleted is meant of this mailbox; the others
  // are the message's, in every mailbox it is in. All changes take one modseq; without a change, none. Gives those of
  // `uids` (ascending) that are there. kLimit: too many or too long keywords, and nothing is to be committed.
  struct Edited {
    Row row;  // as it is now
    bool changed = false;
  };
  Result<std::vector<Edited>> edit_flags(store::Transaction& t, AccountId account, MailboxId mailbox,
                                         const std::vector<Uid>& uids, const std::function<void(Flags&)>& edit);
  // A message in no mailbox (removed, in its undelete window) is kNotFound for all these; undelete() takes it.
  // Adds the message to a mailbox (a new UID), or gives the place it has there already.
  Result<Message::Place> add_place(store::Transaction& t, AccountId account, MessageId message, MailboxId mailbox);
  // IMAP COPY. Like Gmail's, a copy is one more label and shares the flags, but for \Deleted: it arrives without, as
  // somebody just asked to have it there (RFC 9051 §6.4.7 only recommends to preserve flags). A copy into a mailbox the
  // message is in already is a second message with the same body. kLimit: over quota.
  Result<Message::Place> copy(store::Transaction& t, AccountId account, MessageId message, MailboxId to);
  // Takes it out of a mailbox; a message in no mailbox is kept for the undelete window, then gone.
  Result<void> remove_place(store::Transaction& t, AccountId account, MessageId message, MailboxId mailbox);
  // Undelete: messages removed within the window, newest first, and bringing one back, without \Deleted. They do not
  // count against the quota; kLimit when one would not fit again. kNotFound.
  struct Deleted {
    Message message;
    Time until;
  };
  Result<std::vector<Deleted>> deleted(const store::Reader& r, AccountId account, size_t limit) const;
  Result<Message::Place> undelete(store::Transaction& t, AccountId account, MessageId message, MailboxId to);
  // Frees up to `limit` messages whose window has passed, and as many change records beyond kMaxChanges. Gives how many
  // of the more numerous: `limit` means call again.
  Result<size_t> purge_expired(store::Transaction& t, AccountId account, size_t limit);

  Result<std::optional<Message>> message(const store::Reader& r, AccountId account, MessageId message) const;
  Result<std::optional<Details>> details(const store::Reader& r, AccountId account, MessageId message) const;
  // Visits those of `ids` (ascending) that there are, in this order. Those that lie close are read in one pass, several
  // times as fast as one by one.
  Result<void> each_message(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                            const std::function<void(Message&&)>& visit) const;
  Result<void> each_message(const store::Reader& r, AccountId account,  // of the account, removed ones too
                            const std::function<void(Message&&)>& visit) const;
  Result<void> each_details(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                            const std::function<void(MessageId, Details&&)>& visit) const;
  Result<void> each_summary(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                            const std::function<void(MessageId, message::Summary&&)>& visit) const;
  Result<void> each_row(const store::Reader& r, AccountId account, MailboxId mailbox, const std::vector<Uid>& uids,
                        const std::function<void(Row&&)>& visit) const;
  // What is read of many messages at once: their headers, and small messages as a whole. Nothing is given of the few
  // whose header is longer than kMaxStoredHeader: content() has it. `messages` by their ids; visited in any order.
  struct Beginning {
    std::string octets;             // prefix + the header with its blank line; where `whole`, the rest as well
    size_t prefix = 0, header = 0;  // octets of the prefix, and of prefix + header
    bool whole = false;             // never of a body above kMaxWhole
  };
  Result<void> each_beginning(const store::Reader& r, AccountId account, const std::vector<const Message*>& messages,
                              const std::function<void(MessageId, std::optional<Beginning>&&)>& visit) const;
  // The whole message: prefix + body. Large: copy it to the wire, then let go.
  Result<std::string> content(const store::Reader& r, AccountId account, MessageId message) const;
  Result<std::string> body(const store::Reader& r, BodyId body) const;

  // One mailbox's messages. rows() visits UIDs first..last in order until `visit` gives false.
  Result<UidMap> uids(const store::Reader& r, AccountId account, MailboxId mailbox) const;
  Result<std::optional<Row>> row(const store::Reader& r, AccountId account, MailboxId mailbox, Uid uid) const;
  Result<void> rows(const store::Reader& r, AccountId account, MailboxId mailbox, Uid first, Uid last,
                    const std::function<bool(const Row&)>& visit) const;
  // Those in some mailbox, oldest first.
  Result<std::vector<MessageId>> thread(const store::Reader& r, AccountId account, ThreadId thread) const;

  // The change feed: records after `since`, oldest first; all of a modseq or none, so it may give more than `limit`.
  // The log is bounded: kNotFound when it no longer reaches back to `since`, and the caller has to look at everything
  // anew.
  Result<std::vector<Change>> changes(const store::Reader& r, AccountId account, ModSeq since, size_t limit) const;
  // `changed` runs on the committer's thread after commits that change the account; see store::Store::watch.
  std::unique_ptr<store::Store::Watch> watch(AccountId account, std::function<void()> changed);

  // Search (search.h): all words of every term must be in the message, those of a phrase one after the other; the last
  // word of a term matches as a prefix when `prefix` is on. Finds what was delivered a moment ago as well, never what
  // was removed. Oldest first. Give it a Snapshot: under a newer moment segments are merged away. No words at all:
  // nothing.
  struct Term {
    enum class Field : uint8_t { kAny, kSubject, kFrom, kTo, kCc, kHeader, kBody, kMark };  // kMark: '!' of search.h
    std::string text;
    Field field = Field::kAny;
    bool phrase = false;
    bool prefix = true;
  };
  Result<std::vector<MessageId>> search(const store::Reader& r, AccountId account,
                                        const std::vector<Term>& terms) const;
  // The messages that may have `text` as a substring of a field, regardless of case (RFC 9051 §6.4.4); no other has it.
  // Some may have been removed.
  struct Substring {
    std::vector<MessageId> found;   // by their words; oldest first
    std::vector<MessageId> unsure;  // too long to be indexed as a whole, and not found
    bool decided = false;           // those found have it: words alone decide. Otherwise look at each
  };
  // Nothing: the words cannot help, for `text` has none.
  Result<std::optional<Substring>> search_substring(const store::Reader& r, AccountId account, std::string_view text,
                                                    Term::Field field) const;
  // Folds waiting word lists of one account into a segment and merges segments. Gives the word lists folded. One call
  // at a time works; blocks for its disk, so never on a loop. kNotFound: the account was removed meanwhile.
  Result<size_t> fold(AccountId account, size_t at_most = 500);
  Result<std::vector<AccountId>> accounts_to_fold(size_t tail_at_least) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

constexpr size_t kMaxKeywords = 64;            // in one message
constexpr size_t kMaxKeywordOctets = 128;      // of one keyword
constexpr size_t kMaxStoredHeader = 64 << 10;  // octets
constexpr size_t kMaxWhole = 6 << 10;          // octets of a body that is stored in one piece, as it is
constexpr size_t kMaxMailboxes = 5'000;        // in one account
constexpr size_t kMaxSubscriptions = 10'000;   // of one account
constexpr uint64_t kMaxChanges = 100'000;  // modseqs the change feed reaches back: a few MB, weeks of a busy account
constexpr days kUndeleteWindow{14};

}  // namespace pabal::mailbox
