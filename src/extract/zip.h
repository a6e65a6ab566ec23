// ZIP archives, as far as office files use them (APPNOTE.TXT §4): entries stored or deflated, not encrypted, no ZIP64.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "extract/inflate.h"

namespace pabal::extract {

class Zip {
 public:
  // A view of the archive's octets, which must outlive it. Nothing: it is none, or damaged.
  static std::optional<Zip> open(std::string_view octets);
  struct Entry {
    std::string_view name;
    uint16_t flags = 0, method = 0;
    size_t packed = 0, header = 0;  // octets; where its local header begins
  };
  const std::vector<Entry>& entries() const { return entries_; }  // at most kMaxEntries
  std::string read(const Entry& entry, Budget& budget) const;     // "": it cannot be read

 private:
  std::string_view octets_;
  std::vector<Entry> entries_;
};

}  // namespace pabal::extract
