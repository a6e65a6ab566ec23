#include "delivery/delivery.h"

#include "base/text.h"

namespace pabal::delivery {

using Kind = identity::Resolution::Kind;

mailbox::LocalDelivery::Verdict Delivery::verify(std::string_view address, uint64_t size) {
  const auto resolution = services_.directory.resolve(services_.store, address);
  if (!resolution) return resolution.code() == Code::kInvalid ? Verdict::kUnknownUser : Verdict::kUnavailable;
  if (resolution->kind == Kind::kNotLocal) return Verdict::kNotLocal;
  if (resolution->kind == Kind::kUnknown) return Verdict::kUnknownUser;
  if (!resolution->outside.empty() || resolution->accounts.size() > 1) return Verdict::kDeliverable;
  if (resolution->accounts.empty()) return Verdict::kUnknownUser;

  const identity::AccountId id = resolution->accounts.front().account;
  const auto account = services_.directory.account(services_.store, id);
  if (!account) return Verdict::kUnavailable;
  if (!*account || !(*account)->enabled) return Verdict::kDisabled;
  const auto figures = services_.mailboxes.figures(services_.store, id);
  if (!figures) return Verdict::kUnavailable;
  if (figures->quota_octets > 0 && figures->octets + size > figures->quota_octets) return Verdict::kFull;
  return Verdict::kDeliverable;
}

Result<std::vector<Delivery::Failure>> Delivery::deliver(store::Transaction& t, const Mail& mail,
                                                         const std::vector<Recipient>& recipients) {
  std::vector<Failure> failures;
  std::set<identity::AccountId> filed;  // one copy an account, however many of its addresses were named
  std::set<std::string> outside;
  for (const Recipient& recipient : recipients) {
    const auto resolution = services_.directory.resolve(t, recipient.address);
    if (!resolution) return resolution.error();
    if (resolution->kind != Kind::kKnown || (resolution->accounts.empty() && resolution->outside.empty())) {
      failures.push_back({recipient.address, {Code::kNotFound, "5.1.1 there is no such mailbox here"}});
      continue;
    }
    for (const auto& target : resolution->accounts) {
      if (!filed.insert(target.account).second) continue;
      const Result<void> done = file(t, mail, target, recipient);
      if (done) continue;
      if (done.code() == Code::kIo || done.code() == Code::kCorrupt) return done.error();
      note(t, mail, target.address, "failed", done.error().message);
      if (resolution->accounts.size() == 1) failures.push_back({recipient.address, done.error()});
    }
    outside.insert(resolution->outside.begin(), resolution->outside.end());
  }
  if (!outside.empty())
    if (const Result<void> done = forward(t, mail, outside); !done) return done.error();
  return failures;
}

Result<void> Delivery::file(store::Transaction& t, const Mail& mail, const identity::Resolution::Target& target,
                            const Recipient& recipient) {
  // A message that this mailbox has had before came back by some forward: stop it here.
  const std::string_view bytes = *mail.prepared->bytes;
  const std::string_view head = bytes.substr(0, message::header_size(bytes));
  for (const message::HeaderField& field : message::header_fields(head))
    if (text::iequals(field.name, "Delivered-To") && text::iequals(text::trim(field.raw_value), target.address))
      return Error{Code::kDenied, "5.4.6 mail loop: this mailbox has had the message before"};

  mailbox::Filing filing;
  // RFC 5321 §4.4: final delivery adds Return-Path. Quota was checked at RCPT: what was accepted since is filed.
  filing.prefix = "Return-Path: <" + mail.reverse_path + ">\r\nDelivered-To: " + target.address + "\r\n";
  if (!recipient.orcpt.empty() && text::is_ascii(recipient.orcpt) && recipient.orcpt.find_first_of("\r\n") == std::string::npos)
    filing.prefix += "X-Original-To: " + recipient.orcpt.substr(recipient.orcpt.find(';') + 1) + "\r\n";
  filing.check_quota = false;
  const auto done = services_.mailboxes.file(t, target.account, *mail.prepared, mail.body, filing);
  if (!done) return done.error();
  note(t, mail, target.address, "filed", "into INBOX");
  return {};
}

Result<void> Delivery::forward(store::Transaction& t, const Mail& mail, const std::set<std::string>& outside) {
  queue::Entry entry;
  entry.id = services_.ids.next();
  entry.message_id = mail.prepared->structure.summary.message_id;
  entry.reverse_path = mail.reverse_path;
  entry.smtputf8 = mail.smtputf8;
  entry.requiretls = mail.requiretls;
  entry.body_8bit = mail.prepared->structure.has_8bit;
  entry.body = mail.body;
  entry.size = mail.prepared->bytes->size();
  entry.created = services_.clock.now();
  entry.expires = entry.created + kForwardLifetime;
  for (const std::string& address : outside) {
    queue::Recipient recipient;
    recipient.address = address;
    recipient.next_attempt = entry.created;
    entry.recipients.push_back(std::move(recipient));
    note(t, mail, address, "forwarded", "queued as " + id_text(entry.id));
  }
  if (const Result<void> held = services_.mailboxes.hold_body(t, mail.body); !held) return held;
  return services_.queue.add(t, entry);
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
