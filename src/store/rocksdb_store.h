// The embedded engine: RocksDB, keys in one column family, bodies in blob files of another. One committer thread joins
// waiting transactions into a group, writes it with one synced WAL append, then acknowledges.
//
// When the disk fails, transactions get kIo and reads go on. Every five seconds a waiting transaction makes the store
// try again; it then opens its files anew, for which no Snapshot may be held (kUnavailable while one is).
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace rocksdb {
class Env;
}

namespace pabal::store {

struct RocksOptions {
  std::string path;
  size_t block_cache = 16 << 20;  // octets, shared by both spaces
  // Octets held in memory before a flush. Small, so that opening after kill -9 is quick and the server stays small;
  // much smaller ones cost CPU in flushing and merging.
  size_t index_buffer = 8 << 20;
  size_t body_buffer = 12 << 20;
  size_t max_waiting = 10'000;  // transactions that may wait for the committer; more are refused with kLimit
  rocksdb::Env* env = nullptr;  // fault injection; null: the real one. Must outlive the store
};

// Opens or creates. kUnavailable: another process has it open. kCorrupt, kIo. kUnsupported: written by a newer version.
// `clock` decides what has expired and must outlive the store.
Result<std::unique_ptr<Store>> open_rocksdb(const RocksOptions& options, const Clock& clock);

}  // namespace pabal::store
