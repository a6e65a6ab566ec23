// pabal auth: checks a message as the MX would, without a server or a store, and says what decided.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/command_line.h"
#include "trust/authenticate.h"

namespace pabal::app {

struct AuthOptions {
  std::string file;                    // "-": standard input
  std::string ip, helo, from;          // of the client; from "" or "<>": the null path
  std::string hostname = "localhost";  // ours
  std::vector<std::string> zones;      // files: they are all of DNS then
  std::vector<std::string> trusted;    // domains whose ARC seals count
  std::string dns_forwarder;           // "ip@port" instead of /etc/resolv.conf
};

void add_auth_options(const Command& app, AuthOptions& options);
// 0: it would be taken (to Junk, perhaps); 1: refused or put off; 2: the call's words are off.
int run_auth(const AuthOptions& options);

// Received-SPF, Authentication-Results, and a line in words for each check and for what becomes of the message.
std::string describe_verdict(const trust::Verdict& verdict, const trust::Disposition& disposition,
                             const AuthOptions& options);

}  // namespace pabal::app
