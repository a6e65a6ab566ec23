// RocksDB as the store needs it, without threads of its own: opening, values that expire, reads, synced writes, and the
// way back after a write that failed. Internal to the engine; rocksdb_store.h is for everybody else.
#pragma once

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "store/pending.h"
#include "store/rocksdb_store.h"

namespace pabal::store {

// RocksDB, open; whoever holds it may use it. Closed by the last holder.
struct OpenDatabase {
  ~OpenDatabase();
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* meta = nullptr;  // the format, and no key of a user
  rocksdb::ColumnFamilyHandle* index = nullptr;
  rocksdb::ColumnFamilyHandle* body = nullptr;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const RocksOptions& options, const Clock& clock);

  // kIo: the disk failed, and the database could not be opened since.
  Result<std::shared_ptr<const OpenDatabase>> now() const;

  // With null for `snapshot`: the newest committed state, which is on stable storage.
  Result<std::optional<std::string>> get(const OpenDatabase& open, std::string_view key, Space space,
                                         const rocksdb::Snapshot* snapshot) const;
  Result<void> get_many(const OpenDatabase& open, const std::vector<std::string>& keys, const Reader::VisitFound& visit,
                        Space space, const rocksdb::Snapshot* snapshot) const;
  // `pending` wins where both have a key; null: none.
  Result<void> scan(const OpenDatabase& open, const Range& range, const Reader::Visit& visit,
                    const rocksdb::Snapshot* snapshot, const Pending* pending) const;

  // --- the committer's thread only
  // Returns when the batch is on stable storage. After a failure nothing can be written until ready() says so.
  Result<void> write(rocksdb::WriteBatch& batch);
  // Whether writes can be tried. After a failure it tries every few seconds (by the clock) to open the database anew,
  // as a new process would: then each transaction of the write that failed is there as a whole, or all are not.
  Result<void> ready();

  // What a value of the index space is stored behind: its expiry.
  static std::string head(std::optional<Time> expires);
  // The value without its head; nothing when it has expired at `now`.
  static std::optional<std::string_view> unexpired(std::string_view stored, Time now);
  const Clock& clock() const { return clock_; }

 private:
  Database(const RocksOptions& options, const Clock& clock);
  Result<std::shared_ptr<OpenDatabase>> open_files() const;
  bool disk_works() const;
  Result<void> reopen();

  const RocksOptions options_;
  const Clock& clock_;
  const std::unique_ptr<rocksdb::CompactionFilter> filter_;
  mutable std::mutex mutex_;  // of open_; held while it is opened anew, so that readers wait
  std::shared_ptr<OpenDatabase> open_;
  std::optional<Error> failed_;  // committer's thread only, as all below
  Time tried_{};                 // when a write or an attempt to reopen failed last
};

}  // namespace pabal::store
