// token: what programs log in with instead of a password.
#include "app/commands_impl.h"
#include "app/table.h"
#include "base/text.h"

namespace pabal::app {
namespace {

void token_create(Call& call, const Words& w) {
  const auto account = need_account(call, w.name);
  if (!account) return;
  identity::Token token;
  token.scopes = w.scopes;
  if (token.scopes.empty()) token.scopes = {std::string(identity::kMailRead), std::string(identity::kMailSend)};
  token.label = w.label;
  token.expires = call.rooms->clock.now() + days(w.days);
  const std::string secret = call.rooms->directory->make_token(account->id);
  const bool done = call.commit([&](store::Transaction& t) -> Result<void> {
    const auto issued = call.rooms->directory->issue_token(t, account->id, secret, token);
    if (!issued) return issued.error();
    token = *issued;
    return {};
  });
  if (!done) return;
  call.say(
      fmt::format("made a token for {}, for {} until {}\ntoken: {}\nit is shown once; to take it back: pabal token "
                  "revoke {}\n",
                  account->name, text::join(token.scopes, " and "), to_rfc3339(token.expires), secret, token.id));
}

void token_list(Call& call, const Words& w) {
  std::vector<identity::Account> accounts;
  if (!w.name.empty()) {
    const auto account = need_account(call, w.name);
    if (!account) return;
    accounts.push_back(*account);
  } else {
    auto all = call.rooms->directory->accounts(*call.rooms->store, "");
    if (!all) return call.fail(all.error());
    accounts = std::move(*all);
  }
  std::vector<std::vector<std::string>> rows;
  for (const identity::Account& account : accounts) {
    const auto tokens = call.rooms->directory->tokens(*call.rooms->store, account.id);
    if (!tokens) return call.fail(tokens.error());
    for (const identity::Token& token : *tokens)
      rows.push_back({token.id, account.name,
                      token.kind == identity::Token::Kind::kSession ? "(browser)" : text::join(token.scopes, " "),
                      to_rfc3339(token.created), to_rfc3339(token.expires), token.label.empty() ? "-" : token.label});
  }
  call.say(rows.empty() ? "no tokens; make one: pabal token create alice@example.com\n"
                        : table({"TOKEN", "ACCOUNT", "SCOPES", "CREATED", "EXPIRES", "LABEL"}, rows));
}

void token_revoke(Call& call, const Words& w) {
  if (call.commit([&](store::Transaction& t) { return call.rooms->directory->revoke_token(t, w.name); }))
    call.say(fmt::format("revoked {}; sessions that it opened stay until they end\n", w.name));
}

}  // namespace

void add_token_commands(const Command& app, Call& call, Words& w) {
  Command token = app.add("token", "Access tokens: programs log in by them, without the password");
  token.need_subcommand();
  Command sub = add(token, call, "create", "Make a token; it is shown once", [&w](Call& c) { token_create(c, w); });
  sub.option("account", w.name, "such as alice@example.com").required().type_name("");
  sub.option("--scope", w.scopes,
             "what it is good for: mail.read, mail.send (default: both), or one of Gmail's, such as "
             "https://mail.google.com/")
      .once_each()
      .type_name("SCOPE");
  sub.option("--days", w.days, "how long it lives (default 90)")
      .range(1, identity::kMaxTokenLifetime.count())
      .type_name("N");
  sub.option("--label", w.label, "what it is for").type_name("TEXT");
  sub.footer(
      "Example:\n  pabal token create alice@example.com --scope mail.read --days 30 --label phone\n"
      "IMAP, POP3 and submission take it by AUTH OAUTHBEARER and XOAUTH2.\n");
  add(token, call, "list", "List tokens, of one account or all", [&w](Call& c) { token_list(c, w); })
      .option("account", w.name, "such as alice@example.com")
      .type_name("");
  add(token, call, "revoke", "Take a token back", [&w](Call& c) { token_revoke(c, w); })
      .option("token", w.name, "its name, as `pabal token list` shows it")
      .required()
      .type_name("");
}

}  // namespace pabal::app
