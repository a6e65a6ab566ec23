// A set of messages of one account as bits: what terms find is put together at the speed of memory, whatever they find.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::mailbox {

class IdSet {
 public:
  IdSet() = default;
  // For ids below `end`; those above are never in it.
  explicit IdSet(MessageId end) : end_(end), bits_((end + 63) / 64) {}

  MessageId end() const { return end_; }
  void add(MessageId id) {
    if (id < end_) bits_[id / 64] |= uint64_t{1} << id % 64;
  }
  bool has(MessageId id) const { return id < end_ && (bits_[id / 64] >> id % 64 & 1) != 0; }
  bool empty() const {
    for (const uint64_t some : bits_)
      if (some != 0) return false;
    return true;
  }
  uint64_t count() const {
    uint64_t n = 0;
    for (const uint64_t some : bits_) n += static_cast<uint64_t>(std::popcount(some));
    return n;
  }

  // With sets of the same end.
  void keep(const IdSet& other) {
    for (size_t i = 0; i < bits_.size(); ++i) bits_[i] &= i < other.bits_.size() ? other.bits_[i] : 0;
  }
  void join(const IdSet& other) {
    for (size_t i = 0; i < bits_.size() && i < other.bits_.size(); ++i) bits_[i] |= other.bits_[i];
  }
  void invert() {
    for (uint64_t& some : bits_) some = ~some;
    if (end_ % 64 != 0) bits_.back() &= (uint64_t{1} << end_ % 64) - 1;
  }

  // Visits from the highest id below `below` down, until false.
  template <typename Visit>
  void downwards(MessageId below, const Visit& visit) const {
    below = below < end_ ? below : end_;
    for (size_t i = (below + 63) / 64; i-- > 0;) {
      uint64_t some = bits_[i];
      if (below - i * 64 < 64) some &= (uint64_t{1} << (below - i * 64)) - 1;
      while (some != 0) {
        const int top = 63 - std::countl_zero(some);
        if (!visit(MessageId{i * 64 + static_cast<MessageId>(top)})) return;
        some &= ~(uint64_t{1} << top);
      }
    }
  }
  std::vector<MessageId> ids() const {  // ascending
    std::vector<MessageId> out;
    for (size_t i = 0; i < bits_.size(); ++i)
      for (uint64_t some = bits_[i]; some != 0; some &= some - 1)
        out.push_back(i * 64 + static_cast<MessageId>(std::countr_zero(some)));
    return out;
  }

 private:
  MessageId end_ = 0;
  std::vector<uint64_t> bits_;
};

}  // namespace pabal::mailbox
