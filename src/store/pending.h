// What a group of transactions has written and not yet committed: one WriteBatch, and an index of it in key order, so
// that a transaction reads its own writes and those of the transactions before it in the group. Values are copied once,
// into the batch; the index points at them there. Used by the committer's thread only.
#pragma once

#include <rocksdb/write_batch.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace pabal::store {

class Pending {
 public:
  // Where a value lies in the batch: the batch moves when it grows, so never as an address.
  struct Written {
    size_t at = 0;
    size_t size = 0;
    bool erased = false;
  };
  using Keys = std::map<std::string, Written, std::less<>>;

  // Around each transaction: begin(), then keep() or undo().
  void begin();
  void keep();
  void undo();

  void put(Space space, std::string_view key, std::string_view head,
           std::string_view value);  // stores head and value joined
  void erase(Space space, std::string_view key);

  const Keys& keys(Space space) const { return space == Space::kIndex ? index_.keys : body_.keys; }
  std::string_view stored(const Written& w) const { return std::string_view(batch_.Data()).substr(w.at, w.size); }

  size_t octets() const { return batch_.GetDataSize(); }
  bool empty() const { return batch_.Count() == 0; }
  rocksdb::WriteBatch& batch() { return batch_; }
  // Forgets everything; what comes is for these families.
  void reset(rocksdb::ColumnFamilyHandle* index, rocksdb::ColumnFamilyHandle* body);

 private:
  struct Family {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    Keys keys;
  };
  struct Undo {
    Family* family;
    Keys::iterator at;
    std::optional<Written> before;  // nothing: the key was new
  };
  Family& of(Space space) { return space == Space::kIndex ? index_ : body_; }
  void note(Family& family, std::string_view key, Written written);

  rocksdb::WriteBatch batch_;
  Family index_, body_;
  std::vector<Undo> undo_;
};

}  // namespace pabal::store
