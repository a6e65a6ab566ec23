// The operator's commands: domain, account, alias, mailbox, queue, trace, status. One implementation serves the command
// line with a running server (by its admin socket), the command line without one (it opens the store itself), and,
// later, the admin API and pages.
#pragma once

#include <string>
#include <vector>

#include "app/rooms.h"

namespace pabal::app {

struct Output {
  int exit = 0;     // 0 done, 1 failed, 2 the call's words are off
  std::string out;  // for standard output
  std::string err;  // for standard error
};

// Names of the first words, for main() to know what belongs here.
bool is_command(const std::string& word);

// Checks `args` ("account", "add", "alice@example.com") and answers --help without touching any store: exit 0 with
// empty `out` means the words are good.
Output check_command(const std::vector<std::string>& args);

// Whether the command wants standard input: a password (--password-stdin), a script or a message.
bool wants_stdin(const std::vector<std::string>& args);

// Runs it. `input` is what came on standard input. Waits for commits: not on an event loop.
Output run_command(Rooms& rooms, const std::vector<std::string>& args, const std::string& input);

// One line each for `pabal --help`.
std::string command_overview();

}  // namespace pabal::app
