#include "store/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "base/log.h"

namespace pabal::store {
namespace {

constexpr double kForIndexes = 0.5;  // of the block cache, kept from data blocks

constexpr size_t kMinBlob = 8 << 10;  // octets of a value of the body space that gets into a blob file
constexpr size_t kIndexBlock = 4 << 10;
constexpr size_t kBodyBlock = 16 << 10;  // octets of a block of the body space: some small messages

constexpr seconds kReopenEvery{5};
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "4";
constexpr std::string_view kFormatBefore = "3";  // the same without lists of search segments, which folds make

rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

Error to_error(const rocksdb::Status& status) {
  if (status.IsCorruption()) return {Code::kCorrupt, "the store is damaged: " + status.ToString()};
  return {Code::kIo, "the store cannot be read or written: " + status.ToString() + "; is the disk full or failing?"};
}

// RocksDB counts each comparison of keys otherwise, in each thread.
void count_nothing() {
  thread_local const bool off = (rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable), true);
  (void)off;
}

// RocksDB 7.8 tries to mend itself when space is free again. A flush that waits while a write fails makes that hang,
// and the store has its own way back.
class NoSelfRepair final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override {
    *automatic = false;
  }
};

// Compaction drops what has expired. Snapshots need not be asked: no reader sees it any more.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "pabal.expiry"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& stored, std::string*, bool*) const override {
    return !Database::unexpired(view(stored), clock_.now());
  }

 private:
  const Clock& clock_;
};

rocksdb::ColumnFamilyOptions family_options(size_t buffer, size_t prefix, size_t block,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  // Indexes and filters live in the cache, so that memory stays within it, and in small pieces that stay when data
  // blocks go: a whole filter is a megabyte, and one that was pushed out made each get of a large store read it again.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_top_level_index_and_filter = true;
  table.optimize_filters_for_memory = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;  // Debian's RocksDB computes CRC32C without the processor's help
  table.block_size = block;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = buffer;
  family.arena_block_size = std::clamp<size_t>(buffer / 8, 4 << 10, 256 << 10);
  family.compression = rocksdb::kNoCompression;
  // Keys of one account and kind mostly grow: the memtable finds the place of the next beside the last (a tenth less
  // CPU a delivery in store_bench).
  family.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(prefix));
  return family;
}

rocksdb::ColumnFamilyOptions index_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache,
                                           const rocksdb::CompactionFilter* filter) {
  rocksdb::ColumnFamilyOptions family = family_options(options.index_buffer, 6, kIndexBlock, cache);
  // Never full of its own: the write buffer manager flushes it. RocksDB 7.8 leaks a family when two are full at once
  // and the disk fails just then, and aborts at the end for it.
  family.write_buffer_size = 16 * (options.index_buffer + options.body_buffer);
  family.compression = rocksdb::kZSTD;
  family.compression_opts.level = 1;
  family.compaction_filter = filter;
  family.level_compaction_dynamic_level_bytes = true;
  return family;
}

rocksdb::ColumnFamilyOptions body_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family = family_options(options.body_buffer, 1, kBodyBlock, cache);
  family.enable_blob_files = true;
  family.min_blob_size = kMinBlob;
  // What is smaller lies in blocks, in the order of keys: neighbours are read together, and many from the block cache.
  family.compression = rocksdb::kLZ4Compression;
  family.blob_file_size = 64 << 20;
  family.blob_compression_type = rocksdb::kNoCompression;  // bodies come compressed by whoever has time for it
  family.enable_blob_garbage_collection = true;
  family.blob_garbage_collection_force_threshold =
      0.5;  // half of the oldest files is garbage: collect, though nothing else compacts
  return family;
}

uint64_t max_log(const RocksOptions& options) { return 2 * (options.index_buffer + options.body_buffer); }

rocksdb::DBOptions database_options(const RocksOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  if (options.env) db.env = options.env;
  // Point in time: a log torn by a power cut is read up to the tear. All behind it was never acknowledged.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.max_total_wal_size = max_log(options);  // bounds the time of opening after kill -9
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.index_buffer + options.body_buffer);
  db.max_open_files = 512;
  db.max_background_jobs = 2;
  db.bytes_per_sync = 1 << 20;
  db.allow_concurrent_memtable_write = false;  // there is one writer
  db.listeners = {std::make_shared<NoSelfRepair>()};
  db.max_bgerror_resume_count = 0;
  db.info_log_level = rocksdb::InfoLogLevel::INFO_LEVEL;
  db.keep_log_file_num = 2;
  db.max_log_file_size = 1 << 20;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

// The two ways in which RocksDB says that LOCK is held; a LOCK that cannot be made for other reasons is an I/O error.
bool is_locked(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return text.find("While lock file: ") != text.npos || text.find("lock hold by current process") != text.npos;
}

// Steps through engine and pending writes together; the pending one wins where both have a key.
template <typename PendingIt, typename Give>
Result<void> merge(rocksdb::Iterator& it, PendingIt over, PendingIt over_end, bool reverse, const Pending* pending,
                   const Give& give) {
  reverse ? it.SeekToLast() : it.SeekToFirst();
  while (it.Valid() || over != over_end) {
    int order = -1;  // below 0: the engine's key comes first
    if (over != over_end) {
      order = it.Valid() ? view(it.key()).compare(over->first) : 1;
      if (reverse && it.Valid()) order = -order;
    }
    if (order < 0) {
      if (!give(view(it.key()), view(it.value()))) return {};
    } else if (!over->second.erased && !give(over->first, pending->stored(over->second)))
      return {};
    if (order <= 0) reverse ? it.Prev() : it.Next();
    if (order >= 0) ++over;
  }
  if (!it.status().ok()) return to_error(it.status());
  return {};
}

}  // namespace

// --- values that expire ---------------------------------------------------------------------------------------------

// Octet 0, or octet 1 and 8 octets of microseconds.
std::string Database::head(std::optional<Time> expires) {
  return expires ? Encoder().u8(1).u64(static_cast<uint64_t>(to_micros(*expires))).take() : std::string(1, '\0');
}

std::optional<std::string_view> Database::unexpired(std::string_view stored, Time now) {
  Decoder in(stored);
  if (in.u8() == 0) return in.rest();
  const Time expires = from_micros(static_cast<int64_t>(in.u64()));
  if (expires <= now) return {};
  return in.rest();
}

// --- opening --------------------------------------------------------------------------------------------------------

OpenDatabase::~OpenDatabase() {
  if (!db) return;
  for (rocksdb::ColumnFamilyHandle* family : {meta, index, body})
    db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  db->Close().PermitUncheckedError();
}

Database::Database(const RocksOptions& options, const Clock& clock)
    : options_(options), clock_(clock), filter_(std::make_unique<ExpiryFilter>(clock)) {}

Result<std::unique_ptr<Database>> Database::open(const RocksOptions& options, const Clock& clock) {
  std::unique_ptr<Database> made(new Database(options, clock));
  auto opened = made->open_files();
  if (!opened) return opened.error();
  made->open_ = std::move(*opened);
  return made;
}

Result<std::shared_ptr<OpenDatabase>> Database::open_files() const {
  const auto cache = rocksdb::NewLRUCache(options_.block_cache, -1, false, kForIndexes);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family_options(64 << 10, 1, kIndexBlock, cache)},
      {"index", index_options(options_, cache, filter_.get())},
      {"body", body_options(options_, cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(options_), options_.path, families, &handles, &opened);
  if (is_locked(status))
    return Error{Code::kUnavailable, "another pabal process has the store " + options_.path + " open"};
  if (!status.ok())
    return Error{to_error(status).code, "cannot open the store " + options_.path + ": " + status.ToString()};
  auto open = std::make_shared<OpenDatabase>();
  open->db.reset(opened);
  open->meta = handles[0];
  open->index = handles[1];
  open->body = handles[2];

  std::string format;
  const rocksdb::Status found = opened->Get({}, open->meta, slice(kFormatKey), &format);
  if (found.ok() && format == kFormat) return open;
  if (found.ok() && format != kFormatBefore)
    return Error{Code::kUnsupported,
                 "the store " + options_.path + " was written by another version of Pabal; use that or a newer one"};
  if (!found.ok() && !found.IsNotFound()) return to_error(found);
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const rocksdb::Status written = opened->Put(sync, open->meta, slice(kFormatKey), slice(kFormat));
  if (!written.ok()) return to_error(written);
  return open;
}

// --- reading --------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<const OpenDatabase>> Database::now() const {
  std::lock_guard lock(mutex_);
  if (open_) return std::shared_ptr<const OpenDatabase>(open_);
  return Error{Code::kIo, "the store is closed because its disk fails; is the disk full?"};
}

Result<std::optional<std::string>> Database::get(const OpenDatabase& open, std::string_view key, Space space,
                                                 const rocksdb::Snapshot* snapshot) const {
  count_nothing();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  rocksdb::PinnableSlice found;
  const rocksdb::Status status =
      open.db->Get(options, space == Space::kIndex ? open.index : open.body, slice(key), &found);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status);
  if (space == Space::kBody) return std::optional<std::string>(found.ToString());
  const auto value = unexpired(view(found), clock_.now());
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

Result<void> Database::get_many(const OpenDatabase& open, const std::vector<std::string>& keys,
                                const Reader::VisitFound& visit, Space space, const rocksdb::Snapshot* snapshot) const {
  constexpr size_t kTogether = 32;  // what RocksDB looks up in one round; values of so many are in memory at once
  count_nothing();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const Time now = clock_.now();
  for (size_t from = 0; from < keys.size(); from += kTogether) {
    const size_t count = std::min(kTogether, keys.size() - from);
    std::array<rocksdb::Slice, kTogether> wanted;
    std::array<rocksdb::PinnableSlice, kTogether> found;
    std::array<rocksdb::Status, kTogether> statuses;
    for (size_t i = 0; i < count; ++i) wanted[i] = slice(keys[from + i]);
    open.db->MultiGet(options, space == Space::kIndex ? open.index : open.body, count, wanted.data(), found.data(),
                      statuses.data(), true);
    for (size_t i = 0; i < count; ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return to_error(statuses[i]);
      const auto value = space == Space::kIndex ? unexpired(view(found[i]), now) : view(found[i]);
      if (value && !visit(from + i, *value)) return {};
    }
  }
  return {};
}

Result<void> Database::scan(const OpenDatabase& open, const Range& range, const Reader::Visit& visit,
                            const rocksdb::Snapshot* snapshot, const Pending* pending) const {
  if (range.limit == 0 || (!range.end.empty() && range.begin >= range.end)) return {};
  count_nothing();
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Slice begin = slice(range.begin), end = slice(range.end);
  options.iterate_lower_bound = &begin;
  if (!range.end.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> it(open.db->NewIterator(options, open.index));

  const Time now = clock_.now();
  size_t left = range.limit;
  const auto give = [&](std::string_view key, std::string_view stored) {
    const auto value = unexpired(stored, now);
    return !value || (visit(key, *value) && --left > 0);
  };
  static const Pending::Keys kNone;
  const Pending::Keys& over = pending ? pending->keys(Space::kIndex) : kNone;
  const auto first = over.lower_bound(range.begin);
  const auto last = range.end.empty() ? over.end() : over.lower_bound(range.end);
  if (range.reverse)
    return merge(*it, std::make_reverse_iterator(last), std::make_reverse_iterator(first), true, pending, give);
  return merge(*it, first, last, false, pending, give);
}

// --- writing --------------------------------------------------------------------------------------------------------

Result<void> Database::write(rocksdb::WriteBatch& batch) {
  count_nothing();
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const rocksdb::Status status = open_->db->Write(sync, &batch);
  if (status.ok()) return {};
  failed_ = to_error(status);
  tried_ = clock_.now();
  log::error("store", failed_->message + "; nothing is accepted until it can be written again");
  return *failed_;
}

Result<void> Database::ready() {
  if (!failed_) return {};
  const Time now = clock_.now();
  if (now >= tried_ && now < tried_ + kReopenEvery) return *failed_;
  if (const Result<void> reopened = reopen(); !reopened) {
    tried_ = now;
    failed_ = reopened.error();
    return reopened;
  }
  failed_.reset();
  log::info("store", "the store can be written again");
  return {};
}

// RocksDB goes on after a failed write only by Resume(), which hangs when a flush was waiting meanwhile, and where all
// memtables are empty goes on with the log that failed. Opening it anew is what every start after a crash does.
Result<void> Database::reopen() {
  if (!disk_works()) return *failed_;  // as long as it does not, reads shall go on
  std::lock_guard lock(mutex_);
  if (open_.use_count() > 1)
    return {Code::kUnavailable, "the store waits for its readers to open its files anew; try again in a minute"};
  open_.reset();
  auto opened = open_files();
  if (!opened) return opened.error();
  open_ = std::move(*opened);
  return {};
}

// Opening may write as much as the log holds.
bool Database::disk_works() const {
  rocksdb::Env& env = options_.env ? *options_.env : *rocksdb::Env::Default();
  uint64_t space = 0;
  if (env.GetFreeSpace(options_.path, &space).ok() && space < 2 * max_log(options_)) return false;
  const std::string path = options_.path + "/probe";
  const bool written = rocksdb::WriteStringToFile(&env, std::string(1 << 16, 'p'), path, true).ok();
  return env.DeleteFile(path).ok() && written;
}

}  // namespace pabal::store
