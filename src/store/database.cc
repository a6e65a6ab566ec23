#include "store/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"

namespace pabal::store {
namespace {

constexpr seconds kMendEvery{5};
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "1";

rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

Error to_error(const rocksdb::Status& status) {
  if (status.IsCorruption()) return {Code::kCorrupt, "the store is damaged: " + status.ToString()};
  return {Code::kIo, "the store cannot be read or written: " + status.ToString() + "; is the disk full or failing?"};
}

// RocksDB calls most failures of the disk fatal, to be mended by a new process only. They need not be: the memtables hold
// all that was acknowledged, and mend() writes them to new files and leaves the log that failed behind. When to try is
// the committer's decision, by the store's clock.
class Recoverable final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    if (error->IsIOError() && error->severity() > rocksdb::Status::kHardError)
      *error = rocksdb::Status(*error, rocksdb::Status::kHardError);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override { *automatic = false; }
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

rocksdb::ColumnFamilyOptions family_options(size_t buffer, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.cache_index_and_filter_blocks = true;  // memory stays within the cache
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = buffer;
  family.arena_block_size = std::clamp<size_t>(buffer / 8, 4 << 10, 256 << 10);
  family.compression = rocksdb::kNoCompression;
  return family;
}

rocksdb::ColumnFamilyOptions index_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache,
                                           const rocksdb::CompactionFilter* filter) {
  rocksdb::ColumnFamilyOptions family = family_options(options.index_buffer, cache);
  // Never full of its own: the write buffer manager flushes it. RocksDB 7.8 leaks a family when two are full at once and
  // the disk fails just then, and aborts at the end for it.
  family.write_buffer_size = 16 * (options.index_buffer + options.body_buffer);
  family.compression = rocksdb::kZSTD;
  family.compression_opts.level = 1;
  family.compaction_filter = filter;
  family.level_compaction_dynamic_level_bytes = true;
  return family;
}

rocksdb::ColumnFamilyOptions body_options(const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family = family_options(options.body_buffer, cache);
  family.enable_blob_files = true;
  family.min_blob_size = 1024;
  family.blob_file_size = 64 << 20;
  family.blob_compression_type = rocksdb::kNoCompression;  // bodies come compressed by whoever has time for it
  family.enable_blob_garbage_collection = true;
  family.blob_garbage_collection_force_threshold = 0.5;    // half of the oldest files is garbage: collect, though nothing else compacts
  return family;
}

rocksdb::DBOptions database_options(const RocksOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  if (options.env) db.env = options.env;
  // Point in time: a log torn by a power cut is read up to the tear. All behind it was never acknowledged.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.max_total_wal_size = 2 * (options.index_buffer + options.body_buffer);  // bounds the time of opening after kill -9
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.index_buffer + options.body_buffer);
  db.max_open_files = 512;
  db.max_background_jobs = 2;
  db.bytes_per_sync = 1 << 20;
  db.allow_concurrent_memtable_write = false;  // there is one writer
  db.listeners = {std::make_shared<Recoverable>()};
  db.max_bgerror_resume_count = 0;             // write() does it
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
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
Result<void> merge(rocksdb::Iterator& it, PendingIt over, PendingIt over_end, bool reverse, const Pending* pending, const Give& give) {
  reverse ? it.SeekToLast() : it.SeekToFirst();
  while (it.Valid() || over != over_end) {
    int order = -1;  // below 0: the engine's key comes first
    if (over != over_end) {
      order = it.Valid() ? view(it.key()).compare(over->first) : 1;
      if (reverse && it.Valid()) order = -order;
    }
    if (order < 0) {
      if (!give(view(it.key()), view(it.value()))) return {};
    } else if (!over->second.erased && !give(over->first, pending->stored(over->second))) return {};
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

Result<std::unique_ptr<Database>> Database::open(const RocksOptions& options, const Clock& clock) {
  std::unique_ptr<Database> made(new Database(clock));
  made->filter_ = std::make_unique<ExpiryFilter>(clock);
  const auto cache = rocksdb::NewLRUCache(options.block_cache);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family_options(64 << 10, cache)},
      {"index", index_options(options, cache, made->filter_.get())},
      {"body", body_options(options, cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(database_options(options), options.path, families, &handles, &opened);
  if (is_locked(status)) return Error{Code::kUnavailable, "another pabal process has the store " + options.path + " open"};
  if (!status.ok()) return Error{to_error(status).code, "cannot open the store " + options.path + ": " + status.ToString()};
  made->db_.reset(opened);
  made->meta_ = handles[0];
  made->index_ = handles[1];
  made->body_ = handles[2];
  if (const auto checked = made->check_format(options.path); !checked) return checked.error();
  return made;
}

Result<void> Database::check_format(const std::string& path) {
  std::string found;
  const rocksdb::Status status = db_->Get({}, meta_, slice(kFormatKey), &found);
  if (status.ok() && found == kFormat) return {};
  if (status.ok()) return {Code::kUnsupported, "the store " + path + " was written by another version of Pabal; use that or a newer one"};
  if (!status.IsNotFound()) return to_error(status);
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const rocksdb::Status written = db_->Put(sync, meta_, slice(kFormatKey), slice(kFormat));
  if (!written.ok()) return to_error(written);
  return {};
}

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : {meta_, index_, body_}) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  db_->Close().PermitUncheckedError();
}

// --- reading --------------------------------------------------------------------------------------------------------

Result<std::optional<std::string>> Database::get(std::string_view key, Space space, const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = db_->Get(options, space == Space::kIndex ? index_ : body_, slice(key), &found);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error(status);
  if (space == Space::kBody) return std::optional<std::string>(found.ToString());
  const auto value = unexpired(view(found), clock_.now());
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

Result<void> Database::scan(const Range& range, const Reader::Visit& visit, const rocksdb::Snapshot* snapshot, const Pending* pending) const {
  if (range.limit == 0 || (!range.end.empty() && range.begin >= range.end)) return {};
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  const rocksdb::Slice begin = slice(range.begin), end = slice(range.end);
  options.iterate_lower_bound = &begin;
  if (!range.end.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, index_));

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
  if (range.reverse) return merge(*it, std::make_reverse_iterator(last), std::make_reverse_iterator(first), true, pending, give);
  return merge(*it, first, last, false, pending, give);
}

// --- writing --------------------------------------------------------------------------------------------------------

Result<void> Database::write(rocksdb::WriteBatch& batch) {
  const Time now = clock_.now();
  if (failed_) {
    if (now >= tried_ && now < tried_ + kMendEvery) return *failed_;
    tried_ = now;
    if (!mend()) return *failed_;
    failed_.reset();
    log::info("store", "the store can be written again");
  }
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const rocksdb::Status status = db_->Write(sync, &batch);
  if (status.ok()) return {};
  failed_ = to_error(status);
  tried_ = now;
  log::error("store", failed_->message + "; nothing is accepted until it can be written again");
  return *failed_;
}

// Resume() flushes the memtables, which hold all that was acknowledged. That alone is not enough: where they were empty
// it keeps the log that failed, whose end may be torn, or may hold the group that was refused, which must not come
// back behind those that follow it. So every family is made to flush something, which ends that log for all of them.
bool Database::mend() {
  if (!db_->Resume().ok()) return false;
  rocksdb::WriteBatch nothing;  // the empty key is never in use
  for (rocksdb::ColumnFamilyHandle* family : {meta_, index_, body_}) nothing.Delete(family, rocksdb::Slice()).PermitUncheckedError();
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  return db_->Write(unlogged, &nothing).ok() && db_->Flush({}, {meta_, index_, body_}).ok();
}

}  // namespace pabal::store
