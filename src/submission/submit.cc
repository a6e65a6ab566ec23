#include "submission/submit.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"
#include "message/message.h"
#include "smtp/client.h"
#include "submission/fixup.h"
#include "trust/results.h"

namespace pabal::submission {

using smtp::Reply;
using Verdict = mailbox::LocalDelivery::Verdict;

namespace {

std::vector<mailbox::LocalDelivery::Recipient> local_recipients(const std::vector<Rcpt>& all) {
  std::vector<mailbox::LocalDelivery::Recipient> out;
  for (const auto& [params, local] : all)
    if (local)
      out.push_back(
          {params.address, params.orcpt, (params.notify & smtp::kNever) != 0, (params.notify & smtp::kSuccess) != 0});
  return out;
}

queue::Recipient waiting(const smtp::RcptParams& params, Time next_attempt, std::string last_reply) {
  queue::Recipient out;
  out.address = params.address;
  out.notify = params.notify;
  out.orcpt = params.orcpt;
  out.next_attempt = next_attempt;
  out.last_reply = std::move(last_reply);
  return out;
}

// RFC 8621 §7: a reply code, an enhanced code, and words, in one line. Our own words lack the first, or both.
std::string reply_form(std::string_view words, std::string_view otherwise) {
  std::string out(words);
  std::replace(out.begin(), out.end(), '\n', ' ');
  const bool code = out.size() > 4 && text::is_digit(out[0]) && text::is_digit(out[1]) && text::is_digit(out[2]);
  if (code) return out;
  const bool enhanced = out.size() > 5 && text::is_digit(out[0]) && out[1] == '.';
  return enhanced ? std::string(1, out[0]) + "50 " + out : std::string(otherwise) + out;
}

// The form of the envelope: a domain that is not ASCII in A-labels, so that only a local part needs SMTPUTF8.
std::string envelope_form(const std::string& address) {
  auto parsed = message::parse_addr_spec(address, true);
  if (!parsed) return address;
  if (!text::is_ascii(parsed->local)) return parsed->text();
  if (const std::string ascii = message::ascii_domain(*parsed); !ascii.empty()) parsed->domain = ascii;
  return parsed->text();
}

}  // namespace

// What the transaction needs. It may run again: `ready` and `mail` are made anew each time.
struct Submitter::Job {
  uint64_t id = 0;
  Parcel parcel;
  mailbox::LocalDelivery::Mail mail;
  std::string bcc;
  bool scheduled = false;
};

watch::Event Submitter::event(const Parcel& parcel) const {
  watch::Event event;
  event.at = services_.clock.now();
  event.station = "submission";
  event.reverse_path = parcel.mail.reverse_path;
  event.peer = parcel.account.name + " " + parcel.peer;
  event.tls = parcel.tls;
  return event;
}

Refusal Submitter::refused(const Parcel& parcel, const std::string& recipient, Code code, Reply reply) const {
  watch::Event line = event(parcel);
  line.action = "refused";
  line.recipient = recipient;
  line.reason = std::to_string(reply.code) + " " + reply.enhanced + " " + reply.text;
  services_.trace.record_later({std::move(line)});
  return {code, std::move(reply)};
}

// A null reverse-path is for reports (RFC 5321 §4.5.5); people's programs use it for receipts.
std::optional<Refusal> Submitter::check_sender(const Parcel& parcel) const {
  const std::string& path = parcel.mail.reverse_path;
  if (path.empty()) return {};
  if (!message::parse_addr_spec(path, parcel.mail.smtputf8))
    return Refusal{Code::kInvalid, {501, "5.1.7", "that is not an address"}};
  const auto may = services_.login.directory().may_send_as(services_.store, parcel.account.id, path);
  if (!may) return Refusal{Code::kUnavailable, {451, "4.3.0", may.error().message}};
  if (!*may)
    return refused(parcel, "", Code::kDenied, {553, "5.7.1", "you may not send as " + path + "; use your own address"});
  return {};
}

std::optional<Refusal> Submitter::check_recipient(const Parcel& parcel, Rcpt& rcpt, uint64_t size) const {
  const std::string& address = rcpt.params.address;
  if (!text::iequals(address, "postmaster") && !message::parse_addr_spec(address, parcel.mail.smtputf8))
    return Refusal{Code::kInvalid, {501, "5.1.3", "that is not an address"}};
  const Verdict verdict = services_.local.verify(address, size);
  rcpt.local = verdict == Verdict::kDeliverable;
  switch (verdict) {
    case Verdict::kUnknownUser:
      return refused(parcel, address, Code::kNotFound, {550, "5.1.1", "there is no mailbox " + address});
    case Verdict::kDisabled:
      return refused(parcel, address, Code::kNotFound, {550, "5.2.1", "that mailbox is disabled"});
    case Verdict::kFull:
      return refused(parcel, address, Code::kLimit, {452, "4.2.2", "that mailbox is full"});
    case Verdict::kUnavailable:
      return Refusal{Code::kUnavailable, {451, "4.3.0", "the store cannot be read; try again later"}};
    case Verdict::kDeliverable:
    case Verdict::kNotLocal:
      break;
  }
  return {};
}

std::optional<Refusal> Submitter::check_authors(const Parcel& parcel, const std::vector<std::string>& authors) const {
  for (const std::string& author : authors) {
    const auto may = services_.login.directory().may_send_as(services_.store, parcel.account.id, author);
    if (!may) return Refusal{Code::kUnavailable, {451, "4.3.0", may.error().message}};
    if (!*may)
      return refused(parcel, "", Code::kDenied,
                     {550, "5.7.1", "the From field names " + text::printable(author) + ", which is not your address"});
  }
  return {};
}

Task<Result<Submitter::Made>> Submitter::prepare(net::Loop& loop, std::string whole) const {
  if (whole.size() <= kParseHere) co_return mailbox::prepare(std::move(whole));
  auto held = std::make_shared<std::string>(std::move(whole));
  std::function<Result<Made>()> work = [held]() -> Result<Made> { return mailbox::prepare(std::move(*held)); };
  Task<Result<Made>> working = net::run_on<Made>(services_.pool, loop, work);
  co_return co_await working;
}

Task<Submitter::Answer> Submitter::submit(net::Loop& loop, Parcel parcel) const {
  Answer answer;
  const auto job = std::make_shared<Job>();
  job->id = services_.ids.next();
  const std::string& account = parcel.account.name;
  auto fixed =
      fix_up(std::move(parcel.content), account, account.substr(account.rfind('@') + 1), loop.now(), services_.random);
  if (!fixed) {
    answer.refusal = refused(parcel, "", fixed.code(), {550, "5.6.0", fixed.error().message});
    co_return answer;
  }
  answer.refusal = check_authors(parcel, fixed->authors);
  if (answer.refusal) co_return answer;
  parcel.received.by = services_.hostname;
  parcel.received.id = id_text(job->id);
  parcel.received.at = loop.now();
  // RFC 8601 §5: what stands there in our name is not ours.
  std::string whole =
      message::received_line(parcel.received) + trust::without_results(fixed->content, services_.hostname);
  Task<Result<Made>> preparing = prepare(loop, std::move(whole));
  const Result<Made> prepared = co_await preparing;
  if (!prepared) {
    answer.refusal = Refusal{Code::kUnavailable, {451, "4.3.2", prepared.error().message}};
    co_return answer;
  }
  if ((*prepared)->structure.has_nul) {
    answer.refusal = refused(parcel, "", Code::kInvalid, {554, "5.6.1", "a NUL stands where nothing can be encoded"});
    co_return answer;
  }

  if (parcel.utf8_by_need && (*prepared)->structure.utf8_headers) parcel.mail.smtputf8 = true;

  mailbox::LocalDelivery::Mail& mail = job->mail;
  mail.id = id_text(job->id);
  mail.reverse_path = parcel.mail.reverse_path;
  mail.smtputf8 = parcel.mail.smtputf8;
  mail.requiretls = parcel.mail.requiretls;
  mail.prepared = *prepared;
  mail.body = services_.mailboxes.new_body_id();
  mail.peer = mail.author = account;
  mail.results = "auth=pass smtp.auth=" + account;  // RFC 8601 §2.7.4
  job->bcc = std::move(fixed->bcc);
  job->scheduled = parcel.release && *parcel.release > services_.clock.now();
  job->parcel = std::move(parcel);
  const auto plan = job->scheduled ? nullptr : services_.local.plan(mail, local_recipients(job->parcel.recipients));
  if (plan) {  // scripts may burn a while: on the pool
    std::function<Result<bool>()> filtering = [plan]() -> Result<bool> { return plan->run(), true; };
    Task<Result<bool>> working = net::run_on<bool>(services_.pool, loop, filtering);
    const Result<bool> ran = co_await working;
    if (!ran) {
      answer.refusal = Refusal{Code::kUnavailable, {451, "4.3.2", ran.error().message}};
      co_return answer;
    }
    mail.plan = plan;
  }
  std::function<void(std::function<void(Result<void>)>)> start = [this, job](std::function<void(Result<void>)> done) {
    services_.store.transact([this, job](store::Transaction& t) { return commit(t, *job); }, std::move(done));
  };
  Task<Result<void>> committing = net::from_callback<Result<void>>(loop, start);
  const Result<void> done = co_await committing;
  if (done)
    answer.id = job->mail.id;
  else
    answer.refusal = Refusal{done.code(), {451, "4.3.0", done.error().message}};
  co_return answer;
}

Result<void> Submitter::commit(store::Transaction& t, Job& job) const {
  const Parcel& parcel = job.parcel;
  const mailbox::Prepared& prepared = *job.mail.prepared;
  if (const auto put = services_.mailboxes.put_body(t, job.mail.body, prepared); !put) return put;
  // Held: a body that no script keeps goes at the end.
  if (const auto held = services_.mailboxes.hold_body(t, job.mail.body); !held) return held;
  watch::Event line = event(parcel);
  const Time now = line.at, first_attempt = job.scheduled ? *parcel.release : now;
  line.id = job.mail.id;
  line.message_id = prepared.structure.summary.message_id;
  line.action = "accepted";
  line.reason = "authenticated";
  services_.trace.record(t, line);

  queue::Entry entry;
  for (const Rcpt& rcpt : parcel.recipients)
    if (job.scheduled || !rcpt.local) entry.recipients.push_back(waiting(rcpt.params, first_attempt, ""));
  const auto locals = local_recipients(parcel.recipients);
  if (!job.scheduled && !locals.empty()) {
    const auto failures = services_.local.deliver(t, job.mail, locals);
    if (!failures) return failures.error();
    for (const auto& failure : *failures) {  // the outbound worker tries again, and reports what stays impossible
      const auto asked = std::find_if(parcel.recipients.begin(), parcel.recipients.end(),
                                      [&](const Rcpt& r) { return r.params.address == failure.recipient; });
      if (asked != parcel.recipients.end())
        entry.recipients.push_back(waiting(asked->params, now, failure.why.message));
    }
  }
  const bool queued = !entry.recipients.empty();
  if (queued)  // the reference held above is the entry's
    if (const auto added = enqueue(t, job, std::move(entry), now); !added) return added;
  if (parcel.also) {
    Ready ready;
    ready.id = job.mail.id;
    ready.prepared = job.mail.prepared;
    ready.body = job.mail.body;
    ready.bcc = job.bcc;
    ready.release = first_attempt;
    if (const auto done = parcel.also(t, ready); !done) return done;
  }
  return queued ? Result<void>() : services_.mailboxes.release_body(t, job.mail.body);
}

Result<void> Submitter::enqueue(store::Transaction& t, const Job& job, queue::Entry entry, Time now) const {
  const Parcel& parcel = job.parcel;
  const mailbox::Prepared& prepared = *job.mail.prepared;
  entry.id = job.id;
  entry.message_id = prepared.structure.summary.message_id;
  entry.sender_account = parcel.account.name;
  entry.sign_as = message::author_domain(prepared.structure.summary);
  entry.results = job.mail.results;
  entry.reverse_path = parcel.mail.reverse_path;
  entry.envid = parcel.mail.envid;
  entry.ret = parcel.mail.ret;
  entry.smtputf8 = parcel.mail.smtputf8;
  entry.requiretls = parcel.mail.requiretls;
  entry.body_8bit = prepared.structure.has_8bit;
  entry.body_binary = parcel.mail.body_binary;
  entry.body = job.mail.body;
  entry.size = prepared.bytes->size();
  entry.created = now;
  entry.expires = (job.scheduled ? *parcel.release : now) + kQueueLifetime;
  entry.scheduled = job.scheduled;
  watch::Event line;
  line.at = now;
  line.id = job.mail.id;
  line.message_id = entry.message_id;
  line.station = "queue";
  line.action = "queued";
  line.reverse_path = entry.reverse_path;
  line.reason = job.scheduled ? "until " + to_rfc3339(*parcel.release) : "for the outbound worker";
  for (const queue::Recipient& recipient : entry.recipients) {
    line.recipient = recipient.address;
    services_.trace.record(t, line);
  }
  return services_.queue.add(t, entry);
}

// --- for those who speak no SMTP ------------------------------------------------------------------------------------

Result<Parcel> Submitter::parcel_of(Letter letter) const {
  const auto account = services_.login.directory().account(services_.store, letter.account);
  if (!account) return account.error();
  if (!*account || !(*account)->enabled) return Error{Code::kDenied, "that account may not send mail"};
  if (letter.content.size() > services_.max_size)
    return Error{Code::kLimit, "the message is larger than " + std::to_string(services_.max_size) + " octets"};
  if (letter.release && *letter.release > services_.clock.now() + kMaxDelay)
    return Error{Code::kInvalid, "the message is to leave too late: it can wait " + std::to_string(kMaxDelay.count()) +
                                     " days at most"};
  Parcel parcel;
  parcel.account = **account;
  // What comes by SMTP has no bare CR or LF.
  auto changed = smtp::without_bare_line_ends(letter.content);
  parcel.content = changed ? std::move(*changed) : std::move(letter.content);
  parcel.mail.reverse_path = letter.reverse_path ? envelope_form(*letter.reverse_path) : parcel.account.name;
  parcel.mail.requiretls = letter.requiretls;
  parcel.mail.envid = std::move(letter.envid);
  parcel.mail.ret = std::move(letter.ret);
  parcel.release = letter.release;
  parcel.also = std::move(letter.also);
  parcel.peer = "by " + letter.peer;
  parcel.received.with = "HTTP";
  if (letter.recipients.empty())
    for (std::string& address : header_recipients(parcel.content)) letter.recipients.push_back({std::move(address)});
  parcel.utf8_by_need = true;
  parcel.mail.smtputf8 = !text::is_ascii(parcel.mail.reverse_path);
  for (Recipient& one : letter.recipients) {
    const std::string address = envelope_form(one.address);
    const bool known = std::any_of(parcel.recipients.begin(), parcel.recipients.end(),
                                   [&](const Rcpt& r) { return r.params.address == address; });
    if (known) continue;
    if (parcel.recipients.size() == kMaxRecipients)
      return Error{Code::kLimit, "the message has more than " + std::to_string(kMaxRecipients) + " recipients"};
    parcel.mail.smtputf8 = parcel.mail.smtputf8 || !text::is_ascii(address);
    parcel.recipients.push_back({{address, one.notify, std::move(one.orcpt)}, false});
  }
  if (parcel.recipients.empty()) return Error{Code::kInvalid, "the message has no recipients"};
  return parcel;
}

Task<Result<std::string>> Submitter::send(net::Loop& loop, Letter letter) {
  const uint64_t size = letter.content.size();
  auto parcel = parcel_of(std::move(letter));
  if (!parcel) co_return parcel.error();
  std::optional<Refusal> refusal = check_sender(*parcel);
  for (size_t i = 0; !refusal && i < parcel->recipients.size(); ++i) {
    refusal = check_recipient(*parcel, parcel->recipients[i], size);
    if (refusal && refusal->code == Code::kInvalid)
      refusal->reply.text = text::printable(parcel->recipients[i].params.address) + " is not an address";
  }
  if (refusal) co_return refusal->error();
  Task<Answer> submitting = submit(loop, std::move(*parcel));
  Answer answer = co_await submitting;
  if (answer.refusal) co_return answer.refusal->error();
  co_return std::move(answer.id);
}

Result<mailbox::Outgoing::State> Submitter::state(const store::Reader& r, std::string_view id) const {
  State state;
  const auto number = id_from_text(id);
  if (!number) return Error{Code::kNotFound, text::printable(id) + " is no id of a letter"};
  const auto entry = services_.queue.get(r, *number);
  if (!entry) return entry.error();
  state.waits = *entry && (*entry)->scheduled;
  state.finished = !*entry;
  return state;
}

std::vector<std::string> Submitter::unreachable(const std::vector<Recipient>& recipients) const {
  std::vector<std::string> out;
  for (const Recipient& one : recipients) {
    const std::string address = envelope_form(one.address);
    const Verdict verdict = services_.local.verify(address, 0);
    const bool syntax = text::iequals(address, "postmaster") || message::parse_addr_spec(address, true);
    if (!syntax || verdict == Verdict::kUnknownUser || verdict == Verdict::kDisabled) out.push_back(one.address);
  }
  return out;
}

Result<std::vector<mailbox::Outgoing::Delivery>> Submitter::deliveries(const store::Reader& r,
                                                                       std::string_view id) const {
  const auto number = id_from_text(id);
  if (!number) return Error{Code::kNotFound, text::printable(id) + " is no id of a letter"};
  const auto events = services_.trace.find(r, id_text(*number));
  if (!events) return events.error();
  const auto entry = services_.queue.get(r, *number);
  if (!entry) return entry.error();
  std::vector<Delivery> out;
  const auto of = [&](const std::string& recipient) -> Delivery& {
    const auto known =
        std::find_if(out.begin(), out.end(), [&](const Delivery& d) { return text::iequals(d.recipient, recipient); });
    if (known != out.end()) return *known;
    out.emplace_back().recipient = recipient;
    return out.back();
  };
  for (const watch::Event& event : *events) {
    if (event.id != id_text(*number) || event.recipient.empty()) continue;
    Delivery& one = of(event.recipient);
    if (event.action == "failed" || event.action == "expired" || event.action == "cancelled") {
      one.state = Delivery::State::kFailed;
      one.reply = reply_form(event.reason, "550 5.0.0 ");
    } else if (event.action == "delivered" && !event.peer.empty()) {
      one.state = Delivery::State::kRelayed;
      one.reply = reply_form(event.reason, "250 2.0.0 ");
    } else if (event.action == "delivered" || event.station == "delivery") {
      one.state = Delivery::State::kFiled;
      one.reply = "250 2.1.5 " + event.action;
    }
  }
  if (!*entry) return out;
  for (const queue::Recipient& waits : (*entry)->recipients) {
    if (waits.state != queue::Recipient::State::kWaiting) continue;
    Delivery& one = of(waits.address);
    one.state = Delivery::State::kQueued;
    one.reply = waits.last_reply.empty() ? "" : reply_form(waits.last_reply, "450 4.0.0 ");
  }
  return out;
}

Result<void> Submitter::cancel(store::Transaction& t, std::string_view id) {
  const auto number = id_from_text(id);
  const auto found = number ? services_.queue.get(t, *number) : std::optional<queue::Entry>();
  if (!found) return found.error();
  if (!*found) return {Code::kNotFound, text::printable(id) + " is not in the queue: it has been sent"};
  if (!(*found)->scheduled) return {Code::kConflict, "it is too late to take back " + text::printable(id)};
  const auto entry = services_.queue.cancel(t, *number, "");
  if (!entry) return entry.error();
  watch::Event line;
  line.at = services_.clock.now();
  line.id = id_text(entry->id);
  line.message_id = entry->message_id;
  line.station = "queue";
  line.action = "cancelled";
  line.reverse_path = entry->reverse_path;
  line.reason = "taken back by its sender";
  for (const queue::Recipient& recipient : entry->recipients) {
    if (recipient.state != queue::Recipient::State::kCancelled) continue;
    line.recipient = recipient.address;
    services_.trace.record(t, line);
  }
  return services_.mailboxes.release_body(t, entry->body);
}

}  // namespace pabal::submission
