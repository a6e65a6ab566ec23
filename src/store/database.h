// RocksDB as the store needs it, without threads of its own: opening, values that expire, reads, synced writes, and the
// way back after a write that failed. Internal to the engine; rocksdb_store.h is for everybody else.
#pragma once

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/pending.h"
#include "store/rocksdb_store.h"

namespace pabal::store {

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const RocksOptions& options, const Clock& clock);
  ~Database();

  // With null for `snapshot`: the newest committed state, which is on stable storage.
  Result<std::optional<std::string>> get(std::string_view key, Space space, const rocksdb::Snapshot* snapshot) const;
  // `pending` wins where both have a key; null: none.
  Result<void> scan(const Range& range, const Reader::Visit& visit, const rocksdb::Snapshot* snapshot, const Pending* pending) const;

  // Returns when the batch is on stable storage. After a failure all writes fail, and every few seconds (by the clock)
  // one tries to bring the database back. Committer's thread only.
  Result<void> write(rocksdb::WriteBatch& batch);

  // What a value of the index space is stored behind: its expiry.
  static std::string head(std::optional<Time> expires);
  // The value without its head; nothing when it has expired at `now`.
  static std::optional<std::string_view> unexpired(std::string_view stored, Time now);

  rocksdb::DB& engine() const { return *db_; }
  rocksdb::ColumnFamilyHandle* index() const { return index_; }
  rocksdb::ColumnFamilyHandle* body() const { return body_; }
  const Clock& clock() const { return clock_; }

 private:
  explicit Database(const Clock& clock) : clock_(clock) {}
  Result<void> check_format(const std::string& path);
  bool mend();

  const Clock& clock_;
  std::unique_ptr<rocksdb::CompactionFilter> filter_;  // dies after db_
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;  // the format, and no key of a user
  rocksdb::ColumnFamilyHandle* index_ = nullptr;
  rocksdb::ColumnFamilyHandle* body_ = nullptr;
  std::optional<Error> failed_;
  Time tried_{};  // when the last attempt to write or to mend failed
};

}  // namespace pabal::store
