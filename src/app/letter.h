// The demo's two mail programs: Alice's sends by submission, Bob's reads over IMAP. Real protocol over real sockets.
#pragma once

#include <functional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "net/io_loop.h"

namespace pabal::app {

struct Letter {
  std::string message_id;  // with angle brackets
  std::string content;     // header and body, CRLF
};
Letter first_letter(Random& random, Time now);

using Say = std::function<void(const std::string&)>;  // one line of progress

// Submits the letter: STARTTLS, AUTH, MAIL, RCPT, DATA. Gives the server's last reply, "250 2.0.0 Ok: queued as ...".
Task<Result<std::string>> send_letter(net::Loop& loop, net::Network& network, net::Address server, std::string password,
                                      Letter letter, Say say);

// Logs in over TLS, waits until the letter is in INBOX (IDLE) and fetches it whole.
Task<Result<std::string>> read_letter(net::Loop& loop, net::Network& network, net::Address server, std::string password,
                                      std::string message_id, Say say);

}  // namespace pabal::app
