// objects: what clients keep in step with besides mail: identities, submissions, address books, cards, notices of
// sharing. A collection has objects of one kind of one account, each a value that this room does not look into, a
// modification sequence of its own, and a log that answers "what has changed since" (RFC 8620 §5.2). It lies in the
// account's space, so that it goes when the account does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"
#include "store/store.h"

namespace pabal::objects {

using ObjectId = uint64_t;  // unique in its collection, never used again
using ModSeq = mailbox::ModSeq;

enum class Kind : uint8_t {
  kIdentity = 'i',
  kSubmission = 's',
  kAddressBook = 'b',
  kCard = 'c',
  kScript = 'v',
  kShareNotice = 'n',
};

struct Object {
  ObjectId id = 0;
  ModSeq created = 0, changed = 0;
  std::string value;
};

struct State {
  ModSeq modseq = 0;
  uint64_t objects = 0;
  uint64_t octets = 0;  // of their values
};

constexpr size_t kMaxValueOctets = 1 << 20;      // of one object
constexpr uint64_t kMaxOctets = 256ull << 20;    // of one collection
constexpr uint64_t kMaxObjects = 100'000;        // in one collection
constexpr uint64_t kMaxDestroyedKnown = 10'000;  // so many removals the log knows of

// Writing: each call is one step of the modification sequence. kNotFound: the account or object is gone. kLimit.
Result<ObjectId> add(store::Transaction& t, mailbox::AccountId account, Kind kind, std::string_view value);
Result<void> put(store::Transaction& t, mailbox::AccountId account, Kind kind, ObjectId id, std::string_view value);
Result<void> remove(store::Transaction& t, mailbox::AccountId account, Kind kind, ObjectId id);

Result<State> state(const store::Reader& r, mailbox::AccountId account, Kind kind);
Result<std::optional<Object>> get(const store::Reader& r, mailbox::AccountId account, Kind kind, ObjectId id);
// In the order of ids, which is that of their making, until `visit` gives false.
Result<void> each(const store::Reader& r, mailbox::AccountId account, Kind kind,
                  const std::function<bool(Object&&)>& visit);
Result<std::vector<Object>> all(const store::Reader& r, mailbox::AccountId account, Kind kind);

// What has changed since, oldest first, at most `limit` objects; each once. kNotFound: the log does not reach back so
// far, or `since` has not been yet.
struct Changes {
  std::vector<ObjectId> created, updated, destroyed;
  ModSeq to = 0;      // the state these lead to
  bool more = false;  // and there are more behind it
};
Result<Changes> changes(const store::Reader& r, mailbox::AccountId account, Kind kind, ModSeq since, size_t limit);

// The key that every change of the collection writes: to watch.
std::string watch_key(mailbox::AccountId account, Kind kind);

}  // namespace pabal::objects
