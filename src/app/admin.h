// The admin socket: how `pabal account add ...` talks to a running server. A Unix socket that only the server's own
// user may open; the request is one line of JSON, {"args": [...], "input": "..."}, the answer one line, {"exit": 0,
// "out": "...", "err": "..."}.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/rooms.h"
#include "net/io_loop.h"

namespace pabal::app {

constexpr size_t kMaxAdminLine = 1 << 20;  // octets of a request

struct AdminRequest {
  std::vector<std::string> args;
  std::string input;
};
Result<AdminRequest> parse_admin_request(std::string_view line);  // kInvalid

// Serves commands until dropped. Commands wait for commits, so they run on `pool`.
Result<std::unique_ptr<net::Listener>> serve_admin(net::IoLoops& loops, net::Pool& pool, Rooms& rooms,
                                                   std::string path);

// Asks a running server; nullopt when none listens at `path`.
std::optional<Output> ask_admin(const std::string& path, const std::vector<std::string>& args,
                                const std::string& input);

// Without a running server the command line opens the store itself. Root does so as the folder's owner, for good: what
// root wrote there the server could not open. Nothing to do for others.
Result<void> act_as_owner_of(const std::string& folder);

}  // namespace pabal::app
