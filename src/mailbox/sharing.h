// Sharing: what others than its owner may do with a mailbox (RFC 4314). Here are the records and how rights combine;
// who a name or a group stands for is known to identity, and which command needs which right to the protocols.
//
// The owner has every right, always, and is in no list. What somebody else may do is the union of what the list grants
// to them, to groups they are in and to anyone, less what it takes away from the same ("negative rights"). Messages,
// UIDs and all flags, \Seen as well, are common to those who share a mailbox; its messages count against the owner's
// quota. A mailbox made below another begins with a copy of its list.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

// RFC 4314 §2.1, in its order.
enum Right : uint16_t {
  kLookup = 1,               // l: LIST shows it
  kRead = 1 << 1,            // r: SELECT, STATUS
  kKeepSeen = 1 << 2,        // s: \Seen
  kWriteFlags = 1 << 3,      // w: other flags but \Deleted
  kInsert = 1 << 4,          // i: APPEND, COPY into it
  kPost = 1 << 5,            // p: send to its address; nothing here asks for it
  kCreateBelow = 1 << 6,     // k: CREATE below it
  kRemoveMailbox = 1 << 7,   // x: DELETE, RENAME it
  kDeleteMessages = 1 << 8,  // t: \Deleted
  kExpunge = 1 << 9,         // e
  kAdminister = 1 << 10,     // a: change and see the list
};
using Rights = uint16_t;
constexpr Rights kAllRights = (1 << 11) - 1;
constexpr Rights kFlagRights = kKeepSeen | kWriteFlags | kDeleteMessages;

std::string rights_text(Rights rights);  // "lrs"
// RFC 4314 §2.1.1: "c" stands for k and x, "d" for t and e. Nothing: a letter is no right.
std::optional<Rights> parse_rights(std::string_view letters);

// Those of `given` that somebody with `rights` may set or clear (RFC 4314 §4).
Flags allowed_flags(const Flags& given, Rights rights);

struct Grantee {
  enum class Kind : uint8_t { kAnyone, kAccount, kGroup } kind = Kind::kAnyone;
  AccountId account = 0;  // kAccount
  std::string group;      // kGroup: the address of an alias
  friend bool operator==(const Grantee&, const Grantee&) = default;
};

struct Grant {
  Grantee who;
  bool negative = false;
  Rights rights = 0;
  friend bool operator==(const Grant&, const Grant&) = default;
};
using Acl = std::vector<Grant>;
constexpr size_t kMaxGrants = 100;  // in one list: each command of those who share a mailbox reads it

// The level of names under which an account sees the mailboxes of others (RFC 2342 §5). None of its own is called so.
constexpr std::string_view kOtherUsers = "Other Users";

Result<Acl> acl(const store::Reader& r, AccountId owner, MailboxId mailbox);  // empty when there is no such mailbox
// Sets ('='), adds ('+') or takes away ('-') rights in the entry of `who`; an entry without rights is dropped. Leaves a
// change record. kNotFound, kLimit.
Result<void> change_acl(store::Transaction& t, AccountId owner, MailboxId mailbox, const Grantee& who, bool negative,
                        char sign, Rights rights);
// What `who` may do by that list; `member` says whether they are in a group.
Result<Rights> rights_in(const Acl& acl, AccountId who, const std::function<Result<bool>(const std::string&)>& member);

// Which mailboxes have `who` in their lists, in order, by an index: no account is walked.
struct SharedMailbox {
  AccountId owner = 0;
  MailboxId mailbox = 0;
  friend auto operator<=>(const SharedMailbox&, const SharedMailbox&) = default;
};
Result<std::vector<SharedMailbox>> shared_with(const store::Reader& r, const Grantee& who, size_t limit = SIZE_MAX);
// Groups that stand in some list.
Result<std::vector<std::string>> groups_in_lists(const store::Reader& r);

// Keys to watch: one is written when lists of rights name the account otherwise than before; that of account 0 when
// they do so with groups or anyone.
std::string rights_key(AccountId account);

// Takes `who` out of up to `limit` lists and gives their number: for accounts and groups that are removed.
Result<size_t> forget_grantee(store::Transaction& t, const Grantee& who, size_t limit);

}  // namespace pabal::mailbox
