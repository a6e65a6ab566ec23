#include "store/faulty.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <map>

#include "base/log.h"
#include "base/random.h"
#include "store/rocksdb_store.h"

namespace pabal::store {
namespace {

// --- the disk itself ------------------------------------------------------------------------------------------------

class Disk : public testing::Test {
 protected:
  std::unique_ptr<rocksdb::WritableFile> create(const std::string& name) {
    std::unique_ptr<rocksdb::WritableFile> file;
    EXPECT_TRUE(disk_.env()->NewWritableFile(name, &file, {}).ok());
    return file;
  }
  void sync_folder() {
    std::unique_ptr<rocksdb::Directory> folder;
    ASSERT_TRUE(disk_.env()->NewDirectory("/d", &folder).ok());
    ASSERT_TRUE(folder->Fsync().ok());
  }
  std::string read(const std::string& name) {
    std::string bytes;
    return rocksdb::ReadFileToString(disk_.env(), name, &bytes).ok() ? bytes : "(none)";
  }
  void SetUp() override { ASSERT_TRUE(disk_.env()->CreateDir("/d").ok()); }
  FaultyDisk disk_;
};

TEST_F(Disk, APowerCutTakesWhatWasNotSynced) {
  auto kept = create("/d/kept"), nameless = create("/d/nameless");
  ASSERT_TRUE(kept->Append("one").ok() && kept->Sync().ok() && kept->Append("two").ok());
  ASSERT_TRUE(nameless->Append("one").ok());
  disk_.env()->DeleteFile("/d/nameless").PermitUncheckedError();
  sync_folder();
  auto late = create("/d/late");  // synced, but its folder is not
  ASSERT_TRUE(late->Append("one").ok() && late->Sync().ok());
  EXPECT_EQ(read("/d/kept"), "onetwo");
  disk_.cut_power();
  EXPECT_FALSE(kept->Append("three").ok());
  EXPECT_FALSE(disk_.env()->FileExists("/d/kept").ok());
  disk_.restore_power(FaultyDisk::Survives::kSynced);
  EXPECT_EQ(read("/d/kept"), "one");
  EXPECT_EQ(read("/d/late"), "(none)");
  EXPECT_EQ(read("/d/nameless"), "(none)");
}

TEST_F(Disk, ARenameIsUndoneByAPowerCutUntilTheFolderIsSynced) {
  auto old = create("/d/current");
  ASSERT_TRUE(old->Append("old").ok() && old->Sync().ok());
  sync_folder();
  auto fresh = create("/d/tmp");
  ASSERT_TRUE(fresh->Append("new").ok() && fresh->Sync().ok());
  ASSERT_TRUE(disk_.env()->RenameFile("/d/tmp", "/d/current").ok());
  EXPECT_EQ(read("/d/current"), "new");
  disk_.cut_power();
  disk_.restore_power(FaultyDisk::Survives::kSynced);
  EXPECT_EQ(read("/d/current"), "old");
  EXPECT_EQ(read("/d/tmp"), "(none)");
}

TEST_F(Disk, AKilledProcessLosesNothingItWrote) {
  auto file = create("/d/file");
  ASSERT_TRUE(file->Append("bytes").ok());
  disk_.cut_power();
  disk_.restore_power(FaultyDisk::Survives::kWritten);
  EXPECT_EQ(read("/d/file"), "bytes");
}

TEST_F(Disk, SomeOfTheUnsyncedBytesMaySurviveAlwaysFromTheFront) {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    auto file = create("/d/file");
    ASSERT_TRUE(file->Append("abc").ok() && file->Sync().ok() && file->Append("def").ok());
    sync_folder();
    disk_.cut_power();
    disk_.restore_power(FaultyDisk::Survives::kSome);
    seen.insert(read("/d/file"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"abc", "abcd", "abcde", "abcdef"}));
}

TEST_F(Disk, FaultsBeginWhereTheyAreToldTo) {
  auto file = create("/d/file");
  disk_.fail_after(1, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kOnce);
  EXPECT_TRUE(file->Append("one").ok());
  EXPECT_FALSE(disk_.has_failed());
  EXPECT_TRUE(file->Append("two.").IsIOError());
  EXPECT_TRUE(disk_.has_failed());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(read("/d/file"), "onetw");  // half of the failed write is there

  disk_.fail_after(0, FaultyDisk::Fault::kFull, FaultyDisk::Lasting::kUntilMended);
  EXPECT_TRUE(file->Sync().ok());  // needs no space
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(file->Append("x").IsNoSpace());
  disk_.mend();
  EXPECT_TRUE(file->Append("x").ok());
}

// --- the store on it ------------------------------------------------------------------------------------------------

// A workload whose outcome can be judged: transaction i writes keys of i in both spaces and appends i to a list, and
// every third erases what an earlier one wrote. It knows what the store must hold: what was acknowledged, or that and
// the one transaction whose write failed.
class Workload {
 public:
  static constexpr int kTransactions = 16;
  using State = std::map<std::string, std::string>;

  Workload(FaultyDisk& disk, const Clock& clock) : clock_(clock) {
    options_.path = "/store";
    options_.env = disk.env();
    options_.index_buffer = options_.body_buffer = 64 << 10;  // flushes and compactions happen while it runs
  }

  Result<void> open() {
    auto opened = open_rocksdb(options_, clock_);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    return {};
  }
  void close() { store_.reset(); }
  Store& store() { return *store_; }

  Result<void> transaction(int i) {
    std::optional<State> after;
    const Result<void> done = store_->transact_and_wait([&](Transaction& t) -> Result<void> {
      const auto list = t.get("list");
      if (!list) return list.error();
      // The list says whether the transaction that was refused is there after all.
      if (refused_ && *list == refused_->at("ilist")) acknowledged_ = *refused_;
      refused_.reset();
      after = acknowledged_;
      const auto write = [&](const std::string& key, const std::string& value) {
        t.put(key, value);
        (*after)["i" + key] = value;
      };
      const std::string name = std::to_string(i), body(5000 + 997 * (i % 8), static_cast<char>('a' + i % 26));
      write("list", list->value_or("") + name + ",");
      write("key" + name, "value" + name);
      write("words" + name, body);
      t.put("body" + name, body, Space::kBody);
      (*after)["bbody" + name] = body;
      if (i % 3 == 2) {
        const std::string old = std::to_string(i - 2);
        t.erase("key" + old);
        t.erase("body" + old, Space::kBody);
        after->erase("ikey" + old);
        after->erase("bbody" + old);
      }
      return {};
    });
    if (done)
      acknowledged_ = *after;
    else if (after)
      refused_ = after;
    return done;
  }

  // What the store holds now.
  State state() const {
    State found;
    const auto all = store_->list({});
    EXPECT_TRUE(all) << all.error().message;
    if (!all) return found;
    for (const Entry& entry : *all) found["i" + entry.key] = entry.value;
    for (int i = 0; i <= kTransactions; ++i) {
      const auto body = store_->get("body" + std::to_string(i), Space::kBody);
      EXPECT_TRUE(body) << body.error().message;
      if (body && *body) found["bbody" + std::to_string(i)] = **body;
    }
    return found;
  }
  bool holds_what_was_acknowledged() const { return state() == acknowledged_; }
  bool holds_a_possible_state() const {
    const State found = state();
    return found == acknowledged_ || (refused_ && found == *refused_);
  }

 private:
  const Clock& clock_;
  RocksOptions options_;
  std::unique_ptr<Store> store_;
  State acknowledged_;
  std::optional<State> refused_;
};

class Faults : public testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kOff); }
  void TearDown() override { log::set_level(log::Level::kInfo); }
  // How many operations opening and the workload take when nothing fails.
  std::pair<uint64_t, uint64_t> operations() {
    FaultyDisk disk;
    Workload work(disk, clock_);
    EXPECT_TRUE(work.open());
    const uint64_t opened = disk.operations();
    for (int i = 0; i < Workload::kTransactions; ++i) EXPECT_TRUE(work.transaction(i));
    work.close();
    return {opened, disk.operations() - opened};
  }
  ManualClock clock_;
};

// The power goes at every operation in turn; what was acknowledged is there afterwards, and nothing by half.
TEST_F(Faults, APowerCutAtAnyOperationLosesNothingAcknowledged) {
  const auto [opening, working] = operations();
  for (uint64_t n = 0; n < opening + working; ++n) {
    FaultyDisk disk(n);
    Workload work(disk, clock_);
    disk.cut_power_after(n);
    if (work.open()) {
      for (int i = 0; i < Workload::kTransactions; ++i)
        if (!work.transaction(i)) break;
      work.close();
    }
    disk.cut_power();  // what flushes in the background makes their number vary a little
    constexpr FaultyDisk::Survives kSurvives[] = {FaultyDisk::Survives::kSynced, FaultyDisk::Survives::kSome,
                                                  FaultyDisk::Survives::kWritten};
    for (int round = 0; round < 2; ++round) {
      disk.restore_power(kSurvives[(n + static_cast<uint64_t>(round)) % 3]);
      const Result<void> opened = work.open();
      ASSERT_TRUE(opened) << "cut at " << n << ": " << opened.error().message;
      ASSERT_TRUE(work.holds_a_possible_state()) << "cut at " << n;
      ASSERT_TRUE(work.transaction(Workload::kTransactions)) << "cut at " << n;  // and it goes on
      ASSERT_TRUE(work.holds_what_was_acknowledged()) << "cut at " << n;
      disk.cut_power();  // and again, right after it was opened
      work.close();
    }
  }
}

// Any operation fails, once or for a while: the transaction under way may fail, reads go on, the store works again by
// itself, and holds exactly what it should, also after a power cut that follows.
class DiskFaults : public Faults,
                   public testing::WithParamInterface<std::pair<FaultyDisk::Fault, FaultyDisk::Lasting>> {};

TEST_P(DiskFaults, AFailureOfAnyOperationIsSurvived) {
  const auto [fault, lasting] = GetParam();
  uint64_t failures = 0;
  const uint64_t count = operations().second;
  for (uint64_t n = 0; n < count; ++n) {
    FaultyDisk disk(n);
    Workload work(disk, clock_);
    ASSERT_TRUE(work.open());
    disk.fail_after(n, fault, lasting);
    for (int i = 0; i < Workload::kTransactions; ++i) {
      if (work.transaction(i)) continue;
      ASSERT_TRUE(work.holds_what_was_acknowledged()) << "after a failure at " << n;
      ASSERT_EQ(work.transaction(i).code(), Code::kIo);  // no attempt before its time
      disk.mend();
      clock_.advance(seconds(5));
    }
    failures += disk.has_failed();
    disk.mend();
    if (!work.transaction(Workload::kTransactions)) {  // a failure in the background may be seen only now
      clock_.advance(seconds(5));
      const Result<void> again = work.transaction(Workload::kTransactions);
      ASSERT_TRUE(again) << "failure at " << n << ": " << again.error().message;
    }
    ASSERT_TRUE(work.holds_what_was_acknowledged()) << "failure at " << n;
    disk.cut_power();
    work.close();
    disk.restore_power(n % 2 ? FaultyDisk::Survives::kSynced : FaultyDisk::Survives::kSome);
    const Result<void> opened = work.open();
    ASSERT_TRUE(opened) << "failure at " << n << ": " << opened.error().message;
    ASSERT_TRUE(work.holds_what_was_acknowledged()) << "failure at " << n;
  }
  EXPECT_GT(failures, 30u);
}

INSTANTIATE_TEST_SUITE_P(All, DiskFaults,
                         testing::Values(std::pair(FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kOnce),
                                         std::pair(FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kUntilMended),
                                         std::pair(FaultyDisk::Fault::kFull, FaultyDisk::Lasting::kUntilMended)),
                         [](const auto& test) {
                           return std::string(test.param.first == FaultyDisk::Fault::kIo ? "IoError" : "DiskFull") +
                                  (test.param.second == FaultyDisk::Lasting::kOnce ? "Once" : "UntilMended");
                         });

TEST_F(Faults, OpeningOnAFailingDiskIsAnErrorAndWorksWhenItIsMended) {
  for (uint64_t n = 0;; ++n) {
    FaultyDisk disk(n);
    Workload work(disk, clock_);
    disk.fail_after(n, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kUntilMended);
    const Result<void> opened = work.open();
    if (opened) break;
    EXPECT_EQ(opened.code(), Code::kIo) << n << opened.error().message;
    disk.mend();
    const Result<void> again = work.open();
    ASSERT_TRUE(again) << n << again.error().message;
    ASSERT_TRUE(work.transaction(0));
  }
}

// The way back fails as well, at each of its operations in turn.
TEST_F(Faults, AFailureOnTheWayBackIsSurvivedToo) {
  uint64_t failures = 0;
  for (uint64_t n = 0;; ++n) {
    FaultyDisk disk(n);
    Workload work(disk, clock_);
    ASSERT_TRUE(work.open());
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(work.transaction(i));
    disk.fail_after(n % 3, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kUntilMended);
    while (work.transaction(8)) {}
    disk.mend();
    disk.fail_after(n, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kUntilMended);
    clock_.advance(seconds(5));
    const bool back = work.transaction(9).ok();
    const bool failed = disk.has_failed();
    disk.mend();
    clock_.advance(seconds(5));
    const Result<void> done = work.transaction(10);
    ASSERT_TRUE(done) << "failure at " << n << ": " << done.error().message;
    ASSERT_TRUE(work.holds_what_was_acknowledged()) << "failure at " << n;
    if (back && !failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 10u);
}

TEST_F(Faults, ReadsGoOnWhileTheDiskRefusesWrites) {
  FaultyDisk disk;
  Workload work(disk, clock_);
  ASSERT_TRUE(work.open());
  ASSERT_TRUE(work.transaction(0));
  disk.fail_after(0, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kUntilMended);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(work.transaction(1).code(), Code::kIo);
    EXPECT_TRUE(work.holds_what_was_acknowledged());
    clock_.advance(seconds(5));
  }
  disk.mend();
  EXPECT_TRUE(work.transaction(1));
}

TEST_F(Faults, ASnapshotHeldMeanwhileStaysGoodAndTheStoreWaitsForIt) {
  FaultyDisk disk;
  Workload work(disk, clock_);
  ASSERT_TRUE(work.open());
  ASSERT_TRUE(work.transaction(0));
  auto snapshot = work.store().snapshot();
  disk.fail_after(0, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kOnce);
  EXPECT_EQ(work.transaction(1).code(), Code::kIo);
  clock_.advance(seconds(5));
  EXPECT_EQ(work.transaction(1).code(), Code::kUnavailable);
  EXPECT_EQ(*snapshot->get("list"), "0,");
  snapshot.reset();
  clock_.advance(seconds(5));
  EXPECT_TRUE(work.transaction(1));
  EXPECT_TRUE(work.holds_what_was_acknowledged());
}

TEST_F(Faults, AWatchIsToldWhenARefusedTransactionIsThereAfterAll) {
  FaultyDisk disk;
  Workload work(disk, clock_);
  ASSERT_TRUE(work.open());
  ASSERT_TRUE(work.transaction(0));
  std::vector<std::string> seen;
  const auto watch = work.store().watch("list", [&] { seen.push_back(work.store().get("list")->value_or("")); });
  disk.fail_after(1, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kOnce);  // the sync after the write
  EXPECT_EQ(work.transaction(1).code(), Code::kIo);
  clock_.advance(seconds(5));
  ASSERT_TRUE(work.store().transact_and_wait([](Transaction&) { return Result<void>(); }));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), "0,1,");
  EXPECT_TRUE(work.holds_a_possible_state());
}

TEST_F(Faults, AClockSetBackDoesNotKeepTheStoreFromTryingAgain) {
  FaultyDisk disk;
  Workload work(disk, clock_);
  ASSERT_TRUE(work.open());
  disk.fail_after(0, FaultyDisk::Fault::kIo, FaultyDisk::Lasting::kOnce);
  ASSERT_EQ(work.transaction(0).code(), Code::kIo);
  clock_.advance(-hours(1));
  EXPECT_TRUE(work.transaction(0));
}

}  // namespace
}  // namespace pabal::store
