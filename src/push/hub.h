// push: tells others of what changes in accounts: sockets and streams that are open here (hub.h), and servers elsewhere
// that asked to be told: push services (RFC 8030) and webhooks (outlets.h, sender.h). It knows of changes, never of
// content: that something changed is told, the receiver comes and reads it.
//
// Hub: whoever listens to an account hears of its changes on its own loop, soon after the commit. All that listen to
// one account on one loop share its watches and one reading of the change feed; changes that come fast are told
// together.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "mailbox/mailbox.h"
#include "net/loop.h"
#include "objects/objects.h"

namespace pabal::push {

constexpr milliseconds kTogether{20};       // after one news of an account the next one waits so long
constexpr seconds kStandingPause{1};        // likewise between two looks at what an account may do and see
constexpr size_t kMaxSeatsOfAccount = 200;  // connections that listen for one person at once
constexpr size_t kMaxSeats = 50'000;        // of this server: a few KiB each
constexpr size_t kMaxBoxesNamed = 64;       // mailboxes in one news; of more it says that any may have changed

// The collections whose changes are told beside those of mail.
constexpr std::array kCollections{objects::Kind::kIdentity, objects::Kind::kSubmission, objects::Kind::kAddressBook,
                                  objects::Kind::kCard, objects::Kind::kShareNotice};

struct Position {  // how far somebody knows an account
  mailbox::ModSeq mail = 0;
  std::array<objects::ModSeq, kCollections.size()> collections{};
  uint64_t scripts = 0;            // sieve::scripts_state()
  uint64_t octets = 0, quota = 0;  // used, and allowed: 0 means any number
  friend bool operator==(const Position&, const Position&) = default;
};
Result<Position> position_of(const store::Reader& r, const mailbox::Mailboxes& mailboxes, mailbox::AccountId account);

struct News {
  mailbox::AccountId account = 0;
  Position since, now;
  uint32_t kinds = 0;  // of changes of mail between, a bit for each mailbox::Change::Kind
  std::vector<std::pair<mailbox::MailboxId, uint32_t>> boxes{};  // by mailbox
  bool any_box = false;                                          // `boxes` is not all: any may have changed
  bool has(mailbox::Change::Kind kind) const { return kinds >> static_cast<int>(kind) & 1; }
};
// For who knows nothing of the account: all may have changed, but no mail has come. Nothing: there is no such account.
std::optional<News> all_is_news(const store::Reader& r, const mailbox::Mailboxes& mailboxes,
                                mailbox::AccountId account);
// Nothing: there is no such account, or nothing has happened since.
std::optional<News> read_news(const store::Reader& r, const mailbox::Mailboxes& mailboxes, mailbox::AccountId account,
                              const Position& since);

class Hub {
 public:
  // They outlive it; it outlives its listeners.
  Hub(store::Store& store, mailbox::Mailboxes& mailboxes) : store_(store), mailboxes_(mailboxes) {}

  // Drop it to hear no more. On its loop's thread.
  class Listener {
   public:
    virtual ~Listener() = default;
    Position since;  // what happened behind this is told
  };
  using Tell = std::function<void(const News&)>;
  // Call it on the thread of `loop`; `tell` runs there, and `standing` soon after what the account may do or see may
  // have changed: tokens are revoked, it is switched off, rights are given to it or taken back.
  std::unique_ptr<Listener> listen(net::Loop& loop, mailbox::AccountId account, Tell tell,
                                   std::function<void()> standing = nullptr);

  // A connection's place among those that may be open. Thread-safe. Null: there are too many of this person, or of all.
  using Seat = std::shared_ptr<void>;
  Seat take_seat(mailbox::AccountId who);

  size_t channels() const;

 private:
  struct Channel;
  struct Place;
  using Key = std::pair<net::Loop*, mailbox::AccountId>;

  store::Store& store_;
  mailbox::Mailboxes& mailboxes_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<Channel>> channels_;
  std::map<mailbox::AccountId, size_t> seats_;
  size_t seats_taken_ = 0;
};

}  // namespace pabal::push
