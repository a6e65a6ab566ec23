// mailbox, queue: an account's folders, and mail waiting to leave.
#include "app/commands_impl.h"
#include "app/table.h"
#include "base/text.h"
#include "sharing/notices.h"
#include "sharing/sharing.h"

namespace pabal::app {
namespace {

// --- mailbox --------------------------------------------------------------------------------------------------------

std::string_view role_name(mailbox::Role role) {
  switch (role) {
    case mailbox::Role::kNone:
      return "";
    case mailbox::Role::kInbox:
      return "inbox";
    case mailbox::Role::kDrafts:
      return "drafts";
    case mailbox::Role::kSent:
      return "sent";
    case mailbox::Role::kJunk:
      return "junk";
    case mailbox::Role::kTrash:
      return "trash";
    case mailbox::Role::kArchive:
      return "archive";
    case mailbox::Role::kImportant:
      return "important";
  }
  return "";
}

// "bob@example.com lrs, anyone l"
std::string shares(Call& call, mailbox::AccountId owner, mailbox::MailboxId mailbox) {
  const auto acl = mailbox::acl(*call.rooms->store, owner, mailbox);
  if (!acl) return call.fail(acl.error()), "?";
  std::vector<std::string> out;
  for (const mailbox::Grant& grant : *acl) {
    const auto who = sharing::name_of(*call.rooms->directory, *call.rooms->store, grant.who);
    if (who && *who) out.push_back((grant.negative ? "-" : "") + **who + " " + mailbox::rights_text(grant.rights));
  }
  return text::join(out, ", ");
}

void mailbox_list(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto boxes = call.rooms->mailboxes->list(*call.rooms->store, account->id);
  if (!boxes) return call.fail(boxes.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& b : *boxes)
    rows.push_back({b.name, std::to_string(b.messages), std::to_string(b.unseen), octets(b.octets),
                    std::string(role_name(b.role)), shares(call, account->id, b.id)});
  call.say(table({"MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "ROLE", "SHARED WITH"}, rows));
}

// The account and one of its mailboxes, or a failure said.
struct Place {
  identity::Account account;
  mailbox::Mailbox mailbox;
};
std::optional<Place> need_mailbox(Call& call, const std::string& account_name, const std::string& name) {
  const auto account = need_account(call, account_name);
  if (!account) return {};
  const auto found = call.rooms->mailboxes->find(*call.rooms->store, account->id, name);
  if (!found) return call.fail(found.error()), std::nullopt;
  if (!*found)
    return call.fail({Code::kNotFound, fmt::format("{} has no mailbox {}; `pabal mailbox list {}` shows them",
                                                   account->name, name, account->name)}),
           std::nullopt;
  return Place{*account, **found};
}

void mailbox_create(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto made = call.rooms->mailboxes->create(t, account->id, w.other);
    return made ? Result<void>() : made.error();
  });
  if (done) call.say(fmt::format("created {}\n", w.other));
}

void mailbox_rename(Call& call, const Words& w) {
  const auto place = need_mailbox(call, w.name, w.other);
  if (!place) return;
  if (call.commit([&](store::Transaction& t) {
        return call.rooms->mailboxes->rename(t, place->account.id, place->mailbox.id, w.target);
      }))
    call.say(fmt::format("renamed {} to {}\n", w.other, w.target));
}

void mailbox_remove(Call& call, const Words& w) {
  const auto place = need_mailbox(call, w.name, w.other);
  if (!place) return;
  if (call.commit([&](store::Transaction& t) {
        return call.rooms->mailboxes->remove(t, place->account.id, place->mailbox.id);
      }))
    call.say(fmt::format("removed {}; its messages can be brought back for {} days: pabal mailbox deleted {}\n",
                         w.other, mailbox::kUndeleteWindow.count(), w.name));
}

void share(Call& call, const Words& w, mailbox::Rights rights) {
  const auto place = need_mailbox(call, w.name, w.other);
  if (!place) return;
  const auto who = sharing::grantee_named(*call.rooms->directory, *call.rooms->store, w.who);
  if (!who) return call.fail({who.code(), w.who + ": " + who.error().message});
  if (who->account == place->account.id) return call.fail({Code::kInvalid, "the owner has all rights anyway"});
  if (!call.commit([&](store::Transaction& t) {
        return sharing::change_rights(*call.rooms->directory, *call.rooms->mailboxes, t,
                                      {place->account.id, place->mailbox.id, *who, false, '=', rights},
                                      call.rooms->clock.now());
      }))
    return;
  const std::string shown = fmt::format("{}/{}/{}", mailbox::kOtherUsers, place->account.name, place->mailbox.name);
  call.say(rights ? fmt::format("shared {} with {}, who may {}; there its name is {}\n", place->mailbox.name, w.who,
                                mailbox::rights_text(rights), shown)
                  : fmt::format("{} has no rights of their own in {} any more\n", w.who, place->mailbox.name));
}

void mailbox_share(Call& call, const Words& w) {
  const auto rights = mailbox::parse_rights(w.target);
  if (!rights || *rights == 0)
    return call.fail({Code::kInvalid, w.target + " are not rights; `pabal mailbox share --help` names them"});
  share(call, w, *rights);
}

void mailbox_deleted(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto gone = call.rooms->mailboxes->deleted(*call.rooms->store, account->id, w.limit);
  if (!gone) return call.fail(gone.error());
  const Time now = call.rooms->clock.now();
  std::vector<std::vector<std::string>> rows;
  for (const auto& d : *gone) {
    const auto details = call.rooms->mailboxes->details(*call.rooms->store, account->id, d.message.id);
    const std::string subject =
        details && *details ? message::decode_words((*details)->structure.summary.subject) : "?";
    rows.push_back({std::to_string(d.message.id), span(d.until - now), octets(d.message.size),
                    std::string(message::utf8_prefix(subject, 100))});
  }
  call.say(rows.empty() ? "nothing to bring back\n" : table({"ID", "STILL", "SIZE", "SUBJECT"}, rows));
}

void mailbox_undelete(Call& call, const Words& w) {
  const auto id = text::parse_u64(w.other);
  if (!id)
    return call.fail(
        {Code::kInvalid, fmt::format("{} is not an id; `pabal mailbox deleted {}` shows them", w.other, w.name)});
  const auto place = need_mailbox(call, w.name, w.target.empty() ? "INBOX" : w.target);
  if (!place) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto back = call.rooms->mailboxes->undelete(t, place->account.id, *id, place->mailbox.id);
    return back ? Result<void>() : back.error();
  });
  if (done) call.say(fmt::format("brought back into {}\n", place->mailbox.name));
}

// --- queue ----------------------------------------------------------------------------------------------------------

std::string_view state_name(queue::Recipient::State state) {
  using State = queue::Recipient::State;
  switch (state) {
    case State::kWaiting:
      return "waiting";
    case State::kDelivered:
      return "delivered";
    case State::kFailed:
      return "failed";
    case State::kCancelled:
      return "cancelled";
    case State::kExpired:
      return "expired";
  }
  return "?";
}

// "waiting, 3 tries, next in 12 min"
std::string state_of(const queue::Entry& e, const queue::Recipient& r, Time now) {
  std::string out(state_name(r.state));
  if (r.attempts > 0) out += fmt::format(", {} {}", r.attempts, r.attempts == 1 ? "try" : "tries");
  if (r.state != queue::Recipient::State::kWaiting) return out;
  if (e.held) return out + ", held";
  return out + (r.next_attempt <= now ? ", due now" : ", next in " + span(r.next_attempt - now));
}

void queue_list(Call& call, const Words& w) {
  const auto entries = call.rooms->queue->list(*call.rooms->store, w.query, 0, w.limit);
  if (!entries) return call.fail(entries.error());
  const auto figures = call.rooms->queue->figures(*call.rooms->store);
  if (!figures) return call.fail(figures.error());
  call.say(fmt::format("{} {} waiting, {} of them held\n", figures->entries,
                       figures->entries == 1 ? "message" : "messages", figures->held));
  const Time now = call.rooms->clock.now();
  for (const auto& e : *entries) {
    call.say(fmt::format("{}  {}  {}  from <{}>{}\n", id_text(e.id), span(now - e.created), octets(e.size),
                         e.reverse_path, e.held ? "  HELD" : ""));
    for (const auto& r : e.recipients) {
      call.say(fmt::format("    {}  {}\n", r.address, state_of(e, r, now)));
      if (!r.last_reply.empty()) call.say(fmt::format("        {}\n", text::printable(r.last_reply, 100)));
    }
  }
  if (entries->size() == w.limit) call.say("There may be more: --limit\n");
}

std::optional<queue::QueueId> need_id(Call& call, const std::string& name) {
  const auto id = id_from_text(name);
  if (!id) call.fail({Code::kInvalid, name + " is not a queue id; `pabal queue list` shows them"});
  return id;
}

void queue_show(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const auto found = call.rooms->queue->get(*call.rooms->store, *id);
  if (!found) return call.fail(found.error());
  if (!*found)
    return call.fail(
        {Code::kNotFound, w.name + " is not in the queue; `pabal trace " + w.name + "` says where it went"});
  const queue::Entry& e = **found;
  const Time now = call.rooms->clock.now();
  call.say(fmt::format("id          {}\nmessage-id  {}\nfrom        <{}>\n", id_text(e.id),
                       e.message_id.empty() ? "-" : e.message_id, e.reverse_path));
  if (!e.sender_account.empty()) call.say(fmt::format("account     {}\n", e.sender_account));
  call.say(fmt::format("size        {}\nsince       {}\nuntil       {}\nheld        {}\n", octets(e.size),
                       to_rfc3339(e.created), to_rfc3339(e.expires),
                       e.held ? "yes; pabal queue hold --off " + id_text(e.id) : "no"));
  for (const auto& r : e.recipients) {
    call.say(fmt::format("\nto          {}\nstate       {}\n", r.address, state_of(e, r, now)));
    if (r.state == queue::Recipient::State::kWaiting)
      call.say(fmt::format("next try    {}\n", to_rfc3339(r.next_attempt)));
    if (!r.last_reply.empty()) call.say(fmt::format("last answer {}\n", text::printable(r.last_reply, 500)));
    if (!r.last_host.empty())
      call.say(fmt::format("from host   {}{}{}\n", r.last_host, r.last_tls.empty() ? "" : ", ", r.last_tls));
  }
}

// One line of the trace for what an operator did to one recipient.
void note(Call& call, store::Transaction& t, const queue::Entry& entry, const queue::Recipient& r,
          std::string_view action, std::string_view reason) {
  watch::Event event;
  event.at = call.rooms->clock.now();
  event.id = id_text(entry.id);
  event.message_id = entry.message_id;
  event.station = "queue";
  event.action = action;
  event.reverse_path = entry.reverse_path;
  event.recipient = r.address;
  event.reason = reason;
  call.rooms->trace->record(t, event);
}

void queue_retry(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  bool held = false;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    if (const auto due = call.rooms->queue->retry(t, *id, w.who, call.rooms->clock.now()); !due) return due;
    const auto entry = call.rooms->queue->get(t, *id);
    if (!entry || !*entry) return entry ? Result<void>() : entry.error();
    held = (*entry)->held;
    return {};
  });
  if (done)
    call.say(held ? fmt::format("{0} is due, but held; release it: pabal queue hold --off {0}\n", w.name)
                  : fmt::format("{} is due now\n", w.name));
}

void queue_hold(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto before = call.rooms->queue->get(t, *id);
    if (!before) return before.error();
    if (const auto held = call.rooms->queue->hold(t, *id, !w.off, call.rooms->clock.now()); !held) return held;
    if ((*before)->held != w.off) return {};  // as it was
    for (const auto& r : (*before)->recipients)
      if (r.state == queue::Recipient::State::kWaiting)
        note(call, t, **before, r, w.off ? "released" : "held", "by an operator");
    return {};
  });
  if (done) call.say(fmt::format("{} is {}\n", w.name, w.off ? "released" : "held"));
}

void queue_cancel(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto before = call.rooms->queue->get(t, *id);
    if (!before) return before.error();
    const auto entry = call.rooms->queue->cancel(t, *id, w.who);
    if (!entry) return entry.error();
    for (size_t i = 0; i < entry->recipients.size(); ++i)
      if (entry->recipients[i].state == queue::Recipient::State::kCancelled &&
          (*before)->recipients[i].state == queue::Recipient::State::kWaiting)
        note(call, t, *entry, entry->recipients[i], "cancelled", "by an operator; no report is sent");
    return entry->done() ? call.rooms->mailboxes->release_body(t, entry->body) : Result<void>();
  });
  if (done) call.say(fmt::format("cancelled {}{}\n", w.name, w.who.empty() ? "" : " for " + w.who));
}

}  // namespace

void add_mailbox_commands(const Command& app, Call& call, Words& w) {
  Command mailbox = app.add("mailbox", "An account's mailboxes (folders, labels)");
  mailbox.need_subcommand();
  const auto named = [&](const char* name, const char* about, Act act) {
    Command sub = add(mailbox, call, name, about, std::move(act));
    sub.option("account", w.name, "such as alice@example.com").required().type_name("");
    return sub;
  };
  const auto with_box = [&](Command sub) {
    return sub.option("mailbox", w.other, "such as Work/2026").required().type_name("");
  };
  named("list", "List with counts", [&w](Call& c) { mailbox_list(c, w); });
  with_box(named("create", "Create one; a/b makes a as well", [&w](Call& c) { mailbox_create(c, w); }));
  Command sub = named("rename", "Rename one with its children", [&w](Call& c) { mailbox_rename(c, w); });
  with_box(sub);
  sub.option("to", w.target, "its new name").required().type_name("");
  with_box(named("remove", "Remove one with its messages", [&w](Call& c) { mailbox_remove(c, w); }));
  sub = named("share", "Let others see or use one (RFC 4314)", [&w](Call& c) { mailbox_share(c, w); });
  with_box(sub);
  const auto with_whom = [&](Command one) {
    one.option("who", w.who, "an account, an alias for all it leads to, or anyone").required().type_name("");
  };
  with_whom(sub);
  sub.option("rights", w.target, "letters; they replace those given before").required().type_name("");
  sub.footer(
      "Rights:\n  l see it in lists      r read        s mark as read    w set other flags\n"
      "  i add messages         t mark deleted  e expunge       k make mailboxes below\n"
      "  x rename or remove it  a share it      p send to it (asked for by nothing here)\n"
      "Examples:\n  pabal mailbox share alice@example.com Projects bob@example.com lrs\n"
      "  pabal mailbox share info@example.com INBOX team@example.com lrswite\n");
  sub = named("unshare", "Take back what share has given", [&w](Call& c) { share(c, w, 0); });
  with_box(sub);
  with_whom(sub);
  add_limit(named("deleted", "Messages that can be brought back", [&w](Call& c) { mailbox_deleted(c, w); }), w,
            "messages");
  sub = named("undelete", "Bring a message back", [&w](Call& c) { mailbox_undelete(c, w); });
  sub.option("id", w.other, "from `pabal mailbox deleted`").required().type_name("");
  sub.option("--to", w.target, "where to (default: INBOX)").type_name("MAILBOX");
}

void add_queue_commands(const Command& app, Call& call, Words& w) {
  Command queue = app.add("queue", "Mail waiting to leave");
  queue.need_subcommand();
  Command sub = add(queue, call, "list", "List what waits, with each recipient's last answer",
                    [&w](Call& c) { queue_list(c, w); });
  sub.option("filter", w.query, "only with this address, domain or account").type_name("");
  add_limit(sub, w, "messages");
  const auto named = [&](const char* name, const char* about, Act act) {
    Command made = add(queue, call, name, about, std::move(act));
    made.option("id", w.name, "from `pabal queue list`").required().type_name("");
    return made;
  };
  const auto to = [&](Command one) { one.option("--to", w.who, "only for this address or domain").type_name("WHO"); };
  named("show", "Show one with every recipient", [&w](Call& c) { queue_show(c, w); });
  to(named("retry", "Try now instead of later", [&w](Call& c) { queue_retry(c, w); }));
  named("hold", "Keep it until released", [&w](Call& c) {
    queue_hold(c, w);
  }).flag("--off", w.off, "release it: it is tried at once");
  to(named("cancel", "Give it up; the sender is not told", [&w](Call& c) { queue_cancel(c, w); }));
}

}  // namespace pabal::app
