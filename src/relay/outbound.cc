#include "relay/outbound.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "message/address.h"
#include "smtp/client.h"

namespace pabal::relay {
namespace {

using State = queue::Recipient::State;
using Verdict = mailbox::LocalDelivery::Verdict;

constexpr size_t kMaxRecipientsPerMessage = 100;  // of one group; what every server must take (RFC 5321 §4.5.3.1.8)

std::string domain_of(const std::string& address) {
  const size_t at = address.rfind('@');
  const std::string domain =
      at == address.npos ? std::string() : text::lowered(std::string_view(address).substr(at + 1));
  const std::string ascii = message::ascii_domain(domain);
  return ascii.empty() ? domain : ascii;
}

std::vector<Outcome> all_deferred(const std::vector<queue::Recipient>& recipients, const std::string& why) {
  std::vector<Outcome> outcomes;
  for (const queue::Recipient& r : recipients) {
    outcomes.emplace_back();
    outcomes.back().address = r.address;
    outcomes.back().reply = why;
  }
  return outcomes;
}

}  // namespace

Outbound::Outbound(net::Loop& loop, OutboundServices services, OutboundOptions options)
    : loop_(loop),
      services_(services),
      options_(std::move(options)),
      connections_(loop),
      courier_(loop, services.resolver, services.network, services.random, connections_) {}
Outbound::~Outbound() = default;

void Outbound::start() {
  watch_ = services_.queue.watch([this] { look_soon(); });
  look_soon();
}

void Outbound::stop() {
  if (stopping_.exchange(true)) return;
  watch_.reset();
  loop_.post([this] {
    timer_.reset();
    connections_.stop();
  });
}

void Outbound::set_options(OutboundOptions fresh) {
  loop_.post([this, fresh = std::move(fresh)] { options_ = fresh; });
}

OutcomeServices Outbound::outcome_services() const {
  return {services_.mailboxes, services_.local, services_.queue, services_.trace, services_.ids, options_.hostname};
}

// --- choosing -------------------------------------------------------------------------------------------------------

// Joined: a burst of commits costs one look.
void Outbound::look_soon() {
  if (!look_posted_.exchange(true)) loop_.post([this] { look(); });
}

// Starts what is due and sleeps until the next is.
void Outbound::look() {
  look_posted_ = false;
  if (stopping_) return;
  const Time now = loop_.now();
  const size_t most = 2 * options_.max_active + active_.size() + parked_.size();
  const auto due = services_.queue.due(services_.store, now, most);
  if (!due)
    log::error("relay", due.error().message);
  else {
    std::map<queue::QueueId, std::string> parked;  // anew: those no longer in the queue are forgotten
    bool full = false;
    for (auto one = due->begin(); one != due->end() && !full; ++one) full = consider(*one, parked) == Look::kFull;
    const bool more = due->size() == most && !full && parked.size() > parked_.size();
    parked_ = std::move(parked);
    if (more) look_soon();  // behind those of crowded domains there may be others
  }
  const auto next = services_.queue.next_due(services_.store, now);
  const Time when = next && *next ? std::min(**next, now + kRecheck) : now + kRecheck;
  timer_ = loop_.at(when, [this] { look_soon(); });
}

// Starts the entry unless it is under way or its domain is crowded: a domain with thousands of messages and slow hosts
// must not keep the others waiting.
Outbound::Look Outbound::consider(const queue::Queue::Due& due, std::map<queue::QueueId, std::string>& parked) {
  if (active_.contains(due.id)) return Look::kPassed;
  if (active_.size() >= options_.max_active || parked.size() >= kMaxParked) return Look::kFull;
  if (const auto waits = parked_.find(due.id); waits != parked_.end() && crowded(waits->second)) {
    parked.insert(*waits);
    return Look::kPassed;
  }
  const auto found = services_.queue.get(services_.store, due.id);
  if (!found && found.code() != Code::kCorrupt) {
    log::error("relay", found.error().message);
    return Look::kFull;  // the disk; the next look is soon enough
  }
  auto groups = found && *found ? groups_of(**found, loop_.now()) : std::vector<Group>();
  if (groups.empty()) {
    active_.insert(due.id);
    loop_.spawn(mend(due));
    return Look::kStarted;
  }
  const bool all_crowded =
      std::all_of(groups.begin(), groups.end(), [&](const Group& g) { return crowded(g.destination); });
  if (all_crowded) {
    parked.emplace(due.id, groups.front().destination);
    return Look::kPassed;
  }
  if (!active_.empty() && octets_ + (*found)->size > kOctetsUnderWay) {
    parked.emplace(due.id, "");  // too large for now; the others go on
    return Look::kPassed;
  }
  auto job = std::make_shared<Job>();
  job->entry = std::make_shared<const queue::Entry>(**found);
  job->groups = std::move(groups);
  active_.insert(due.id);
  octets_ += job->entry->size;
  for (const Group& group : job->groups) ++under_way_[group.destination];
  job->workers = std::min(kDomainsAtOnce, job->groups.size());
  loop_.spawn(begin(job));
  return Look::kStarted;
}

// As many as have connections wait behind them already. Of a domain that has just failed nobody waits long.
bool Outbound::crowded(const std::string& destination) const {
  const auto found = under_way_.find(destination);
  return !destination.empty() && found != under_way_.end() && found->second >= 2 * options_.per_domain &&
         !connections_.lately_failed(destination);
}

std::vector<Outbound::Group> Outbound::groups_of(const queue::Entry& entry, Time now) const {
  std::map<std::string, std::vector<queue::Recipient>> by_destination;
  Group unreadable;
  unreadable.unreadable = true;
  if (entry.held) return {};
  for (const queue::Recipient& r : entry.recipients) {
    if (r.state != State::kWaiting || r.next_attempt > now) continue;
    // Addresses that are ours after all (forwards, reports, what could not be filed at first): no SMTP to ourselves.
    const Verdict verdict = services_.local.verify(r.address, 0);
    if (verdict == Verdict::kUnavailable) {
      unreadable.recipients.push_back(r);
      continue;
    }
    by_destination[verdict != Verdict::kNotLocal ? std::string()
                   : options_.smarthost.empty()  ? domain_of(r.address)
                                                 : options_.smarthost]
        .push_back(r);
  }
  std::vector<Group> groups;
  for (auto& [destination, recipients] : by_destination)
    for (size_t at = 0; at < recipients.size(); at += kMaxRecipientsPerMessage) {
      const auto first = recipients.begin() + static_cast<long>(at);
      Group group;
      group.destination = destination;
      group.recipients.assign(first,
                              first + static_cast<long>(std::min(kMaxRecipientsPerMessage, recipients.size() - at)));
      groups.push_back(std::move(group));
    }
  if (!unreadable.recipients.empty()) groups.push_back(std::move(unreadable));
  return groups;
}

// A schedule key that leads to nothing that is due. Left alone it would be found at every look.
Task<void> Outbound::mend(queue::Queue::Due due) {
  store::Work mending = [this, due](store::Transaction& t) { return services_.queue.mend(t, due); };
  Task<Result<void>> committing = commit(std::move(mending));
  const Result<void> done = co_await committing;
  if (const auto found = services_.queue.get(services_.store, due.id); !found)
    log::error("relay", found.error().message);
  if (!done && !stopping_) {
    log::error("relay", "cannot mend the queue's schedule: " + done.error().message);
    Task<void> waiting = net::sleep(loop_, kRecordAgain);
    co_await waiting;
  }
  active_.erase(due.id);
  look_soon();
}

// --- carrying -------------------------------------------------------------------------------------------------------

Task<void> Outbound::begin(std::shared_ptr<Job> job) {
  if (job->entry->scheduled) {
    Task<Result<bool>> releasing = release(job);
    const Result<bool> ours = co_await releasing;
    if (!ours && !stopping_) {
      log::error("relay", "cannot release " + id_text(job->entry->id) + ": " + ours.error().message);
      Task<void> waiting = net::sleep(loop_, kRecordAgain);
      co_await waiting;
    }
    if (!ours || !*ours) co_return end(*job);
  }
  if (std::any_of(job->groups.begin(), job->groups.end(), [](const Group& g) { return !g.destination.empty(); })) {
    Task<Result<std::shared_ptr<const std::string>>> preparing = outgoing(job);
    job->outgoing = co_await preparing;
  }
  const size_t workers = job->workers;  // the last of them ends the job
  for (size_t i = 0; i < workers; ++i) loop_.spawn(work(job));
}

// From here on the sender cannot take it back: on disk, so that whoever was told that he could has been told the truth.
Task<Result<bool>> Outbound::release(std::shared_ptr<Job> job) {
  const auto released = std::make_shared<std::optional<queue::Entry>>();
  store::Work releasing = [this, job, released, now = loop_.now()](store::Transaction& t) -> Result<void> {
    auto entry = services_.queue.release(t, job->entry->id, now);
    if (!entry) return entry.error();
    *released = std::move(*entry);
    return {};
  };
  Task<Result<void>> committing = commit(std::move(releasing));
  const Result<void> done = co_await committing;
  if (!done) co_return done.error();
  if (!*released) co_return false;
  job->entry = std::make_shared<const queue::Entry>(std::move(**released));
  co_return true;
}

// Several of these share a job: one slow domain does not hold up the others of the message.
Task<void> Outbound::work(std::shared_ptr<Job> job) {
  while (job->next < job->groups.size() && !stopping_) {
    const std::string destination = job->groups[job->next].destination;
    Group group = std::move(job->groups[job->next++]);
    Task<void> delivering = deliver(job, std::move(group));
    co_await delivering;
    leave(destination);
  }
  if (--job->workers == 0) end(*job);
}

void Outbound::leave(const std::string& destination) {
  const auto found = under_way_.find(destination);
  if (--found->second == 0) under_way_.erase(found);
}

void Outbound::end(Job& job) {
  for (; job.next < job.groups.size(); ++job.next)
    leave(job.groups[job.next].destination);  // not begun: we are stopping
  active_.erase(job.entry->id);
  octets_ -= job.entry->size;
  look_soon();
}

Result<std::shared_ptr<const std::string>> Outbound::content(Job& job) const {
  if (job.content) return job.content;
  auto body = services_.mailboxes.body(services_.store, job.entry->body);
  if (!body) return Error{body.code(), "4.3.0 the message cannot be read: " + body.error().message};
  job.content =
      std::make_shared<const std::string>(job.entry->prefix.empty() ? std::move(*body) : job.entry->prefix + *body);
  return job.content;
}

// What leaves this server is signed as it leaves, with the keys of that day (RFC 6376 §5.1); mail that only passes
// through is sealed (RFC 8617 §5.1). On the pool: an RSA signature takes a millisecond, a large body more.
Task<Result<std::shared_ptr<const std::string>>> Outbound::outgoing(std::shared_ptr<Job> job) {
  using Bytes = std::shared_ptr<const std::string>;
  const auto bytes = content(*job);
  if (!bytes || !services_.signer || job->entry->sign_as.empty()) co_return bytes;
  std::function<Result<Bytes>()> signing = [signer = services_.signer, whole = *bytes,
                                            entry = job->entry]() -> Result<Bytes> {
    const bool others = entry->sender_account.empty() && !entry->results.empty();
    // RFC 6376 §5.3: signed is what arrives.
    const auto changed = entry->body_binary ? std::nullopt : smtp::without_bare_line_ends(*whole);
    const std::string& sent = changed ? *changed : *whole;
    const auto fields =
        others ? signer->seal(sent, entry->sign_as, entry->results) : signer->sign(sent, entry->sign_as);
    if (!fields && fields.code() == Code::kLimit) return whole;  // it will always have too many fields
    if (!fields) return Error{fields.code(), "4.3.0 the message cannot be signed: " + fields.error().message};
    return fields->empty() ? whole : std::make_shared<const std::string>(*fields + sent);
  };
  Task<Result<Bytes>> working = net::run_on<Bytes>(services_.pool, loop_, signing);
  co_return co_await working;
}

Task<void> Outbound::deliver(std::shared_ptr<Job> job, Group group) {
  if (group.unreadable) {
    Task<void> noting = record(job, all_deferred(group.recipients, "4.3.0 the directory cannot be read"));
    co_await noting;
    co_return;
  }
  if (group.destination.empty()) {
    Task<void> filing = deliver_locally(job, std::move(group.recipients));
    co_await filing;
    co_return;
  }
  std::vector<Outcome> outcomes;
  {
    Task<Connections::Turn> taking = connections_.take_turn(group.destination, options_.per_domain);
    const Connections::Turn turn = co_await taking;
    if (!turn)
      outcomes = all_deferred(group.recipients, turn.failure());
    else if (!job->outgoing)
      outcomes = all_deferred(group.recipients, job->outgoing.error().message);
    else {
      const CourierOptions how{options_.hostname, options_.port, options_.source_ip, options_.smarthost};
      Task<std::vector<Outcome>> carrying =
          courier_.carry(how, job->entry, group.destination, group.recipients, *job->outgoing);
      outcomes = co_await carrying;
    }
  }
  // What our own stop cut short is no failure of theirs: it is due again at the next start.
  if (stopping_) std::erase_if(outcomes, [](const Outcome& o) { return o.kind == Outcome::Kind::kDeferred; });
  if (outcomes.empty()) co_return;
  Task<void> recording = record(job, std::move(outcomes));
  co_await recording;
}

Task<void> Outbound::deliver_locally(std::shared_ptr<Job> job, std::vector<queue::Recipient> recipients) {
  std::vector<std::string> addresses;
  for (const queue::Recipient& r : recipients) addresses.push_back(r.address);
  Result<void> done = Error{Code::kInternal, ""};
  if (const auto bytes = content(*job); !bytes)
    done = bytes.error();
  else {
    using Ready = std::shared_ptr<const mailbox::Prepared>;
    std::function<Result<Ready>()> preparing = [held = *bytes]() -> Result<Ready> { return mailbox::prepare(*held); };
    Result<Ready> ready = Error{Code::kInternal, ""};
    if ((*bytes)->size() <= kParseHere)
      ready = preparing();
    else {
      Task<Result<Ready>> working = net::run_on<Ready>(services_.pool, loop_, preparing);
      ready = co_await working;
    }
    if (!ready)
      done = Error{ready.code(), "4.3.2 " + ready.error().message};
    else {
      const auto local =
          std::make_shared<const LocalMail>(local_mail(outcome_services(), *job->entry, addresses, *ready));
      Task<Result<bool>> planning = run_plans(local);
      const Result<bool> planned = co_await planning;
      if (!planned)
        done = Error{planned.code(), "4.3.2 " + planned.error().message};
      else {
        store::Work filing = [this, job, local, s = outcome_services(), now = loop_.now()](store::Transaction& t) {
          return deliver_here(t, s, *job->entry, *local, now, services_.random);
        };
        Task<Result<void>> committing = commit(std::move(filing));
        done = co_await committing;
      }
    }
  }
  if (done || stopping_) co_return;
  // One mailbox that cannot be written must not be tried without end.
  const std::string why =
      done.error().message.starts_with("4.") ? done.error().message : "4.3.0 " + done.error().message;
  Task<void> recording = record(job, all_deferred(recipients, why));
  co_await recording;
}

// The recipients' scripts, on the pool: they may burn a while.
Task<Result<bool>> Outbound::run_plans(std::shared_ptr<const LocalMail> local) {
  const bool some = std::any_of(local->to.begin(), local->to.end(), [](const auto& one) { return one.second; });
  if (!some) co_return true;
  std::function<Result<bool>()> running = [local]() -> Result<bool> {
    for (const auto& [address, plan] : local->to)
      if (plan) plan->run();
    return true;
  };
  Task<Result<bool>> working = net::run_on<bool>(services_.pool, loop_, running);
  co_return co_await working;
}

Task<Result<void>> Outbound::commit(store::Work work) {
  std::function<void(std::function<void(Result<void>)>)> start =
      [this, work = std::move(work)](std::function<void(Result<void>)> done) {
        services_.store.transact(work, std::move(done));
      };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  co_return co_await committing;
}

// An outcome that is not on disk would be sent again: it is held here, and the entry with it, until it can be written.
Task<void> Outbound::record(std::shared_ptr<Job> job, std::vector<Outcome> outcomes) {
  const auto held = std::make_shared<const std::vector<Outcome>>(std::move(outcomes));
  for (bool with_reports = true;;) {
    store::Work applying = [this, job, held, with_reports, s = outcome_services(),
                            now = loop_.now()](store::Transaction& t) {
      return apply(t, s, *job->entry, *held, now, services_.random, with_reports);
    };
    Task<Result<void>> committing = commit(std::move(applying));
    const Result<void> done = co_await committing;
    if (done) co_return;
    log::error("relay", "cannot write the outcome of " + id_text(job->entry->id) + ": " + done.error().message);
    if (stopping_) co_return;
    if (done.code() == Code::kCorrupt) {
      const auto entry = services_.queue.get(services_.store, job->entry->id);
      if (!entry && entry.code() == Code::kCorrupt)
        co_return;  // the entry itself: the next look takes it off the schedule
      // A damaged mailbox of the sender must not make us send this again and again: the outcome counts more than the
      // report.
      if (std::exchange(with_reports, false)) continue;
    }
    Task<void> waiting = net::sleep(loop_, kRecordAgain);
    co_await waiting;
    if (stopping_) co_return;
  }
}

}  // namespace pabal::relay
