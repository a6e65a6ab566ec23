// One IMAP session: commands to answers over a net::Stream. Reads go to snapshots on the loop; writes are transactions that the
// session awaits; searches run on the pool. What it holds of a mailbox is the map of its UIDs: sequence numbers stay as the client
// knows them until it may be told (RFC 9051 §7.5.1).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "access/imap/format.h"
#include "access/imap/parse.h"
#include "identity/login.h"
#include "mailbox/mailbox.h"
#include "net/stream.h"
#include "watch/trace.h"

namespace pabal::access::imap {

struct Services {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  identity::Login& login;
  const watch::Trace& trace;
  net::Pool& pool;
  std::string hostname;
  uint64_t max_message = 50ull << 20;  // octets, APPENDLIMIT
};

struct Options {
  std::shared_ptr<net::TlsServer> tls;  // null: no STARTTLS
  bool implicit_tls = false;
};

constexpr minutes kIdleTime{30};         // RFC 9051 §5.4: at least 30 minutes
constexpr minutes kLoginTime{2};         // before login
constexpr size_t kMaxBad = 20;           // BAD answers in a row, then BYE
constexpr size_t kFlushAt = 64 << 10;    // octets of answers held before they are written
constexpr size_t kMessagesPerCommit = 500;
constexpr size_t kSubstringSearch = 2'000;  // mailboxes up to this many messages are searched octet by octet

Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services);

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::unique_ptr<net::Stream> stream, Options options, Services& services);
  Task<void> run();

 public:
  struct SearchKey;  // search.cc

 private:
  enum class State { kGreeted, kAuthenticated, kSelected, kOver };
  struct Target { uint32_t sequence; mailbox::Uid uid; };
  struct FetchItems;

  // --- driver: session.cc ---
  Task<bool> fill(Duration patience);
  Task<bool> flush();
  Task<void> command(std::string text);
  void ok(std::string_view text);
  void no(std::string_view text);
  void bad(std::string_view text);
  void no(const Error& error);
  std::string capabilities() const;
  bool may_login() const;
  Task<Result<void>> commit(store::Work work);
  Task<std::optional<std::string>> client_line();
  void entered(identity::Account account);

  Task<void> start_tls();
  Task<void> login(Words words);
  Task<void> authenticate(Words words);
  Task<void> idle();
  static Task<void> push(std::shared_ptr<Session> self);

  // --- folders.cc ---
  void list(Words words, bool lsub);
  Task<void> create(Words words);
  Task<void> remove(Words words);
  Task<void> rename(Words words);
  Task<void> subscribe(Words words, bool on);
  void select(Words words, bool read_only);
  void status(Words words);
  std::string status_items(const mailbox::Mailbox& box, const std::vector<std::string>& items) const;
  std::string mailbox_name(Words& words);            // decoded to UTF-8
  std::string shown_name(const std::string& name) const;

  // --- messages.cc ---
  Task<void> fetch(Words words, bool uid);
  Task<void> store_flags(Words words, bool uid);
  Task<void> copy(Words words, bool uid, bool move);
  Task<void> append(Words words);
  Task<void> expunge(std::optional<SequenceSet> only, bool silent);
  std::optional<std::vector<Target>> targets(Words& words, bool uid);
  void fetch_one(const store::Reader& r, const Target& target, const mailbox::Row& row, const FetchItems& items, std::vector<mailbox::MessageId>& seen);
  // Applies the change feed to the view; tells the client of it. Removals only when `expunges`.
  void sync(bool expunges);

  // --- search.cc ---
  Task<void> search(Words words, bool uid);
  std::shared_ptr<SearchKey> search_key(Words& words, size_t depth);
  std::shared_ptr<SearchKey> search_keys(Words& words, size_t depth);

  std::unique_ptr<net::Stream> stream_;
  net::Loop& loop_;
  Options options_;
  Services& services_;
  State state_ = State::kGreeted;
  CommandReader reader_;
  std::string out_, tag_;
  size_t bad_ = 0, failed_logins_ = 0;
  bool rev2_ = false, utf8_ = false;
  std::optional<identity::Account> account_;

  std::optional<mailbox::Mailbox> box_;   // selected
  bool read_only_ = false;
  mailbox::UidMap view_;
  mailbox::ModSeq seen_modseq_ = 0;
  std::vector<mailbox::Uid> unannounced_;  // removed, not yet told
  std::set<mailbox::Uid> silent_;          // own STOREs with .SILENT: not echoed
  std::set<mailbox::MessageId> traced_;
  std::unique_ptr<store::Store::Watch> watch_;
  bool idling_ = false, pushing_ = false, push_again_ = false;
};

}  // namespace pabal::access::imap
