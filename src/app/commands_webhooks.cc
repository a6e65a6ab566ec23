// webhook and topic: whom this server tells of new mail.
#include "app/commands_impl.h"
#include "app/table.h"
#include "base/text.h"
#include "push/letters.h"
#include "web/fetch.h"

namespace pabal::app {
namespace {

using push::Outlet;

std::string outlet_text(const Outlet& outlet) {
  return std::to_string(outlet.account) + "-" + std::to_string(outlet.id);
}

std::string health(const Outlet& outlet) {
  if (outlet.off) return "switched off: " + outlet.trouble;
  return outlet.failing_since ? "fails since " + to_rfc3339(*outlet.failing_since) + ": " + outlet.trouble : "well";
}

void webhook_add(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  if (const auto origin = web::check_post_url(w.target, w.force); !origin) return call.fail(origin.error());
  Outlet outlet;
  outlet.kind = Outlet::Kind::kWebhook;
  outlet.account = account->id;
  outlet.url = w.target;
  outlet.name = w.label;
  outlet.anywhere = w.force;
  outlet.every_change = w.every_change;
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto now = push::position_of(t, *call.rooms->mailboxes, account->id);
    if (!now) return now.error();
    outlet.told = *now;
    const auto added = call.rooms->outlets->add(t, outlet);
    if (!added) return added.error();
    outlet = *added;
    return {};
  });
  if (!done) return;
  call.say(
      fmt::format("{} is told of {} in {}\nsecret: {}\nit is shown once; calls are signed with it as "
                  "standardwebhooks.com says. To end it: pabal webhook remove {}\n",
                  outlet.url, outlet.every_change ? "every change" : "new messages", account->name,
                  push::webhook_secret_text(outlet.secret), outlet_text(outlet)));
}

void webhook_list(Call& call, const Words& w) {
  std::optional<identity::Account> only;
  if (!w.name.empty() && !(only = need_account(call, w.name))) return;
  const auto all = call.rooms->outlets->all(*call.rooms->store);
  if (!all) return call.fail(all.error());
  std::vector<std::vector<std::string>> rows;
  for (const Outlet& outlet : *all) {
    if (outlet.kind != Outlet::Kind::kWebhook || (only && only->id != outlet.account)) continue;
    const auto account = call.rooms->directory->account(*call.rooms->store, outlet.account);
    rows.push_back({outlet_text(outlet), account && *account ? (*account)->name : "(gone)", outlet.url,
                    outlet.every_change ? "every change" : "new messages", health(outlet),
                    outlet.name.empty() ? "-" : outlet.name});
  }
  call.say(rows.empty() ? "no webhooks; make one: pabal webhook add alice@example.com https://example.com/hook\n"
                        : table({"WEBHOOK", "ACCOUNT", "URL", "OF", "STATE", "LABEL"}, rows));
}

void webhook_remove(Call& call, const Words& w) {
  const size_t dash = w.name.find('-');
  const auto account = text::parse_u64(w.name.substr(0, dash));
  const auto id = dash == w.name.npos ? std::nullopt : text::parse_u64(w.name.substr(dash + 1));
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const Error unknown{Code::kNotFound, "there is no webhook " + w.name + "; `pabal webhook list` shows them"};
    if (!account || *account > UINT32_MAX || !id) return unknown;
    const auto found = call.rooms->outlets->get(t, static_cast<mailbox::AccountId>(*account), *id);
    if (!found) return found.error();
    if (!*found || (*found)->kind != Outlet::Kind::kWebhook) return unknown;
    return call.rooms->outlets->remove(t, (*found)->account, *id);
  });
  if (done) call.say(fmt::format("removed {}\n", w.name));
}

void topic_add(Call& call, const Words& w) {
  if (const auto origin = web::check_post_url(w.target, w.force); !origin) return call.fail(origin.error());
  push::Topic topic{w.name, w.target, "", w.force};
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto put = call.rooms->outlets->put_topic(t, topic);
    if (!put) return put.error();
    topic = *put;
    return {};
  });
  if (done)
    call.say(
        fmt::format("what watches {} is told at {}\nsecret: {}\nit is shown once; calls are signed with it as "
                    "standardwebhooks.com says\n",
                    topic.name, topic.url, push::webhook_secret_text(topic.secret)));
}

void topic_list(Call& call) {
  const auto all = call.rooms->outlets->topics(*call.rooms->store);
  if (!all) return call.fail(all.error());
  std::vector<std::vector<std::string>> rows;
  for (const push::Topic& topic : *all) rows.push_back({topic.name, topic.url});
  call.say(rows.empty() ? "no topics; make one: pabal topic add projects/mail/topics/new https://example.com/hook\n"
                        : table({"TOPIC", "URL"}, rows));
}

void topic_remove(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return call.rooms->outlets->remove_topic(t, w.name); }))
    call.say(fmt::format("removed {}; what watches it is told no more\n", w.name));
}

void add_url(const Command& sub, Words& w) {
  sub.option("url", w.target, "https://, where it is told by POST").required().type_name("");
  sub.flag("--anywhere", w.force, "http, and addresses of this host and of private networks, are good too");
}

}  // namespace

void add_webhook_commands(const Command& app, Call& call, Words& w) {
  Command webhook = app.add("webhook", "Webhooks: scripts elsewhere that are told of new mail");
  webhook.need_subcommand();
  Command sub = add(webhook, call, "add", "Tell a URL of what comes", [&w](Call& c) { webhook_add(c, w); });
  sub.option("account", w.name, "such as alice@example.com").required().type_name("");
  add_url(sub, w);
  sub.flag("--every-change", w.every_change, "also of flags, moves and removals");
  sub.option("--label", w.label, "what it is for").type_name("TEXT");
  sub.footer(
      "Example:\n  pabal webhook add alice@example.com https://example.com/hook --label tickets\n"
      "A call names ids, never content. It is tried again for three days, then the webhook is switched off.\n");
  add(webhook, call, "list", "List webhooks and how they do", [&w](Call& c) { webhook_list(c, w); })
      .option("account", w.name, "such as alice@example.com")
      .type_name("");
  add(webhook, call, "remove", "Tell it no more", [&w](Call& c) { webhook_remove(c, w); })
      .option("webhook", w.name, "its name, as `pabal webhook list` shows it")
      .required()
      .type_name("");
  Command topic = app.add("topic", "Topics: where users.watch of the Gmail API leads to");
  topic.need_subcommand();
  sub = add(topic, call, "add", "Make a topic, or give it another URL", [&w](Call& c) { topic_add(c, w); });
  sub.option("topic", w.name, "projects/PROJECT/topics/TOPIC").required().type_name("");
  add_url(sub, w);
  add(topic, call, "list", "List topics", [](Call& c) { topic_list(c); });
  add(topic, call, "remove", "Remove a topic", [&w](Call& c) { topic_remove(c, w); })
      .option("topic", w.name, "as `pabal topic list` shows it")
      .required()
      .type_name("");
}

}  // namespace pabal::app
