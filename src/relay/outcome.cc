#include "relay/outcome.h"

#include <algorithm>

#include "base/text.h"
#include "relay/retry.h"

namespace pabal::relay {
namespace {

using State = queue::Recipient::State;
using Verdict = mailbox::LocalDelivery::Verdict;

constexpr days kReportLifetime{5};

watch::Event event_of(const queue::Entry& entry, const Outcome& outcome, Time now) {
  watch::Event event;
  event.at = now;
  event.id = id_text(entry.id);
  event.message_id = entry.message_id;
  event.station = "relay-out";
  event.reverse_path = entry.reverse_path;
  event.recipient = outcome.address;
  event.peer = outcome.host;
  event.tls = outcome.tls;
  event.reason = outcome.reply;
  return event;
}

// RFC 3461 §4.1: without NOTIFY, failures and delays are told.
bool wants(const queue::Recipient& r, queue::Notify what) {
  if (r.notify == queue::kNotifyDefault) return what == queue::kNotifyFailure || what == queue::kNotifyDelay;
  return r.notify & what;
}

std::string in_words(Duration waited) {
  const auto whole = std::chrono::floor<hours>(waited).count();
  return whole >= 48 ? std::to_string(whole / 24) + " days" : std::to_string(whole) + " hours";
}

struct Reports {
  std::vector<const queue::Recipient*> failed, delayed, relayed;
};

// The recipient's new state, the line for the trace, and who is to be told.
void settle(queue::Recipient& r, const queue::Entry& entry, const Outcome& outcome, Time now, Random& random,
            watch::Event& event, Reports& reports) {
  ++r.attempts;
  r.last_reply = outcome.reply;
  r.last_host = outcome.host;
  r.last_tls = outcome.tls;
  if (outcome.kind == Outcome::Kind::kDelivered) {
    r.state = State::kDelivered;
    event.action = "delivered";
    if (wants(r, queue::kNotifySuccess) && !outcome.peer_reports) reports.relayed.push_back(&r);  // RFC 3461 §5.2.2 (b)
    return;
  }
  if (outcome.kind == Outcome::Kind::kFailed || now >= entry.expires) {
    const bool expired = outcome.kind != Outcome::Kind::kFailed;
    r.state = expired ? State::kExpired : State::kFailed;
    event.action = expired ? "expired" : "failed";
    if (expired) event.reason = "5.4.7 given up after " + in_words(now - entry.created) + "; last: " + outcome.reply;
    if (wants(r, queue::kNotifyFailure)) reports.failed.push_back(&r);
    return;
  }
  r.next_attempt = now + retry_after(r.attempts, random);
  const Time warning = entry.created + kDelayWarning;
  // A try falls on the hour of the warning, so that it is neither late nor rash; and one on the last moment.
  if (now < warning) r.next_attempt = std::min(r.next_attempt, warning);
  r.next_attempt = std::min(r.next_attempt, entry.expires);
  event.action = "deferred";
  event.reason += "; next try " + to_rfc3339(r.next_attempt);
  if (now >= warning && !r.delay_reported && wants(r, queue::kNotifyDelay)) {
    r.delay_reported = true;
    reports.delayed.push_back(&r);
  }
}

Result<void> write_reports(store::Transaction& t, const OutcomeServices& s, const queue::Entry& entry,
                           const Reports& reports, Time now) {
  const std::pair<DsnKind, const std::vector<const queue::Recipient*>&> all[] = {
      {DsnKind::kFailed, reports.failed}, {DsnKind::kDelayed, reports.delayed}, {DsnKind::kRelayed, reports.relayed}};
  if (entry.reverse_path.empty() ||
      std::all_of(std::begin(all), std::end(all), [](const auto& r) { return r.second.empty(); }))
    return {};
  // A body that cannot be read is no reason to say nothing.
  const auto body = s.mailboxes.body(t, entry.body);
  const std::string original = body ? entry.prefix + *body : std::string();
  for (const auto& [kind, about] : all)
    if (!about.empty())
      if (const auto done = report(t, s, kind, entry, about, original, now); !done) return done;
  return {};
}

}  // namespace

Result<void> apply(store::Transaction& t, const OutcomeServices& s, const queue::Entry& attempted,
                   const std::vector<Outcome>& outcomes, Time now, Random& random, bool with_reports) {
  auto found = s.queue.get(t, attempted.id);
  if (!found) return found.error();
  std::vector<queue::Recipient> nobody;
  std::vector<queue::Recipient>& recipients = *found ? (*found)->recipients : nobody;
  Reports reports;
  for (const Outcome& outcome : outcomes) {
    bool waited = false;
    for (queue::Recipient& r : recipients) {
      if (r.state != State::kWaiting || r.address != outcome.address) continue;
      waited = true;
      watch::Event event = event_of(attempted, outcome, now);
      settle(r, **found, outcome, now, random, event, reports);
      s.trace.record(t, event);
    }
    if (!waited && outcome.kind == Outcome::Kind::kDelivered) {  // cancelled while it was on its way
      watch::Event event = event_of(attempted, outcome, now);
      event.action = "delivered";
      event.reason += "; it was cancelled too late";
      s.trace.record(t, event);
    }
  }
  if (!*found) return {};
  const queue::Entry& entry = **found;
  if (with_reports)
    if (const auto reported = write_reports(t, s, entry, reports, now); !reported) return reported;
  if (const auto updated = s.queue.update(t, entry); !updated) return updated;
  return entry.done() ? s.mailboxes.release_body(t, entry.body) : Result<void>();
}

namespace {

mailbox::LocalDelivery::Recipient local_recipient(const queue::Recipient& r) {
  return {r.address, r.orcpt, r.notify == queue::kNotifyNever, (r.notify & queue::kNotifySuccess) != 0};
}

}  // namespace

LocalMail local_mail(const OutcomeServices& s, const queue::Entry& entry, const std::vector<std::string>& addresses,
                     std::shared_ptr<const mailbox::Prepared> prepared) {
  LocalMail out;
  out.mail.id = id_text(entry.id);
  out.mail.reverse_path = entry.reverse_path;
  out.mail.smtputf8 = entry.smtputf8;
  out.mail.requiretls = entry.requiretls;
  out.mail.prepared = std::move(prepared);
  out.mail.peer = "queue";
  out.mail.accepted = true;
  out.mail.author = entry.sender_account;
  out.mail.results = entry.results;
  out.mail.junk = entry.junk;
  // The body is there already, unless the entry's own prefix makes it another message.
  out.mail.body = entry.prefix.empty() ? entry.body : s.mailboxes.new_body_id();
  for (const queue::Recipient& r : entry.recipients) {
    const bool known =
        std::any_of(out.to.begin(), out.to.end(), [&](const auto& one) { return one.first == r.address; });
    if (known || std::find(addresses.begin(), addresses.end(), r.address) == addresses.end()) continue;
    out.to.emplace_back(r.address, s.local.plan(out.mail, {local_recipient(r)}));
  }
  return out;
}

Result<void> deliver_here(store::Transaction& t, const OutcomeServices& s, const queue::Entry& attempted,
                          const LocalMail& local, Time now, Random& random) {
  const auto found = s.queue.get(t, attempted.id);
  if (!found) return found.error();
  if (!*found) return {};
  const queue::Entry& entry = **found;
  mailbox::LocalDelivery::Mail mail = local.mail;
  if (!entry.prefix.empty())
    if (const auto put = s.mailboxes.put_body(t, mail.body, *mail.prepared); !put) return put;
  if (const auto held = s.mailboxes.hold_body(t, mail.body); !held) return held;

  std::vector<Outcome> outcomes;
  for (const auto& [address, plan] : local.to) {
    const auto r = std::find_if(entry.recipients.begin(), entry.recipients.end(), [&](const queue::Recipient& one) {
      return one.state == State::kWaiting && one.address == address;
    });
    if (r == entry.recipients.end()) continue;
    mail.plan = plan;
    const auto failures = s.local.deliver(t, mail, {local_recipient(*r)});
    if (!failures) return failures.error();
    Outcome outcome;
    outcome.address = address;
    if (failures->empty()) {
      outcome.kind = Outcome::Kind::kDelivered;
      outcome.reply = "2.1.5 filed here";
      outcome.peer_reports = true;  // deliver() does
    } else {
      const Error& why = failures->front().why;
      if (why.code == Code::kNotFound || why.code == Code::kDenied) outcome.kind = Outcome::Kind::kFailed;
      outcome.reply = why.message;
    }
    outcomes.push_back(std::move(outcome));
  }
  if (const auto applied = apply(t, s, attempted, outcomes, now, random); !applied) return applied;
  return s.mailboxes.release_body(t, mail.body);
}

Result<void> report(store::Transaction& t, const OutcomeServices& s, DsnKind kind, const queue::Entry& entry,
                    const std::vector<const queue::Recipient*>& about, std::string_view original, Time now) {
  if (entry.reverse_path.empty()) return {};
  const uint64_t id = s.ids.next();
  const auto prepared = mailbox::prepare(build_dsn(kind, entry, about, original, s.hostname, now, id));
  const mailbox::BodyId body = s.mailboxes.new_body_id();
  watch::Event event;
  event.at = now;
  event.id = id_text(id);
  event.message_id = entry.message_id;
  event.station = "queue";
  event.action = kind == DsnKind::kFailed ? "bounced" : "reported";
  event.recipient = entry.reverse_path;
  event.reason = "report " + prepared->structure.summary.message_id + " about " + id_text(entry.id);
  s.trace.record(t, event);
  if (const auto put = s.mailboxes.put_body(t, body, *prepared); !put) return put;
  if (const auto held = s.mailboxes.hold_body(t, body); !held) return held;

  if (s.local.verify(entry.reverse_path, 0) != Verdict::kNotLocal) {
    mailbox::LocalDelivery::Mail mail;
    mail.id = event.id;
    mail.smtputf8 = !text::is_ascii(entry.reverse_path);
    mail.requiretls = entry.requiretls;  // RFC 8689 §5
    mail.prepared = prepared;
    mail.body = body;
    mail.peer = "report";
    const std::vector<mailbox::LocalDelivery::Recipient> one{{entry.reverse_path, "", true, false}};
    const auto failures = s.local.deliver(t, mail, one);
    if (!failures) return failures.error();
    if (!failures->empty()) {  // nobody there to tell: the trace has it
      event.action = "dropped";
      event.reason = "the report reaches nobody: " + failures->front().why.message;
      s.trace.record(t, event);
    }
    return s.mailboxes.release_body(t, body);
  }
  queue::Entry outgoing;
  outgoing.id = id;
  outgoing.message_id = prepared->structure.summary.message_id;
  outgoing.smtputf8 = !text::is_ascii(entry.reverse_path);
  outgoing.requiretls = entry.requiretls;  // RFC 8689 §5: asked for, and not insisted on
  outgoing.body_8bit = prepared->structure.has_8bit;
  outgoing.sign_as = s.hostname;
  outgoing.body = body;
  outgoing.size = prepared->bytes->size();
  outgoing.created = now;
  outgoing.expires = now + kReportLifetime;
  queue::Recipient sender;
  sender.address = entry.reverse_path;
  sender.notify = queue::kNotifyNever;  // RFC 3461 §6.1
  sender.next_attempt = now;
  outgoing.recipients.push_back(std::move(sender));
  return s.queue.add(t, outgoing);  // the reference held above is the entry's
}

}  // namespace pabal::relay
