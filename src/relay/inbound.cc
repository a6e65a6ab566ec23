#include "relay/inbound.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"
#include "message/message.h"
#include "relay/outcome.h"
#include "trust/dmarc_record.h"
#include "trust/failing.h"
#include "trust/forwarders.h"
#include "trust/observed.h"
#include "trust/results.h"
#include "trust/spf.h"

namespace pabal::relay {

using smtp::Reply;
using Verdict = mailbox::LocalDelivery::Verdict;

Task<Reply> Inbound::on_connect(smtp::ClientInfo) { co_return Reply{220, "", "Pabal"}; }

Task<Reply> Inbound::on_mail(smtp::ClientInfo, smtp::MailParams mail) {
  if (!mail.reverse_path.empty() && !message::parse_addr_spec(mail.reverse_path, mail.smtputf8))
    co_return Reply{501, "5.1.7", "that is not an address"};
  mail_ = std::move(mail);
  recipients_.clear();
  co_return Reply{250, "2.1.0", "Ok"};
}

Task<Reply> Inbound::on_rcpt(smtp::ClientInfo info, smtp::RcptParams rcpt) {
  if (!text::iequals(rcpt.address, "postmaster") && !message::parse_addr_spec(rcpt.address, mail_.smtputf8))
    co_return Reply{501, "5.1.3", "that is not an address"};
  Reply reply{250, "2.1.5", "Ok"};
  switch (services_.local.verify(rcpt.address, mail_.size.value_or(0))) {
    case Verdict::kDeliverable:
      break;
    // Never an open relay: only our own domains, whoever asks.
    case Verdict::kNotLocal:
      reply = {550, "5.7.1", "this server does not relay; log in on port 587 or 465 to send"};
      break;
    case Verdict::kUnknownUser:
      reply = {550, "5.1.1", "there is no mailbox " + rcpt.address};
      if (++unknown_users_ > kUnknownUsersBeforeWait) {
        Task<void> waiting = net::sleep(loop_, kUnknownUserWait);
        co_await waiting;
      }
      break;
    case Verdict::kDisabled:
      reply = {550, "5.2.1", "that mailbox is disabled"};
      break;
    case Verdict::kFull:
      reply = {452, "4.2.2", "that mailbox is full"};
      break;
    case Verdict::kUnavailable:
      reply = {451, "4.3.0", "the store cannot be read; try again later"};
      break;
  }
  if (reply.ok())
    recipients_.push_back(std::move(rcpt));
  else
    note_refusal(info, rcpt.address, reply);
  co_return reply;
}

watch::Event Inbound::event(const smtp::ClientInfo& info) const {
  watch::Event event;
  event.at = services_.clock.now();
  event.station = info.lmtp ? "lmtp" : "relay-in";
  event.reverse_path = mail_.reverse_path;
  event.peer = info.remote.text() + " (" + info.helo + ")";
  if (info.tls) event.tls = info.tls->version + " " + info.tls->cipher;
  return event;
}

message::ReceivedInfo Inbound::received_info(const smtp::ClientInfo& info, const std::string& id) const {
  message::ReceivedInfo received;
  received.helo = info.helo;
  received.ip = info.remote.ip;
  received.by = services_.hostname;
  received.with = info.protocol(mail_.smtputf8);
  if (info.tls) received.tls = info.tls->version + " " + info.tls->cipher;
  received.id = id;
  if (recipients_.size() == 1) received.recipient = recipients_.front().address;
  received.at = services_.clock.now();
  return received;
}

void Inbound::note_refusal(const smtp::ClientInfo& info, const std::string& recipient, const Reply& reply) const {
  watch::Event refused = event(info);
  refused.action = "refused";
  refused.recipient = recipient;
  refused.reason = std::to_string(reply.code) + " " + reply.enhanced + " " + reply.text;
  services_.trace.record_later({refused});
}

namespace {

// What was found of a message's sender, for the report to the owner of his domain.
struct Seen {
  trust::Verdict verdict;
  trust::Observation observation;
  std::optional<trust::Failing> failing;

  Result<void> record(store::Transaction& t) const {
    if (const auto counted = trust::observe(t, verdict, observation); !counted) return counted;
    return failing ? trust::note_failing(t, *failing) : Result<void>();
  }
};

Seen seen_of(const trust::Verdict& verdict, const trust::Disposition& disposition, const std::string& results,
             const std::string& reverse_path, const std::string& ip, std::string_view message, Time at) {
  using Kind = trust::Disposition::Kind;
  Seen out{verdict, {at, ip, trust::Dmarc::Policy::kNone, {}}, {}};
  if (disposition.kind == Kind::kRefuse) out.observation.disposition = trust::Dmarc::Policy::kReject;
  if (disposition.kind == Kind::kJunk) out.observation.disposition = trust::Dmarc::Policy::kQuarantine;
  if (!disposition.trusted_by.empty())
    out.observation.reasons.push_back({"trusted_forwarder", "arc=pass, sealed by " + disposition.trusted_by});
  const trust::Dmarc& dmarc = verdict.dmarc;
  if (dmarc.result == trust::Outcome::kFail && !dmarc.ruf.empty())
    out.failing = trust::Failing{
        at,
        dmarc.record_domain,
        dmarc.from_domain,
        dmarc.ruf,
        ip,
        reverse_path,
        results,
        std::string(trust::policy_name(out.observation.disposition)),
        std::string(message.substr(0, std::min(message::header_size(message), trust::kMaxFailingHeader)))};
  return out;
}

// A message that has come in whole, on its way into the store.
struct Arrival {
  mailbox::LocalDelivery::Mail mail;
  watch::Event accepted;
  std::optional<watch::Event> checked;
  std::optional<Seen> seen;
  std::vector<smtp::RcptParams> recipients;
  std::string ret, envid;
  bool lmtp = false, body_binary = false;
  std::vector<mailbox::LocalDelivery::Failure> failures;  // the transaction's finding

  std::vector<mailbox::LocalDelivery::Recipient> locals() const {
    std::vector<mailbox::LocalDelivery::Recipient> out;
    for (const smtp::RcptParams& r : recipients)
      out.push_back({r.address, r.orcpt, (r.notify & smtp::kNever) != 0, (r.notify & smtp::kSuccess) != 0});
    return out;
  }
};

size_t count_fields(std::string_view message, std::string_view name) {
  size_t count = 0;
  for (const message::HeaderField& field : message::header_fields(message.substr(0, message::header_size(message))))
    count += text::iequals(field.name, name);
  return count;
}

const mailbox::LocalDelivery::Failure* failure_of(const Arrival& arrival, const std::string& address) {
  for (const auto& failure : arrival.failures)
    if (failure.recipient == address) return &failure;
  return nullptr;
}

// Accepted for some: the outbound worker tries the others again, and reports what stays impossible.
Result<void> queue_failed(store::Transaction& t, const InboundServices& services, const Arrival& arrival) {
  queue::Entry entry;
  entry.id = services.ids.next();
  entry.message_id = arrival.accepted.message_id;
  entry.reverse_path = arrival.mail.reverse_path;
  entry.envid = arrival.envid;
  entry.ret = arrival.ret;
  entry.body_8bit = arrival.mail.prepared->structure.has_8bit;
  entry.body_binary = arrival.body_binary;
  entry.smtputf8 = arrival.mail.smtputf8;
  entry.requiretls = arrival.mail.requiretls;
  entry.body = arrival.mail.body;
  entry.size = arrival.mail.prepared->bytes->size();
  entry.results = arrival.mail.results;  // for when it can be filed
  entry.junk = arrival.mail.junk;
  entry.created = arrival.accepted.at;
  entry.expires = arrival.accepted.at + kRetryLifetime;
  for (const smtp::RcptParams& r : arrival.recipients) {
    const auto* failure = failure_of(arrival, r.address);
    if (!failure) continue;
    queue::Recipient waiting;
    waiting.address = r.address;
    waiting.notify = r.notify;
    waiting.orcpt = r.orcpt;
    waiting.next_attempt = arrival.accepted.at;
    waiting.last_reply = failure->why.message;
    entry.recipients.push_back(std::move(waiting));
  }
  return services.queue.add(t, entry);  // the reference that commit() holds is the entry's
}

// All of one message: its body, its copies, its trace, what is to be tried again. Either all of it is on disk or
// nothing is.
Result<void> commit(store::Transaction& t, const InboundServices& services, Arrival& arrival) {
  if (const auto put = services.mailboxes.put_body(t, arrival.mail.body, *arrival.mail.prepared); !put) return put;
  // Held: a body that no script keeps goes at the end.
  if (const auto held = services.mailboxes.hold_body(t, arrival.mail.body); !held) return held;
  if (arrival.checked) services.trace.record(t, *arrival.checked);
  services.trace.record(t, arrival.accepted);
  if (arrival.seen)
    if (const auto recorded = arrival.seen->record(t); !recorded) return recorded;
  auto failed = services.local.deliver(t, arrival.mail, arrival.locals());
  if (!failed) return failed.error();
  arrival.failures = std::move(*failed);
  const bool nobody = std::all_of(arrival.recipients.begin(), arrival.recipients.end(),
                                  [&](const auto& r) { return failure_of(arrival, r.address); });
  if (nobody) return arrival.failures.front().why;  // nothing is acknowledged
  if (arrival.failures.empty() || arrival.lmtp)     // in LMTP the client keeps what failed
    return services.mailboxes.release_body(t, arrival.mail.body);
  return queue_failed(t, services, arrival);
}

// "5.4.6 mail loop ..." as a reply; what is no permanent fault passes.
Reply refusal_of(const Error& why) {
  const bool permanent = why.code == Code::kDenied || why.code == Code::kNotFound;
  const size_t blank = std::min(why.message.find(' '), why.message.size());
  const std::string status = why.message.substr(0, blank);
  const bool has_status = status.size() >= 5 && status[0] == (permanent ? '5' : '4') && status[1] == '.';
  Reply reply{permanent ? 554 : 451, permanent ? "5.0.0" : "4.3.0", why.message};
  if (has_status) reply = {permanent ? 554 : 451, status, std::string(text::trim(why.message.substr(blank)))};
  if (reply.enhanced == "5.1.1" || reply.enhanced == "5.7.1") reply.code = 550;  // RFC 5429 §2.1.1
  if (reply.enhanced == "4.2.2") reply.code = 452;
  return reply;
}

}  // namespace

Task<Inbound::Checked> Inbound::check(smtp::ClientInfo info, std::shared_ptr<const std::string> message) {
  Checked out;
  const dns::Lookups lookups{loop_, *services_.resolver, loop_.now() + trust::kCheckTime};
  Task<trust::Verdict> checking = trust::authenticate(
      lookups, trust::Arrived{info.remote.ip, info.helo, mail_.reverse_path, services_.hostname, message});
  out.verdict = co_await checking;
  out.disposition = trust::dispose(out.verdict, [this](std::string_view domain) {
    const auto trusted = trust::is_trusted_forwarder(services_.store, domain);
    return trusted && *trusted;
  });
  out.results = trust::results_text(out.verdict);
  // RFC 8601 §4.1, RFC 7208 §9.1: above our own Received.
  out.fields =
      trust::results_field(services_.hostname, out.results) +
      trust::received_spf(out.verdict.mail_from, {info.remote.ip, info.helo, mail_.reverse_path, services_.hostname});
  co_return out;
}

Task<std::vector<Reply>> Inbound::on_message(smtp::ClientInfo info, std::string content) {
  // LMTP: one reply for each recipient (RFC 2033 §4.2).
  const auto all = [&](Reply reply) {
    return std::vector<Reply>(info.lmtp ? recipients_.size() : 1, std::move(reply));
  };
  // RFC 5321 §6.3
  if (message::count_received(std::string_view(content).substr(0, message::header_size(content))) >=
      message::kMaxReceived) {
    const Reply loop{554, "5.4.6", "the message goes round in circles: too many Received fields"};
    note_refusal(info, recipients_.front().address, loop);
    co_return all(loop);
  }
  // RFC 5322 §3.6: one From. With more, what is checked is not what is shown.
  if (const size_t authors = count_fields(content, "From"); authors > 1) {
    const Reply several{554, "5.6.0", "the message has " + std::to_string(authors) + " From fields; one is allowed"};
    note_refusal(info, recipients_.front().address, several);
    co_return all(several);
  }
  const std::string id = id_text(services_.ids.next());
  Checked checked;
  // Two servers would report each other's reports for ever.
  const bool for_reports = std::all_of(recipients_.begin(), recipients_.end(),
                                       [](const smtp::RcptParams& r) { return trust::is_report_address(r.address); });
  const auto received = std::make_shared<const std::string>(std::move(content));
  const auto seen = [&](const smtp::ClientInfo& from) {
    return seen_of(checked.verdict, checked.disposition, checked.results, mail_.reverse_path, from.remote.ip, *received,
                   loop_.now());
  };
  if (!info.lmtp && services_.resolver) {
    Task<Checked> checking = check(info, received);
    checked = co_await checking;
    const auto& [kind, reason, trusted_by] = checked.disposition;
    using Kind = trust::Disposition::Kind;
    if (kind == Kind::kRefuse || kind == Kind::kLater) {
      const Reply disowned = kind == Kind::kRefuse ? Reply{550, "5.7.1", reason} : Reply{451, "4.7.1", reason};
      note_refusal(info, recipients_.front().address, disowned);
      if (kind == Kind::kRefuse && !for_reports)
        services_.store.transact([seen = seen(info)](store::Transaction& t) { return seen.record(t); },
                                 [](const Result<void>&) {});
      co_return all(disowned);
    }
  }
  auto whole = std::make_shared<std::string>(checked.fields + message::received_line(received_info(info, id)) +
                                             trust::without_results(*received, services_.hostname));
  using Ready = std::shared_ptr<const mailbox::Prepared>;
  std::function<Result<Ready>()> preparing = [whole]() -> Result<Ready> { return mailbox::prepare(std::move(*whole)); };
  Result<Ready> prepared = Error{Code::kInternal, ""};
  if (whole->size() <= kParseHere)
    prepared = preparing();
  else {
    Task<Result<Ready>> working = net::run_on<Ready>(services_.pool, loop_, preparing);
    prepared = co_await working;
  }
  if (!prepared) co_return all({451, "4.3.2", prepared.error().message});
  if ((*prepared)->structure.has_nul) {
    const Reply binary{554, "5.6.1", "a NUL stands where nothing can be encoded"};
    note_refusal(info, recipients_.front().address, binary);
    co_return all(binary);
  }

  auto arrival = std::make_shared<Arrival>();
  arrival->mail.id = id;
  arrival->mail.reverse_path = mail_.reverse_path;
  arrival->mail.smtputf8 = mail_.smtputf8;
  arrival->mail.requiretls = mail_.requiretls;
  arrival->mail.prepared = *prepared;
  arrival->mail.body = services_.mailboxes.new_body_id();
  arrival->mail.peer = info.remote.ip.empty() ? info.helo : info.remote.ip + " (" + info.helo + ")";
  arrival->mail.results = checked.results;
  arrival->mail.junk = checked.disposition.kind == trust::Disposition::Kind::kJunk;
  arrival->accepted = event(info);
  arrival->accepted.id = id;
  arrival->accepted.message_id = (*prepared)->structure.summary.message_id;
  arrival->accepted.action = "accepted";
  arrival->accepted.reason =
      "for " + std::to_string(recipients_.size()) + (recipients_.size() == 1 ? " recipient" : " recipients");
  if (!checked.results.empty()) {
    if (!for_reports) arrival->seen = seen(info);
    arrival->checked = arrival->accepted;
    arrival->checked->action = "checked";
    arrival->checked->reason = checked.results;
    if (!checked.disposition.reason.empty()) arrival->checked->reason += "; into Junk: " + checked.disposition.reason;
    if (const std::string& by = checked.disposition.trusted_by; !by.empty())
      arrival->checked->reason += "; not refused: " + by + " is a trusted forwarder";
  }
  arrival->recipients = recipients_;
  arrival->ret = mail_.ret;
  arrival->envid = mail_.envid;
  arrival->body_binary = mail_.body_binary;
  arrival->lmtp = info.lmtp;
  // The recipients' scripts, on the pool: they may burn a while.
  if (const auto plan = services_.local.plan(arrival->mail, arrival->locals())) {
    std::function<Result<bool>()> filtering = [plan]() -> Result<bool> { return plan->run(), true; };
    Task<Result<bool>> working = net::run_on<bool>(services_.pool, loop_, filtering);
    const Result<bool> ran = co_await working;
    if (!ran) co_return all({451, "4.3.2", ran.error().message});
    arrival->mail.plan = plan;
  }
  // The services outlive the session; nothing of the session itself is needed any more when the committer comes to it.
  std::function<void(std::function<void(Result<void>)>)> start = [&services = services_,
                                                                  arrival](std::function<void(Result<void>)> done) {
    services.store.transact([&services, arrival](store::Transaction& t) { return commit(t, services, *arrival); },
                            done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  const Result<void> done = co_await committing;
  std::vector<Reply> replies = all(done ? Reply{250, "2.0.0", "Ok: queued as " + id} : refusal_of(done.error()));
  if (!done) note_refusal(info, recipients_.front().address, replies.front());
  for (size_t i = 0; info.lmtp && i < recipients_.size(); ++i)
    if (const auto* failure = failure_of(*arrival, recipients_[i].address)) replies[i] = refusal_of(failure->why);
  co_return replies;
}

void Inbound::on_reset() {
  mail_ = {};
  recipients_.clear();
}

}  // namespace pabal::relay
