// oauth: programs that people let into their mail by the authorisation server, and what they have been granted.
#include "app/commands_impl.h"
#include "app/table.h"
#include "base/codec.h"
#include "base/text.h"
#include "oauth/book.h"

namespace pabal::app {
namespace {

oauth::Book book_of(Rooms& rooms) { return {*rooms.directory, rooms.clock, rooms.random}; }

std::string yes_no(bool yes) { return yes ? "yes" : "no"; }

void client_add(Call& call, const Words& w) {
  const oauth::Book book = book_of(*call.rooms);
  oauth::Client client;
  client.name = w.name;
  client.id = w.other.empty() ? book.make_client_id() : w.other;
  client.redirects = w.targets;
  client.device = w.device;
  client.introspect = w.introspect;
  const std::string secret = w.is_public ? "" : book.make_secret();
  if (!secret.empty()) client.secret_hash = sha256(secret);
  if (!call.commit([&](store::Transaction& t) { return book.add_client(t, client); })) return;
  call.say(fmt::format("added the client {}\nclient_id: {}\n", client.name, client.id));
  if (secret.empty())
    call.say("it is public: it has no secret and must use PKCE\n");
  else
    call.say(fmt::format("client_secret: {}\nthe secret is shown once\n", secret));
}

void client_list(Call& call) {
  const auto clients = book_of(*call.rooms).clients(*call.rooms->store);
  if (!clients) return call.fail(clients.error());
  std::vector<std::vector<std::string>> rows;
  for (const oauth::Client& client : *clients)
    rows.push_back({client.id, client.name, client.is_public() ? "public" : "secret", yes_no(client.device),
                    yes_no(client.introspect), client.registered ? "itself" : "operator",
                    client.redirects.empty() ? "-" : text::join(client.redirects, " ")});
  call.say(rows.empty()
               ? "no clients; add one: pabal oauth client add NAME --redirect https://app.example.com/callback\n"
               : table({"CLIENT", "NAME", "KIND", "DEVICE", "INTROSPECTS", "ADDED BY", "REDIRECTS"}, rows));
}

void client_remove(Call& call, const Words& w) {
  const oauth::Book book = book_of(*call.rooms);
  if (call.commit([&](store::Transaction& t) { return book.remove_client(t, w.name); }))
    call.say(fmt::format("removed {}, with all that was granted to it\n", w.name));
}

void grant_list(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const oauth::Book book = book_of(*call.rooms);
  const auto grants = book.grants(*call.rooms->store, account->id);
  if (!grants) return call.fail(grants.error());
  std::vector<std::vector<std::string>> rows;
  for (const oauth::Grant& grant : *grants) {
    const auto client = book.client(*call.rooms->store, grant.client);
    if (!client) return call.fail(client.error());
    rows.push_back({std::to_string(grant.id), *client ? (*client)->name : grant.client, text::join(grant.scopes, " "),
                    to_rfc3339(grant.created), to_rfc3339(grant.used), to_rfc3339(grant.expires)});
  }
  call.say(rows.empty() ? fmt::format("{} has granted nothing\n", account->name)
                        : table({"GRANT", "CLIENT", "SCOPES", "CREATED", "LAST USED", "EXPIRES"}, rows));
}

void grant_revoke(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  const oauth::Book book = book_of(*call.rooms);
  const Error unknown{Code::kNotFound,
                      "there is no grant " + w.other + "; `pabal oauth grants " + w.name + "` shows them"};
  const auto id = text::parse_u64(w.other);
  if (!id) return call.fail(unknown);
  if (call.commit([&](store::Transaction& t) -> Result<void> {
        const auto there = book.grant(t, account->id, *id);
        if (!there) return there.error();
        if (!*there) return unknown;
        return book.revoke(t, account->id, *id);
      }))
    call.say(fmt::format("revoked {} with its tokens; sessions that they opened stay until they end\n", w.other));
}

void registration(Call& call, const Words& w) {
  const oauth::Book book = book_of(*call.rooms);
  if (!w.other.empty()) {
    if (!call.commit([&](store::Transaction& t) -> Result<void> {
          book.set_registration(t, w.other == "on");
          return {};
        }))
      return;
  }
  const auto on = book.registration(*call.rooms->store);
  if (!on) return call.fail(on.error());
  call.say(*on ? "clients may register themselves (RFC 7591)\n" : "clients are added by the operator only\n");
}

}  // namespace

void add_oauth_commands(const Command& app, Call& call, Words& w) {
  Command oauth = app.add("oauth", "Programs that people let into their mail: OAuth 2 and OpenID Connect");
  oauth.need_subcommand();
  Command client = oauth.add("client", "The programs that may ask");
  client.need_subcommand();
  Command sub =
      add(client, call, "add", "Add a program; its secret is shown once", [&w](Call& c) { client_add(c, w); });
  sub.option("name", w.name, "as people read it when they are asked").required().type_name("");
  sub.option("--redirect", w.targets, "where answers go: https://..., http://127.0.0.1/..., com.example.app:/...")
      .once_each()
      .type_name("URI");
  sub.option("--id", w.other, "its client_id (default: made up)").type_name("ID");
  sub.flag("--public", w.is_public, "it cannot keep a secret: a program on people's machines, or in a browser");
  sub.flag("--device", w.device, "it may use the device flow: a program without a browser");
  sub.flag("--introspect", w.introspect, "it may ask about all tokens: a resource server of yours");
  sub.footer(
      "Examples:\n  pabal oauth client add 'Our calendar' --redirect https://calendar.example.com/callback\n"
      "  pabal oauth client add Thunderbird --public --redirect http://127.0.0.1/\n");
  add(client, call, "list", "List the programs", [](Call& c) { client_list(c); });
  add(client, call, "remove", "Remove a program, with all that was granted to it",
      [&w](Call& c) { client_remove(c, w); })
      .option("client", w.name, "its client_id")
      .required()
      .type_name("");
  add(oauth, call, "grants", "What an account has granted", [&w](Call& c) { grant_list(c, w); })
      .option("account", w.name, "such as alice@example.com")
      .required()
      .type_name("");
  sub = add(oauth, call, "revoke", "Take a grant back", [&w](Call& c) { grant_revoke(c, w); });
  sub.option("account", w.name, "such as alice@example.com").required().type_name("");
  sub.option("grant", w.other, "its number, as `pabal oauth grants` shows it").required().type_name("");
  add(oauth, call, "registration", "Whether programs may register themselves: on, off, or show",
      [&w](Call& c) { registration(c, w); })
      .option("what", w.other, "on or off")
      .one_of({"on", "off"})
      .type_name("");
}

}  // namespace pabal::app
