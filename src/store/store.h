// store: ordered keys, transactions, snapshots, watches, expiry. One contract (contract_test.cc) for every engine.
// It knows nothing of mail.
//
// A transaction is a function that the engine's committer runs against the newest state: it reads, decides, and writes.
// Transactions are serial: each sees all the writes of those before it, also of those in the same group. The committer
// joins the waiting ones into a group and syncs once for all; `done` runs after the group is on stable storage, so what
// it acknowledges survives a power cut. A transaction that returns an error, or throws, writes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace pabal::store {

constexpr size_t kMaxKey = 1024;                 // octets; every engine can index this much
constexpr size_t kMaxValue = 128 * 1024 * 1024;  // octets; above the largest message accepted

// Keys go to the index, large values (message bodies) to blob files beside it. A space is chosen by the writer of the
// key and must be named again to read it; the two spaces have separate keys.
enum class Space : uint8_t { kIndex = 0, kBody = 1 };

struct Entry {
  std::string key;
  std::string value;
};

struct Range {
  std::string begin{};      // first key, included
  std::string end{};        // first key not included; empty: to the end of the space
  size_t limit = SIZE_MAX;  // most entries visited
  bool reverse = false;     // from the last key down
  static Range prefix(std::string_view p);
};

// What can be read. Implemented by Store (newest committed state), Snapshot (one moment) and Transaction.
class Reader {
 public:
  virtual ~Reader() = default;
  // Absent and expired keys are both nullopt. Errors: kIo, kCorrupt.
  virtual Result<std::optional<std::string>> get(std::string_view key, Space space = Space::kIndex) const = 0;
  // Visits entries of the index space in key order until `visit` returns false. The views die with the call of `visit`,
  // which must not write to the transaction that scans: collect, then write.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  virtual Result<void> scan(const Range& range, const Visit& visit) const = 0;
  // Looks up `keys`, which ascend, a few dozen together: several times as fast as one by one. Visits those that are
  // there, in this order, each with its place among `keys`, until `visit` returns false; the views die with the call.
  using VisitFound = std::function<bool(size_t at, std::string_view value)>;
  virtual Result<void> get_many(const std::vector<std::string>& keys, const VisitFound& visit,
                                Space space = Space::kIndex) const;

  Result<std::vector<Entry>> list(const Range& range) const;
};

// One consistent moment. Hold it briefly: it keeps old versions alive. It dies before its store.
class Snapshot : public Reader {};

class Transaction : public Reader {
 public:
  // A key that is empty or above kMaxKey, or a value above kMaxValue, makes the transaction fail with kLimit.
  virtual void put(std::string_view key, std::string_view value, Space space = Space::kIndex) = 0;
  // The key vanishes at `expires` by the store's clock: reads stop seeing it then, its bytes are freed later.
  virtual void put_until(std::string_view key, std::string_view value, Time expires) = 0;
  virtual void erase(std::string_view key, Space space = Space::kIndex) = 0;
};

using Work = std::function<Result<void>(Transaction&)>;
using Done = std::function<void(Result<void>)>;

// A transaction as plain data: conditions, then writes. kConflict when a condition does not hold.
struct Batch {
  struct Condition {
    std::string key;
    std::optional<std::string> value;
  };  // nullopt: the key must be absent
  struct Write {
    std::string key;
    std::optional<std::string> value;
    Space space = Space::kIndex;
  };  // nullopt: erase
  std::vector<Condition> conditions;
  std::vector<Write> writes;
};

class Store : public Reader {
 public:
  virtual std::unique_ptr<Snapshot> snapshot() const = 0;

  // Queues `work`; returns at once. `work` runs on the committer's thread, and again if an engine must retry it: it may
  // only touch what it owns and must be short. `done` runs on the committer's thread, exactly once, also at close, and
  // does not throw. Its error is that of `work`, or
  //   kIo        the disk failed. Nobody sees what was written, until the store can write again, by itself or after a
  //              restart: then the transaction is there as a whole or not at all.
  //   kLimit     at once, on the calling thread: the queue of waiting transactions is full
  //   kClosed    at once, on the calling thread: the store is being closed
  //   kInternal  `work` has thrown
  virtual void transact(Work work, Done done) = 0;

  void commit(Batch batch, Done done);
  // For start-up, commands and tests: waits. Never on an event loop.
  Result<void> transact_and_wait(Work work);

  // `changed` runs on the committer's thread after each group that wrote or erased exactly `key` (index space): at
  // least once after the last such group, joined when groups come fast. Drop the Watch to end it; after the drop
  // returns `changed` neither runs nor will run. `changed` neither makes nor drops a watch, and takes no lock that is
  // held while one is dropped: it posts to a loop.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  virtual std::unique_ptr<Watch> watch(std::string key, std::function<void()> changed) = 0;

  struct Figures {
    uint64_t transactions = 0;  // committed since opening
    uint64_t groups = 0;        // groups written, each with one sync, since opening
    uint64_t disk_bytes = 0;
  };
  virtual Figures figures() const = 0;
};

}  // namespace pabal::store
