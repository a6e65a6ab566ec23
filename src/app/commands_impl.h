// What the sources of the commands share. Not for others.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command_line.h"
#include "app/commands.h"
#include "dns/lookup.h"
#include "net/io_loop.h"

namespace pabal::app {

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

// Everything the commands' options are read into; lives as long as the parse.
struct Words {
  std::string name, other, target, catch_all, display, quota, who, query, label;
  std::vector<std::string> targets, scopes;
  bool admin = false, password_stdin = false, json = false, off = false, receive_only = false, with_mail = false,
       no_dkim = false, force = false, every_change = false, zone = false, is_public = false, device = false,
       introspect = false;
  size_t limit = 100;
  int64_t days = identity::kTokenLifetime.count();
  int64_t report_days = 30;
};

using Act = std::function<void(Call&)>;

// Adds a sub-command whose act runs after parsing, unless only checking.
inline Command add(const Command& parent, Call& call, const std::string& name, const std::string& about, Act act) {
  Command sub = parent.add(name, about);
  sub.act([&call, act = std::move(act)] {
    if (call.rooms) act(call);
  });
  return sub;
}

inline void add_limit(const Command& sub, Words& w, const char* what) {
  sub.option("--limit", w.limit, std::string("most ") + what + " shown (default 100)").range(1, 100'000).type_name("N");
}

// The account or domain of that name, or a failure said.
std::optional<identity::Account> need_account(Call& call, const std::string& name);
std::optional<identity::Domain> need_domain(Call& call, const std::string& name);

// DNS for one command that looks whether something has been published: with nothing remembered. The running server's
// may know for an hour that a record is missing which has just been put there.
class CommandDns {
 public:
  static Result<std::unique_ptr<CommandDns>> open(const Rooms& rooms);
  dns::Lookups lookups(seconds patience);  // for tasks that wait_for() runs on its loop

 private:
  std::unique_ptr<dns::Resolver> resolver_;
  net::IoLoops loops_{1};
};

// commands_people.cc
void add_domain_commands(const Command& app, Call& call, Words& w);
void add_account_commands(const Command& app, Call& call, Words& w);
void add_alias_commands(const Command& app, Call& call, Words& w);
// commands_dns.cc
void add_dns_command(const Command& app, Call& call, Words& w);
// commands_dkim.cc
void add_dkim_commands(const Command& app, Call& call, Words& w);
// commands_oauth.cc
void add_oauth_commands(const Command& app, Call& call, Words& w);
// commands_tokens.cc
void add_token_commands(const Command& app, Call& call, Words& w);
// commands_webhooks.cc
void add_webhook_commands(const Command& app, Call& call, Words& w);
// commands_forwarders.cc
void add_forwarder_commands(const Command& app, Call& call, Words& w);
// commands_mail.cc
void add_mailbox_commands(const Command& app, Call& call, Words& w);
void add_queue_commands(const Command& app, Call& call, Words& w);
// commands_reports.cc
void add_report_commands(const Command& app, Call& call, Words& w);
// commands_sieve.cc
void add_sieve_commands(const Command& app, Call& call, Words& w);

}  // namespace pabal::app
