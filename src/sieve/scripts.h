// The scripts of an account: named, one active at most. Written inside the caller's transaction, as mail is; compiled
// before, outside. ManageSieve, the command line and what else edits filters use these calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/mailbox.h"
#include "sieve/sieve.h"
#include "store/store.h"

namespace pabal::sieve {

inline constexpr size_t kMaxScripts = 100;               // of one account
inline constexpr size_t kMaxScriptName = 512;            // octets: the 128 characters of RFC 5804 §1.6
inline constexpr uint64_t kMaxAllScripts = 8ull << 20;   // octets of an account's scripts together
inline constexpr mailbox::AccountId kServerScripts = 0;  // in place of an account: `include :global` (RFC 6609 §3.1)

struct ScriptInfo {
  std::string name;
  uint64_t octets = 0;
  Time changed;
  bool active = false;
};

// Names: 1 to kMaxScriptName octets of UTF-8 without control characters and line separators (RFC 5804 §1.6).
// Thread-safe. Errors besides those named: kIo, kCorrupt of the store.
class Scripts {
 public:
  // `clock` must outlive it.
  explicit Scripts(const Clock& clock) : clock_(clock) {}

  // Whether a script of that name and size could be stored now.
  enum class Room : uint8_t { kFits, kTooLarge, kTooMany, kFull };
  Result<Room> room_for(const store::Reader& r, mailbox::AccountId account, std::string_view name,
                        uint64_t octets) const;  // kInvalid: the name
  // Adds it or replaces the one of that name, which stays active if it was. `program` is the compiled `text`. kInvalid:
  // the name; kLimit.
  Result<void> put(store::Transaction& t, mailbox::AccountId account, std::string_view name, std::string_view text,
                   const Program& program) const;
  Result<void> remove(store::Transaction& t, mailbox::AccountId account,
                      std::string_view name) const;  // kNotFound; kDenied: it is active
  Result<void> rename(store::Transaction& t, mailbox::AccountId account, std::string_view from,
                      std::string_view to) const;  // kNotFound, kExists, kInvalid. It stays active if it was
  // "": none is active from now on. kNotFound.
  Result<void> activate(store::Transaction& t, mailbox::AccountId account, std::string_view name) const;

  Result<std::vector<ScriptInfo>> list(const store::Reader& r, mailbox::AccountId account) const;  // in name order
  Result<std::string> text(const store::Reader& r, mailbox::AccountId account, std::string_view name) const;
  // To run; a program of an older format is compiled anew. kNotFound; kInvalid: it no longer compiles.
  Result<std::shared_ptr<const Program>> program(const store::Reader& r, mailbox::AccountId account,
                                                 std::string_view name) const;
  Result<std::string> active(const store::Reader& r, mailbox::AccountId account) const;  // "": none

 private:
  const Clock& clock_;
};

// A number that grows with every change of the account's scripts, and of which is active; and the key to watch for it.
Result<uint64_t> scripts_state(const store::Reader& r, mailbox::AccountId account);
std::string scripts_watch_key(mailbox::AccountId account);

// The faults of a script as lines of text.
std::string in_lines(const std::vector<Fault>& faults);

}  // namespace pabal::sieve
