// domain, account, alias: who is here, and where addresses lead.
#include <algorithm>
#include <map>

#include "app/commands_impl.h"
#include "app/dkim_rotation.h"
#include "app/table.h"
#include "base/text.h"
#include "mailbox/sharing.h"

namespace pabal::app {
namespace {

std::optional<uint64_t> parse_octets(std::string_view s) {
  if (s.empty() || s == "none") return 0;
  uint64_t unit = 1;
  switch (text::lower(s.back())) {
    case 'k':
      unit = 1ull << 10;
      break;
    case 'm':
      unit = 1ull << 20;
      break;
    case 'g':
      unit = 1ull << 30;
      break;
    case 't':
      unit = 1ull << 40;
      break;
    default:
      break;
  }
  if (unit > 1) s.remove_suffix(1);
  const auto n = text::parse_u64(s);
  if (!n || *n > UINT64_MAX / unit) return {};
  return *n * unit;
}

const Error kBadQuota{Code::kInvalid, "a quota is a number with K, M, G or T, such as 10G, or none"};

Error no_domain(const std::string& name) {
  return {Code::kNotFound, "there is no domain " + name + "; `pabal domain list` shows them"};
}

// --- domain ---------------------------------------------------------------------------------------------------------

void domain_add(Call& call, const Words& w) {
  identity::Domain domain;
  domain.name = w.name;
  domain.catch_all = w.catch_all;
  if (!w.no_dkim) {
    auto keys = make_dkim_keys({}, identity::DkimKey::State::kActive, call.rooms->clock.now());
    if (!keys) return call.fail(keys.error());
    domain.dkim_keys = std::move(*keys);
  }
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->add_domain(t, domain); }))
    call.say(
        fmt::format("added {0}\nnext: pabal account add someone@{0}\n      pabal dns {0}   shows what to publish "
                    "in DNS\n",
                    w.name));
}

void domain_list(Call& call, const Words&) {
  const auto domains = call.rooms->directory->domains(*call.rooms->store);
  if (!domains) return call.fail(domains.error());
  const auto accounts = call.rooms->directory->accounts(*call.rooms->store, "");
  if (!accounts) return call.fail(accounts.error());
  std::map<std::string, size_t> in_domain;
  for (const auto& a : *accounts) ++in_domain[a.name.substr(a.name.rfind('@') + 1)];
  std::vector<std::vector<std::string>> rows;
  for (const auto& d : *domains)
    rows.push_back(
        {d.name, std::to_string(in_domain[d.name]), d.enabled ? "yes" : "no", d.catch_all.empty() ? "-" : d.catch_all});
  call.say(rows.empty() ? "no domains yet; add one: pabal domain add example.com\n"
                        : table({"DOMAIN", "ACCOUNTS", "ENABLED", "CATCH-ALL"}, rows));
}

void domain_show(Call& call, const Words& w) {
  const auto d = need_domain(call, w.name);
  if (!d) return;
  call.say(fmt::format("domain     {}\nenabled    {}\ncatch-all  {}\n", d->name, d->enabled ? "yes" : "no",
                       d->catch_all.empty() ? "none: unknown users are refused" : d->catch_all));
  for (const auto& key : d->dkim_keys)
    call.say(fmt::format("dkim       {}._domainkey.{}{}\n", key.selector, d->name,
                         key.state == identity::DkimKey::State::kActive ? "" : " (signs nothing; pabal dkim list)"));
}

// Reads, changes and writes in one transaction: two operators at once lose nothing of each other's.
void domain_change(Call& call, const Words& w, const std::string& said,
                   const std::function<void(identity::Domain&)>& change) {
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    auto d = call.rooms->directory->domain(t, w.name);
    if (!d) return d.error();
    if (!*d) return no_domain(w.name);
    change(**d);
    return call.rooms->directory->update_domain(t, **d);
  });
  if (done) call.say(said + "\n");
}

void domain_remove(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->remove_domain(t, w.name); }))
    call.say(fmt::format("removed {}\n", w.name));
}

// --- account --------------------------------------------------------------------------------------------------------

// From --password-stdin (one line), or made up and shown once: 20 characters that are easy to type.
std::string password_for(Call& call, const Words& w) {
  if (w.password_stdin) {
    std::string_view given = *call.input;
    if (given.ends_with('\n')) given.remove_suffix(1);
    if (given.ends_with('\r')) given.remove_suffix(1);
    return std::string(given);
  }
  constexpr std::string_view kEasy = "abcdefghjkmnpqrstuvwxyz23456789";
  std::string made;
  for (int i = 0; i < 23; ++i) made += i % 6 == 5 ? '-' : kEasy[call.rooms->random.below(kEasy.size())];
  return made;
}

void account_add(Call& call, const Words& w) {
  const auto quota = parse_octets(w.quota);
  if (!quota) return call.fail(kBadQuota);
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
    account.name = added->name;
    return call.rooms->mailboxes->create_account(t, added->id, account.quota_octets);
  });
  if (!done) return;
  call.say(fmt::format("added {}\n", account.name));
  if (!w.password_stdin) call.say(fmt::format("password: {}\n", password));
}

void account_list(Call& call, const Words& w) {
  const auto accounts = call.rooms->directory->accounts(*call.rooms->store, w.name);
  if (!accounts) return call.fail(accounts.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& a : *accounts) {
    const auto figures = call.rooms->mailboxes->figures(*call.rooms->store, a.id);
    rows.push_back({a.name, a.display_name.empty() ? "-" : a.display_name,
                    figures ? std::to_string(figures->messages) : "?", figures ? octets(figures->octets) : "?",
                    a.quota_octets ? octets(a.quota_octets) : "none",
                    std::string(a.enabled ? "" : "disabled ") + (a.admin ? "admin" : "")});
  }
  if (!rows.empty())
    call.say(table({"ACCOUNT", "NAME", "MESSAGES", "SIZE", "QUOTA", ""}, rows));
  else if (w.name.empty())
    call.say("no accounts yet; add one: pabal account add alice@example.com\n");
  else if (need_domain(call, w.name))
    call.say(fmt::format("no accounts in {} yet; add one: pabal account add alice@{}\n", w.name, w.name));
}

void account_show(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto figures = call.rooms->mailboxes->figures(*call.rooms->store, account->id);
  if (!figures) return call.fail(figures.error());
  call.say(fmt::format(
      "account   {}\nname      {}\nenabled   {}\nadmin     {}\nmessages  {}\nsize      {}\nquota     {}\ncreated   "
      "{}\n",
      account->name, account->display_name.empty() ? "-" : account->display_name, account->enabled ? "yes" : "no",
      account->admin ? "yes" : "no", figures->messages, octets(figures->octets),
      account->quota_octets ? octets(account->quota_octets) : "none", to_rfc3339(account->created)));
}

void account_password(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const std::string password = password_for(call, w);
  const auto secrets = call.rooms->directory->make_secrets(password);
  if (!secrets) return call.fail(secrets.error());
  if (!call.commit([&](store::Transaction& t) { return call.rooms->directory->set_secrets(t, account->id, *secrets); }))
    return;
  call.say(fmt::format("changed the password of {}\n", account->name));
  if (!w.password_stdin) call.say(fmt::format("password: {}\n", password));
}

// In one transaction, as domain_change.
void account_change(Call& call, const Words& w, const std::string& said,
                    const std::function<void(identity::Account&)>& change) {
  auto account = need_account(call, w.name);
  if (!account) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    auto newest = call.rooms->directory->account(t, account->id);
    if (!newest) return newest.error();
    if (!*newest) return Error{Code::kNotFound, "there is no account " + w.name + " any more"};
    change(**newest);
    if (const auto updated = call.rooms->directory->update_account(t, **newest); !updated) return updated;
    return call.rooms->mailboxes->set_quota(t, account->id, (*newest)->quota_octets);
  });
  if (done) call.say(fmt::format("{} {}\n", said, account->name));
}

void account_quota(Call& call, const Words& w) {
  const auto quota = parse_octets(w.quota);
  if (!quota) return call.fail(kBadQuota);
  account_change(call, w, "set the quota of", [&](identity::Account& a) { a.quota_octets = *quota; });
}

// Aliases that name the account: they lead nowhere when it is gone.
std::vector<std::string> aliases_to(Call& call, const identity::Account& account) {
  std::vector<std::string> out;
  const auto aliases = call.rooms->directory->aliases(*call.rooms->store, "");
  if (aliases)
    for (const auto& a : *aliases)
      if (std::any_of(a.targets.begin(), a.targets.end(),
                      [&](const auto& target) { return text::iequals(target, account.name); }))
        out.push_back(a.address);
  return out;
}

void account_remove(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto figures = call.rooms->mailboxes->figures(t, account->id);
    if (!figures) return figures.error();
    if (figures->messages > 0 && !w.with_mail)
      return Error{
          Code::kDenied,
          fmt::format("{} has {} messages; --with-mail removes them for ever, `pabal account disable {}` keeps them",
                      account->name, figures->messages, account->name)};
    if (const auto removed = call.rooms->directory->remove_account(t, account->id); !removed) return removed;
    return call.rooms->mailboxes->remove_account(t, account->id);
  });
  if (!done) return;
  call.say(fmt::format("removed {} and its mail\n", account->name));
  for (const std::string& alias : aliases_to(call, *account))
    call.say(fmt::format("note: {} still names it; pabal alias remove {}\n", alias, alias));
}

// --- alias ----------------------------------------------------------------------------------------------------------

void alias_add(Call& call, const Words& w) {
  const identity::Alias alias{w.name, w.targets, !w.receive_only};
  if (!call.commit([&](store::Transaction& t) { return call.rooms->directory->put_alias(t, alias); })) return;
  call.say(fmt::format("{} leads to {}\n", w.name, text::join(w.targets, ", ")));
  const auto leads = call.rooms->directory->resolve(*call.rooms->store, w.name);
  if (!leads) return call.fail(leads.error());
  for (const std::string& dead : leads->dead) call.say(fmt::format("note: there is no {} yet\n", dead));
  if (leads->kind != identity::Resolution::Kind::kKnown)
    call.say(fmt::format("note: {} leads to nobody so far: its mail is refused\n", w.name));
}

void alias_list(Call& call, const Words& w) {
  const auto aliases = call.rooms->directory->aliases(*call.rooms->store, w.name);
  if (!aliases) return call.fail(aliases.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& a : *aliases) rows.push_back({a.address, a.send_as ? "yes" : "no", text::join(a.targets, ", ")});
  call.say(rows.empty() ? "no aliases; add one: pabal alias add info@example.com alice@example.com\n"
                        : table({"ALIAS", "SEND-AS", "LEADS TO"}, rows));
}

void alias_remove(Call& call, const Words& w) {
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto alias = call.rooms->directory->alias(t, w.name);
    if (!alias) return alias.error();
    if (*alias) {  // who gets the name later does not get what was shared with this group
      const mailbox::Grantee group{mailbox::Grantee::Kind::kGroup, 0, (*alias)->address};
      if (const auto left = mailbox::forget_grantee(t, group, SIZE_MAX); !left) return left.error();
    }
    return call.rooms->directory->remove_alias(t, w.name);
  });
  if (done) call.say(fmt::format("removed {}\n", w.name));
}

}  // namespace

void add_domain_commands(const Command& app, Call& call, Words& w) {
  Command domain = app.add("domain", "Mail domains this server is final for");
  domain.need_subcommand();
  const auto named = [&](const char* name, const char* about, Act act) {
    Command sub = add(domain, call, name, about, std::move(act));
    sub.option("domain", w.name, "such as example.com").required().type_name("");
    return sub;
  };
  Command sub = named("add", "Add a domain, with keys to sign its mail", [&w](Call& c) { domain_add(c, w); });
  sub.option("--catch-all", w.catch_all, "who gets mail for unknown users (default: it is refused)")
      .type_name("ADDRESS");
  sub.flag("--no-dkim", w.no_dkim, "make no keys");
  sub.footer("Example:\n  pabal domain add example.com\n");
  add(domain, call, "list", "List domains", [&w](Call& c) { domain_list(c, w); });
  named("show", "Show one domain", [&w](Call& c) { domain_show(c, w); });
  sub = named("catch-all", "Set who gets mail for unknown users", [&w](Call& c) {
    const bool none = w.target == "none";
    domain_change(c, w,
                  none ? "unknown users of " + w.name + " are refused"
                       : "mail for unknown users of " + w.name + " goes to " + w.target,
                  [&](identity::Domain& d) { d.catch_all = none ? "" : w.target; });
  });
  sub.option("address", w.target, "an address, or none").required().type_name("");
  named("enable", "Let its people receive and log in again",
        [&w](Call& c) { domain_change(c, w, "enabled " + w.name, [](identity::Domain& d) { d.enabled = true; }); });
  named("disable", "Its people neither receive nor log in; all is kept",
        [&w](Call& c) { domain_change(c, w, "disabled " + w.name, [](identity::Domain& d) { d.enabled = false; }); });
  named("remove", "Remove a domain without accounts or aliases", [&w](Call& c) { domain_remove(c, w); });
}

void add_account_commands(const Command& app, Call& call, Words& w) {
  Command account = app.add("account", "People's accounts");
  account.need_subcommand();
  const auto named = [&](const char* name, const char* about, Act act) {
    Command sub = add(account, call, name, about, std::move(act));
    sub.option("account", w.name, "such as alice@example.com").required().type_name("");
    return sub;
  };
  Command sub =
      named("add", "Add an account; a password is made up and shown once", [&w](Call& c) { account_add(c, w); });
  sub.option("--name", w.display, "the person's name").type_name("TEXT");
  sub.option("--quota", w.quota, "most octets of mail, such as 10G (default: none)").type_name("SIZE");
  sub.flag("--admin", w.admin, "may administer the server; gets the mail for postmaster");
  sub.flag("--password-stdin", w.password_stdin, "read the password from standard input instead");
  sub.footer(
      "Examples:\n  pabal account add alice@example.com --name \"Alice Liddell\" --quota 10G\n"
      "  pabal account add bob@example.com --password-stdin < password.txt\n");
  add(account, call, "list", "List accounts, of one domain or all", [&w](Call& c) { account_list(c, w); })
      .option("domain", w.name, "such as example.com")
      .type_name("");
  named("show", "Show one account", [&w](Call& c) { account_show(c, w); });
  named("password", "Set a new password; one is made up and shown once", [&w](Call& c) {
    account_password(c, w);
  }).flag("--password-stdin", w.password_stdin, "read the password from standard input instead");
  named("enable", "Let it log in and receive again",
        [&w](Call& c) { account_change(c, w, "enabled", [](identity::Account& a) { a.enabled = true; }); });
  named("disable", "Neither logs in nor receives; its mail is kept",
        [&w](Call& c) { account_change(c, w, "disabled", [](identity::Account& a) { a.enabled = false; }); });
  named("admin", "Make it an administrator", [&w](Call& c) {
    account_change(c, w, w.off ? "an administrator no more:" : "now an administrator:", [&](identity::Account& a) {
      a.admin = !w.off;
    });
  }).flag("--off", w.off, "no longer");
  named("quota", "Change the quota", [&w](Call& c) { account_quota(c, w); })
      .option("quota", w.quota, "10G, or none")
      .required()
      .type_name("");
  sub = named("remove", "Remove an account", [&w](Call& c) { account_remove(c, w); });
  sub.flag("--with-mail", w.with_mail, "with all its mail, for ever");
}

void add_alias_commands(const Command& app, Call& call, Words& w) {
  Command alias = app.add("alias", "Addresses that lead to others; several targets make a group");
  alias.need_subcommand();
  Command sub = add(alias, call, "add", "Add or replace an alias", [&w](Call& c) { alias_add(c, w); });
  sub.option("address", w.name, "such as info@example.com").required().type_name("");
  sub.option("targets", w.targets, "addresses, here or outside").required().type_name("");
  sub.flag("--receive-only", w.receive_only, "who is behind it may not send as this address");
  sub.footer(
      "Examples:\n  pabal alias add info@example.com alice@example.com\n"
      "  pabal alias add team@example.com alice@example.com bob@example.com carol@elsewhere.org\n");
  add(alias, call, "list", "List aliases, of one domain or all", [&w](Call& c) { alias_list(c, w); })
      .option("domain", w.name, "such as example.com")
      .type_name("");
  add(alias, call, "remove", "Remove an alias", [&w](Call& c) { alias_remove(c, w); })
      .option("address", w.name, "such as info@example.com")
      .required()
      .type_name("");
}

}  // namespace pabal::app
