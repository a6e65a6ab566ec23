// dns: what a domain has to publish, and whether it does.
#include "app/commands_impl.h"
#include "app/dns_advice.h"
#include "app/wait_for.h"

namespace pabal::app {
namespace {

constexpr seconds kPatience{30};  // for all look-ups

void dns_show(Call& call, const Words& w) {
  const auto domain = need_domain(call, w.name);
  if (!domain) return;
  const DnsPlan plan = plan_dns(call.rooms->config, *domain, w.targets);
  const auto wanted = wanted_records(plan);
  if (!wanted) return call.fail(wanted.error());
  if (w.zone) return call.say(zone_text(domain->name, *wanted));
  const auto dns = CommandDns::open(*call.rooms);
  if (!dns) return call.fail(dns.error());
  const dns::Lookups lookups = (*dns)->lookups(kPatience);
  const std::vector<Advice> advice = wait_for(lookups.loop, advise(lookups, plan));
  call.say(w.json ? advice_json(plan, *wanted, advice) : advice_text(plan, advice));
  if (!all_good(advice)) call.output.exit = 1;
}

}  // namespace

void add_dns_command(const Command& app, Call& call, Words& w) {
  Command sub = add(app, call, "dns", "What a domain has to publish in DNS, what it does publish, and what to do",
                    [&w](Call& c) { dns_show(c, w); });
  sub.option("domain", w.name, "such as example.com").required().type_name("");
  const Option zone = sub.flag("--zone", w.zone, "only the records, to paste into the zone; looks nothing up");
  sub.flag("--json", w.json, "as JSON, for programs").excludes(zone);
  sub.option("--public-ip", w.targets, "this server's public addresses (default: those of its interfaces)")
      .check([](const std::string& ip) {
        return net::parse_address(ip.find(':') == ip.npos ? ip + ":25" : "[" + ip + "]:25")
                   ? std::string()
                   : ip + " is not an IP address";
      })
      .once_each()
      .type_name("ADDRESS");
  sub.footer(
      "Exit: 0 all that is needed is there, 1 something is missing, wrong or cannot be looked up.\n"
      "Examples:\n  pabal dns example.com\n  pabal dns example.com --zone >> example.com.zone\n");
}

}  // namespace pabal::app
