#include "delivery/delivery.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "delivery/carrying.h"
#include "delivery/report.h"
#include "delivery/report_intake.h"
#include "sieve/settings.h"
#include "trust/srs.h"

namespace pabal::delivery {
namespace {

using Kind = identity::Resolution::Kind;

// Exact copies of the field that we write.
std::vector<std::string_view> delivered_to(std::string_view bytes) {
  std::vector<std::string_view> out;
  for (const message::HeaderField& field : message::header_fields(bytes.substr(0, message::header_size(bytes))))
    if (text::iequals(field.name, "Delivered-To")) out.push_back(text::trim(field.raw_value));
  return out;
}

// What keeps the reverse-paths that we make from being made by others.
constexpr std::string_view kSrsSecret = "srs";

const Error kLoop{Code::kDenied, "5.4.6 mail loop: this mailbox has had the message before"};

// Of ORCPT "rfc822;bob@example.org" the address, when it can stand in a header field.
std::string_view original_address(const mailbox::LocalDelivery::Recipient& r) {
  const std::string_view address =
      r.orcpt.empty() ? std::string_view(r.address) : std::string_view(r.orcpt).substr(r.orcpt.find(';') + 1);
  const bool plain = std::all_of(address.begin(), address.end(), [](unsigned char c) { return c > 0x20 && c != 0x7F; });
  return plain && text::is_utf8(address) ? address : std::string_view();
}

// What the sender wants to hear of a forward. Without SUCCESS we know of no other wish than the default; with it, a
// failure is reported as well, asked or not.
uint8_t notify_of(const mailbox::LocalDelivery::Recipient& r, bool alone) {
  if (r.notify_never) return queue::kNotifyNever;
  return r.notify_success && alone ? queue::kNotifySuccess | queue::kNotifyFailure : queue::kNotifyDefault;
}

}  // namespace

// A message that was here before came back by some forward elsewhere: stop it.
bool Delivery::Done::was_here(std::string_view address) const {
  return std::any_of(was_at.begin(), was_at.end(), [&](std::string_view at) { return text::iequals(at, address); });
}

Result<identity::Resolution> Delivery::resolve(const store::Reader& r, std::string_view address) const {
  const bool srs = text::istarts_with(address, "SRS0") || text::istarts_with(address, "SRS1");
  const size_t at = address.rfind('@');
  if (!srs || at == address.npos) return services_.directory.resolve(r, address);
  const auto domain = services_.directory.domain(r, address.substr(at + 1));
  if (!domain) return domain.error();
  const auto secret = services_.directory.secret(r, kSrsSecret);
  auto sender = *domain && secret ? trust::srs_reverse(address, {*secret}, services_.clock.now()) : std::nullopt;
  if (!sender) return services_.directory.resolve(r, address);
  identity::Resolution back;
  back.kind = Kind::kKnown;
  back.address = address;
  back.outside.push_back(std::move(*sender));
  return back;
}

mailbox::LocalDelivery::Verdict Delivery::verify(std::string_view address, uint64_t size) {
  const auto for_reports = takes_reports(services_.directory, services_.store, address);
  if (!for_reports) return Verdict::kUnavailable;
  if (*for_reports) return Verdict::kDeliverable;
  const auto resolution = resolve(services_.store, address);
  if (!resolution) return Verdict::kUnavailable;
  if (resolution->kind == Kind::kNotLocal) return Verdict::kNotLocal;
  if (resolution->kind == Kind::kUnknown) return Verdict::kUnknownUser;
  if (!resolution->outside.empty() || resolution->accounts.size() > 1) return Verdict::kDeliverable;

  const identity::AccountId id = resolution->accounts.front().account;
  const auto account = services_.directory.account(services_.store, id);
  if (!account) return Verdict::kUnavailable;
  if (!*account || !(*account)->enabled) return Verdict::kDisabled;
  const auto figures = services_.mailboxes.figures(services_.store, id);
  if (!figures) return Verdict::kUnavailable;
  if (figures->quota_octets > 0 && figures->octets + size > figures->quota_octets) return Verdict::kFull;
  return Verdict::kDeliverable;
}

std::shared_ptr<mailbox::LocalDelivery::Plan> Delivery::plan(const Mail& mail,
                                                             const std::vector<Recipient>& recipients) {
  std::shared_ptr<FilterPlan> plan;
  for (const Recipient& recipient : recipients) {
    // What cannot be read now is the transaction's trouble.
    const auto for_reports = takes_reports(services_.directory, services_.store, recipient.address);
    if (for_reports && *for_reports) {
      if (!plan) plan = std::make_shared<FilterPlan>(services_, mail);
      plan->expect_report();
      continue;
    }
    const auto to = resolve(services_.store, recipient.address);
    if (!to) continue;
    for (const auto& target : to->accounts) {
      auto script = services_.scripts.active(services_.store, target.account);
      const auto settings = sieve::settings_act(services_.store, target.account);
      if (!script || !settings || (script->empty() && !*settings)) continue;
      if (!plan) plan = std::make_shared<FilterPlan>(services_, mail);
      plan->add(target, recipient, std::move(*script));
    }
  }
  return plan;
}

Result<std::vector<Delivery::Failure>> Delivery::deliver(store::Transaction& t, const Mail& mail,
                                                         const std::vector<Recipient>& recipients) {
  std::vector<Failure> failures;
  Done done;
  done.was_at = delivered_to(*mail.prepared->bytes);
  for (const Recipient& recipient : recipients) {
    done.alone = recipients.size() == 1;
    const auto why_not = deliver_one(t, mail, recipient, done);
    if (!why_not) return why_not.error();
    if (!*why_not) continue;
    failures.push_back({recipient.address, **why_not});
    note(t, mail, recipient.address, "failed", (*why_not)->message);
  }
  for (const mailbox::BodyId body : done.bodies)
    if (const auto let = services_.mailboxes.release_body(t, body); !let) return let.error();
  return failures;
}

Result<std::optional<Error>> Delivery::deliver_one(store::Transaction& t, const Mail& mail, const Recipient& recipient,
                                                   Done& done) {
  const auto for_reports = takes_reports(services_.directory, t, recipient.address);
  if (!for_reports) return for_reports.error();
  if (*for_reports) return take_report(t, mail, recipient);
  const auto to = resolve(t, recipient.address);
  if (!to) return to.error();
  if (to->kind != Kind::kKnown) return std::optional(Error{Code::kNotFound, "5.1.1 there is no such mailbox here"});
  const size_t members = to->accounts.size() + to->outside.size();
  if (!to->outside.empty() && done.was_here(to->address)) return std::optional(kLoop);
  done.alone = done.alone && members == 1;

  // An address that leads to several: each stands for itself, and none keeps the others from having it.
  std::optional<Error> why_not;
  std::vector<queue::Recipient> onward, later;  // who is elsewhere; who is here and cannot take it now
  const auto queue_for = [&](std::vector<queue::Recipient>& into, const std::string& address, std::string_view action,
                             std::string_view reason) {
    if (!done.queued.insert(address).second) return;
    queue::Recipient waiting;
    waiting.address = address;
    waiting.notify = notify_of(recipient, members == 1);
    waiting.orcpt = recipient.orcpt;
    waiting.next_attempt = services_.clock.now();
    into.push_back(std::move(waiting));
    note(t, mail, address, action, reason);
  };
  size_t reached = to->outside.size();
  for (const auto& target : to->accounts) {
    const auto filed = file(t, mail, target, recipient, done);
    if (!filed) return filed.error();
    if (!*filed)
      ++reached;
    else if (members == 1)
      return filed;
    else if (const Decision* script = decision_of(mail, target.account);
             (*filed)->code == Code::kLimit || (script && script->refusal)) {
      // A full mailbox may have room again. What one member's script refuses is reported for him alone.
      ++reached;
      queue_for(later, target.address, "deferred", (*filed)->message);
    } else {
      note(t, mail, target.address, "failed", (*filed)->message);
      why_not = **filed;
    }
  }
  for (const std::string& address : to->dead)
    note(t, mail, address, "failed", "5.1.1 " + to->address + " leads there, but there is no such mailbox");
  for (const std::string& address : to->outside) queue_for(onward, address, "forwarded", to->address + " leads there");
  if (reached == 0) return why_not;
  if (!onward.empty())
    if (const auto queued = forward(t, mail, to->address, std::move(onward)); !queued) return queued.error();
  if (!later.empty())
    if (const auto queued = enqueue(t, mail, to->address, queue::Entry(), std::move(later)); !queued)
      return queued.error();

  // RFC 3461 §5.2.7.2: of an alias for one address outside, its server reports. §5.2.7.3 (c): of several, we do.
  const bool theirs = to->accounts.empty() && members == 1;
  if (recipient.notify_success && !theirs && !mail.reverse_path.empty())
    if (const auto told = report(t, mail, recipient, members); !told) return told.error();
  return std::optional<Error>();
}

// Never a failure of the recipient: nothing that comes here is answered.
Result<std::optional<Error>> Delivery::take_report(store::Transaction& t, const Mail& mail,
                                                   const Recipient& recipient) {
  const auto* plan = static_cast<const FilterPlan*>(mail.plan.get());
  // Without a plan the address was somebody's when the message came.
  const auto taken =
      plan && plan->report()
          ? delivery::take_report(t, services_.directory, *plan->report(), mail.results, services_.clock.now())
          : Taken{"dropped", "the address has been for reports since a moment ago only"};
  if (!taken) return taken.error();
  note(t, mail, recipient.address, taken->action, taken->reason);
  return std::optional<Error>();
}

Result<std::optional<Error>> Delivery::file(store::Transaction& t, const Mail& mail,
                                            const identity::Resolution::Target& target, const Recipient& recipient,
                                            Done& done) {
  const auto [known, fresh] = done.accounts.emplace(target.account, std::nullopt);
  std::optional<Error>& why_not = known->second;
  if (!fresh) return why_not;

  const auto account = services_.directory.account(t, target.account);
  if (!account) return account.error();
  if (!*account || !(*account)->enabled) return why_not = Error{Code::kDenied, "5.2.1 that mailbox is disabled"};
  if (done.was_here(target.address)) return why_not = kLoop;

  mailbox::Filing filing;
  filing.results = mail.results;
  // RFC 5321 §4.4: final delivery adds Return-Path.
  filing.prefix = "Return-Path: <" + mail.reverse_path + ">\r\nDelivered-To: " + target.address + "\r\n";
  // Which of the addresses it came by: an alias, or a tag to sort by.
  if (const std::string_view original = original_address(recipient);
      !original.empty() && !text::iequals(original, target.address))
    filing.prefix += "X-Original-To: " + std::string(original) + "\r\n";
  if (const Decision* decision = decision_of(mail, target.account)) {
    const auto carried = carry_out({t, mail, target, *decision, done, {}}, recipient, filing.prefix);
    if (!carried) return carried.error();
    return why_not = *carried;
  }
  std::string where = "INBOX";
  if (mail.junk) {
    const auto junk = services_.mailboxes.by_role(t, target.account, mailbox::Role::kJunk);
    if (!junk) return junk.error();
    if (*junk) filing.mailboxes.push_back((*junk)->id), where = (*junk)->name;
  }
  const auto filed = services_.mailboxes.file(t, target.account, *mail.prepared, mail.body, filing);
  // A full mailbox is this recipient's trouble and has written nothing; all else is ours and ends the transaction.
  if (!filed && filed.code() == Code::kLimit) return why_not = Error{Code::kLimit, "4.2.2 that mailbox is full"};
  if (!filed) return filed.error();
  note(t, mail, target.address, "filed", "into " + where);
  return why_not;
}

// The reverse-path of what goes on. SPF would fail there for somebody else's, so it becomes ours, and leads back to
// him; null stays null (RFC 5321 §4.5.5).
Result<std::string> Delivery::onward_path(const store::Reader& r, const Mail& mail, std::string_view alias) const {
  const size_t at = mail.reverse_path.rfind('@');
  if (at == std::string::npos || !mail.author.empty()) return mail.reverse_path;
  const auto ours = services_.directory.domain(r, std::string_view(mail.reverse_path).substr(at + 1));
  if (!ours) return ours.error();
  if (*ours) return mail.reverse_path;
  const auto secret = services_.directory.secret(r, kSrsSecret);
  if (!secret) return secret.error();
  return trust::srs_forward(mail.reverse_path, alias.substr(alias.rfind('@') + 1), *secret, services_.clock.now());
}

// What came from others goes on sealed with what we found of its sender (RFC 8617 §5.1).
Result<void> Delivery::forward(store::Transaction& t, const Mail& mail, std::string_view alias,
                               std::vector<queue::Recipient> recipients) {
  auto reverse_path = onward_path(t, mail, alias);
  if (!reverse_path) return reverse_path.error();
  Mail onward = mail;
  onward.reverse_path = std::move(*reverse_path);
  queue::Entry entry;
  if (!mail.author.empty())
    entry.sign_as = message::author_domain(mail.prepared->structure.summary);
  else if (!mail.results.empty())
    entry.sign_as = alias.substr(alias.rfind('@') + 1);
  return enqueue(t, onward, alias, std::move(entry), std::move(recipients));
}

// The same body with a line before it, by which we know it when it comes back.
Result<void> Delivery::enqueue(store::Transaction& t, const Mail& mail, std::string_view alias, queue::Entry entry,
                               std::vector<queue::Recipient> recipients) {
  entry.message_id = mail.prepared->structure.summary.message_id;
  entry.sender_account = mail.author;
  entry.reverse_path = mail.reverse_path;
  entry.results = mail.results;
  entry.junk = mail.junk;
  entry.requiretls = mail.requiretls;
  entry.body_8bit = mail.prepared->structure.has_8bit;
  entry.body = mail.body;
  entry.prefix = "Delivered-To: " + std::string(alias) + "\r\n";
  entry.size = entry.prefix.size() + mail.prepared->bytes->size();
  entry.created = services_.clock.now();
  entry.expires = entry.created + kForwardLifetime;
  // Addresses that are not ASCII need SMTPUTF8 (RFC 6531 §3.1): an entry of their own, so that the others do not.
  const bool utf8_lines = mail.smtputf8 || !text::is_ascii(alias);
  const auto plain =
      std::partition(recipients.begin(), recipients.end(), [](const auto& r) { return !text::is_ascii(r.address); });
  for (const auto& [begin, end, utf8] :
       {std::tuple(recipients.begin(), plain, true), std::tuple(plain, recipients.end(), utf8_lines)}) {
    if (begin == end) continue;
    entry.id = services_.ids.next();
    entry.smtputf8 = utf8;
    entry.recipients.assign(begin, end);
    if (const auto held = services_.mailboxes.hold_body(t, mail.body); !held) return held;
    if (const auto added = services_.queue.add(t, entry); !added) return added;
    watch::Event event;
    event.at = entry.created;
    event.id = id_text(entry.id);
    event.message_id = entry.message_id;
    event.station = "queue";
    event.action = "queued";
    event.reverse_path = entry.reverse_path;
    event.reason = "by " + mail.id + " for " + std::string(alias);
    for (const queue::Recipient& r : entry.recipients) {
      event.recipient = r.address;
      services_.trace.record(t, event);
    }
  }
  return {};
}

// A letter of our own, by the queue, wherever its readers are: they may have scripts too. Nobody wants to hear of it.
Result<queue::QueueId> Delivery::send(store::Transaction& t, const std::string& reverse_path,
                                      const std::vector<std::string>& to, const Copy& letter) {
  queue::Entry entry =
      queue::letter_entry(services_.ids.next(), letter.prepared->structure, letter.prepared->bytes->size(),
                          reverse_path, to, services_.clock.now(), kForwardLifetime);
  entry.body = letter.body;
  if (const auto put = services_.mailboxes.put_body(t, letter.body, *letter.prepared); !put) return put.error();
  if (const auto held = services_.mailboxes.hold_body(t, letter.body); !held) return held.error();
  if (const auto added = services_.queue.add(t, entry); !added) return added.error();
  return entry.id;
}

// With a null reverse-path, so that nothing answers it (RFC 3461 §6.1).
Result<void> Delivery::report(store::Transaction& t, const Mail& mail, const Recipient& recipient, size_t members) {
  const std::string_view bytes = *mail.prepared->bytes;
  const std::string message_id = "<" + id_text(services_.ids.next()) + ".report@" + services_.hostname + ">";
  Report about;
  about.sender = mail.reverse_path;
  about.recipient = recipient.address;
  about.orcpt = recipient.orcpt;
  about.members = members;
  about.header = bytes.substr(0, message::header_size(bytes));
  about.hostname = services_.hostname;
  about.message_id = message_id;
  about.at = services_.clock.now();
  const Copy letter{mailbox::prepare(build_report(about)), services_.mailboxes.new_body_id()};
  const auto sent = send(t, "", {mail.reverse_path}, letter);
  if (!sent) return sent.error();
  note(t, mail, recipient.address, "reported", "as asked, to " + mail.reverse_path + " as " + id_text(*sent));
  return {};
}

void Delivery::note(store::Transaction& t, const Mail& mail, std::string_view recipient, std::string_view action,
                    std::string_view reason) {
  watch::Event event;
  event.at = services_.clock.now();
  event.id = mail.id;
  event.message_id = mail.prepared->structure.summary.message_id;
  event.station = "delivery";
  event.action = action;
  event.reverse_path = mail.reverse_path;
  event.recipient = recipient;
  event.peer = mail.peer;
  event.reason = reason;
  services_.trace.record(t, event);
}

}  // namespace pabal::delivery
