// dkim: the keys that domains sign with.
#include <algorithm>

#include "app/commands_impl.h"
#include "app/dkim_rotation.h"
#include "app/table.h"
#include "app/wait_for.h"
#include "base/log.h"

namespace pabal::app {
namespace {

using identity::DkimKey;
using State = DkimKey::State;

constexpr seconds kPatience{20};

const char* state_name(State state) {
  return state == State::kActive ? "active" : state == State::kPublished ? "waiting" : "retired";
}

std::optional<ShownKeys> look(Call& call, const identity::Domain& domain) {
  const auto dns = CommandDns::open(*call.rooms);
  if (!dns) return call.fail(dns.error()), std::nullopt;
  const dns::Lookups lookups = (*dns)->lookups(kPatience);
  return wait_for(lookups.loop, look_for_keys(lookups, domain));
}

// Writes the keys; what was done goes to the log too: who signs with what is for the record.
void change_keys(Call& call, const identity::Domain& before, const std::vector<DkimKey>& after,
                 const std::string& said) {
  if (const auto done = replace_keys(*call.rooms, before, after); !done) return call.fail(done.error());
  log::info("dkim", before.name + ": by command: " + said);
  call.say(said + "\n");
}

DkimKey* key_of(Call& call, identity::Domain& domain, const std::string& selector) {
  for (DkimKey& key : domain.dkim_keys)
    if (key.selector == selector) return &key;
  call.fail(
      {Code::kNotFound, fmt::format("{0} has no key {1}; `pabal dkim list {0}` shows them", domain.name, selector)});
  return nullptr;
}

void dkim_list(Call& call, const Words& w) {
  const auto domain = need_domain(call, w.name);
  if (!domain) return;
  if (domain->dkim_keys.empty())
    return call.say(fmt::format("{0} signs nothing; make keys: pabal dkim rotate {0}\n", domain->name));
  const auto shown = look(call, *domain);
  if (!shown) return;
  std::vector<std::vector<std::string>> rows;
  for (const DkimKey& key : domain->dkim_keys) {
    const ShownKey& seen = shown->at(key.selector);
    rows.push_back({key.selector, is_ed25519(key) ? "ed25519" : "rsa", state_name(key.state),
                    key.since == Time{} ? "-" : to_rfc3339(key.since).substr(0, 10),
                    seen.good() ? "yes" : (seen.looked ? "NO: " : "cannot tell: ") + seen.problem});
  }
  call.say(table({"SELECTOR", "KIND", "STATE", "SINCE", "IN DNS"}, rows));
}

void dkim_rotate(Call& call, const Words& w) {
  const auto domain = need_domain(call, w.name);
  if (!domain) return;
  std::vector<DkimKey> keys = domain->dkim_keys;
  for (const DkimKey& key : keys)
    if (key.state == State::kPublished)
      return call.fail(
          {Code::kExists, fmt::format("{0} waits to be used already: publish it (pabal dns {1}), or take it "
                                      "away: pabal dkim retire {1} {0}",
                                      key.selector, domain->name)});
  const auto made = make_dkim_keys(keys, State::kPublished, call.rooms->clock.now());
  if (!made) return call.fail(made.error());
  keys.insert(keys.end(), made->begin(), made->end());
  change_keys(
      call, *domain, keys,
      fmt::format("made {0} and {1} for {2}\nnext: publish their records (pabal dns {2} shows them); the server "
                  "signs with them two days after DNS shows them",
                  made->at(0).selector, made->at(1).selector, domain->name));
}

// Each takes the place of the active key of its kind.
void dkim_activate(Call& call, const Words& w) {
  const auto before = need_domain(call, w.name);
  if (!before) return;
  identity::Domain domain = *before;
  std::vector<DkimKey*> chosen;
  if (w.other.empty()) {
    for (DkimKey& key : domain.dkim_keys)
      if (key.state == State::kPublished) chosen.push_back(&key);
    if (chosen.empty())
      return call.fail({Code::kNotFound, fmt::format("no key of {0} waits; make some: pabal dkim rotate {0}", w.name)});
  } else {
    DkimKey* key = key_of(call, domain, w.other);
    if (!key) return;
    if (key->state == State::kActive) return call.fail({Code::kExists, w.other + " is active already"});
    chosen.push_back(key);
  }
  if (!w.force) {
    const auto shown = look(call, domain);
    if (!shown) return;
    for (const DkimKey* key : chosen)
      if (const ShownKey& seen = shown->at(key->selector); !seen.good())
        return call.fail({Code::kDenied,
                          fmt::format("nobody could verify what {} signs: {}; `pabal dns {}` shows its record, --force "
                                      "signs with it all the same",
                                      key->selector, seen.problem, domain.name)});
  }
  const Time now = call.rooms->clock.now();
  std::string said;
  for (DkimKey* key : chosen) {
    for (const std::string& old : sign_with(domain.dkim_keys, *key, now))
      said += fmt::format("retired {}; keep its record in DNS for {} days\n", old, kDkimRetired.count());
    said += fmt::format("{} signs with {}\n", domain.name, key->selector);
  }
  said.pop_back();
  change_keys(call, *before, domain.dkim_keys, said);
}

void dkim_retire(Call& call, const Words& w) {
  const auto before = need_domain(call, w.name);
  if (!before) return;
  identity::Domain domain = *before;
  DkimKey* key = key_of(call, domain, w.other);
  if (!key) return;
  if (key->state != State::kActive) {  // signs nothing: it can go at once
    std::erase_if(domain.dkim_keys, [&](const DkimKey& one) { return one.selector == w.other; });
    return change_keys(call, *before, domain.dkim_keys, "dropped " + w.other + "; its record may leave DNS");
  }
  const auto others = std::count_if(domain.dkim_keys.begin(), domain.dkim_keys.end(),
                                    [](const DkimKey& one) { return one.state == State::kActive; });
  if (others == 1 && !w.force)
    return call.fail(
        {Code::kDenied, fmt::format("{0} is the last key that {1} signs with; make others first (pabal dkim "
                                    "rotate {1}), or give --force",
                                    w.other, domain.name)});
  key->state = State::kRetired;
  key->since = call.rooms->clock.now();
  change_keys(call, *before, domain.dkim_keys,
              fmt::format("retired {}; keep its record in DNS for {} days, unless the key leaked", w.other,
                          kDkimRetired.count()));
}

}  // namespace

void add_dkim_commands(const Command& app, Call& call, Words& w) {
  Command dkim = app.add("dkim", "Keys that a domain signs with; the server changes them twice a year");
  dkim.need_subcommand();
  const auto named = [&](const char* name, const char* about, Act act) {
    Command sub = add(dkim, call, name, about, std::move(act));
    sub.option("domain", w.name, "such as example.com").required().type_name("");
    return sub;
  };
  named("list", "The keys of a domain, and whether DNS shows them", [&w](Call& c) { dkim_list(c, w); });
  named("rotate", "Make the next pair of keys now", [&w](Call& c) { dkim_rotate(c, w); });
  Command sub =
      named("activate", "Sign with the waiting keys now, or with one", [&w](Call& c) { dkim_activate(c, w); });
  sub.option("selector", w.other, "such as pabal2r").type_name("");
  sub.flag("--force", w.force, "even where DNS does not show it");
  sub = named("retire", "Sign with a key no more; one that signs nothing is dropped",
              [&w](Call& c) { dkim_retire(c, w); });
  sub.option("selector", w.other, "such as pabal1r").required().type_name("");
  sub.flag("--force", w.force, "even the last one");
}

}  // namespace pabal::app
