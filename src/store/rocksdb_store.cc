#include "store/rocksdb_store.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "store/database.h"
#include "store/pending.h"
#include "store/watches.h"

namespace pabal::store {
namespace {

constexpr size_t kMaxGroup = 256;             // transactions joined into one sync
constexpr size_t kMaxGroupOctets = 16 << 20;  // or this much written: bounds the memory and the wait of a group

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(const Database& database) : database_(database), open_(database.now()) {
    if (open_) snapshot_ = (*open_)->db->GetSnapshot();
  }
  ~RocksSnapshot() override {
    if (open_) (*open_)->db->ReleaseSnapshot(snapshot_);
  }
  Result<std::optional<std::string>> get(std::string_view key, Space space) const override {
    if (!open_) return open_.error();
    return database_.get(**open_, key, space, snapshot_);
  }
  Result<void> scan(const Range& range, const Visit& visit) const override {
    if (!open_) return open_.error();
    return database_.scan(**open_, range, visit, snapshot_, nullptr);
  }
  Result<void> get_many(const std::vector<std::string>& keys, const VisitFound& visit, Space space) const override {
    if (!open_) return open_.error();
    return database_.get_many(**open_, keys, visit, space, snapshot_);
  }

 private:
  const Database& database_;
  const Result<std::shared_ptr<const OpenDatabase>> open_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
};

class RocksTransaction final : public Transaction {
 public:
  RocksTransaction(const Database& database, const OpenDatabase& open, Pending& pending)
      : database_(database), open_(open), pending_(pending) {}

  Result<std::optional<std::string>> get(std::string_view key, Space space) const override {
    const Pending::Keys& written = pending_.keys(space);
    const auto found = written.find(key);
    if (found == written.end()) return database_.get(open_, key, space, nullptr);
    if (found->second.erased) return std::optional<std::string>();
    const std::string_view stored = pending_.stored(found->second);
    if (space == Space::kBody) return std::optional<std::string>(stored);
    const auto value = Database::unexpired(stored, database_.clock().now());
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }

  Result<void> scan(const Range& range, const Visit& visit) const override {
    ++scanning_;
    const Result<void> scanned = database_.scan(open_, range, visit, nullptr, &pending_);
    --scanning_;
    return scanned;
  }

  void put(std::string_view key, std::string_view value, Space space) override {
    if (may_write(key, value))
      pending_.put(space, key, space == Space::kIndex ? Database::head({}) : std::string(), value);
  }
  void put_until(std::string_view key, std::string_view value, Time expires) override {
    if (may_write(key, value)) pending_.put(Space::kIndex, key, Database::head(expires), value);
  }
  void erase(std::string_view key, Space space) override {
    if (may_write(key, {})) pending_.erase(space, key);
  }

  const std::optional<Error>& refused() const { return refused_; }

 private:
  bool may_write(std::string_view key, std::string_view value) {
    PABAL_CHECK(scanning_ == 0);  // the views that `visit` holds point into what a write moves
    if (!key.empty() && key.size() <= kMaxKey && value.size() <= kMaxValue) return true;
    refused_ = Error{Code::kLimit, "a key or value is larger than the store takes"};
    return false;
  }

  const Database& database_;
  const OpenDatabase& open_;
  Pending& pending_;
  mutable int scanning_ = 0;
  std::optional<Error> refused_;
};

class RocksStore final : public Store {
 public:
  RocksStore(std::unique_ptr<Database> database, size_t max_waiting)
      : database_(std::move(database)), max_waiting_(max_waiting), committer_([this] { run(); }) {}

  ~RocksStore() override {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    committer_.join();  // after it has committed and acknowledged what waits
  }

  Result<std::optional<std::string>> get(std::string_view key, Space space) const override {
    const auto open = database_->now();
    if (!open) return open.error();
    return database_->get(**open, key, space, nullptr);
  }
  Result<void> scan(const Range& range, const Visit& visit) const override {
    const auto open = database_->now();
    if (!open) return open.error();
    return database_->scan(**open, range, visit, nullptr, nullptr);
  }
  Result<void> get_many(const std::vector<std::string>& keys, const VisitFound& visit, Space space) const override {
    const auto open = database_->now();
    if (!open) return open.error();
    return database_->get_many(**open, keys, visit, space, nullptr);
  }
  std::unique_ptr<Snapshot> snapshot() const override { return std::make_unique<RocksSnapshot>(*database_); }

  void transact(Work work, Done done) override {
    bool closed;
    {
      std::lock_guard lock(mutex_);
      closed = closing_;
      if (!closed && waiting_.size() < max_waiting_) {
        waiting_.push_back({std::move(work), std::move(done)});
        if (waiting_.size() == 1) wake_.notify_one();  // with more, the committer is awake or on its way
        return;
      }
    }
    if (closed)
      done(Error{Code::kClosed, "the store is closing"});
    else
      done(Error{Code::kLimit, "too many writes wait for the disk; try again in a minute"});
  }

  std::unique_ptr<Watch> watch(std::string key, std::function<void()> changed) override {
    return watches_->add(std::move(key), std::move(changed));
  }

  Figures figures() const override {
    Figures figures;
    figures.transactions = transactions_;
    figures.groups = groups_;
    const auto open = database_->now();
    if (!open) return figures;
    uint64_t n = 0;
    for (rocksdb::ColumnFamilyHandle* family : {(*open)->index, (*open)->body})
      for (const auto& property :
           {rocksdb::DB::Properties::kLiveSstFilesSize, rocksdb::DB::Properties::kTotalBlobFileSize})
        if ((*open)->db->GetIntProperty(family, property, &n)) figures.disk_bytes += n;
    if ((*open)->db->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &n))
      figures.disk_bytes += n;  // in the log
    return figures;
  }

 private:
  struct Waiting {
    Work work;
    Done done;
  };

  void run() {
    for (;;) {
      std::vector<Waiting> group;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const auto last = waiting_.begin() + static_cast<ptrdiff_t>(std::min(waiting_.size(), kMaxGroup));
        group.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(last));
        waiting_.erase(waiting_.begin(), last);
      }
      commit(std::move(group));
    }
  }

  // The promise of a 250, in order: run the works, write with sync, only then acknowledge.
  void commit(std::vector<Waiting> group) {
    std::vector<Result<void>> results;
    results.reserve(group.size());
    if (const Result<void> ready = database_->ready(); ready)
      write(group, results);
    else
      results.assign(group.size(), ready);
    for (const Result<void>& result : results) transactions_ += result.ok();
    for (size_t i = 0; i < group.size(); ++i) acknowledge(group[i].done, std::move(results[i]));
    watches_->notify(pending_.keys(Space::kIndex));
    pending_.reset(nullptr, nullptr);  // an idle store holds nothing
  }

  void write(std::vector<Waiting>& group, std::vector<Result<void>>& results) {
    watches_->notify(std::exchange(unsure_, {}));
    const auto open = database_->now();
    pending_.reset((*open)->index, (*open)->body);
    while (results.size() < group.size() && pending_.octets() < kMaxGroupOctets)
      results.push_back(work(**open, group[results.size()].work));
    if (results.size() < group.size()) give_back(group, results.size());
    if (pending_.empty()) return;

    const Result<void> written = database_->write(pending_.batch());
    if (written) {
      ++groups_;
      return;
    }
    for (Result<void>& result : results)
      if (result) result = written;  // also where nothing was written: it may have read what did not last
    unsure_ = pending_.keys(Space::kIndex);
  }

  // A transaction that fails, in whatever way, leaves no trace in the group.
  Result<void> work(const OpenDatabase& open, const Work& work) {
    RocksTransaction transaction(*database_, open, pending_);
    pending_.begin();
    Result<void> result;
    try {
      result = work(transaction);
      if (result && transaction.refused()) result = *transaction.refused();
    } catch (const std::exception& failure) {
      result = Error{Code::kInternal, std::string("a fault of ours: a transaction has thrown: ") + failure.what()};
    } catch (...) { result = Error{Code::kInternal, "a fault of ours: a transaction has thrown"}; }
    if (!result && result.code() == Code::kInternal) log::error("store", result.error().message);
    result ? pending_.keep() : pending_.undo();
    return result;
  }

  // The group is large enough: the rest keeps its place.
  void give_back(std::vector<Waiting>& group, size_t taken) {
    const auto rest = group.begin() + static_cast<ptrdiff_t>(taken);
    std::lock_guard lock(mutex_);
    waiting_.insert(waiting_.begin(), std::make_move_iterator(rest), std::make_move_iterator(group.end()));
    group.resize(taken);
  }

  static void acknowledge(const Done& done, Result<void> result) {
    try {
      done(std::move(result));
    } catch (const std::exception& failure) {
      log::error("store", std::string("a fault of ours: the end of a transaction has thrown: ") + failure.what());
    }
  }

  const std::unique_ptr<Database> database_;
  const std::shared_ptr<Watches> watches_ = std::make_shared<Watches>();
  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  bool closing_ = false;
  Pending pending_;       // committer's thread only
  Pending::Keys unsure_;  // of a write that failed: whether they changed is known when the store works again
  std::atomic<uint64_t> transactions_{0}, groups_{0};
  std::thread committer_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_rocksdb(const RocksOptions& options, const Clock& clock) {
  auto database = Database::open(options, clock);
  if (!database) return database.error();
  return std::unique_ptr<Store>(new RocksStore(std::move(*database), options.max_waiting));
}

}  // namespace pabal::store

// Debian's librocksdb and libzstd are not built for the thread sanitizer, which takes what they guard by atomics for
// races.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb\nrace:libzstd\n"; }
#endif
#endif
