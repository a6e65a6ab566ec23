#include "app/commands.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>

#include "app/table.h"
#include "base/text.h"

namespace pabal::app {
namespace {

constexpr std::pair<std::string_view, std::string_view> kCommands[] = {
    {"domain", "mail domains: add, list, show, remove"},
    {"account", "people's accounts: add, list, show, password, enable, disable, quota, remove"},
    {"alias", "addresses that lead to others, groups too: add, list, remove"},
    {"mailbox", "an account's folders: list, create, rename, remove; deleted, undelete"},
    {"queue", "mail waiting to leave: list, show, retry, hold, cancel"},
    {"trace", "what happened to a message: by message-id, address or id"},
    {"status", "what the server holds and how its store does"},
};

// What one call needs: the rooms (absent while only checking), the input, and where its output goes.
struct Call {
  Rooms* rooms = nullptr;
  const std::string* input = nullptr;
  Output output;

  void say(std::string_view text) { output.out += text; }
  void fail(const Error& error) {
    output.exit = 1;
    output.err += error.message + "\n";
  }
  // Runs `work` as one transaction and reports a failure.
  bool commit(store::Work work) {
    const Result<void> done = rooms->store->transact_and_wait(std::move(work));
    if (!done) fail(done.error());
    return done.ok();
  }
};

using Act = std::function<void(Call&)>;

// Adds a sub-command whose act runs after parsing, unless only checking.
CLI::App* add(CLI::App& parent, Call& call, const std::string& name, const std::string& about, Act act) {
  CLI::App* sub = parent.add_subcommand(name, about);
  sub->callback([&call, act = std::move(act)] {
    if (call.rooms) act(call);
  });
  return sub;
}

// Everything the commands' options are read into; lives as long as the parse.
struct Words {
  std::string name, other, target, catch_all, display, quota, who, query;
  std::vector<std::string> targets;
  bool admin = false, password_stdin = false, json = false, off = false, receive_only = false;
  size_t limit = 100;
};

std::optional<uint64_t> parse_octets(std::string_view s) {
  if (s.empty() || s == "none") return 0;
  uint64_t unit = 1;
  switch (text::lower(s.back())) {
    case 'k': unit = 1ull << 10; break;
    case 'm': unit = 1ull << 20; break;
    case 'g': unit = 1ull << 30; break;
    case 't': unit = 1ull << 40; break;
    default: break;
  }
  if (unit > 1) s.remove_suffix(1);
  const auto n = text::parse_u64(s);
  if (!n || *n > UINT64_MAX / unit) return {};
  return *n * unit;
}

std::optional<identity::Account> need_account(Call& call, const std::string& name) {
  const auto found = call.rooms->directory->account(*call.rooms->store, name);
  if (!found) return call.fail(found.error()), std::nullopt;
  if (!*found) return call.fail({Code::kNotFound, "there is no account " + name + "; `pabal account list` shows them"}), std::nullopt;
  return *found;
}

// --- domain ---------------------------------------------------------------------------------------------------------

void domain_add(Call& call, const Words& w) {
  identity::Domain domain;
  domain.name = w.name;
  domain.catch_all = w.catch_all;
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->add_domain(t, domain); }))
    call.say(fmt::format("added {}; next: pabal account add someone@{}\n", w.name, w.name));
}

void domain_list(Call& call, const Words&) {
  const auto domains = call.rooms->directory->domains(*call.rooms->store);
  if (!domains) return call.fail(domains.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& d : *domains) {
    const auto accounts = call.rooms->directory->accounts(*call.rooms->store, d.name);
    rows.push_back({d.name, accounts ? std::to_string(accounts->size()) : "?", d.enabled ? "yes" : "no", d.catch_all});
  }
  call.say(rows.empty() ? "no domains yet; add one: pabal domain add example.com\n"
                        : table({"DOMAIN", "ACCOUNTS", "ENABLED", "CATCH-ALL"}, rows));
}

void domain_show(Call& call, const Words& w) {
  const auto domain = call.rooms->directory->domain(*call.rooms->store, w.name);
  if (!domain) return call.fail(domain.error());
  if (!*domain) return call.fail({Code::kNotFound, "there is no domain " + w.name + "; `pabal domain list` shows them"});
  const identity::Domain& d = **domain;
  call.say(fmt::format("domain     {}\nenabled    {}\ncatch-all  {}\n", d.name, d.enabled ? "yes" : "no",
                       d.catch_all.empty() ? "none: unknown users are refused" : d.catch_all));
  for (const auto& key : d.dkim_keys) call.say(fmt::format("dkim       {}._domainkey.{}\n", key.selector, d.name));
}

void domain_remove(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->remove_domain(t, w.name); }))
    call.say(fmt::format("removed {}\n", w.name));
}

void add_domain_commands(CLI::App& app, Call& call, Words& w) {
  CLI::App* domain = app.add_subcommand("domain", "Mail domains this server is final for");
  domain->require_subcommand(1);
  CLI::App* sub = add(*domain, call, "add", "Add a domain", [&w](Call& c) { domain_add(c, w); });
  sub->add_option("domain", w.name, "example.com")->required();
  sub->add_option("--catch-all", w.catch_all, "address that gets mail for unknown users");
  add(*domain, call, "list", "List domains", [&w](Call& c) { domain_list(c, w); });
  add(*domain, call, "show", "Show one domain", [&w](Call& c) { domain_show(c, w); })->add_option("domain", w.name)->required();
  add(*domain, call, "remove", "Remove a domain without accounts or aliases", [&w](Call& c) { domain_remove(c, w); })
      ->add_option("domain", w.name)->required();
}

// --- account --------------------------------------------------------------------------------------------------------

// From --password-stdin, or made up and shown once: 20 characters that are easy to type.
std::string password_for(Call& call, const Words& w) {
  if (w.password_stdin) return std::string(text::trim(*call.input));
  constexpr std::string_view kEasy = "abcdefghjkmnpqrstuvwxyz23456789";
  std::string made;
  for (int i = 0; i < 23; ++i) made += i % 6 == 5 ? '-' : kEasy[call.rooms->random.below(kEasy.size())];
  return made;
}

void account_add(Call& call, const Words& w) {
  const auto quota = parse_octets(w.quota);
  if (!quota) return call.fail({Code::kInvalid, "--quota wants a number with K, M, G or T, such as 10G"});
  const std::string password = password_for(call, w);
  const auto secrets = call.rooms->directory->make_secrets(password);
  if (!secrets) return call.fail(secrets.error());
  identity::Account account;
  account.name = w.name;
  account.display_name = w.display;
  account.admin = w.admin;
  account.quota_octets = *quota;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto added = call.rooms->directory->add_account(t, account, *secrets);
    if (!added) return added.error();
    return call.rooms->mailboxes->create_account(t, added->id, account.quota_octets);
  });
  if (!done) return;
  call.say(fmt::format("added {}\n", w.name));
  if (!w.password_stdin) call.say(fmt::format("password: {}\n", password));
}

void account_list(Call& call, const Words& w) {
  const auto accounts = call.rooms->directory->accounts(*call.rooms->store, w.name);
  if (!accounts) return call.fail(accounts.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& a : *accounts) {
    const auto figures = call.rooms->mailboxes->figures(*call.rooms->store, a.id);
    rows.push_back({a.name, a.display_name.empty() ? "-" : a.display_name, figures ? std::to_string(figures->messages) : "?",
                    figures ? octets(figures->octets) : "?", a.quota_octets ? octets(a.quota_octets) : "none",
                    std::string(a.enabled ? "" : "disabled ") + (a.admin ? "admin" : "")});
  }
  call.say(rows.empty() ? "no accounts yet; add one: pabal account add alice@example.com\n"
                        : table({"ACCOUNT", "NAME", "MESSAGES", "SIZE", "QUOTA", ""}, rows));
}

void account_show(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto figures = call.rooms->mailboxes->figures(*call.rooms->store, account->id);
  if (!figures) return call.fail(figures.error());
  call.say(fmt::format("account   {}\nname      {}\nenabled   {}\nadmin     {}\nmessages  {}\nsize      {}\nquota     {}\ncreated   {}\n",
                       account->name, account->display_name, account->enabled ? "yes" : "no", account->admin ? "yes" : "no",
                       figures->messages, octets(figures->octets),
                       account->quota_octets ? octets(account->quota_octets) : "none", to_rfc3339(account->created)));
}

void account_password(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const std::string password = password_for(call, w);
  const auto secrets = call.rooms->directory->make_secrets(password);
  if (!secrets) return call.fail(secrets.error());
  if (!call.commit([&](store::Transaction& t) { return call.rooms->directory->set_secrets(t, account->id, *secrets); })) return;
  call.say(fmt::format("changed the password of {}\n", w.name));
  if (!w.password_stdin) call.say(fmt::format("password: {}\n", password));
}

void account_change(Call& call, const Words& w, std::string_view said, const std::function<void(identity::Account&)>& change) {
  auto account = need_account(call, w.name);
  if (!account) return;
  change(*account);
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    if (const auto updated = call.rooms->directory->update_account(t, *account); !updated) return updated;
    return call.rooms->mailboxes->set_quota(t, account->id, account->quota_octets);
  });
  if (done) call.say(fmt::format("{} {}\n", said, w.name));
}

void account_quota(Call& call, const Words& w) {
  const auto quota = parse_octets(w.quota);
  if (!quota) return call.fail({Code::kInvalid, "the quota is a number with K, M, G or T, such as 10G, or none"});
  account_change(call, w, "set the quota of", [&](identity::Account& a) { a.quota_octets = *quota; });
}

void account_remove(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    if (const auto removed = call.rooms->directory->remove_account(t, account->id); !removed) return removed;
    return call.rooms->mailboxes->remove_account(t, account->id);
  });
  if (done) call.say(fmt::format("removed {} and its mail\n", w.name));
}

void add_account_commands(CLI::App& app, Call& call, Words& w) {
  CLI::App* account = app.add_subcommand("account", "People's accounts");
  account->require_subcommand(1);
  const auto named = [&](const char* name, const char* about, Act act) {
    CLI::App* sub = add(*account, call, name, about, std::move(act));
    sub->add_option("account", w.name, "alice@example.com")->required();
    return sub;
  };
  CLI::App* sub = named("add", "Add an account; without --password-stdin a password is made up and shown",
                        [&w](Call& c) { account_add(c, w); });
  sub->add_option("--name", w.display, "the person's name");
  sub->add_option("--quota", w.quota, "most octets of mail, such as 10G (default: none)");
  sub->add_flag("--admin", w.admin, "may administer the server");
  sub->add_flag("--password-stdin", w.password_stdin, "read the password from standard input");
  add(*account, call, "list", "List accounts, of one domain or all", [&w](Call& c) { account_list(c, w); })
      ->add_option("domain", w.name, "example.com");
  named("show", "Show one account", [&w](Call& c) { account_show(c, w); });
  named("password", "Set a new password", [&w](Call& c) { account_password(c, w); })
      ->add_flag("--password-stdin", w.password_stdin, "read the password from standard input");
  named("enable", "Let it log in and receive again", [&w](Call& c) {
    account_change(c, w, "enabled", [](identity::Account& a) { a.enabled = true; });
  });
  named("disable", "Neither logs in nor receives; its mail is kept", [&w](Call& c) {
    account_change(c, w, "disabled", [](identity::Account& a) { a.enabled = false; });
  });
  named("quota", "Change the quota", [&w](Call& c) { account_quota(c, w); })->add_option("quota", w.quota, "10G, or none")->required();
  named("remove", "Remove an account with all its mail", [&w](Call& c) { account_remove(c, w); });
}

// --- alias ----------------------------------------------------------------------------------------------------------

void alias_add(Call& call, const Words& w) {
  const identity::Alias alias{w.name, w.targets, !w.receive_only};
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->put_alias(t, alias); }))
    call.say(fmt::format("{} leads to {}\n", w.name, text::join(w.targets, ", ")));
}

void alias_list(Call& call, const Words& w) {
  const auto aliases = call.rooms->directory->aliases(*call.rooms->store, w.name);
  if (!aliases) return call.fail(aliases.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& a : *aliases) rows.push_back({a.address, a.send_as ? "yes" : "no", text::join(a.targets, ", ")});
  call.say(rows.empty() ? "no aliases\n" : table({"ALIAS", "SEND-AS", "LEADS TO"}, rows));
}

void alias_remove(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->remove_alias(t, w.name); }))
    call.say(fmt::format("removed {}\n", w.name));
}

void add_alias_commands(CLI::App& app, Call& call, Words& w) {
  CLI::App* alias = app.add_subcommand("alias", "Addresses that lead to others; several targets make a group");
  alias->require_subcommand(1);
  CLI::App* sub = add(*alias, call, "add", "Add or replace an alias", [&w](Call& c) { alias_add(c, w); });
  sub->add_option("address", w.name, "info@example.com")->required();
  sub->add_option("targets", w.targets, "addresses, here or outside")->required();
  sub->add_flag("--receive-only", w.receive_only, "its targets may not send as this address");
  add(*alias, call, "list", "List aliases, of one domain or all", [&w](Call& c) { alias_list(c, w); })->add_option("domain", w.name);
  add(*alias, call, "remove", "Remove an alias", [&w](Call& c) { alias_remove(c, w); })->add_option("address", w.name)->required();
}

// --- mailbox --------------------------------------------------------------------------------------------------------

std::string_view role_name(mailbox::Role role) {
  switch (role) {
    case mailbox::Role::kNone: return "";
    case mailbox::Role::kInbox: return "inbox";
    case mailbox::Role::kDrafts: return "drafts";
    case mailbox::Role::kSent: return "sent";
    case mailbox::Role::kJunk: return "junk";
    case mailbox::Role::kTrash: return "trash";
    case mailbox::Role::kArchive: return "archive";
    case mailbox::Role::kImportant: return "important";
  }
  return "";
}

void mailbox_list(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto boxes = call.rooms->mailboxes->list(*call.rooms->store, account->id);
  if (!boxes) return call.fail(boxes.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& b : *boxes)
    rows.push_back({b.name, std::to_string(b.messages), std::to_string(b.unseen), octets(b.octets), std::string(role_name(b.role))});
  call.say(table({"MAILBOX", "MESSAGES", "UNSEEN", "SIZE", "ROLE"}, rows));
}

// The account and one of its mailboxes, or a failure said.
struct Place { identity::Account account; mailbox::Mailbox mailbox; };
std::optional<Place> need_mailbox(Call& call, const std::string& account_name, const std::string& name) {
  const auto account = need_account(call, account_name);
  if (!account) return {};
  const auto found = call.rooms->mailboxes->find(*call.rooms->store, account->id, name);
  if (!found) return call.fail(found.error()), std::nullopt;
  if (!*found) return call.fail({Code::kNotFound, account_name + " has no mailbox " + name}), std::nullopt;
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
  if (call.commit([&](store::Transaction& t) { return call.rooms->mailboxes->rename(t, place->account.id, place->mailbox.id, w.target); }))
    call.say(fmt::format("renamed {} to {}\n", w.other, w.target));
}

void mailbox_remove(Call& call, const Words& w) {
  const auto place = need_mailbox(call, w.name, w.other);
  if (!place) return;
  if (call.commit([&](store::Transaction& t) { return call.rooms->mailboxes->remove(t, place->account.id, place->mailbox.id); }))
    call.say(fmt::format("removed {}; its messages can be brought back for a while: pabal mailbox deleted {}\n", w.other, w.name));
}

void mailbox_deleted(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto gone = call.rooms->mailboxes->deleted(*call.rooms->store, account->id, w.limit);
  if (!gone) return call.fail(gone.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& d : *gone) {
    const auto details = call.rooms->mailboxes->details(*call.rooms->store, account->id, d.message.id);
    const std::string subject = details && *details ? message::decode_words((*details)->structure.summary.subject) : "?";
    rows.push_back({std::to_string(d.message.id), to_rfc3339(d.until), octets(d.message.size), text::printable(subject, 60)});
  }
  call.say(rows.empty() ? "nothing to bring back\n" : table({"ID", "UNTIL", "SIZE", "SUBJECT"}, rows));
}

void mailbox_undelete(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto id = text::parse_u64(w.other);
  if (!id) return call.fail({Code::kInvalid, "the id is a number from `pabal mailbox deleted`"});
  const auto place = need_mailbox(call, w.name, w.target.empty() ? "INBOX" : w.target);
  if (!place) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto back = call.rooms->mailboxes->undelete(t, account->id, *id, place->mailbox.id);
    return back ? Result<void>() : back.error();
  });
  if (done) call.say(fmt::format("brought back into {}\n", place->mailbox.name));
}

void add_mailbox_commands(CLI::App& app, Call& call, Words& w) {
  CLI::App* mailbox = app.add_subcommand("mailbox", "An account's mailboxes (folders, labels)");
  mailbox->require_subcommand(1);
  const auto named = [&](const char* name, const char* about, Act act) {
    CLI::App* sub = add(*mailbox, call, name, about, std::move(act));
    sub->add_option("account", w.name, "alice@example.com")->required();
    return sub;
  };
  named("list", "List with counts", [&w](Call& c) { mailbox_list(c, w); });
  named("create", "Create one; a/b makes a as well", [&w](Call& c) { mailbox_create(c, w); })->add_option("mailbox", w.other)->required();
  CLI::App* sub = named("rename", "Rename one with its children", [&w](Call& c) { mailbox_rename(c, w); });
  sub->add_option("mailbox", w.other)->required();
  sub->add_option("to", w.target)->required();
  named("remove", "Remove one with its messages", [&w](Call& c) { mailbox_remove(c, w); })->add_option("mailbox", w.other)->required();
  named("deleted", "Messages that can be brought back", [&w](Call& c) { mailbox_deleted(c, w); })->add_option("--limit", w.limit);
  sub = named("undelete", "Bring a message back", [&w](Call& c) { mailbox_undelete(c, w); });
  sub->add_option("id", w.other)->required();
  sub->add_option("--to", w.target, "mailbox (default: INBOX)");
}

// --- queue ----------------------------------------------------------------------------------------------------------

std::string_view state_name(queue::Recipient::State state) {
  using State = queue::Recipient::State;
  switch (state) {
    case State::kWaiting: return "waiting";
    case State::kDelivered: return "delivered";
    case State::kFailed: return "failed";
    case State::kCancelled: return "cancelled";
    case State::kExpired: return "expired";
  }
  return "?";
}

void queue_list(Call& call, const Words& w) {
  const auto entries = call.rooms->queue->list(*call.rooms->store, w.query, 0, w.limit);
  const auto figures = call.rooms->queue->figures(*call.rooms->store);
  if (!entries) return call.fail(entries.error());
  if (!figures) return call.fail(figures.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& e : *entries)
    for (const auto& r : e.recipients)
      rows.push_back({id_text(e.id), to_rfc3339(e.created), octets(e.size), "<" + e.reverse_path + ">", r.address,
                      e.held ? "held" : std::string(state_name(r.state)), std::to_string(r.attempts),
                      r.state == queue::Recipient::State::kWaiting && !e.held ? to_rfc3339(r.next_attempt) : "-",
                      text::printable(r.last_reply, 80)});
  if (!rows.empty()) call.say(table({"ID", "SINCE", "SIZE", "FROM", "TO", "STATE", "TRIES", "NEXT", "LAST ANSWER"}, rows));
  call.say(fmt::format("{} messages waiting, {} of them held\n", figures->entries, figures->held));
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
  if (!*found) return call.fail({Code::kNotFound, w.name + " is not in the queue; `pabal trace " + w.name + "` says where it went"});
  const queue::Entry& e = **found;
  call.say(fmt::format("id          {}\nmessage-id  {}\nfrom        <{}>\nsize        {}\nsince       {}\nuntil       {}\nheld        {}\n",
                       id_text(e.id), e.message_id, e.reverse_path, octets(e.size), to_rfc3339(e.created), to_rfc3339(e.expires),
                       e.held ? "yes" : "no"));
  for (const auto& r : e.recipients) {
    call.say(fmt::format("\nto          {}\nstate       {}, {} tries\n", r.address, state_name(r.state), r.attempts));
    if (r.state == queue::Recipient::State::kWaiting) call.say(fmt::format("next try    {}\n", to_rfc3339(r.next_attempt)));
    if (!r.last_reply.empty())
      call.say(fmt::format("last answer {}\nfrom host   {}{}{}\n", text::printable(r.last_reply, 500), r.last_host,
                           r.last_tls.empty() ? "" : ", ", r.last_tls));
  }
}

void queue_retry(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const Time now = call.rooms->clock.now();
  if (call.commit([&](store::Transaction& t) { return call.rooms->queue->retry(t, *id, w.who, now); }))
    call.say(fmt::format("{} is due now\n", w.name));
}

void queue_hold(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const Time now = call.rooms->clock.now();
  if (call.commit([&](store::Transaction& t) { return call.rooms->queue->hold(t, *id, !w.off, now); }))
    call.say(fmt::format("{} is {}\n", w.name, w.off ? "released" : "held"));
}

void queue_cancel(Call& call, const Words& w) {
  const auto id = need_id(call, w.name);
  if (!id) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto entry = call.rooms->queue->cancel(t, *id, w.who);
    if (!entry) return entry.error();
    for (const auto& r : entry->recipients) {
      if (r.state != queue::Recipient::State::kCancelled) continue;
      watch::Event event;
      event.at = call.rooms->clock.now();
      event.id = w.name;
      event.message_id = entry->message_id;
      event.station = "queue";
      event.action = "cancelled";
      event.reverse_path = entry->reverse_path;
      event.recipient = r.address;
      event.reason = "by an operator; no bounce is sent";
      call.rooms->trace->record(t, event);
    }
    return entry->done() ? call.rooms->mailboxes->release_body(t, entry->body) : Result<void>();
  });
  if (done) call.say(fmt::format("cancelled {}{}\n", w.name, w.who.empty() ? "" : " for " + w.who));
}

void add_queue_commands(CLI::App& app, Call& call, Words& w) {
  CLI::App* queue = app.add_subcommand("queue", "Mail waiting to leave");
  queue->require_subcommand(1);
  CLI::App* sub = add(*queue, call, "list", "List what waits, or what matches an address, domain or account",
                      [&w](Call& c) { queue_list(c, w); });
  sub->add_option("filter", w.query);
  sub->add_option("--limit", w.limit, "most messages shown (default 100)");
  const auto named = [&](const char* name, const char* about, Act act) {
    CLI::App* made = add(*queue, call, name, about, std::move(act));
    made->add_option("id", w.name, "from `pabal queue list`")->required();
    return made;
  };
  named("show", "Show one with every recipient", [&w](Call& c) { queue_show(c, w); });
  named("retry", "Try now", [&w](Call& c) { queue_retry(c, w); })->add_option("--to", w.who, "only this address or domain");
  named("hold", "Keep it until released", [&w](Call& c) { queue_hold(c, w); })->add_flag("--off", w.off, "release it");
  named("cancel", "Give up without a bounce", [&w](Call& c) { queue_cancel(c, w); })->add_option("--to", w.who, "only this address or domain");
}

// --- trace and status -----------------------------------------------------------------------------------------------

void trace(Call& call, const Words& w) {
  const auto events = call.rooms->trace->find(*call.rooms->store, w.query, w.limit);
  if (!events) return call.fail(events.error());
  if (w.json) return call.say(watch::to_json(*events) + "\n");
  if (events->empty())
    return call.fail({Code::kNotFound, "nothing is known of " + w.query + "; a message-id, an address or an id of the last 30 days is wanted"});
  call.say(watch::to_text(*events));
}

void status(Call& call, const Words&) {
  const auto figures = call.rooms->store->figures();
  const auto waiting = call.rooms->queue->figures(*call.rooms->store);
  const auto accounts = call.rooms->directory->accounts(*call.rooms->store, "");
  const auto domains = call.rooms->directory->domains(*call.rooms->store);
  if (!waiting) return call.fail(waiting.error());
  if (!accounts) return call.fail(accounts.error());
  if (!domains) return call.fail(domains.error());
  call.say(fmt::format("domains       {}\naccounts      {}\nqueue         {} waiting, {} held\nstore         {} on disk\n"
                       "transactions  {} in {} groups since start\n",
                       domains->size(), accounts->size(), waiting->entries, waiting->held, octets(figures.disk_bytes),
                       figures.transactions, figures.groups));
}

Output parse_and_run(Call& call, const std::vector<std::string>& args) {
  CLI::App app("pabal: mail server", "pabal");
  app.require_subcommand(1);
  Words words;
  add_domain_commands(app, call, words);
  add_account_commands(app, call, words);
  add_alias_commands(app, call, words);
  add_mailbox_commands(app, call, words);
  add_queue_commands(app, call, words);
  CLI::App* sub = add(app, call, "trace", "What happened to a message", [&words](Call& c) { trace(c, words); });
  sub->add_option("query", words.query, "message-id, address, domain or id")->required();
  sub->add_flag("--json", words.json, "as JSON");
  sub->add_option("--limit", words.limit, "most events shown (default 100)");
  add(app, call, "status", "What the server holds", [&words](Call& c) { status(c, words); });

  try {  // CLI11 speaks by exceptions; they end here
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = app.exit(error, out, err);
    call.output.out += out.str();
    call.output.err += err.str();
    call.output.exit = code == 0 ? 0 : 2;
  }
  return std::move(call.output);
}

}  // namespace

bool is_command(const std::string& word) {
  return std::any_of(std::begin(kCommands), std::end(kCommands), [&](const auto& c) { return c.first == word; });
}

Output check_command(const std::vector<std::string>& args) {
  Call call;
  return parse_and_run(call, args);
}

bool wants_stdin(const std::vector<std::string>& args) {
  return std::find(args.begin(), args.end(), "--password-stdin") != args.end();
}

Output run_command(Rooms& rooms, const std::vector<std::string>& args, const std::string& input) {
  Call call;
  call.rooms = &rooms;
  call.input = &input;
  return parse_and_run(call, args);
}

std::string command_overview() {
  std::string out;
  for (const auto& [name, about] : kCommands) out += fmt::format("  {:<12}{}\n", name, about);
  return out;
}

}  // namespace pabal::app
