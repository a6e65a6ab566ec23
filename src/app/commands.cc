#include "app/commands.h"

#include <algorithm>

#include "app/commands_impl.h"
#include "app/table.h"

namespace pabal::app {
namespace {

constexpr std::pair<std::string_view, std::string_view> kCommands[] = {
    {"domain", "mail domains: add, list, show, catch-all, enable, disable, remove"},
    {"account", "people's accounts: add, list, show, password, quota, admin, enable, disable, remove"},
    {"alias", "addresses that lead to others, groups too: add, list, remove"},
    {"dns", "what a domain has to publish in DNS, what it does publish, and what to do"},
    {"dkim", "keys that a domain signs with: list, rotate, activate, retire"},
    {"token", "access tokens, for programs to log in by: create, list, revoke"},
    {"oauth", "programs let in by OAuth 2: client add, list, remove; grants, revoke; registration"},
    {"mailbox", "an account's folders: list, create, rename, remove, share, unshare; deleted, undelete"},
    {"sieve", "filter scripts: put, list, get, activate, remove, test"},
    {"webhook", "scripts elsewhere that are told of new mail: add, list, remove"},
    {"topic", "where users.watch of the Gmail API leads to: add, list, remove"},
    {"forwarder", "forwarders and lists whose seals (ARC) are trusted: add, list, remove"},
    {"reports", "DMARC reports: who sends as our domains and what fails: dmarc, list, failures, send"},
    {"queue", "mail waiting to leave: list, show, retry, hold, cancel"},
    {"trace", "what happened to a message: by message-id, address or id"},
    {"status", "what the server holds and how its store does"},
};

// --- trace and status -----------------------------------------------------------------------------------------------

void trace(Call& call, const Words& w) {
  const auto events = call.rooms->trace->find(*call.rooms->store, w.query, w.limit);
  if (!events) return call.fail(events.error());
  if (w.json) return call.say(watch::to_json(*events) + "\n");
  if (events->empty())
    return call.fail({Code::kNotFound, "nothing is known of " + w.query +
                                           "; give a message-id, an address, a domain or an id of the last 30 days"});
  call.say(watch::to_text(*events));
  if (events->size() == w.limit) call.say("\nThese are the newest; for more: --limit\n");
}

void status(Call& call, const Words&) {
  const auto figures = call.rooms->store->figures();
  const auto waiting = call.rooms->queue->figures(*call.rooms->store);
  const auto accounts = call.rooms->directory->accounts(*call.rooms->store, "");
  const auto domains = call.rooms->directory->domains(*call.rooms->store);
  if (!waiting) return call.fail(waiting.error());
  if (!accounts) return call.fail(accounts.error());
  if (!domains) return call.fail(domains.error());
  call.say(
      fmt::format("host          {}\ndomains       {}\naccounts      {}\nqueue         {} waiting, {} held\nstore      "
                  "   {} on disk\n"
                  "transactions  {} in {} groups since start\n",
                  call.rooms->hostname, domains->size(), accounts->size(), waiting->entries, waiting->held,
                  octets(figures.disk_bytes), figures.transactions, figures.groups));
}

Output parse_and_run(Call& call, const std::vector<std::string>& args) {
  Parser parser("Commands of a running server, or of its store while none runs", "pabal");
  const Command app = parser.top();
  Words words;
  add_domain_commands(app, call, words);
  add_account_commands(app, call, words);
  add_alias_commands(app, call, words);
  add_dns_command(app, call, words);
  add_dkim_commands(app, call, words);
  add_token_commands(app, call, words);
  add_oauth_commands(app, call, words);
  add_mailbox_commands(app, call, words);
  add_sieve_commands(app, call, words);
  add_webhook_commands(app, call, words);
  add_forwarder_commands(app, call, words);
  add_report_commands(app, call, words);
  add_queue_commands(app, call, words);
  Command sub = add(app, call, "trace", "What happened to a message: every station with its reason",
                    [&words](Call& c) { trace(c, words); });
  sub.option("query", words.query, "message-id, address, domain, or the id of a \"queued as\"")
      .required()
      .type_name("");
  sub.flag("--json", words.json, "as JSON, for programs");
  add_limit(sub, words, "events");
  sub.footer("Examples:\n  pabal trace bob@example.org\n  pabal trace '<20261124.1@example.com>'\n");
  add(app, call, "status", "What the server holds", [&words](Call& c) { status(c, words); });

  const Parser::Told told = parser.parse(args);
  call.output.exit = std::max(call.output.exit, told.exit);
  call.output.out += told.out;
  call.output.err += told.err;
  // What strangers wrote (subjects, replies, addresses) is in here: a terminal shows it, but obeys none of it.
  call.output.out = watch::for_terminal(call.output.out, true);
  call.output.err = watch::for_terminal(call.output.err, true);
  return std::move(call.output);
}

}  // namespace

std::optional<identity::Account> need_account(Call& call, const std::string& name) {
  const auto found = call.rooms->directory->account(*call.rooms->store, name);
  if (!found) return call.fail(found.error()), std::nullopt;
  if (!*found)
    return call.fail({Code::kNotFound, "there is no account " + name + "; `pabal account list` shows them"}),
           std::nullopt;
  return *found;
}

std::optional<identity::Domain> need_domain(Call& call, const std::string& name) {
  const auto found = call.rooms->directory->domain(*call.rooms->store, name);
  if (!found) return call.fail(found.error()), std::nullopt;
  if (!*found)
    return call.fail({Code::kNotFound, "there is no domain " + name + "; `pabal domain list` shows them"}),
           std::nullopt;
  return *found;
}

Result<std::unique_ptr<CommandDns>> CommandDns::open(const Rooms& rooms) {
  auto opened = open_resolver(rooms.config);
  if (!opened) return opened.error();
  auto out = std::make_unique<CommandDns>();
  out->resolver_ = std::move(*opened);
  return out;
}

dns::Lookups CommandDns::lookups(seconds patience) {
  net::Loop& loop = loops_.loop(0);
  return {loop, *resolver_, loop.now() + patience};
}

bool is_command(const std::string& word) {
  return std::any_of(std::begin(kCommands), std::end(kCommands), [&](const auto& c) { return c.first == word; });
}

Output check_command(const std::vector<std::string>& args) {
  Call call;
  return parse_and_run(call, args);
}

bool wants_stdin(const std::vector<std::string>& args) {
  const bool text = args.size() > 1 && args[0] == "sieve" && (args[1] == "put" || args[1] == "test");
  return text || std::find(args.begin(), args.end(), "--password-stdin") != args.end();
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
