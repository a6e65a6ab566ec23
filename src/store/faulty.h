// A disk for tests: it fails when told to, and forgets what was not synced when its power is cut. Files are in memory,
// so a test of a whole store takes milliseconds, leaves nothing behind and replays from its seed.
//
//   FaultyDisk disk;
//   RocksOptions options{.path = "/store", .env = disk.env()};
//   for (uint64_t n = 0;; ++n) {              // the power goes at each operation of a workload in turn
//     ... open the store, disk.cut_power_after(n), work, close the store ...
//     const bool cut = !disk.powered();
//     disk.restore_power(FaultyDisk::Survives::kSynced);
//     ... open it again: whatever was acknowledged is there, and nothing is there by half ...
//     if (!cut) break;
//   }
//
// What it models (POSIX at its strictest, of files that are only appended to): bytes of a file last after a sync of the
// file, its name after a sync of its folder; a failed or cut write may have written a part; after a failed sync nobody
// knows. It knows nothing of what the store means. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>

namespace rocksdb {
class Env;
}

namespace pabal::store {

class FaultyDisk {
 public:
  explicit FaultyDisk(uint64_t seed = 1);
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  // For RocksOptions::env. The disk outlives the store.
  rocksdb::Env* env();

  // Operations that change something, so far: creating, writing, syncing, renaming, deleting. Failed ones count too.
  uint64_t operations() const;

  // --- operations that fail
  enum class Fault {
    kIo,    // the operation fails, whatever it is
    kFull,  // only what needs space fails: creating and writing; half of a write may fit
  };
  enum class Lasting { kOnce, kUntilMended };
  // `n` operations succeed, then the fault begins.
  void fail_after(uint64_t n, Fault fault, Lasting lasting);
  void mend();
  bool has_failed() const;  // an operation has been failed since fail_after()

  // --- power
  void cut_power() { cut_power_after(0); }
  void cut_power_after(uint64_t n);  // `n` operations succeed, the next finds no power: nothing works from there on
  bool powered() const;
  enum class Survives {
    kSynced,   // only what was synced
    kSome,     // besides, a part of the rest: more names in the order they came, longer files
    kWritten,  // all: the process died (kill -9), not the machine
  };
  // Close the store first. Faults are forgotten as well.
  void restore_power(Survives survives);

 private:
  class Files;
  std::shared_ptr<Files> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace pabal::store
