#include "store/faulty.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

namespace pabal::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct Inode {
  std::string bytes;
  size_t synced = 0;  // the first so many octets last
};
using InodePtr = std::shared_ptr<Inode>;
using Names = std::map<std::string, InodePtr>;

// A change of names that happens whole or not at all; null removes a name.
struct NameChange {
  std::vector<std::pair<std::string, InodePtr>> names;
  void apply(Names& to) const {
    for (const auto& [name, inode] : names) {
      if (inode)
        to[name] = inode;
      else
        to.erase(name);
    }
  }
};

enum class Op { kCreate, kWrite, kSync, kName };

std::string clean(const std::string& path) {
  std::string out;
  for (char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}
std::string folder_of(const std::string& name) { return name.substr(0, std::max<size_t>(1, name.rfind('/'))); }
IOStatus missing(const std::string& name) { return IOStatus::NotFound(name, "No such file or directory"); }

}  // namespace

class FaultyDisk::Files final : public rocksdb::FileSystem, public std::enable_shared_from_this<Files> {
  template <typename F>
  auto locked(F f) const {
    std::lock_guard lock(mutex_);
    return f();
  }

 public:
  explicit Files(uint64_t seed) : random_(seed) {}
  const char* Name() const override { return "pabal.faulty"; }

  // --- what tests ask for
  uint64_t operations() const {
    return locked([&] { return operations_; });
  }
  bool has_failed() const {
    return locked([&] { return has_failed_; });
  }
  bool powered() const {
    return locked([&] { return powered_; });
  }
  void fail_after(uint64_t n, Fault fault, Lasting lasting) {
    locked([&] {
      fail_from_ = operations_ + n;
      fault_ = fault;
      lasting_ = lasting;
      has_failed_ = false;
    });
  }
  void mend() {
    locked([&] { fail_from_.reset(); });
  }
  void cut_power_after(uint64_t n) {
    locked([&] {
      cut_at_ = operations_ + n;
      if (n == 0) powered_ = false;
    });
  }
  void restore_power(Survives survives) {
    std::lock_guard lock(mutex_);
    size_t kept = 0;
    if (survives == Survives::kWritten) kept = pending_.size();
    if (survives == Survives::kSome) kept = random_.below(pending_.size() + 1);
    for (size_t i = 0; i < kept; ++i) pending_[i].apply(durable_);
    pending_.clear();
    // New inodes: a file that a dead store still holds is no longer of this disk.
    std::map<const Inode*, InodePtr> copies;
    for (auto& [name, inode] : durable_) {
      InodePtr& copy = copies[inode.get()];
      if (!copy) {
        size_t size = inode->synced;
        if (survives == Survives::kWritten) size = inode->bytes.size();
        if (survives == Survives::kSome) size += random_.below(inode->bytes.size() - inode->synced + 1);
        copy = std::make_shared<Inode>(Inode{inode->bytes.substr(0, size), size});
      }
      inode = copy;
    }
    names_ = durable_;
    locks_.clear();
    fail_from_.reset();
    cut_at_.reset();
    powered_ = true;
  }

  // --- files; called by the handles below
  IOStatus append(Inode& inode, const Slice& data) {
    std::lock_guard lock(mutex_);
    const IOStatus refused = step(Op::kWrite);
    inode.bytes.append(data.data(), refused.ok() ? data.size() : was_powered_ ? data.size() / 2 : 0);
    return refused;
  }
  IOStatus truncate(Inode& inode, size_t size) {
    std::lock_guard lock(mutex_);
    if (IOStatus refused = step(Op::kWrite); !refused.ok()) return refused;
    inode.bytes.resize(size);
    inode.synced = std::min(inode.synced, size);
    return IOStatus::OK();
  }
  IOStatus sync(Inode& inode) {
    std::lock_guard lock(mutex_);
    if (IOStatus refused = step(Op::kSync); !refused.ok()) return refused;
    inode.synced = inode.bytes.size();
    return IOStatus::OK();
  }
  IOStatus sync_folder(const std::string& folder) {
    std::lock_guard lock(mutex_);
    if (IOStatus refused = step(Op::kSync); !refused.ok()) return refused;
    std::vector<NameChange> others;
    for (NameChange& change : pending_) {
      if (folder_of(change.names.front().first) == folder)
        change.apply(durable_);
      else
        others.push_back(std::move(change));
    }
    pending_ = std::move(others);
    return IOStatus::OK();
  }
  IOStatus read(const Inode& inode, uint64_t offset, size_t n, Slice* result, char* scratch) const {
    std::lock_guard lock(mutex_);
    *result = Slice();
    if (!powered_) return dark();
    if (offset >= inode.bytes.size()) return IOStatus::OK();
    n = std::min<size_t>(n, inode.bytes.size() - offset);
    std::memcpy(scratch, inode.bytes.data() + offset, n);
    *result = Slice(scratch, n);
    return IOStatus::OK();
  }
  size_t size(const Inode& inode) const {
    return locked([&] { return inode.bytes.size(); });
  }

  // --- rocksdb::FileSystem
  IOStatus NewSequentialFile(const std::string& name, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* out, IODebugContext*) override;
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* out, IODebugContext*) override;
  IOStatus NewWritableFile(const std::string& name, const FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext*) override;
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext*) override;
  IOStatus NewDirectory(const std::string& name, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* out,
                        IODebugContext*) override;

  IOStatus FileExists(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    return names_.count(clean(name)) || folders_.count(clean(name)) ? IOStatus::OK() : missing(name);
  }
  IOStatus GetChildren(const std::string& folder, const IOOptions&, std::vector<std::string>* out,
                       IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    out->clear();
    const std::string within = clean(folder);
    if (!folders_.count(within)) return missing(folder);
    for (const auto& [name, inode] : names_)
      if (folder_of(name) == within) out->push_back(name.substr(within.size() + 1));
    for (const std::string& name : folders_)
      if (name != within && folder_of(name) == within) out->push_back(name.substr(within.size() + 1));
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (IOStatus refused = step(Op::kName); !refused.ok()) return refused;
    if (!names_.count(clean(name))) return missing(name);
    change({{{clean(name), nullptr}}});
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (IOStatus refused = step(Op::kName); !refused.ok()) return refused;
    const auto found = names_.find(clean(from));
    if (found == names_.end()) return missing(from);
    change({{{clean(to), found->second}, {clean(from), nullptr}}});
    return IOStatus::OK();
  }
  IOStatus Truncate(const std::string& name, size_t size, const IOOptions&, IODebugContext*) override {
    const InodePtr inode = locked([&] { return find(name); });
    return inode ? truncate(*inode, size) : missing(name);
  }
  // Folders last from the start: no engine makes them but once.
  IOStatus CreateDir(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    return folders_.insert(clean(name)).second ? IOStatus::OK() : IOStatus::IOError(name, "File exists");
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    folders_.insert(clean(name));
    return IOStatus::OK();
  }
  IOStatus DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    return folders_.erase(clean(name)) ? IOStatus::OK() : missing(name);
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions&, uint64_t* size, IODebugContext*) override {
    std::lock_guard lock(mutex_);
    if (!powered_) return dark();
    const InodePtr inode = find(name);
    if (!inode) return missing(name);
    *size = inode->bytes.size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string& name, const IOOptions&, uint64_t* seconds,
                                   IODebugContext*) override {
    *seconds = 0;
    return locked([&] { return find(name) ? IOStatus::OK() : missing(name); });
  }
  IOStatus LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    std::lock_guard guard(mutex_);
    if (!powered_) return dark();
    if (!locks_.insert(clean(name)).second)
      return IOStatus::IOError("While lock file: " + name, "Resource temporarily unavailable");
    *lock = new Lock{clean(name)};
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    std::lock_guard guard(mutex_);
    const std::unique_ptr<Lock> held(static_cast<Lock*>(lock));
    locks_.erase(held->name);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  // The engine's own diary is no part of what is tested.
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* out,
                     IODebugContext*) override {
    *out = std::make_shared<Silence>();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out, IODebugContext*) override {
    *out = clean(path);
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& name, const IOOptions&, bool* is, IODebugContext*) override {
    *is = locked([&] { return folders_.count(clean(name)) > 0; });
    return IOStatus::OK();
  }

 private:
  struct Silence final : rocksdb::Logger {
    using Logger::Logv;
    void Logv(const char*, va_list) override {}
    size_t GetLogFileSize() const override { return 0; }
  };
  struct Lock final : rocksdb::FileLock {
    explicit Lock(std::string n) : name(std::move(n)) {}
    const std::string name;
  };

  static IOStatus dark() { return IOStatus::IOError("the power is off"); }
  InodePtr find(const std::string& name) const {
    const auto found = names_.find(clean(name));
    return found == names_.end() ? nullptr : found->second;
  }
  void change(NameChange change) {
    change.apply(names_);
    pending_.push_back(std::move(change));
  }
  InodePtr create(const std::string& name, bool empty) {
    InodePtr inode = empty ? nullptr : find(name);
    if (!inode) change({{{clean(name), inode = std::make_shared<Inode>()}}});
    return inode;
  }

  // Counts an operation and says whether it fails.
  IOStatus step(Op op) {
    was_powered_ = powered_;
    const uint64_t number = operations_++;
    if (cut_at_ && number >= *cut_at_) powered_ = false;
    if (!powered_) return dark();
    if (!fail_from_ || number < *fail_from_) return IOStatus::OK();
    if (fault_ == Fault::kFull && op != Op::kCreate && op != Op::kWrite) return IOStatus::OK();
    has_failed_ = true;
    if (lasting_ == Lasting::kOnce) fail_from_.reset();
    return fault_ == Fault::kFull ? IOStatus::NoSpace("No space left on device")
                                  : IOStatus::IOError("Input/output error");
  }

  mutable std::mutex mutex_;
  SeededRandom random_;
  Names names_;                      // as programs see them
  Names durable_;                    // as a cut of the power leaves them
  std::vector<NameChange> pending_;  // what is between the two, in order
  std::set<std::string> folders_ = {"/"}, locks_;
  uint64_t operations_ = 0;
  std::optional<uint64_t> fail_from_, cut_at_;
  Fault fault_ = Fault::kIo;
  Lasting lasting_ = Lasting::kOnce;
  bool has_failed_ = false, powered_ = true;
  bool was_powered_ = true;  // before the last step
};

namespace {

// A handle keeps the disk's files alive: RocksDB may hold one longer than the test holds the disk.
template <typename Files>
class Reading final : public rocksdb::FSSequentialFile, public rocksdb::FSRandomAccessFile {
 public:
  Reading(std::shared_ptr<Files> files, InodePtr inode) : files_(std::move(files)), inode_(std::move(inode)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    IOStatus status = files_->read(*inode_, at_, n, result, scratch);
    at_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t n) override {
    at_ = std::min<uint64_t>(at_ + n, files_->size(*inode_));
    return IOStatus::OK();
  }
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return files_->read(*inode_, offset, n, result, scratch);
  }
  bool use_direct_io() const override { return false; }
  size_t GetRequiredBufferAlignment() const override { return 4096; }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }
  rocksdb::Temperature GetTemperature() const override { return rocksdb::Temperature::kUnknown; }

 private:
  const std::shared_ptr<Files> files_;
  const InodePtr inode_;
  uint64_t at_ = 0;
};

template <typename Files>
class Writing final : public rocksdb::FSWritableFile {
 public:
  Writing(std::shared_ptr<Files> files, InodePtr inode) : files_(std::move(files)), inode_(std::move(inode)) {}
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    return files_->append(*inode_, data);
  }
  IOStatus Append(const Slice& data, const IOOptions&, const rocksdb::DataVerificationInfo&, IODebugContext*) override {
    return files_->append(*inode_, data);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return files_->truncate(*inode_, size);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return files_->sync(*inode_); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return files_->size(*inode_); }

 private:
  const std::shared_ptr<Files> files_;
  const InodePtr inode_;
};

template <typename Files>
class Folder final : public rocksdb::FSDirectory {
 public:
  Folder(std::shared_ptr<Files> files, std::string name) : files_(std::move(files)), name_(std::move(name)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return files_->sync_folder(name_); }

 private:
  const std::shared_ptr<Files> files_;
  const std::string name_;
};

}  // namespace

IOStatus FaultyDisk::Files::NewSequentialFile(const std::string& name, const FileOptions&,
                                              std::unique_ptr<rocksdb::FSSequentialFile>* out, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (!powered_) return dark();
  const InodePtr inode = find(name);
  if (!inode) return missing(name);
  *out = std::make_unique<Reading<Files>>(shared_from_this(), inode);
  return IOStatus::OK();
}

IOStatus FaultyDisk::Files::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                                std::unique_ptr<rocksdb::FSRandomAccessFile>* out, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (!powered_) return dark();
  const InodePtr inode = find(name);
  if (!inode) return missing(name);
  *out = std::make_unique<Reading<Files>>(shared_from_this(), inode);
  return IOStatus::OK();
}

IOStatus FaultyDisk::Files::NewWritableFile(const std::string& name, const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (IOStatus refused = step(Op::kCreate); !refused.ok()) return refused;
  *out = std::make_unique<Writing<Files>>(shared_from_this(), create(name, true));
  return IOStatus::OK();
}

IOStatus FaultyDisk::Files::ReopenWritableFile(const std::string& name, const FileOptions&,
                                               std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (IOStatus refused = step(Op::kCreate); !refused.ok()) return refused;
  *out = std::make_unique<Writing<Files>>(shared_from_this(), create(name, false));
  return IOStatus::OK();
}

IOStatus FaultyDisk::Files::NewDirectory(const std::string& name, const IOOptions&,
                                         std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext*) {
  std::lock_guard lock(mutex_);
  if (!powered_) return dark();
  if (!folders_.count(clean(name))) return missing(name);
  *out = std::make_unique<Folder<Files>>(shared_from_this(), clean(name));
  return IOStatus::OK();
}

namespace {

// After a failure in the background RocksDB sleeps for a second; a test does not.
class Hurried final : public rocksdb::SystemClockWrapper {
 public:
  Hurried() : SystemClockWrapper(rocksdb::Env::Default()->GetSystemClock()) {}
  const char* Name() const override { return "pabal.hurried"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class DiskEnv final : public rocksdb::EnvWrapper {
 public:
  explicit DiskEnv(const std::shared_ptr<rocksdb::FileSystem>& files) : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    system_clock_ = std::make_shared<Hurried>();
  }
  const char* Name() const override { return "pabal.disk"; }
};

}  // namespace

FaultyDisk::FaultyDisk(uint64_t seed)
    : files_(std::make_shared<Files>(seed)), env_(std::make_unique<DiskEnv>(files_)) {}
FaultyDisk::~FaultyDisk() = default;
rocksdb::Env* FaultyDisk::env() { return env_.get(); }
uint64_t FaultyDisk::operations() const { return files_->operations(); }
void FaultyDisk::fail_after(uint64_t n, Fault fault, Lasting lasting) { files_->fail_after(n, fault, lasting); }
void FaultyDisk::mend() { files_->mend(); }
bool FaultyDisk::has_failed() const { return files_->has_failed(); }
void FaultyDisk::cut_power_after(uint64_t n) { files_->cut_power_after(n); }
bool FaultyDisk::powered() const { return files_->powered(); }
void FaultyDisk::restore_power(Survives survives) { files_->restore_power(survives); }

}  // namespace pabal::store
