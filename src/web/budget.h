// What the connections of a server hold of messages and bodies that are not yet answered: counted together, since many
// that send slowly could else fill the memory with what each one may send.
#pragma once

#include <atomic>
#include <cstddef>

namespace pabal::web {

// Bodies read whole and messages of WebSockets, of all connections, from their first octets until they are answered:
// 503, or Close 1013, beyond it. One of up to kGatheredFree counts for nothing, so
// that a full budget stops large ones only.
constexpr size_t kMaxGathered = 256ull << 20;
constexpr size_t kGatheredFree = 64 << 10;

// Thread-safe; outlives its shares.
class Budget {
 public:
  explicit Budget(size_t octets = kMaxGathered) : octets_(octets) {}

  // Of one connection or stream.
  class Share {
   public:
    explicit Share(Budget& budget) : budget_(budget) {}
    ~Share() { static_cast<void>(hold(0)); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    // It holds so many octets now. False: there is no room for more, and what was counted before still is.
    [[nodiscard]] bool hold(size_t octets) {
      const size_t counted = octets > kGatheredFree ? octets : 0;
      if (counted > counted_) {
        const size_t more = counted - counted_;
        if (budget_.held_.fetch_add(more) + more > budget_.octets_) {
          budget_.held_ -= more;
          return false;
        }
      } else {
        budget_.held_ -= counted_ - counted;
      }
      counted_ = counted;
      return true;
    }

   private:
    Budget& budget_;
    size_t counted_ = 0;
  };
  size_t held() const { return held_; }

 private:
  const size_t octets_;
  std::atomic<size_t> held_{0};
};

}  // namespace pabal::web
