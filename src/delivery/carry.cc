// Carries out what scripts decided, inside the transaction.
#include <algorithm>

#include "base/text.h"
#include "delivery/carrying.h"
#include "delivery/host.h"
#include "delivery/letters.h"
#include "sieve/keys.h"

namespace pabal::delivery {
namespace {

constexpr size_t kMaxReplyReason = 400;  // octets of a reason in an SMTP reply

// "line 3: why"; line 0 is nobody's in particular.
std::string at_line(uint32_t line, const std::string& why) {
  return line == 0 ? why : "line " + std::to_string(line) + ": " + why;
}

// RFC 5429 §2.1.1: a reply is one line of ASCII.
std::string reply_of(const std::string& reason) {
  if (!text::is_ascii(reason)) return "5.7.1 the recipient's mail filter refuses the message";
  std::string line;
  for (const char c : reason) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!blank || (!line.empty() && line.back() != ' ')) line += blank ? ' ' : c;
  }
  return "5.7.1 " + std::string(text::trim(std::string_view(line).substr(0, kMaxReplyReason)));
}

uint8_t notify_of(const std::string& dsn_notify) {
  uint8_t out = queue::kNotifyDefault;
  for (const std::string_view word : text::split(dsn_notify, ',')) {
    if (text::iequals(word, "NEVER")) return queue::kNotifyNever;
    if (text::iequals(word, "SUCCESS")) out |= queue::kNotifySuccess;
    if (text::iequals(word, "FAILURE")) out |= queue::kNotifyFailure;
    if (text::iequals(word, "DELAY")) out |= queue::kNotifyDelay;
  }
  return out;
}

std::string quota_trouble() { return "the mailbox is full"; }

}  // namespace

const Decision* Delivery::decision_of(const Mail& mail, identity::AccountId account) {
  return mail.plan ? static_cast<const FilterPlan&>(*mail.plan).of(account) : nullptr;
}

// Nothing when it is done; else why this recipient does not get the message, and then nothing has been written.
Result<std::optional<Error>> Delivery::carry_out(const Carrying& c, const Recipient& recipient,
                                                 const std::string& prefix) {
  c.troubles = c.decision.troubles;
  if (const auto& refusal = c.decision.refusal) {
    // RFC 5429 §2.1, §2.2: in the dialogue where that refuses it for all. ereject leaves the report to whoever is told;
    // reject keeps its words, by a letter where a reply cannot.
    const bool in_reply = !c.mail.accepted && c.done.alone && text::is_ascii(refusal->reason);
    if (refusal->ereject || in_reply) return std::optional(Error{Code::kDenied, reply_of(refusal->reason)});
    if (const auto refused = refuse(c); !refused) return refused.error();
  }
  auto full = file_all(c, prefix);
  if (!full || *full) return full;
  if (const auto passed = pass_on(c, recipient); !passed) return passed.error();
  if (const auto written = write_letters(c); !written) return written.error();
  for (const sieve::RecordDuplicate& seen : c.decision.seen)  // RFC 7352 §3.1: when all has gone well
    c.t.put_until(sieve::keys::duplicate(c.owner.account, seen.id), "", services_.clock.now() + seen.lifetime);
  if (c.decision.filings.empty() && c.decision.onward.empty() && !c.decision.refusal && !c.decision.stays)
    note(c.t, c.mail, c.owner.address, "discarded", "by script " + c.decision.script);
  if (const auto told = tell_owner(c); !told) return told.error();
  return std::optional<Error>();
}

Result<std::optional<Error>> Delivery::carry_out_event(store::Transaction& t, const Mail& mail,
                                                       const identity::Resolution::Target& owner,
                                                       const Decision& decision, const std::string& prefix) {
  Done done;
  Recipient recipient;
  recipient.address = owner.address;
  auto full = carry_out({t, mail, owner, decision, done, {}}, recipient, prefix);
  if (!full) return full;
  for (const mailbox::BodyId body : done.bodies)
    if (const auto let = services_.mailboxes.release_body(t, body); !let) return let.error();
  if (*full) note(t, mail, owner.address, "fault", "script " + decision.script + ", " + (*full)->message);
  return full;
}

Result<void> Delivery::refuse(const Carrying& c) {
  std::string how = "by script " + c.decision.script;
  if (!c.decision.refusal->letter) {
    how += "; nobody is told: the reverse-path is null";
  } else {
    const auto sent = send(c.t, "", {c.mail.reverse_path}, *c.decision.refusal->letter);
    if (!sent) return sent.error();
    how += ", told to " + c.mail.reverse_path + " as " + id_text(*sent);
  }
  note(c.t, c.mail, c.owner.address, "rejected", how);
  return {};
}

// --- filing ---------------------------------------------------------------------------------------------------------

// Puts the body of a copy, once. It is held until deliver() ends: one that nobody takes leaves nothing behind.
Result<void> Delivery::use(const Carrying& c, const Copy& copy) {
  if (!c.done.bodies.insert(copy.body).second) return {};
  if (const auto put = services_.mailboxes.put_body(c.t, copy.body, *copy.prepared); !put) return put;
  return services_.mailboxes.hold_body(c.t, copy.body);
}

// RFC 5228 §4.1, RFC 5490 §3.2, RFC 8579 §4, RFC 9042 §3. What is not there and cannot be made is INBOX.
Result<mailbox::Mailbox> Delivery::locate(const Carrying& c, const sieve::Target& target, uint32_t line) {
  mailbox::Mailboxes& boxes = services_.mailboxes;
  const identity::AccountId account = c.owner.account;
  const mailbox::Role role = role_of_use(target.special_use);
  Result<std::optional<mailbox::Mailbox>> found = std::optional<mailbox::Mailbox>();
  if (const auto id = mailbox_of_object_id(target.mailbox_id)) found = boxes.get(c.t, account, *id);
  if (found && !*found && role != mailbox::Role::kNone) found = boxes.by_role(c.t, account, role);
  if (found && !*found) found = boxes.find(c.t, account, target.mailbox);
  if (!found) return found.error();
  if (*found) return std::move(**found);
  std::string why = "there is no mailbox " + target.mailbox;
  if (target.create) {
    const auto made = boxes.create(c.t, account, target.mailbox, role);
    if (made) found = boxes.get(c.t, account, *made);
    if (!made && (made.code() == Code::kIo || made.code() == Code::kCorrupt)) return made.error();
    if (!made) why = "the mailbox " + target.mailbox + " cannot be made: " + made.error().message;
    if (!found) return found.error();
    if (*found) return std::move(**found);
  }
  c.troubles.push_back(at_line(line, why + "; the message is in INBOX"));
  auto inbox = boxes.find(c.t, account, "INBOX");
  if (!inbox) return inbox.error();
  if (!*inbox) return Error{Code::kNotFound, "there is no such account"};
  return std::move(**inbox);
}

// Mailboxes are labels: one message with several, unless their flags or their texts differ.
Result<std::optional<Error>> Delivery::file_all(const Carrying& c, const std::string& prefix) {
  struct Group {
    const Copy* copy;
    mailbox::Filing filing;
    std::string names;
    uint32_t line;
  };
  std::vector<Group> groups;
  for (const Decision::Filing& one : c.decision.filings) {
    const auto box = locate(c, one.target, one.line);
    if (!box) return box.error();
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& g) { return g.copy == one.copy.get() && g.filing.flags == one.flags; });
    if (group == groups.end()) {
      group = groups.insert(groups.end(), Group{one.copy.get(), {}, "", one.line});
      group->filing.prefix = prefix;
      group->filing.results = c.mail.results;
      group->filing.flags = one.flags;
    }
    auto& boxes = group->filing.mailboxes;
    if (std::find(boxes.begin(), boxes.end(), box->id) != boxes.end()) continue;
    boxes.push_back(box->id);
    group->names += (group->names.empty() ? "" : ", ") + box->name;
  }
  bool filed_one = false;
  for (const Group& group : groups) {
    const mailbox::Prepared& prepared = group.copy ? *group.copy->prepared : *c.mail.prepared;
    const mailbox::BodyId body = group.copy ? group.copy->body : c.mail.body;
    if (group.copy)
      if (const auto put = use(c, *group.copy); !put) return put.error();
    const auto filed = services_.mailboxes.file(c.t, c.owner.account, prepared, body, group.filing);
    if (!filed && filed.code() != Code::kLimit) return filed.error();
    if (!filed && !filed_one) return std::optional(Error{Code::kLimit, "4.2.2 that mailbox is full"});
    if (!filed) {
      c.troubles.push_back(at_line(group.line, quota_trouble()));
      continue;
    }
    filed_one = true;
    note(c.t, c.mail, c.owner.address, "filed", "into " + group.names + " by script " + c.decision.script);
  }
  return std::optional<Error>();
}

// --- sending --------------------------------------------------------------------------------------------------------

Result<void> Delivery::pass_on(const Carrying& c, const Recipient& recipient) {
  for (const Decision::Onward& one : c.decision.onward) {
    if (!c.done.queued.insert(one.address).second) continue;
    queue::Recipient waiting;
    waiting.address = one.address;
    waiting.notify = one.dsn_notify.empty() && recipient.notify_never ? static_cast<uint8_t>(queue::kNotifyNever)
                                                                      : notify_of(one.dsn_notify);
    waiting.next_attempt = services_.clock.now();
    note(c.t, c.mail, one.address, "forwarded", "by script " + c.decision.script + " of " + c.owner.address);
    Mail mail = c.mail;
    if (one.copy) {
      if (const auto put = use(c, *one.copy); !put) return put;
      mail.prepared = one.copy->prepared;
      mail.body = one.copy->body;
    }
    std::vector<queue::Recipient> to;
    to.push_back(std::move(waiting));
    if (const auto queued = forward(c.t, mail, c.owner.address, std::move(to)); !queued) return queued;
  }
  return {};
}

Result<void> Delivery::write_letters(const Carrying& c) {
  for (const Decision::Letter& letter : c.decision.letters) {
    if (!letter.once.empty()) {  // two messages may come at once: only here is it sure
      const auto before = c.t.get(letter.once);
      if (!before) return before.error();
      if (*before) continue;
      c.t.put_until(letter.once, "", services_.clock.now() + letter.interval);
    }
    const auto sent = send(c.t, letter.reverse_path, letter.to, *letter.copy);
    if (!sent) return sent.error();
    note(c.t, c.mail, c.owner.address, letter.action,
         "by script " + c.decision.script + ", to " + text::join(letter.to, ", ") + " as " + id_text(*sent));
    if (!letter.fcc) continue;
    const auto box = locate(c, letter.fcc->target, letter.line);
    if (!box) return box.error();
    mailbox::Filing filing;
    filing.mailboxes = {box->id};
    filing.flags = flags_of(letter.fcc->flags);
    const auto filed =
        services_.mailboxes.file(c.t, c.owner.account, *letter.copy->prepared, letter.copy->body, filing);
    if (!filed && filed.code() != Code::kLimit) return filed.error();
    if (!filed) c.troubles.push_back(at_line(letter.line, quota_trouble()));
  }
  return {};
}

// The trace has each fault; the owner one notice a day.
Result<void> Delivery::tell_owner(const Carrying& c) {
  if (c.troubles.empty()) return {};
  for (const std::string& trouble : c.troubles)
    note(c.t, c.mail, c.owner.address, "fault", "script " + c.decision.script + ", " + trouble);
  const std::string key = sieve::keys::told(c.owner.account);
  const auto told = c.t.get(key);
  if (!told) return told.error();
  if (*told) return {};
  const Time now = services_.clock.now();
  c.t.put_until(key, "", now + kBetweenNotices);
  const Occasion about{*c.mail.prepared->bytes,
                       c.mail.prepared->structure,
                       c.mail.reverse_path,
                       c.owner.address,
                       c.owner.address,
                       services_.hostname,
                       now,
                       "<" + id_text(services_.ids.next()) + ".notice@" + services_.hostname + ">"};
  const Copy notice{mailbox::prepare(build_notice(about, c.decision.script, c.troubles)),
                    services_.mailboxes.new_body_id()};
  if (const auto put = services_.mailboxes.put_body(c.t, notice.body, *notice.prepared); !put) return put;
  mailbox::Filing filing;
  filing.check_quota = false;  // a few lines
  const auto filed = services_.mailboxes.file(c.t, c.owner.account, *notice.prepared, notice.body, filing);
  return filed ? Result<void>() : filed.error();
}

}  // namespace pabal::delivery
