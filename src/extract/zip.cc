#include "extract/zip.h"

#include "extract/extract.h"

namespace pabal::extract {
namespace {

uint32_t little(std::string_view s, size_t at, size_t octets) {
  uint32_t out = 0;
  for (size_t i = 0; i < octets; ++i) out |= static_cast<uint32_t>(static_cast<unsigned char>(s[at + i])) << 8 * i;
  return out;
}

constexpr size_t kEnd = 22, kCentral = 46, kLocal = 30;  // octets of each header's fixed part
constexpr uint16_t kEncrypted = 1;

}  // namespace

std::optional<Zip> Zip::open(std::string_view octets) {
  const size_t end = octets.rfind("PK\5\6");
  if (end == octets.npos || octets.size() - end < kEnd) return {};
  Zip out;
  out.octets_ = octets;
  const size_t count = little(octets, end + 10, 2);
  size_t at = little(octets, end + 16, 4);
  for (size_t i = 0; i < count && i < kMaxEntries; ++i) {
    if (at > octets.size() || octets.size() - at < kCentral || !octets.substr(at).starts_with("PK\1\2")) return {};
    const size_t name = little(octets, at + 28, 2);
    if (octets.size() - at - kCentral < name) return {};
    out.entries_.push_back({octets.substr(at + kCentral, name), static_cast<uint16_t>(little(octets, at + 8, 2)),
                            static_cast<uint16_t>(little(octets, at + 10, 2)), little(octets, at + 20, 4),
                            little(octets, at + 42, 4)});
    at += kCentral + name + little(octets, at + 30, 2) + little(octets, at + 32, 2);
  }
  return out;
}

std::string Zip::read(const Entry& entry, Budget& budget) const {
  if (entry.flags & kEncrypted || entry.header > octets_.size() || octets_.size() - entry.header < kLocal) return {};
  const size_t begin =
      entry.header + kLocal + little(octets_, entry.header + 26, 2) + little(octets_, entry.header + 28, 2);
  if (begin > octets_.size()) return {};
  const std::string_view packed = octets_.substr(begin, entry.packed);
  if (entry.method == 8) return inflate(packed, Wrapping::kRaw, budget);
  if (entry.method != 0) return {};
  const std::string_view stored = packed.substr(0, budget.octets);
  budget.octets -= stored.size();
  return std::string(stored);
}

}  // namespace pabal::extract
