// relay::Outbound: the outbound worker. Takes due queue entries, lets a Courier carry them, and writes every outcome
// (outcome.h). Its memory is the entries under way, not the queue. What it knows besides the store (connections, who is
// under way) may be lost at any time: after a crash the entries are due again.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "relay/courier.h"
#include "trust/signer.h"

namespace pabal::relay {

struct OutboundServices {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  dns::Resolver& resolver;
  net::Network& network;
  net::Pool& pool;
  IdSource& ids;
  Random& random;
  const trust::Signer* signer = nullptr;  // null: nothing is signed
};

struct OutboundOptions {
  std::string hostname;
  uint16_t port = 25;
  std::string source_ip;
  std::string smarthost;    // "[host]:port", or empty
  size_t max_active = 100;  // entries under way
  size_t per_domain = 8;    // connections to one domain
};

constexpr minutes kRecheck{1};        // the queue is looked at this often even when nothing wakes us
constexpr seconds kRecordAgain{10};   // an outcome that cannot be written is tried again after this long
constexpr size_t kDomainsAtOnce = 8;  // domains of one entry served side by side
constexpr size_t kMaxParked = 500;    // due entries passed over: their domain is crowded, or they are too large for now
constexpr uint64_t kOctetsUnderWay = 64 << 20;  // of messages; a larger one goes alone

class Outbound {
 public:
  // Everything runs on `loop`. Stop it, and let its tasks end, before it is destroyed.
  Outbound(net::Loop& loop, OutboundServices services, OutboundOptions options);
  ~Outbound();
  void start();
  void stop();                              // any thread; no new attempts, and those under way end soon
  void set_options(OutboundOptions fresh);  // any thread; for attempts to come (reload)
  size_t active() const { return active_.size(); }
  const Connections& connections() const { return connections_; }

 private:
  // The due recipients of an entry that go one way.
  struct Group {
    std::string destination;  // empty: they are ours, or it cannot be told
    std::vector<queue::Recipient> recipients;
    bool unreadable = false;  // whether they are ours cannot be read now
  };
  struct Job {
    std::shared_ptr<const queue::Entry> entry;
    std::vector<Group> groups;
    std::shared_ptr<const std::string> content;                     // read once, when the first group needs it
    Result<std::shared_ptr<const std::string>> outgoing = Error{};  // what leaves: signed or sealed
    size_t next = 0, workers = 0;
  };
  enum class Look { kStarted, kPassed, kFull };

  void look_soon();
  void look();
  Look consider(const queue::Queue::Due& due, std::map<queue::QueueId, std::string>& parked);
  std::vector<Group> groups_of(const queue::Entry& entry, Time now) const;
  bool crowded(const std::string& destination) const;
  Task<void> begin(std::shared_ptr<Job> job);
  Task<Result<bool>> release(std::shared_ptr<Job> job);
  Task<void> work(std::shared_ptr<Job> job);
  Task<void> deliver(std::shared_ptr<Job> job, Group group);
  Task<void> deliver_locally(std::shared_ptr<Job> job, std::vector<queue::Recipient> recipients);
  Task<void> record(std::shared_ptr<Job> job, std::vector<Outcome> outcomes);
  Task<void> mend(queue::Queue::Due due);
  Result<std::shared_ptr<const std::string>> content(Job& job) const;
  Task<Result<std::shared_ptr<const std::string>>> outgoing(std::shared_ptr<Job> job);
  Task<Result<bool>> run_plans(std::shared_ptr<const LocalMail> local);
  Task<Result<void>> commit(store::Work work);
  void leave(const std::string& destination);
  void end(Job& job);
  OutcomeServices outcome_services() const;

  net::Loop& loop_;
  OutboundServices services_;
  OutboundOptions options_;
  Connections connections_;
  Courier courier_;
  std::atomic<bool> stopping_{false}, look_posted_{false};
  std::unique_ptr<net::Loop::Timer> timer_;
  std::unique_ptr<store::Store::Watch> watch_;
  std::set<queue::QueueId> active_;
  std::map<std::string, size_t> under_way_;       // groups begun and not ended, of each destination
  std::map<queue::QueueId, std::string> parked_;  // passed over, and the crowded destination each waits for
  uint64_t octets_ = 0;                           // of the active ones
};

}  // namespace pabal::relay
