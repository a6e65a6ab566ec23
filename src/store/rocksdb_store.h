// The embedded engine: RocksDB, keys in one column family, bodies in blob files of another. One committer thread joins
// waiting transactions into a group, writes it with one synced WAL append, then acknowledges.
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
  size_t block_cache = 16 << 20;    // octets, for the index space
  size_t index_buffer = 16 << 20;   // octets held in memory before a flush; small, so that opening after kill -9 is quick
  size_t body_buffer = 16 << 20;
  size_t max_waiting = 10'000;      // transactions that may wait for the committer; more are refused with kLimit
  rocksdb::Env* env = nullptr;      // fault injection; null: the real one. Must outlive the store
};

// Opens or creates. kUnavailable: another process has it open. kCorrupt, kIo. kUnsupported: written by a newer version.
// `clock` decides what has expired and must outlive the store.
Result<std::unique_ptr<Store>> open_rocksdb(const RocksOptions& options, const Clock& clock);

}  // namespace pabal::store
