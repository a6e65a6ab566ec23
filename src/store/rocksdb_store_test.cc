#include "store/rocksdb_store.h"

#include <rocksdb/db.h>

#include <cstdlib>
#include <filesystem>

#include "store/contract.h"
#include "store/database.h"
#include "store/faulty.h"

namespace pabal::store {
namespace {

class Folder {
 public:
  Folder() {
    std::string made = std::filesystem::temp_directory_path() / "pabal_store.XXXXXX";
    if (::mkdtemp(made.data())) path = made;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

class RealDisk final : public Place {
 public:
  Result<std::unique_ptr<Store>> open(const Clock& clock, size_t max_waiting) override {
    RocksOptions options;
    options.path = folder_.path;
    options.max_waiting = max_waiting;
    return open_rocksdb(options, clock);
  }

 private:
  Folder folder_;
};

// Small buffers, so that flushes and compactions happen under the contract too. The disk in memory is under test as
// well.
class DiskInMemory final : public Place {
 public:
  Result<std::unique_ptr<Store>> open(const Clock& clock, size_t max_waiting) override {
    RocksOptions options;
    options.path = "/store";
    options.index_buffer = options.body_buffer = 64 << 10;
    options.max_waiting = max_waiting;
    options.env = disk_.env();
    return open_rocksdb(options, clock);
  }

 private:
  FaultyDisk disk_;
};

INSTANTIATE_TEST_SUITE_P(RocksDb, StoreContract,
                         testing::Values(EngineUnderTest{"RealDisk", [] { return std::make_unique<RealDisk>(); }},
                                         EngineUnderTest{"DiskInMemory",
                                                         [] { return std::make_unique<DiskInMemory>(); }}),
                         [](const auto& test) { return test.param.name; });

class RocksStore : public testing::Test {
 protected:
  RocksStore() {
    options_.path = "/store";
    options_.env = disk_.env();
  }
  std::unique_ptr<Store> open() {
    auto opened = open_rocksdb(options_, clock_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  ManualClock clock_;
  FaultyDisk disk_;
  RocksOptions options_;
};

TEST_F(RocksStore, AStoreOfAnotherVersionIsRefused) {
  open();
  {
    const auto database = Database::open(options_, clock_);
    ASSERT_TRUE(database);
    const auto files = (*database)->now();
    ASSERT_TRUE((*files)->db->Put({}, (*files)->meta, "format", "another").ok());
  }
  const auto refused = open_rocksdb(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_NE(refused.error().message.find("/store"), std::string::npos);
}

TEST_F(RocksStore, AStoreOfTheFormatBeforeIsTaken) {
  open();
  const auto format = [&](std::optional<std::string> put) {
    const auto database = Database::open(options_, clock_);
    EXPECT_TRUE(database);
    const auto files = (*database)->now();
    if (put) { EXPECT_TRUE((*files)->db->Put({}, (*files)->meta, "format", *put).ok()); }
    std::string found;
    EXPECT_TRUE((*files)->db->Get({}, (*files)->meta, "format", &found).ok());
    return found;
  };
  const std::string newest = format({});
  ASSERT_NE(newest, "3");
  EXPECT_EQ(format("3"), "3");
  EXPECT_EQ(format({}), newest) << "from now on older versions refuse it";
}

TEST_F(RocksStore, AFileInPlaceOfTheFolderIsAnIoErrorAndNotAnotherProcess) {
  Folder folder;
  RocksOptions options;
  options.path = folder.path + "/block";
  std::FILE* file = std::fopen(options.path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fclose(file);
  const auto refused = open_rocksdb(options, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), Code::kIo) << refused.error().message;
}

// The engine below the store, to compact when the test says so.
class Expiry : public RocksStore {
 protected:
  void SetUp() override {
    auto opened = Database::open(options_, clock_);
    ASSERT_TRUE(opened);
    database_ = std::move(*opened);
    files_ = *database_->now();
  }
  void write(std::string_view key, std::optional<Time> expires) {
    Pending pending;
    pending.reset(files_->index, files_->body);
    pending.put(Space::kIndex, key, Database::head(expires), "value");
    ASSERT_TRUE(database_->write(pending.batch()));
    ASSERT_TRUE(files_->db->Flush({}, files_->index).ok());  // each in a file of its own
  }
  std::optional<std::string> get(std::string_view key) { return *database_->get(*files_, key, Space::kIndex, nullptr); }
  std::string stored_keys() {
    std::string keys;
    const std::unique_ptr<rocksdb::Iterator> it(files_->db->NewIterator({}, files_->index));
    for (it->SeekToFirst(); it->Valid(); it->Next()) keys += it->key().ToString();
    return keys;
  }
  void compact() {
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE(files_->db->CompactRange(all, files_->index, nullptr, nullptr).ok());
  }

  std::unique_ptr<Database> database_;
  std::shared_ptr<const OpenDatabase> files_;
};

TEST_F(Expiry, CompactionFreesWhatHasExpired) {
  write("a", clock_.now() + seconds(1));
  write("b", {});
  write("c", clock_.now() + days(1));
  compact();
  EXPECT_EQ(stored_keys(), "abc");
  clock_.advance(seconds(1));
  EXPECT_EQ(stored_keys(), "abc");  // hidden, not yet freed
  EXPECT_EQ(get("a"), std::nullopt);
  compact();
  EXPECT_EQ(stored_keys(), "bc");
}

TEST_F(Expiry, AnExpiredValueThatIsFreedDoesNotBringBackTheOneBeforeIt) {
  write("k", {});
  write("k", clock_.now() + seconds(1));
  clock_.advance(seconds(1));
  ASSERT_TRUE(files_->db->CompactRange({}, files_->index, nullptr, nullptr).ok());
  EXPECT_EQ(get("k"), std::nullopt);
}

TEST_F(RocksStore, BodiesLieInBlobFilesAndTheirSpaceIsCounted) {
  const auto store = open();
  ASSERT_TRUE(store->transact_and_wait(
      [](Transaction& t) { return t.put("b", std::string(1 << 20, 'x'), Space::kBody), Result<void>(); }));
  EXPECT_GE(store->figures().disk_bytes, 1u << 20);
}

}  // namespace
}  // namespace pabal::store
