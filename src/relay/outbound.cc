#include "relay/outbound.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "message/address.h"
#include "relay/retry.h"

namespace pabal::relay {
namespace {

using State = queue::Recipient::State;
using Verdict = mailbox::LocalDelivery::Verdict;

constexpr size_t kMaxRecipientsPerMessage = 100;  // of one transaction; what every server must take (RFC 5321 §4.5.3.1.8)

std::string domain_of(const std::string& address) {
  const size_t at = address.rfind('@');
  return at == address.npos ? std::string() : text::lowered(std::string_view(address).substr(at + 1));
}

std::string tls_text(const net::TlsInfo* tls) {
  if (!tls) return {};
  return tls->version + " " + tls->cipher + (tls->verified ? ", verified" : ", opportunistic");
}

}  // namespace

// Suspends until a connection slot of a domain is handed over.
struct Outbound::TurnAwaiter {
  Domain& domain;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { domain.waiting.push_back([waiting] { waiting.resume(); }); }
  void await_resume() const noexcept {}
};

Outbound::Outbound(net::Loop& loop, OutboundServices services, OutboundOptions options)
    : loop_(loop), services_(services), options_(std::move(options)) {}
Outbound::~Outbound() = default;

void Outbound::start() {
  watch_ = services_.queue.watch([this] { loop_.post([this] { look(); }); });
  loop_.post([this] { look(); });
}

void Outbound::stop() {
  stopping_ = true;
  watch_.reset();
}

// Starts what is due and sleeps until the next is.
void Outbound::look() {
  if (stopping_) return;
  const Time now = loop_.now();
  if (active_.size() < options_.max_active) {
    const auto due = services_.queue.due(services_.store, now, options_.max_active + active_.size());
    if (!due) log::error("relay", due.error().message);
    else
      for (const queue::QueueId id : *due) {
        if (active_.size() >= options_.max_active) break;
        if (active_.insert(id).second) loop_.spawn(attempt(id));
      }
  }
  const auto next = services_.queue.next_due(services_.store);
  Time when = now + kRecheck;
  if (next && *next && **next > now) when = std::min(when, **next);
  timer_ = loop_.at(when, [this] { look(); });
}

Task<void> Outbound::attempt(queue::QueueId id) {
  const auto found = services_.queue.get(services_.store, id);
  if (found && *found && !(*found)->held) {
    const queue::Entry entry = **found;
    std::map<std::string, std::vector<queue::Recipient>> by_domain;
    for (const queue::Recipient& r : entry.recipients)
      if (r.state == State::kWaiting && r.next_attempt <= loop_.now()) by_domain[domain_of(r.address)].push_back(r);
    for (const auto& [domain, recipients] : by_domain) {
      for (size_t at = 0; at < recipients.size() && !stopping_; at += kMaxRecipientsPerMessage) {
        const auto first = recipients.begin() + static_cast<long>(at);
        std::vector<queue::Recipient> part(first, first + static_cast<long>(std::min(kMaxRecipientsPerMessage, recipients.size() - at)));
        Task<std::vector<Outcome>> sending = send(entry, domain, std::move(part));
        std::vector<Outcome> outcomes = co_await sending;
        Task<void> recording = record(id, std::move(outcomes));
        co_await recording;
      }
    }
  }
  active_.erase(id);
  loop_.post([this] { look(); });
}

Task<std::vector<Outbound::Outcome>> Outbound::send(queue::Entry entry, std::string domain, std::vector<queue::Recipient> recipients) {
  std::vector<Outcome> outcomes;
  // Addresses that are ours after all (forwards, bounces of local mail): no SMTP to ourselves.
  std::vector<queue::Recipient> locals, others;
  for (queue::Recipient& r : recipients)
    (services_.local.verify(r.address, 0) == Verdict::kNotLocal ? others : locals).push_back(std::move(r));
  if (!locals.empty()) {
    Task<void> delivering = deliver_local(entry, locals, outcomes);
    co_await delivering;
  }
  if (others.empty()) co_return outcomes;

  auto body = services_.mailboxes.body(services_.store, entry.body);
  if (!body) {
    for (const queue::Recipient& r : others) outcomes.push_back({r.address, Outcome::Kind::kDeferred, "4.3.0 " + body.error().message, "", ""});
    co_return outcomes;
  }
  Domain& slots = domains_[domain];
  if (slots.connections >= options_.per_domain) {
    TurnAwaiter turn{slots};
    co_await turn;  // the slot is handed over with the turn
  } else ++slots.connections;
  Task<std::vector<Outcome>> sending = send_outside(entry, domain, others, entry.prefix + *body);
  std::vector<Outcome> sent = co_await sending;
  if (!slots.waiting.empty()) {
    auto next = std::move(slots.waiting.front());
    slots.waiting.pop_front();
    loop_.post(std::move(next));
  } else if (--slots.connections == 0 && slots.idle.empty()) domains_.erase(domain);
  outcomes.insert(outcomes.end(), sent.begin(), sent.end());
  co_return outcomes;
}

Task<std::vector<Outbound::Outcome>> Outbound::send_outside(queue::Entry entry, std::string domain, std::vector<queue::Recipient> recipients,
                                                            std::string content) {
  std::vector<Outcome> outcomes;
  for (int round = 0;; ++round) {
    // A warm connection first; if that one has died meanwhile, a new one.
    std::optional<Connection> connection;
    Domain& slots = domains_[domain];
    const bool warm = !slots.idle.empty();
    if (warm) {
      connection = std::move(slots.idle.back());
      slots.idle.pop_back();
    } else {
      Task<Result<Connection>> connecting = connect(domain);
      Result<Connection> made = co_await connecting;
      if (!made) {
        const bool final = made.error().message.starts_with("5.");
        for (const queue::Recipient& r : recipients)
          outcomes.push_back({r.address, final ? Outcome::Kind::kFailed : Outcome::Kind::kDeferred, made.error().message, "", ""});
        co_return outcomes;
      }
      connection = std::move(*made);
    }

    smtp::Outgoing message;
    message.mail.reverse_path = entry.reverse_path;
    message.mail.smtputf8 = entry.smtputf8;
    message.mail.requiretls = entry.requiretls;
    message.mail.body_8bit = entry.body_8bit;
    message.mail.body_binary = entry.body_binary;
    message.mail.ret = entry.ret;
    message.mail.envid = entry.envid;
    message.content = content;
    for (const queue::Recipient& r : recipients) message.recipients.push_back({r.address, r.notify, r.orcpt});
    Task<smtp::SendResult> sending = connection->client->send(message);
    const smtp::SendResult result = co_await sending;
    const bool nobody_decided = std::all_of(result.recipients.begin(), result.recipients.end(), [](const auto& r) { return r.code == 0; });
    if (warm && result.transport && nobody_decided && round < 3) continue;  // it had gone cold

    for (size_t i = 0; i < recipients.size(); ++i) {
      const smtp::ServerReply& reply = result.recipients[i];
      Outcome outcome{recipients[i].address, Outcome::Kind::kDeferred, reply.text(), connection->host, connection->tls};
      outcome.peer_reports = connection->client->extensions().dsn;
      if (reply.code == 0) outcome.reply = "4.4.2 " + (result.transport ? result.transport->message : "the server gave no answer");
      else if (reply.code < 300) outcome.kind = Outcome::Kind::kDelivered;
      else if (reply.code >= 500) outcome.kind = Outcome::Kind::kFailed;
      outcomes.push_back(std::move(outcome));
    }
    if (connection->client->usable() && !result.transport && ++connection->messages < kMessagesPerConnection && !stopping_) {
      connection->idle_since = loop_.now();
      slots.idle.push_back(std::move(*connection));
      loop_.spawn(sweep());
    } else {
      Task<void> quitting = connection->client->quit();
      co_await quitting;
    }
    co_return outcomes;
  }
}

// Says QUIT on connections nobody wanted for a while.
Task<void> Outbound::sweep() {
  Task<void> waiting = net::sleep(loop_, kKeepWarm + milliseconds(1));
  co_await waiting;
  std::list<Connection> cold;
  for (auto domain = domains_.begin(); domain != domains_.end();) {
    auto& idle = domain->second.idle;
    for (auto it = idle.begin(); it != idle.end();) {
      const auto next = std::next(it);
      if (stopping_ || loop_.now() - it->idle_since >= kKeepWarm) cold.splice(cold.end(), idle, it);
      it = next;
    }
    domain = idle.empty() && domain->second.connections == 0 ? domains_.erase(domain) : std::next(domain);
  }
  for (Connection& connection : cold) {
    Task<void> quitting = connection.client->quit();
    co_await quitting;
  }
}

Task<Result<Outbound::Connection>> Outbound::connect(std::string domain) {
  std::string target = domain;
  uint16_t port = options_.port;
  if (!options_.smarthost.empty()) {  // "[host]:port"
    const size_t close = options_.smarthost.rfind("]:");
    const auto number = close == std::string::npos ? std::nullopt : text::parse_u64(std::string_view(options_.smarthost).substr(close + 2));
    if (!number) co_return Error{Code::kInvalid, "4.3.5 relay.smarthost must be \"[host]:port\""};
    target = options_.smarthost.substr(1, close - 1);
    if (net::parse_address(target + ":1")) target = "[" + target + "]";
    port = static_cast<uint16_t>(*number);
  }
  Task<Result<Route>> finding = find_route(loop_, services_.resolver, services_.random, target, options_.hostname);
  const Result<Route> route = co_await finding;
  if (!route) co_return route.error();
  Error last{Code::kUnavailable, "4.4.1 no host answers"};
  for (const Hop& hop : route->hops) {
    for (const bool tls : {true, false}) {  // opportunistic: in clear only after TLS has failed there
      Task<Result<Connection>> connecting = connect_to(hop, port, tls);
      Result<Connection> made = co_await connecting;
      if (made) co_return made;
      last = {made.error().code, (made.code() == Code::kDenied ? "5.3.0 " : "4.4.1 ") + hop.host + " [" + hop.ip + "]: " + made.error().message};
      if (made.code() != Code::kIo || stopping_) break;
    }
  }
  // A host that refuses us outright may have a brother that does not; when all did, it is final only if they said so.
  co_return last;
}

Task<Result<Outbound::Connection>> Outbound::connect_to(Hop hop, uint16_t port, bool tls) {
  Task<Result<std::unique_ptr<net::Stream>>> dialing =
      services_.network.connect(loop_, {hop.ip, port}, options_.source_ip, loop_.now() + kConnectTime);
  Result<std::unique_ptr<net::Stream>> stream = co_await dialing;
  if (!stream) co_return Error{Code::kUnavailable, stream.error().message};
  Connection made;
  made.client = std::make_unique<smtp::ClientConnection>(std::move(*stream), options_.hostname);
  made.host = hop.host + " [" + hop.ip + "]" + (port == 25 ? "" : ":" + std::to_string(port));
  Task<Result<void>> helloing = made.client->hello();
  if (const Result<void> done = co_await helloing; !done)
    co_return Error{done.code() == Code::kDenied ? Code::kDenied : Code::kUnavailable, done.error().message};
  if (tls && made.client->extensions().starttls) {
    net::TlsClientOptions options;
    options.server_name = hop.host;
    Task<Result<void>> securing = made.client->starttls(options);
    if (const Result<void> done = co_await securing; !done) co_return Error{Code::kIo, "STARTTLS failed: " + done.error().message};
  }
  made.tls = tls_text(made.client->stream().tls());
  if (!tls) made.tls = "in clear: STARTTLS failed there";
  co_return made;
}

Task<void> Outbound::deliver_local(queue::Entry entry, std::vector<queue::Recipient> recipients, std::vector<Outcome>& out) {
  auto bytes = services_.mailboxes.body(services_.store, entry.body);
  if (!bytes) {
    for (const queue::Recipient& r : recipients) out.push_back({r.address, Outcome::Kind::kDeferred, "4.3.0 " + bytes.error().message, "", ""});
    co_return;
  }
  const auto prepared = mailbox::prepare(entry.prefix + std::move(*bytes));
  for (const queue::Recipient& r : recipients) {
    Outcome outcome{r.address, Outcome::Kind::kDelivered, "250 2.1.5 filed here", "", ""};
    outcome.peer_reports = true;
    mailbox::LocalDelivery::Mail mail;
    mail.id = id_text(entry.id);
    mail.reverse_path = entry.reverse_path;
    mail.smtputf8 = entry.smtputf8;
    mail.requiretls = entry.requiretls;
    mail.prepared = prepared;
    mail.body = services_.mailboxes.new_body_id();
    mail.peer = "queue";
    mailbox::LocalDelivery::Recipient to;
    to.address = r.address;
    std::function<void(std::function<void(Result<void>)>)> start = [this, mail, to](std::function<void(Result<void>)> done) {
      services_.store.transact([this, mail, to](store::Transaction& t) -> Result<void> {
        if (const auto put = services_.mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
        const std::vector<mailbox::LocalDelivery::Recipient> one{to};
        const auto failed = services_.local.deliver(t, mail, one);
        if (!failed) return failed.error();
        return failed->empty() ? Result<void>() : failed->front().why;
      }, done);
    };
    Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
    const Result<void> done = co_await committing;
    if (!done) {
      const bool final = done.code() == Code::kNotFound || done.code() == Code::kDenied;
      outcome.kind = final ? Outcome::Kind::kFailed : Outcome::Kind::kDeferred;
      outcome.reply = done.error().message;
    }
    out.push_back(std::move(outcome));
  }
}

// --- outcomes -------------------------------------------------------------------------------------------------------

Task<void> Outbound::record(queue::QueueId id, std::vector<Outcome> outcomes) {
  // The original, for reports: read before, so that the committer does not wait for it.
  std::string original;
  const auto entry = services_.queue.get(services_.store, id);
  if (!entry || !*entry) co_return;
  if (!(*entry)->reverse_path.empty())
    if (auto body = services_.mailboxes.body(services_.store, (*entry)->body)) original = (*entry)->prefix + *body;
  std::function<void(std::function<void(Result<void>)>)> start = [this, id, outcomes, original](std::function<void(Result<void>)> done) {
    services_.store.transact([this, id, outcomes, original](store::Transaction& t) { return apply(t, id, outcomes, original); }, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  const Result<void> done = co_await committing;
  if (done || done.code() == Code::kNotFound) co_return;
  // The outcome is not on disk: the entry stays due. Wait, so that a full disk does not make us send in a circle.
  log::error("relay", "cannot write the outcome of " + id_text(id) + ": " + done.error().message);
  Task<void> waiting = net::sleep(loop_, minutes(1));
  co_await waiting;
}

Result<void> Outbound::apply(store::Transaction& t, queue::QueueId id, const std::vector<Outcome>& outcomes, const std::string& original) {
  // The newest state: an operator may have cancelled or held it meanwhile.
  auto found = services_.queue.get(t, id);
  if (!found) return found.error();
  if (!*found) return Error{Code::kNotFound, "the entry is gone"};
  queue::Entry& entry = **found;
  const Time now = loop_.now();
  std::vector<const queue::Recipient*> failed, delayed, relayed;
  for (queue::Recipient& r : entry.recipients) {
    const auto outcome = std::find_if(outcomes.begin(), outcomes.end(), [&](const Outcome& o) { return o.address == r.address; });
    if (outcome == outcomes.end() || r.state != State::kWaiting) continue;
    ++r.attempts;
    r.last_reply = outcome->reply;
    r.last_host = outcome->host;
    r.last_tls = outcome->tls;
    watch::Event event;
    event.at = now;
    event.id = id_text(id);
    event.message_id = entry.message_id;
    event.station = "relay-out";
    event.reverse_path = entry.reverse_path;
    event.recipient = r.address;
    event.peer = outcome->host;
    event.tls = outcome->tls;
    event.reason = outcome->reply;
    const bool default_notify = r.notify == queue::kNotifyDefault;
    if (outcome->kind == Outcome::Kind::kDelivered) {
      r.state = State::kDelivered;
      event.action = "delivered";
      if ((r.notify & queue::kNotifySuccess) && !outcome->peer_reports) relayed.push_back(&r);
    } else if (outcome->kind == Outcome::Kind::kFailed || now >= entry.expires) {
      const bool expired = outcome->kind != Outcome::Kind::kFailed;
      r.state = expired ? State::kExpired : State::kFailed;
      if (expired) r.last_reply = "5.4.7 given up after " + std::to_string((now - entry.created) / hours(24)) + " days; last: " + outcome->reply;
      event.action = expired ? "expired" : "failed";
      if (default_notify || (r.notify & queue::kNotifyFailure)) failed.push_back(&r);
    } else {
      r.next_attempt = std::min(now + retry_after(r.attempts, services_.random), std::max(entry.expires, now + seconds(1)));
      event.action = "deferred";
      event.reason += "; next try " + to_rfc3339(r.next_attempt);
      if (!r.delay_reported && now - entry.created >= kDelayWarning && (default_notify || (r.notify & queue::kNotifyDelay))) {
        r.delay_reported = true;
        delayed.push_back(&r);
      }
    }
    services_.trace.record(t, event);
  }
  // RFC 5321 §6.1: never a report about a report.
  if (!entry.reverse_path.empty())
    for (const auto& [kind, about] : {std::pair(DsnKind::kFailed, failed), std::pair(DsnKind::kDelayed, delayed), std::pair(DsnKind::kRelayed, relayed)})
      if (!about.empty())
        if (const auto reported = report(t, kind, entry, about, original); !reported) return reported;
  if (const auto updated = services_.queue.update(t, entry); !updated) return updated;
  return entry.done() ? services_.mailboxes.release_body(t, entry.body) : Result<void>();
}

Result<void> Outbound::report(store::Transaction& t, DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about,
                              const std::string& original) {
  const Time now = loop_.now();
  const uint64_t id = services_.ids.next();
  const auto prepared = mailbox::prepare(build_dsn(kind, entry, about, original, options_.hostname, now, services_.random));
  const mailbox::BodyId body = services_.mailboxes.new_body_id();
  watch::Event event;
  event.at = now;
  event.id = id_text(id);
  event.message_id = entry.message_id;
  event.station = "queue";
  event.action = kind == DsnKind::kFailed ? "bounced" : "reported";
  event.recipient = entry.reverse_path;
  event.reason = "report " + prepared->structure.summary.message_id;
  services_.trace.record(t, event);
  if (const auto put = services_.mailboxes.put_body(t, body, *prepared); !put) return put;
  if (services_.local.verify(entry.reverse_path, 0) != Verdict::kNotLocal) {
    mailbox::LocalDelivery::Mail mail;
    mail.id = event.id;
    mail.prepared = prepared;
    mail.body = body;
    mail.peer = "report";
    mailbox::LocalDelivery::Recipient to;
    to.address = entry.reverse_path;
    const std::vector<mailbox::LocalDelivery::Recipient> one{to};
    const auto failed = services_.local.deliver(t, mail, one);
    if (!failed) return failed.error();
    // Nobody there to tell: the trace has it, and the body goes.
    return failed->empty() ? Result<void>() : services_.mailboxes.release_body(t, body);
  }
  queue::Entry outgoing;
  outgoing.id = id;
  outgoing.message_id = prepared->structure.summary.message_id;
  outgoing.smtputf8 = !text::is_ascii(entry.reverse_path);
  outgoing.body_8bit = prepared->structure.has_8bit;
  outgoing.body = body;
  outgoing.size = prepared->bytes->size();
  outgoing.created = now;
  outgoing.expires = now + days(5);
  queue::Recipient sender;
  sender.address = entry.reverse_path;
  sender.notify = queue::kNotifyNever;
  sender.next_attempt = now;
  outgoing.recipients.push_back(std::move(sender));
  if (const auto held = services_.mailboxes.hold_body(t, body); !held) return held;
  return services_.queue.add(t, outgoing);
}

}  // namespace pabal::relay
