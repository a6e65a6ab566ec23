#include "store/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/codec.h"
#include "base/log.h"

namespace pabal::store {
namespace {

constexpr size_t kMaxGroup = 256;               // transactions joined into one sync
constexpr size_t kMaxGroupOctets = 16 << 20;    // or this much written
constexpr seconds kResumeEvery{5};              // after a write failure
constexpr std::string_view kFormatKey = "!format";
constexpr std::string_view kFormat = "1";

rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

Error to_error(const rocksdb::Status& status) {
  if (status.IsCorruption()) return {Code::kCorrupt, "the store is damaged: " + status.ToString()};
  return {Code::kIo, "the store cannot be read or written: " + status.ToString() + "; is the disk full or failing?"};
}

// Values of the index space carry their expiry: octet 0, or octet 1 and 8 octets of microseconds.
std::string with_expiry(std::string_view value, std::optional<Time> expires) {
  Encoder out;
  if (expires) out.u8(1).u64(static_cast<uint64_t>(to_micros(*expires)));
  else out.u8(0);
  return out.raw(value).take();
}

// The value without its expiry; nothing when it has expired at `now`.
std::optional<std::string_view> unexpired(std::string_view stored, Time now) {
  Decoder in(stored);
  if (in.u8() == 0) return in.rest();
  const Time expires = from_micros(static_cast<int64_t>(in.u64()));
  if (expires <= now) return {};
  return in.rest();
}

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "pabal.expiry"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& stored, std::string*, bool*) const override {
    return !unexpired(view(stored), clock_.now());
  }

 private:
  const Clock& clock_;
};

// Written keys in order; nullopt: erased. Values as stored.
using Overlay = std::map<std::string, std::optional<std::string>, std::less<>>;

struct Handles {
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* index = nullptr;
  rocksdb::ColumnFamilyHandle* body = nullptr;
  const Clock* clock = nullptr;

  rocksdb::ColumnFamilyHandle* of(Space space) const { return space == Space::kIndex ? index : body; }

  Result<std::optional<std::string>> get(std::string_view key, Space space, const rocksdb::Snapshot* snapshot) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    rocksdb::PinnableSlice found;
    const rocksdb::Status status = db->Get(options, of(space), slice(key), &found);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return to_error(status);
    if (space == Space::kBody) return std::optional<std::string>(found.ToString());
    const auto value = unexpired(view(found), clock->now());
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }

  // Visits stored entries of the range that `hidden` does not name, merged with those of `over`.
  Result<void> scan(const Range& range, const Reader::Visit& visit, const rocksdb::Snapshot* snapshot, const Overlay& over) const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    const rocksdb::Slice begin = slice(range.begin), end = slice(range.end);
    options.iterate_lower_bound = &begin;
    if (!range.end.empty()) options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(options, index));
    const Time now = clock->now();
    size_t left = range.limit;
    const auto give = [&](std::string_view key, std::string_view stored) {
      const auto value = unexpired(stored, now);
      if (!value) return true;
      if (left == 0) return false;
      --left;
      return visit(key, *value) && left > 0;
    };
    if (left == 0) return {};
    if (range.reverse) return merge(*it, std::make_reverse_iterator(over.end()), std::make_reverse_iterator(over.begin()), true, give);
    return merge(*it, over.begin(), over.end(), false, give);
  }

 private:
  // Steps through engine and overlay together; the overlay wins where both have a key.
  template <typename OverIt, typename Give>
  static Result<void> merge(rocksdb::Iterator& it, OverIt over, OverIt over_end, bool reverse, const Give& give) {
    reverse ? it.SeekToLast() : it.SeekToFirst();
    while (it.Valid() || over != over_end) {
      int order = -1;  // below 0: the engine's key comes first
      if (over == over_end) order = -1;
      else if (!it.Valid()) order = 1;
      else {
        order = view(it.key()).compare(over->first);
        if (reverse) order = -order;
      }
      if (order < 0) {
        if (!give(view(it.key()), view(it.value()))) return {};
      } else if (over->second && !give(over->first, *over->second)) return {};
      if (order <= 0) reverse ? it.Prev() : it.Next();
      if (order >= 0) ++over;
    }
    if (!it.status().ok()) return to_error(it.status());
    return {};
  }
};

// What a range leaves of an overlay.
Overlay cut(const Overlay& over, const Range& range) {
  const auto first = over.lower_bound(range.begin);
  const auto last = range.end.empty() ? over.end() : over.lower_bound(range.end);
  if (first == over.end() || (!range.end.empty() && range.begin >= range.end)) return {};
  return Overlay(first, last);
}

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(const Handles& handles) : handles_(handles), snapshot_(handles.db->GetSnapshot()) {}
  ~RocksSnapshot() override { handles_.db->ReleaseSnapshot(snapshot_); }
  Result<std::optional<std::string>> get(std::string_view key, Space space) const override {
    return handles_.get(key, space, snapshot_);
  }
  Result<void> scan(const Range& range, const Visit& visit) const override { return handles_.scan(range, visit, snapshot_, {}); }

 private:
  const Handles& handles_;
  const rocksdb::Snapshot* snapshot_;
};

// What a group has written so far: later transactions of the group read it.
struct Group {
  Overlay index, body;
  size_t octets = 0;
};

class RocksTransaction final : public Transaction {
 public:
  RocksTransaction(const Handles& handles, const Group& group) : handles_(handles), group_(group) {}

  Result<std::optional<std::string>> get(std::string_view key, Space space) const override {
    for (const Overlay* over : {&(space == Space::kIndex ? index_ : body_), &(space == Space::kIndex ? group_.index : group_.body)}) {
      const auto found = over->find(key);
      if (found == over->end()) continue;
      if (!found->second) return std::optional<std::string>();
      if (space == Space::kBody) return found->second;
      const auto value = unexpired(*found->second, handles_.clock->now());
      return value ? std::optional<std::string>(*value) : std::nullopt;
    }
    return handles_.get(key, space, nullptr);
  }

  Result<void> scan(const Range& range, const Visit& visit) const override {
    Overlay over = cut(index_, range);  // ours first: insert keeps what is there
    const Overlay earlier = cut(group_.index, range);
    over.insert(earlier.begin(), earlier.end());
    return handles_.scan(range, visit, nullptr, over);
  }

  void put(std::string_view key, std::string_view value, Space space) override {
    if (!fits(key, value)) return;
    if (space == Space::kIndex) index_.insert_or_assign(std::string(key), with_expiry(value, {}));
    else body_.insert_or_assign(std::string(key), std::string(value));
  }
  void put_until(std::string_view key, std::string_view value, Time expires) override {
    if (fits(key, value)) index_.insert_or_assign(std::string(key), with_expiry(value, expires));
  }
  void erase(std::string_view key, Space space) override {
    if (fits(key, {})) (space == Space::kIndex ? index_ : body_).insert_or_assign(std::string(key), std::nullopt);
  }

  // Moves what was written into the group and the batch.
  void join(Group& group, rocksdb::WriteBatch& batch) {
    join(index_, group.index, handles_.index, group.octets, batch);
    join(body_, group.body, handles_.body, group.octets, batch);
  }
  const std::optional<Error>& refused() const { return refused_; }

 private:
  bool fits(std::string_view key, std::string_view value) {
    if (!key.empty() && key.size() <= kMaxKey && value.size() <= kMaxValue) return true;
    refused_ = Error{Code::kLimit, "a key or value is larger than the store takes"};
    return false;
  }
  static void join(Overlay& mine, Overlay& all, rocksdb::ColumnFamilyHandle* family, size_t& octets, rocksdb::WriteBatch& batch) {
    while (!mine.empty()) {
      auto node = mine.extract(mine.begin());
      if (node.mapped()) batch.Put(family, slice(node.key()), slice(*node.mapped()));
      else batch.Delete(family, slice(node.key()));
      octets += node.key().size() + (node.mapped() ? node.mapped()->size() : 0);
      if (const auto there = all.find(node.key()); there != all.end()) there->second = std::move(node.mapped());
      else all.insert(std::move(node));
    }
  }

  const Handles& handles_;
  const Group& group_;
  Overlay index_, body_;
  std::optional<Error> refused_;
};

class RocksStore final : public Store {
 public:
  RocksStore(Handles handles, std::unique_ptr<ExpiryFilter> filter, size_t max_waiting)
      : filter_(std::move(filter)), handles_(std::move(handles)), max_waiting_(max_waiting), committer_([this] { run(); }) {}

  ~RocksStore() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    committer_.join();
    handles_.db->DestroyColumnFamilyHandle(handles_.index);
    handles_.db->DestroyColumnFamilyHandle(handles_.body);
    handles_.db->Close();
  }

  Result<std::optional<std::string>> get(std::string_view key, Space space) const override { return handles_.get(key, space, nullptr); }
  Result<void> scan(const Range& range, const Visit& visit) const override { return handles_.scan(range, visit, nullptr, {}); }
  std::unique_ptr<Snapshot> snapshot() const override { return std::make_unique<RocksSnapshot>(handles_); }

  void transact(Work work, Done done) override {
    {
      std::lock_guard lock(mutex_);
      if (!closing_ && waiting_.size() < max_waiting_) {
        waiting_.push_back({std::move(work), std::move(done)});
        if (waiting_.size() == 1) wake_.notify_one();
        return;
      }
    }
    done(Error{Code::kLimit, "too many writes wait for the disk; try again in a minute"});
  }

  std::unique_ptr<Watch> watch(std::string key, std::function<void()> changed) override {
    auto made = std::make_unique<RocksWatch>(*this, std::move(key), std::move(changed));
    std::lock_guard lock(watch_mutex_);
    watches_.emplace(made->key, made.get());
    return made;
  }

  Figures figures() const override {
    Figures figures;
    figures.transactions = transactions_;
    figures.groups = groups_;
    for (rocksdb::ColumnFamilyHandle* family : {handles_.index, handles_.body})
      for (const auto& property : {rocksdb::DB::Properties::kLiveSstFilesSize, rocksdb::DB::Properties::kTotalBlobFileSize}) {
        uint64_t n = 0;
        if (handles_.db->GetIntProperty(family, property, &n)) figures.disk_bytes += n;
      }
    uint64_t unflushed = 0;
    if (handles_.db->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unflushed)) figures.disk_bytes += unflushed;
    return figures;
  }

 private:
  struct Waiting {
    Work work;
    Done done;
  };
  struct RocksWatch final : Watch {
    RocksWatch(RocksStore& s, std::string k, std::function<void()> f) : store(s), key(std::move(k)), changed(std::move(f)) {}
    ~RocksWatch() override {
      // The lock is held while callbacks run: after it is ours, none runs or will.
      std::lock_guard lock(store.watch_mutex_);
      auto [first, last] = store.watches_.equal_range(key);
      for (; first != last; ++first)
        if (first->second == this) {
          store.watches_.erase(first);
          return;
        }
    }
    RocksStore& store;
    const std::string key;
    const std::function<void()> changed;
  };

  void run() {
    for (;;) {
      std::vector<Waiting> group;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        while (!waiting_.empty() && group.size() < kMaxGroup) {
          group.push_back(std::move(waiting_.front()));
          waiting_.pop_front();
        }
      }
      commit(std::move(group));
    }
  }

  // The promise of a 250, in order: run the works, write with sync, only then acknowledge.
  void commit(std::vector<Waiting> works) {
    Group group;
    rocksdb::WriteBatch batch;
    std::vector<Result<void>> results;
    results.reserve(works.size());
    size_t taken = 0;
    for (; taken < works.size() && group.octets < kMaxGroupOctets; ++taken) {
      RocksTransaction transaction(handles_, group);
      Result<void> result = works[taken].work(transaction);
      if (result && transaction.refused()) result = *transaction.refused();
      if (result) transaction.join(group, batch);
      results.push_back(std::move(result));
    }
    if (taken < works.size()) {  // the group is large enough: the rest keeps its place
      std::lock_guard lock(mutex_);
      for (size_t i = works.size(); i-- > taken;) waiting_.push_front(std::move(works[i]));
      works.resize(taken);
    }

    if (batch.Count() > 0) {
      if (const Result<void> written = write(batch); !written)
        for (Result<void>& result : results)
          if (result) result = written.error();
      ++groups_;
    }
    for (const Result<void>& result : results) transactions_ += result.ok();
    for (size_t i = 0; i < works.size(); ++i) works[i].done(std::move(results[i]));
    notify(group);
  }

  Result<void> write(rocksdb::WriteBatch& batch) {
    if (failed_) {
      // RocksDB refuses writes after a failure until it is resumed.
      const Time now = handles_.clock->now();
      if (now >= resume_at_) {
        resume_at_ = now + kResumeEvery;
        if (handles_.db->Resume().ok()) failed_.reset();
      }
      if (failed_) return *failed_;
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status status = handles_.db->Write(options, &batch);
    if (status.ok()) return {};
    failed_ = to_error(status);
    resume_at_ = handles_.clock->now() + kResumeEvery;
    log::error("store", failed_->message + "; nothing is accepted until it can be written again");
    return *failed_;
  }

  void notify(const Group& group) {
    std::lock_guard lock(watch_mutex_);
    if (watches_.empty()) return;
    for (const auto& [key, value] : group.index) {
      const auto [first, last] = watches_.equal_range(key);
      for (auto it = first; it != last; ++it) it->second->changed();
    }
  }

  std::unique_ptr<ExpiryFilter> filter_;
  Handles handles_;
  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  bool closing_ = false;
  std::optional<Error> failed_;  // committer thread only
  Time resume_at_{};
  std::atomic<uint64_t> transactions_{0}, groups_{0};
  std::mutex watch_mutex_;
  std::unordered_multimap<std::string, RocksWatch*> watches_;
  std::thread committer_;
};

rocksdb::ColumnFamilyOptions index_options(const RocksOptions& options, const ExpiryFilter* filter) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.cache_index_and_filter_blocks = true;  // memory stays within the cache
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.index_buffer;
  family.compression = rocksdb::kZSTD;
  family.compression_opts.level = 1;
  family.compaction_filter = filter;
  family.level_compaction_dynamic_level_bytes = true;
  return family;
}

rocksdb::ColumnFamilyOptions body_options(const RocksOptions& options) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache / 4);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.body_buffer;
  family.enable_blob_files = true;
  family.min_blob_size = 1024;
  family.blob_file_size = 64 << 20;
  family.enable_blob_garbage_collection = true;
  family.compression = rocksdb::kNoCompression;            // bodies come compressed by whoever has time for it
  family.blob_compression_type = rocksdb::kNoCompression;
  return family;
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocksdb(const RocksOptions& options, const Clock& clock) {
  auto filter = std::make_unique<ExpiryFilter>(clock);
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  if (options.env) db.env = options.env;
  db.max_total_wal_size = 2 * (options.index_buffer + options.body_buffer);
  db.max_open_files = 512;
  db.max_background_jobs = 2;
  db.keep_log_file_num = 2;
  db.max_log_file_size = 1 << 20;
  db.stats_dump_period_sec = 0;
  db.bytes_per_sync = 1 << 20;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, index_options(options, filter.get())},
                                                                 {"body", body_options(options)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(db, options.path, families, &handles, &opened);
  if (!status.ok()) {
    if (status.ToString().find("lock") != std::string::npos || status.ToString().find("LOCK") != std::string::npos)
      return Error{Code::kUnavailable, "another pabal process has the store " + options.path + " open"};
    return Error{to_error(status).code, "cannot open the store " + options.path + ": " + status.ToString()};
  }
  Handles made{std::unique_ptr<rocksdb::DB>(opened), handles[0], handles[1], &clock};
  const auto close = [&] {
    for (rocksdb::ColumnFamilyHandle* handle : handles) made.db->DestroyColumnFamilyHandle(handle);
  };
  const auto format = made.get(kFormatKey, Space::kIndex, nullptr);
  if (!format || (*format && **format != kFormat)) {
    const Error error = format ? Error{Code::kUnsupported, "the store " + options.path + " was written by another version of Pabal; use that or a newer one"}
                               : format.error();
    close();
    return error;
  }
  if (!*format) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    if (const auto written = made.db->Put(sync, made.index, slice(kFormatKey), with_expiry(kFormat, {})); !written.ok()) {
      close();
      return to_error(written);
    }
  }
  return std::unique_ptr<Store>(new RocksStore(std::move(made), std::move(filter), options.max_waiting));
}

}  // namespace pabal::store
