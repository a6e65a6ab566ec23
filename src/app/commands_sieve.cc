// sieve: the filter scripts of accounts.
#include "app/commands_impl.h"
#include "app/table.h"
#include "base/text.h"
#include "delivery/host.h"
#include "sieve/settings.h"

namespace pabal::app {
namespace {

// Whose scripts: an account's, or the server's, which all may include (RFC 6609 §3.1).
struct Owner {
  mailbox::AccountId id = sieve::kServerScripts;
  std::string name = "global";
};

std::optional<Owner> need_owner(Call& call, const std::string& name) {
  if (name == "global") return Owner{};
  const auto account = need_account(call, name);
  if (!account) return {};
  return Owner{account->id, account->name};
}

std::string in_lines(std::string_view script, const std::vector<sieve::Fault>& faults) {
  std::string out;
  for (const sieve::Fault& fault : faults) out += fmt::format("{}: {}\n", script, fault.text());
  return out;
}

void sieve_put(Call& call, const Words& w) {
  const auto owner = need_owner(call, w.name);
  if (!owner) return;
  const sieve::Compiled compiled = sieve::compile(*call.input);
  call.output.err += in_lines(w.other, compiled.warnings);
  if (!compiled.ok()) {
    call.output.exit = 1;
    call.output.err += in_lines(w.other, compiled.faults);
    return;
  }
  if (!call.commit([&](store::Transaction& t) {
        return call.rooms->scripts->put(t, owner->id, w.other, *call.input, *compiled.program);
      }))
    return;
  const auto active = call.rooms->scripts->active(*call.rooms->store, owner->id);
  const bool idle = owner->id != sieve::kServerScripts && active && *active != w.other;
  call.say(fmt::format("stored {} of {}\n", w.other, owner->name));
  if (idle) call.say(fmt::format("it filters nothing yet: pabal sieve activate {} {}\n", owner->name, w.other));
}

void sieve_list(Call& call, const Words& w) {
  const auto owner = need_owner(call, w.name);
  if (!owner) return;
  const auto scripts = call.rooms->scripts->list(*call.rooms->store, owner->id);
  if (!scripts) return call.fail(scripts.error());
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : *scripts)
    rows.push_back({one.name, octets(one.octets), to_rfc3339(one.changed), one.active ? "active" : ""});
  call.say(rows.empty() ? fmt::format("no scripts; add one: pabal sieve put {} main < main.sieve\n", owner->name)
                        : table({"SCRIPT", "SIZE", "CHANGED", ""}, rows));
}

void sieve_get(Call& call, const Words& w) {
  const auto owner = need_owner(call, w.name);
  if (!owner) return;
  const auto text = call.rooms->scripts->text(*call.rooms->store, owner->id, w.other);
  if (!text) return call.fail(text.error());
  call.say(*text);
}

// What the account's mail settings do, before its active script.
void sieve_settings(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const auto text = sieve::settings_script(*call.rooms->store, account->id);
  if (!text) return call.fail(text.error());
  call.say(text->empty() ? fmt::format("{} has no filters, vacation answer or forwarding set\n", account->name)
                         : *text);
}

void sieve_activate(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const std::string script = w.off ? "" : w.other;
  if (!w.off && script.empty()) return call.fail({Code::kInvalid, "name the script to make active, or --off for none"});
  if (!call.commit([&](store::Transaction& t) { return call.rooms->scripts->activate(t, account->id, script); }))
    return;
  call.say(w.off ? fmt::format("no script filters the mail of {}\n", account->name)
                 : fmt::format("{} filters the mail of {}\n", script, account->name));
}

void sieve_remove(Call& call, const Words& w) {
  const auto owner = need_owner(call, w.name);
  if (!owner) return;
  if (call.commit([&](store::Transaction& t) { return call.rooms->scripts->remove(t, owner->id, w.other); }))
    call.say(fmt::format("removed {}\n", w.other));
}

// --- test -----------------------------------------------------------------------------------------------------------

std::string where(const sieve::Target& target, const sieve::FlagList& flags) {
  std::string out = target.mailbox;
  if (!target.special_use.empty()) out += " (or what is " + target.special_use + ")";
  if (!target.mailbox_id.empty()) out += " (or what is " + target.mailbox_id + ")";
  if (target.create) out += ", made when missing";
  return flags.empty() ? out : out + ", with " + text::join(flags, " ");
}

std::string in_words(const sieve::Keep& keep) { return "keep in " + where({"INBOX", "", "", false}, keep.flags); }
std::string in_words(const sieve::FileInto& into) { return "file into " + where(into.target, into.flags); }
std::string in_words(const sieve::Redirect& redirect) {
  return "redirect to " + (redirect.list.empty() ? redirect.address : "the list " + redirect.list);
}
std::string in_words(const sieve::Discard&) { return "discard"; }
std::string in_words(const sieve::Reject& reject) {
  return (reject.ereject ? "ereject: " : "reject: ") + text::printable(reject.reason);
}
std::string in_words(const sieve::Vacation& vacation) { return "answer: " + text::printable(vacation.reason); }
std::string in_words(const sieve::Notify& notify) { return "notify " + notify.method; }
std::string in_words(const sieve::RecordDuplicate& seen) { return "remember " + text::printable(seen.id); }

void sieve_test(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  Rooms& r = *call.rooms;
  const auto snapshot = r.store->snapshot();
  const auto active = r.scripts->active(*snapshot, account->id);
  if (!active) return call.fail(active.error());
  const std::string script = w.other.empty() ? *active : w.other;
  if (script.empty()) return call.fail({Code::kNotFound, "no script is active; name one"});
  const auto program = r.scripts->program(*snapshot, account->id, script);
  if (!program) return call.fail(program.error());
  const delivery::Services services{*r.store, *r.directory, *r.mailboxes, *r.queue,  *r.trace,
                                    *r.ids,   r.clock,      *r.scripts,   r.hostname};
  delivery::DeliveryHost host(services, *snapshot, account->id);
  sieve::Input input;
  input.bytes = *call.input;
  input.from = w.who;
  input.to = w.target.empty() ? account->name : w.target;
  input.now = r.clock.now();
  const sieve::Outcome outcome = sieve::run(**program, input, host);
  if (outcome.error) {
    call.output.exit = 1;
    call.output.err +=
        fmt::format("{}: {}\n", outcome.error_script.empty() ? script : outcome.error_script, outcome.error->text());
  }
  for (const sieve::Action& action : outcome.actions) {
    const std::string what = std::visit([](const auto& one) { return in_words(one); }, action.what);
    call.say(fmt::format("{}{}{}\n", what, action.message ? ", as edited" : "",
                         action.line ? fmt::format("  (line {})", action.line) : ""));
  }
}

}  // namespace

void add_sieve_commands(const Command& app, Call& call, Words& w) {
  Command sieve = app.add("sieve", "Filter scripts of accounts (RFC 5228)");
  sieve.need_subcommand();
  const auto named = [&](const char* name, const char* about, Act act) {
    Command sub = add(sieve, call, name, about, std::move(act));
    sub.option("account", w.name, "such as alice@example.com").required().type_name("");
    return sub;
  };
  const auto with_script = [&](Command sub) {
    return sub.option("script", w.other, "its name, such as main").type_name("");
  };
  Command sub = named("put", "Store a script from standard input", [&w](Call& c) { sieve_put(c, w); });
  with_script(sub).required();
  sub.footer(
      "Examples:\n  pabal sieve put alice@example.com main < main.sieve\n"
      "  pabal sieve put global spam < spam.sieve      for all to include :global\n");
  named("list", "List the scripts of an account, or of the server: global", [&w](Call& c) { sieve_list(c, w); });
  with_script(named("get", "Print a script", [&w](Call& c) { sieve_get(c, w); })).required();
  named("settings", "Print the script that an account's mail settings are", [&w](Call& c) {
    sieve_settings(c, w);
  }).footer("Filters, vacation answer and forwarding, as set in mail programs. It runs before the active script.\n");
  sub = named("activate", "Let a script filter incoming mail", [&w](Call& c) { sieve_activate(c, w); });
  with_script(sub);
  sub.flag("--off", w.off, "none filters it");
  with_script(named("remove", "Remove a script", [&w](Call& c) { sieve_remove(c, w); })).required();
  sub = named("test", "Say what a script would do with the message on standard input",
              [&w](Call& c) { sieve_test(c, w); });
  with_script(sub);
  sub.option("--from", w.who, "the envelope's sender (default: null)").type_name("ADDRESS");
  sub.option("--to", w.target, "the envelope's recipient (default: the account)").type_name("ADDRESS");
}

}  // namespace pabal::app
