#include "submission/session.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"
#include "message/message.h"
#include "message/received.h"
#include "submission/fixup.h"
#include "trust/results.h"

namespace pabal::submission {

using smtp::Reply;
using Verdict = mailbox::LocalDelivery::Verdict;

Task<Reply> Session::on_connect(smtp::ClientInfo) { co_return Reply{220, "", "Pabal submission"}; }

std::vector<std::string> Session::auth_mechanisms(const smtp::ClientInfo& info) {
  return identity::sasl_mechanisms(info.tls);
}

smtp::AuthStep Session::taken(identity::SaslStep step) {
  smtp::AuthStep out;
  switch (step.kind) {
    case identity::SaslStep::Kind::kChallenge:
      out.kind = smtp::AuthStep::Kind::kChallenge;
      out.data = std::move(step.data);
      break;
    case identity::SaslStep::Kind::kSuccess:
      out.kind = smtp::AuthStep::Kind::kSuccess;
      out.user = step.account.name;
      account_ = std::move(step.account);
      break;
    case identity::SaslStep::Kind::kFailure:
      out.failure = step.error.code == Code::kDenied ? Reply{535, "5.7.8", step.error.message}
                                                     : Reply{454, "4.7.0", step.error.message};
      break;
  }
  return out;
}

Task<smtp::AuthStep> Session::auth_start(smtp::ClientInfo info, std::string mechanism,
                                         std::optional<std::string> initial) {
  exchange_ =
      std::make_unique<identity::SaslExchange>(services_.login, loop_, info.remote.ip, info.tls, identity::kMailSend);
  Task<identity::SaslStep> starting = exchange_->start(std::move(mechanism), std::move(initial));
  identity::SaslStep step = co_await starting;
  co_return taken(std::move(step));
}

Task<smtp::AuthStep> Session::auth_continue(std::string data) {
  Task<identity::SaslStep> continuing = exchange_->next(std::move(data));
  identity::SaslStep step = co_await continuing;
  co_return taken(std::move(step));
}

watch::Event Session::event(const smtp::ClientInfo& info) const {
  watch::Event event;
  event.at = services_.clock.now();
  event.station = "submission";
  event.reverse_path = mail_.reverse_path;
  event.peer = account_->name + " at " + info.remote.text() + " (" + info.helo + ")";
  if (info.tls) event.tls = info.tls->version + " " + info.tls->cipher;
  return event;
}

Reply Session::refused(const smtp::ClientInfo& info, const std::string& recipient, Reply reply) const {
  watch::Event line = event(info);
  line.action = "refused";
  line.recipient = recipient;
  line.reason = std::to_string(reply.code) + " " + reply.enhanced + " " + reply.text;
  services_.trace.record_later({std::move(line)});
  return reply;
}

Task<Reply> Session::on_mail(smtp::ClientInfo info, smtp::MailParams mail) {
  // STARTTLS forgets the login (RFC 3207 §4.2): the session knows, account_ alone does not.
  if (info.auth_user.empty() || !account_) co_return Reply{530, "5.7.0", "authenticate first"};
  mail_ = mail;
  recipients_.clear();
  // A null reverse-path is for reports (RFC 5321 §4.5.5); people's programs use it for receipts.
  if (!mail.reverse_path.empty()) {
    if (!message::parse_addr_spec(mail.reverse_path, mail.smtputf8))
      co_return Reply{501, "5.1.7", "that is not an address"};
    const auto may = services_.login.directory().may_send_as(services_.store, account_->id, mail.reverse_path);
    if (!may) co_return Reply{451, "4.3.0", may.error().message};
    if (!*may)
      co_return refused(info, "",
                        {553, "5.7.1", "you may not send as " + mail.reverse_path + "; use your own address"});
  }
  co_return Reply{250, "2.1.0", "Ok"};
}

Task<Reply> Session::on_rcpt(smtp::ClientInfo info, smtp::RcptParams rcpt) {
  if (!text::iequals(rcpt.address, "postmaster") && !message::parse_addr_spec(rcpt.address, mail_.smtputf8))
    co_return Reply{501, "5.1.3", "that is not an address"};
  const Verdict verdict = services_.local.verify(rcpt.address, mail_.size.value_or(0));
  switch (verdict) {
    case Verdict::kUnknownUser:
      co_return refused(info, rcpt.address, {550, "5.1.1", "there is no mailbox " + rcpt.address});
    case Verdict::kDisabled:
      co_return refused(info, rcpt.address, {550, "5.2.1", "that mailbox is disabled"});
    case Verdict::kFull:
      co_return refused(info, rcpt.address, {452, "4.2.2", "that mailbox is full"});
    case Verdict::kUnavailable:
      co_return Reply{451, "4.3.0", "the store cannot be read; try again later"};
    case Verdict::kDeliverable:
    case Verdict::kNotLocal:
      break;
  }
  recipients_.push_back({std::move(rcpt), verdict == Verdict::kDeliverable});
  co_return Reply{250, "2.1.5", "Ok"};
}

std::optional<Reply> Session::check_authors(const std::vector<std::string>& authors) const {
  for (const std::string& author : authors) {
    const auto may = services_.login.directory().may_send_as(services_.store, account_->id, author);
    if (!may) return Reply{451, "4.3.0", may.error().message};
    if (!*may)
      return Reply{550, "5.7.1", "the From field names " + text::printable(author) + ", which is not your address"};
  }
  return {};
}

Task<std::vector<Reply>> Session::on_message(smtp::ClientInfo info, std::string content) {
  std::vector<Reply> replies(1);
  Reply& reply = replies.front();
  const uint64_t id = services_.ids.next();
  const std::string domain = account_->name.substr(account_->name.rfind('@') + 1);
  auto fixed = fix_up(std::move(content), account_->name, domain, loop_.now(), services_.random);
  if (!fixed) {
    reply = refused(info, "", {550, "5.6.0", fixed.error().message});
    co_return replies;
  }
  if (const auto refusal = check_authors(fixed->authors)) {
    reply = refused(info, "", *refusal);
    co_return replies;
  }
  message::ReceivedInfo received;
  received.helo = info.helo;
  received.by = services_.hostname;
  received.with = info.protocol(mail_.smtputf8);
  if (info.tls) received.tls = info.tls->version + " " + info.tls->cipher;
  received.id = id_text(id);
  received.at = loop_.now();
  // RFC 8601 §5: what stands there in our name is not ours.
  std::string whole = message::received_line(received) + trust::without_results(fixed->content, services_.hostname);

  std::shared_ptr<const mailbox::Prepared> prepared;
  if (whole.size() <= kParseHere)
    prepared = mailbox::prepare(std::move(whole));
  else {
    auto held = std::make_shared<std::string>(std::move(whole));
    std::function<Result<std::shared_ptr<const mailbox::Prepared>>()> work =
        [held]() -> Result<std::shared_ptr<const mailbox::Prepared>> { return mailbox::prepare(std::move(*held)); };
    Task<Result<std::shared_ptr<const mailbox::Prepared>>> working =
        net::run_on<std::shared_ptr<const mailbox::Prepared>>(services_.pool, loop_, work);
    auto made = co_await working;
    if (!made) {
      reply = {451, "4.3.2", made.error().message};
      co_return replies;
    }
    prepared = *made;
  }
  if (prepared->structure.has_nul) {
    reply = refused(info, "", {554, "5.6.1", "a NUL stands where nothing can be encoded"});
    co_return replies;
  }

  mailbox::LocalDelivery::Mail mail;
  mail.id = id_text(id);
  mail.reverse_path = mail_.reverse_path;
  mail.smtputf8 = mail_.smtputf8;
  mail.requiretls = mail_.requiretls;
  mail.prepared = prepared;
  mail.body = services_.mailboxes.new_body_id();
  mail.peer = account_->name;
  mail.author = account_->name;
  mail.results = "auth=pass smtp.auth=" + account_->name;                  // RFC 8601 §2.7.4
  if (const auto plan = services_.local.plan(mail, local_recipients())) {  // scripts may burn a while: on the pool
    std::function<Result<bool>()> filtering = [plan]() -> Result<bool> { return plan->run(), true; };
    Task<Result<bool>> working = net::run_on<bool>(services_.pool, loop_, filtering);
    const Result<bool> ran = co_await working;
    if (!ran) {
      reply = {451, "4.3.2", ran.error().message};
      co_return replies;
    }
    mail.plan = plan;
  }
  std::function<void(std::function<void(Result<void>)>)> start = [this, prepared, mail, id,
                                                                  info](std::function<void(Result<void>)> done) {
    services_.store.transact(
        [this, prepared, mail, id, info](store::Transaction& t) { return commit(t, *prepared, mail, id, info); }, done);
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop_, start);
  const Result<void> done = co_await committing;
  reply = done ? Reply{250, "2.0.0", "Ok: queued as " + mail.id} : Reply{451, "4.3.0", done.error().message};
  co_return replies;
}

std::vector<mailbox::LocalDelivery::Recipient> Session::local_recipients() const {
  std::vector<mailbox::LocalDelivery::Recipient> out;
  for (const auto& [params, local] : recipients_)
    if (local)
      out.push_back(
          {params.address, params.orcpt, (params.notify & smtp::kNever) != 0, (params.notify & smtp::kSuccess) != 0});
  return out;
}

Result<void> Session::commit(store::Transaction& t, const mailbox::Prepared& prepared,
                             const mailbox::LocalDelivery::Mail& mail, uint64_t queue_id,
                             const smtp::ClientInfo& info) const {
  if (const auto put = services_.mailboxes.put_body(t, mail.body, prepared); !put) return put;
  // Held: a body that no script keeps goes at the end.
  if (const auto held = services_.mailboxes.hold_body(t, mail.body); !held) return held;
  watch::Event line = event(info);
  const Time now = line.at;
  line.id = mail.id;
  line.message_id = prepared.structure.summary.message_id;
  line.action = "accepted";
  line.reason = "authenticated";
  services_.trace.record(t, line);

  queue::Entry entry;
  const std::vector<mailbox::LocalDelivery::Recipient> locals = local_recipients();
  const auto wait = [&](const smtp::RcptParams& params, std::string last_reply) {
    queue::Recipient waiting;
    waiting.address = params.address;
    waiting.notify = params.notify;
    waiting.orcpt = params.orcpt;
    waiting.next_attempt = now;
    waiting.last_reply = std::move(last_reply);
    entry.recipients.push_back(std::move(waiting));
  };
  for (const Rcpt& rcpt : recipients_)
    if (!rcpt.local) wait(rcpt.params, "");
  if (!locals.empty()) {
    const auto failures = services_.local.deliver(t, mail, locals);
    if (!failures) return failures.error();
    for (const auto& failure : *failures) {  // the outbound worker tries again, and reports what stays impossible
      const auto asked = std::find_if(recipients_.begin(), recipients_.end(),
                                      [&](const Rcpt& r) { return r.params.address == failure.recipient; });
      if (asked != recipients_.end()) wait(asked->params, failure.why.message);
    }
  }
  if (entry.recipients.empty()) return services_.mailboxes.release_body(t, mail.body);
  entry.id = queue_id;
  entry.message_id = line.message_id;
  entry.sender_account = account_->name;
  entry.sign_as = message::author_domain(prepared.structure.summary);
  entry.reverse_path = mail_.reverse_path;
  entry.envid = mail_.envid;
  entry.ret = mail_.ret;
  entry.smtputf8 = mail_.smtputf8;
  entry.requiretls = mail_.requiretls;
  entry.body_8bit = prepared.structure.has_8bit;
  entry.body_binary = mail_.body_binary;
  entry.body = mail.body;
  entry.size = prepared.bytes->size();
  entry.created = now;
  entry.expires = now + kQueueLifetime;
  line.station = "queue";
  line.action = "queued";
  line.peer.clear();
  line.tls.clear();
  line.reason = "for the outbound worker";
  for (const queue::Recipient& recipient : entry.recipients) {
    line.recipient = recipient.address;
    services_.trace.record(t, line);
  }
  return services_.queue.add(t, entry);  // the reference held above is the entry's
}

void Session::on_reset() {
  mail_ = {};
  recipients_.clear();
}

}  // namespace pabal::submission
