// forwarder: whose word counts about mail that they pass on.
#include "app/commands_impl.h"
#include "base/text.h"
#include "trust/forwarders.h"

namespace pabal::app {
namespace {

void forwarder_add(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return trust::trust_forwarder(t, w.name); }))
    call.say(fmt::format("trusts the seals of {}: mail that was genuine when it came there is not refused\n", w.name));
}

void forwarder_remove(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return trust::distrust_forwarder(t, w.name); }))
    call.say(fmt::format("does not trust the seals of {} any more\n", w.name));
}

void forwarder_list(Call& call) {
  const auto all = trust::trusted_forwarders(*call.rooms->store);
  if (!all) return call.fail(all.error());
  call.say(all->empty() ? "no trusted forwarders; add one: pabal forwarder add lists.example.org\n"
                        : text::join(*all, "\n") + "\n");
}

}  // namespace

void add_forwarder_commands(const Command& app, Call& call, Words& w) {
  Command forwarder = app.add("forwarder", "Forwarders and lists whose seals (ARC) are trusted");
  forwarder.need_subcommand();
  Command sub = add(forwarder, call, "add", "Trust a forwarder's seals", [&w](Call& c) { forwarder_add(c, w); });
  sub.option("domain", w.name, "d= of its seals, such as lists.example.org").required().type_name("");
  sub.footer(
      "A mailing list changes what it passes on, and breaks its signatures. Where its domain is trusted, mail that "
      "was\n"
      "genuine when the list got it is delivered, whatever the policy (DMARC) of its author's domain.\n"
      "Which domain seals, `pabal trace` says of a message that was refused: arc=pass header.d=...\n");
  add(forwarder, call, "remove", "Trust it no longer", [&w](Call& c) { forwarder_remove(c, w); })
      .option("domain", w.name, "as listed")
      .required()
      .type_name("");
  add(forwarder, call, "list", "List them", [](Call& c) { forwarder_list(c); });
}

}  // namespace pabal::app
