#include "relay/inbound.h"

#include "base/text.h"
#include "message/address.h"
#include "message/message.h"
#include "message/received.h"

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
    case Verdict::kDeliverable: break;
    // Never an open relay: only our own domains, whoever asks.
    case Verdict::kNotLocal: reply = {550, "5.7.1", "this server does not relay; log in on port 587 or 465 to send"}; break;
    case Verdict::kUnknownUser:
      reply = {550, "5.1.1", "there is no mailbox " + rcpt.address};
      if (++unknown_users_ > kUnknownUsersBeforeWait) {
        Task<void> waiting = net::sleep(loop_, kUnknownUserWait);
        co_await waiting;
      }
      break;
    case Verdict::kDisabled: reply = {550, "5.2.1", "that mailbox is disabled"}; break;
    case Verdict::kFull: reply = {452, "4.2.2", "that mailbox is full"}; break;
    case Verdict::kUnavailable: reply = {451, "4.3.0", "the store cannot be read; try again later"}; break;
  }
  if (reply.ok()) recipients_.push_back(std::move(rcpt));
  else note_refusal(info, rcpt.address, reply);
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

void Inbound::note_refusal(const smtp::ClientInfo& info, const std::string& recipient, const Reply& reply) const {
  watch::Event refused = event(info);
  refused.action = "refused";
  refused.recipient = recipient;
  refused.reason = std::to_string(reply.code) + " " + reply.enhanced + " " + reply.text;
  services_.trace.record_later(refused);
}

Task<std::vector<Reply>> Inbound::on_message(smtp::ClientInfo info, std::string content) {
  // LMTP: one reply for each recipient (RFC 2033 §4.2).
  const auto all = [&](Reply reply) { return std::vector<Reply>(info.lmtp ? recipients_.size() : 1, std::move(reply)); };
  if (message::count_received(std::string_view(content).substr(0, message::header_size(content))) >= message::kMaxReceived) {
    const Reply loop{554, "5.4.6", "the message goes round in circles: too many Received fields"};
    note_refusal(info, recipients_.front().address, loop);
    co_return all(loop);
  }
  const std::string id = id_text(services_.ids.next());
  message::ReceivedInfo received;
  received.helo = info.helo;
  received.ip = info.remote.ip;
  received.by = services_.hostname;
  received.with = info.protocol();
  if (info.tls) received.tls = info.tls->version + " " + info.tls->cipher;
  received.id = id;
  if (recipients_.size() == 1) received.recipient = recipients_.front().address;
  received.at = services_.clock.now();
  auto whole = std::make_shared<std::string>(message::received_line(received) + content);

  std::shared_ptr<const mailbox::Prepared> prepared;
  if (whole->size() <= kParseHere) prepared = mailbox::prepare(std::move(*whole));
  else {
    std::function<Result<std::shared_ptr<const mailbox::Prepared>>()> work = [whole]() -> Result<std::shared_ptr<const mailbox::Prepared>> {
      return mailbox::prepare(std::move(*whole));
    };
    Task<Result<std::shared_ptr<const mailbox::Prepared>>> working =
        net::run_on<std::shared_ptr<const mailbox::Prepared>>(services_.pool, loop_, work);
    const auto made = co_await working;
    if (!made) co_return all({451, "4.3.2", made.error().message});
    prepared = *made;
  }

  mailbox::LocalDelivery::Mail mail;
  mail.id = id;
  mail.reverse_path = mail_.reverse_path;
  mail.smtputf8 = mail_.smtputf8;
  mail.requiretls = mail_.requiretls;
  mail.prepared = prepared;
  mail.body = services_.mailboxes.new_body_id();
  mail.peer = info.remote.ip.empty() ? info.helo : info.remote.ip + " (" + info.helo + ")";
  watch::Event accepted = event(info);
  accepted.id = id;
  accepted.message_id = prepared->structure.summary.message_id;
  accepted.action = "accepted";
  accepted.reason = "for " + std::to_string(recipients_.size()) + (recipients_.size() == 1 ? " recipient" : " recipients");
  std::vector<mailbox::LocalDelivery::Recipient> locals;
  for (const smtp::RcptParams& r : recipients_)
    locals.push_back({r.address, r.orcpt, (r.notify & smtp::kNever) != 0, (r.notify & smtp::kSuccess) != 0});

  auto failures = std::make_shared<std::vector<mailbox::LocalDelivery::Failure>>();
  const bool lmtp = info.lmtp;
  std::function<void(std::function<void(Result<void>)>)> start = [this, prepared, mail, accepted, locals, failures, lmtp](std::function<void(Result<void>)> done) {
    services_.store.transact([this, prepared, mail, accepted, locals, failures, lmtp](store::Transaction& t) -> Result<void> {
      if (const auto put = services_.mailboxes.put_body(t, mail.body, *prepared); !put) return put;
      services_.trace.record(t, accepted);
      auto failed = services_.local.deliver(t, mail, locals);
      if (!failed) return failed.error();
      *failures = *failed;
      if (failed->size() == locals.size()) return failed->front().why;  // nobody has it: nothing is acknowledged
      if (failed->empty() || lmtp) return {};
      // Accepted for some: the outbound worker tries the others again, and reports what stays impossible.
      queue::Entry entry;
      entry.id = services_.ids.next();
      entry.message_id = accepted.message_id;
      entry.reverse_path = mail.reverse_path;
      entry.body_8bit = prepared->structure.has_8bit;
      entry.smtputf8 = mail.smtputf8;
      entry.requiretls = mail.requiretls;
      entry.body = mail.body;
      entry.size = prepared->bytes->size();
      entry.created = accepted.at;
      entry.expires = accepted.at + days(5);
      for (const auto& failure : *failed) {
        queue::Recipient waiting;
        waiting.address = failure.recipient;
        waiting.next_attempt = accepted.at;
        waiting.last_reply = failure.why.message;
        entry.recipients.push_back(std::move(waiting));
      }
      if (const auto held = services_.mailboxes.hold_body(t, mail.body); !held) return held;
      return services_.queue.add(t, entry);
    }, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  const Result<void> done = co_await committing;
  const auto refusal_of = [](const Error& why) {
    if (why.code == Code::kDenied || why.code == Code::kNotFound) {
      const size_t blank = why.message.find(' ');
      return Reply{554, why.message.substr(0, blank), why.message.substr(blank + 1)};
    }
    return Reply{451, "4.3.0", why.message};
  };
  if (!done) co_return all(refusal_of(done.error()));
  std::vector<Reply> replies = all({250, "2.0.0", "Ok: queued as " + id});
  if (lmtp)
    for (size_t i = 0; i < recipients_.size(); ++i)
      for (const auto& failure : *failures)
        if (failure.recipient == recipients_[i].address) replies[i] = refusal_of(failure.why);
  co_return replies;
}

void Inbound::on_reset() {
  mail_ = {};
  recipients_.clear();
}

}  // namespace pabal::relay
