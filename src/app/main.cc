// pabal: the command line.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "app/admin.h"
#include "app/command_line.h"
#include "app/commands.h"
#include "app/commands_auth.h"
#include "app/demo.h"
#include "app/quickstart.h"
#include "app/server.h"
#include "base/log.h"
#include "extract/sandbox.h"
#include "net/io_loop.h"

namespace pabal::app {
namespace {

constexpr const char* kDefaultConfig = "/etc/pabal/pabal.toml";
constexpr const char* kVersion = PABAL_VERSION;

int say(const Output& output) {
  std::cout << output.out << std::flush;
  std::cerr << output.err;
  return output.exit;
}

int fail(const Error& error) {
  std::cerr << "pabal: " << error.message << "\n";
  return 1;
}

// A connection is a descriptor, and shells give 1,024 of them where a process may have many more.
void raise_descriptor_limit() {
  constexpr rlim_t kWanted = 20'000;  // the most connections of two listeners (net/stream.h), and files
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < kWanted)
    log::warn("app", "this process may open " + std::to_string(limit.rlim_max) +
                         " files and connections at once; LimitNOFILE= of its systemd unit, or ulimit -n, gives more");
}

int serve(const Config& config) {
  raise_descriptor_limit();
  net::block_signals();
  auto server = Server::start(config);
  if (!server) return fail(server.error());
  for (;;) {
    const int signal = net::wait_signal();
    if (signal != SIGHUP) break;
    if (const auto done = (*server)->reload(); !done) log::error("app", "reload: " + done.error().message);
  }
  log::info("app", "stopping");
  return 0;
}

// A command goes to the running server; without one it opens the store itself.
int command(const std::string& file, const std::vector<std::string>& args) {
  if (const Output checked = check_command(args); checked.exit != 0 || !checked.out.empty()) return say(checked);
  const auto config = read_config(file);
  if (!config) return fail(config.error());
  std::string input;
  if (wants_stdin(args)) input.assign(std::istreambuf_iterator<char>(std::cin), {});
  if (const auto answered = ask_admin(config->admin_socket(), args, input)) return say(*answered);
  log::set_level(log::Level::kWarn);
  if (const auto done = act_as_owner_of(config->data_dir); !done) return fail(done.error());
  const auto rooms = open_rooms(*config);
  if (!rooms) return fail(rooms.error());
  return say(run_command(**rooms, args, input));
}

std::string footer() {
  return "Commands of a server (each has --help):\n" + command_overview() +
         "\nTry it:  pabal demo        two mail domains on this machine and a letter between them\n"
         "Set up:  pabal quickstart example.com\n";
}

int run(int argc, char** argv) {
  std::string file = kDefaultConfig;
  // What follows a command word is that command's business: it is parsed where it is carried out.
  std::vector<std::string> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    if ((words[i] == "--config" || words[i] == "-c") && i + 1 < words.size()) {
      file = words[++i];
      continue;
    }
    if (is_command(words[i])) return command(file, {words.begin() + static_cast<long>(i), words.end()});
    break;
  }

  Parser parser("pabal: a complete mail server in one program", "pabal");
  parser.version(std::string("pabal ") + kVersion);
  const Command app = parser.top();
  app.option("-c,--config", file, "the configuration file").show_default();
  app.footer(footer());

  int exit = 0;
  app.add("serve", "Run the server until SIGTERM; SIGHUP reloads").act([&] {
    const auto config = read_config(file);
    exit = config ? serve(*config) : fail(config.error());
  });
  DemoOptions demo;
  Command sub = app.add("demo", "Two mail domains on the loopback, and a letter from Alice to Bob");
  sub.option("--data", demo.data_dir, "where to keep the demo's mail (default: ~/.local/share/pabal-demo)");
  sub.flag("--once", demo.once, "end after the first letter has been read");
  sub.act([&] { exit = run_demo(demo); });
  QuickstartOptions quick;
  sub = app.add("quickstart", "Check this machine's mail readiness and set up a server for DOMAIN");
  add_quickstart_options(sub, quick);
  sub.act([&] { exit = run_quickstart(quick); });

  AuthOptions auth;
  sub = app.add("auth", "Check a message as if it came in: SPF, DKIM, ARC, DMARC, and what decides");
  add_auth_options(sub, auth);
  sub.act([&] { exit = run_auth(auth); });

  if (argc == 1) {  // nothing asked: show what can be
    std::cout << parser.help();
    return 2;
  }
  const Parser::Told told = parser.parse({argv + 1, argv + argc});
  std::cout << told.out << std::flush;
  std::cerr << told.err;
  if (told.exit != 0) return told.exit;
  return exit;
}

}  // namespace
}  // namespace pabal::app

int main(int argc, char** argv) {
  // Started by the server, to read a file that a stranger sent: nothing else comes before the sandbox.
  if (argc == 2 && std::string_view(argv[1]) == "extract") ::_exit(pabal::extract::serve_extract());
  try {
    return pabal::app::run(argc, argv);
  } catch (const std::exception& failure) {  // out of memory and the like: say so rather than abort
    std::cerr << "pabal: " << failure.what() << "\n";
    return 1;
  }
}
