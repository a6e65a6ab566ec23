#include "store/pending.h"

namespace pabal::store {
namespace {
constexpr size_t kKeptCapacity = 1 << 20;  // octets of buffer an idle committer keeps
rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
}  // namespace

void Pending::begin() {
  undo_.clear();
  batch_.SetSavePoint();
}

void Pending::keep() { batch_.PopSavePoint().PermitUncheckedError(); }

void Pending::undo() {
  batch_.RollbackToSavePoint().PermitUncheckedError();
  for (; !undo_.empty(); undo_.pop_back()) {
    const Undo& last = undo_.back();
    if (last.before)
      last.at->second = *last.before;
    else
      last.family->keys.erase(last.at);
  }
}

void Pending::put(Space space, std::string_view key, std::string_view head, std::string_view value) {
  Family& family = of(space);
  const rocksdb::Slice key_part = slice(key), value_parts[] = {slice(head), slice(value)};
  batch_.Put(family.handle, rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2))
      .PermitUncheckedError();
  const size_t size = head.size() + value.size();  // the value is the last thing in a record of the batch
  note(family, key, {batch_.GetDataSize() - size, size, false});
}

void Pending::erase(Space space, std::string_view key) {
  Family& family = of(space);
  batch_.Delete(family.handle, slice(key)).PermitUncheckedError();
  note(family, key, {0, 0, true});
}

void Pending::note(Family& family, std::string_view key, Written written) {
  auto at = family.keys.lower_bound(key);
  if (at != family.keys.end() && at->first == key) {
    undo_.push_back({&family, at, at->second});
    at->second = written;
  } else {
    at = family.keys.emplace_hint(at, key, written);
    undo_.push_back({&family, at, {}});
  }
}

void Pending::reset(rocksdb::ColumnFamilyHandle* index, rocksdb::ColumnFamilyHandle* body) {
  if (batch_.Data().capacity() > kKeptCapacity)
    batch_ = rocksdb::WriteBatch();
  else
    batch_.Clear();
  index_ = {index, {}};
  body_ = {body, {}};
  undo_.clear();
}

}  // namespace pabal::store
