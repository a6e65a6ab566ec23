// delivery: the MDA. Resolves an address to accounts, forwards and groups, and files one copy into each mailbox, or
// does what the account's Sieve script wants, all inside the caller's transaction: when that is committed, the message,
// its index entries, its changes and its trace are on disk. It talks to no network: mail for outside, and for members
// of a group who cannot take it now, goes into the queue.
//
// Scripts run before the transaction (plan(), filter.h); deliver() carries out what they decided (carry.cc). No mail is
// lost by a script: one that fails, or wants what cannot be done, has the message filed into INBOX; the trace says why,
// and its owner gets a notice, one a day at most.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/random.h"
#include "identity/directory.h"
#include "mailbox/local_delivery.h"
#include "mailbox/mailbox.h"
#include "queue/queue.h"
#include "sieve/scripts.h"
#include "watch/trace.h"

namespace pabal::delivery {

struct Services {
  store::Store& store;
  const identity::Directory& directory;
  mailbox::Mailboxes& mailboxes;
  queue::Queue& queue;
  const watch::Trace& trace;
  IdSource& ids;
  const Clock& clock;
  const sieve::Scripts& scripts;
  std::string hostname = "localhost";  // who reports deliveries
};

constexpr days kForwardLifetime{5};   // RFC 5321 §4.5.4.1: give up after 4-5 days
constexpr hours kBetweenNotices{24};  // to the owner of a script that fails

struct Copy;
struct Decision;

// Thread-safe. One for the whole server.
class Delivery final : public mailbox::LocalDelivery {
 public:
  explicit Delivery(Services services) : services_(std::move(services)) {}

  Verdict verify(std::string_view address, uint64_t size) override;
  std::shared_ptr<Plan> plan(const Mail& mail, const std::vector<Recipient>& recipients) override;
  Result<std::vector<Failure>> deliver(store::Transaction& t, const Mail& mail,
                                       const std::vector<Recipient>& recipients) override;

  // What a script decided of a message that has lain in a mailbox of `owner` (RFC 6785). `prefix`: of what is filed.
  // Nothing when it is done; else why not, and then nothing has been written but its trace.
  Result<std::optional<Error>> carry_out_event(store::Transaction& t, const Mail& mail,
                                               const identity::Resolution::Target& owner, const Decision& decision,
                                               const std::string& prefix);

 private:
  // What one call has done so far: one copy an account and a forward, however many of their addresses were named.
  struct Done {
    std::map<identity::AccountId, std::optional<Error>> accounts;  // why not, where it failed
    std::set<std::string> queued;
    std::set<mailbox::BodyId> bodies;      // of copies, put by now
    std::vector<std::string_view> was_at;  // the Delivered-To fields it came with
    bool alone = false;                    // one recipient, one account: what is refused is refused for all
    bool was_here(std::string_view address) const;
  };
  // Where an address leads: by the directory, or back to the sender of a forwarded message (trust/srs.h).
  Result<identity::Resolution> resolve(const store::Reader& r, std::string_view address) const;
  // Nothing when delivered; else why this recipient has not got it.
  Result<std::optional<Error>> deliver_one(store::Transaction& t, const Mail& mail, const Recipient& recipient,
                                           Done& done);
  Result<std::optional<Error>> take_report(store::Transaction& t, const Mail& mail, const Recipient& recipient);
  Result<std::optional<Error>> file(store::Transaction& t, const Mail& mail, const identity::Resolution::Target& target,
                                    const Recipient& recipient, Done& done);
  Result<std::string> onward_path(const store::Reader& r, const Mail& mail, std::string_view alias) const;
  Result<void> forward(store::Transaction& t, const Mail& mail, std::string_view alias,
                       std::vector<queue::Recipient> recipients);
  Result<void> enqueue(store::Transaction& t, const Mail& mail, std::string_view alias, queue::Entry entry,
                       std::vector<queue::Recipient> recipients);
  Result<queue::QueueId> send(store::Transaction& t, const std::string& reverse_path,
                              const std::vector<std::string>& to, const Copy& letter);
  Result<void> report(store::Transaction& t, const Mail& mail, const Recipient& recipient, size_t members);
  void note(store::Transaction& t, const Mail& mail, std::string_view recipient, std::string_view action,
            std::string_view reason);

  // --- carry.cc: what a script decided ---
  struct Carrying;
  static const Decision* decision_of(const Mail& mail, identity::AccountId account);
  Result<std::optional<Error>> carry_out(const Carrying& c, const Recipient& recipient, const std::string& prefix);
  Result<void> refuse(const Carrying& c);
  Result<std::optional<Error>> file_all(const Carrying& c, const std::string& prefix);
  Result<mailbox::Mailbox> locate(const Carrying& c, const sieve::Target& target, uint32_t line);
  Result<void> use(const Carrying& c, const Copy& copy);
  Result<void> pass_on(const Carrying& c, const Recipient& recipient);
  Result<void> write_letters(const Carrying& c);
  Result<void> tell_owner(const Carrying& c);

  Services services_;
};

}  // namespace pabal::delivery
