// The client side: one connection to one server, used for any number of messages. It decides nothing about routes or
// retries.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/task.h"
#include "net/stream.h"
#include "smtp/parser.h"

namespace pabal::smtp {

struct ServerReply {
  int code = 0;
  std::string enhanced;            // "5.1.1", or empty
  std::vector<std::string> lines;  // without code and enhanced code
  std::string text() const;        // "550 5.1.1 no such user", lines joined by blanks
};

// What EHLO offered.
struct Extensions {
  bool pipelining = false, eight_bit = false, smtputf8 = false, chunking = false, binary = false, dsn = false,
       starttls = false, requiretls = false, size = false;
  uint64_t max_size = 0;          // 0: not said
  size_t max_recipients = 100;    // RFC 9422, or what RFC 5321 §4.5.3.1.8 promises
  size_t max_messages = 0;        // RFC 9422, of one connection; 0: not said
  std::vector<std::string> auth;  // upper case
};

struct OutgoingRcpt {
  std::string address;
  uint8_t notify = 0;  // RcptNotify; 0: not given
  std::string orcpt;
};

struct Outgoing {
  MailParams mail;
  std::vector<OutgoingRcpt> recipients;  // at most max_recipients of them
  std::string_view content;              // CRLF line ends
};

// What became of each recipient: the reply that decided it (2xx, 4xx or 5xx). `transport` is set when the connection
// failed, the server broke the protocol or said 421 before all were decided: those without a reply are undecided.
struct SendResult {
  std::vector<ServerReply> recipients;  // code 0: undecided
  std::optional<Error> transport;
  bool in_doubt = false;  // all of it was sent and no answer came: those undecided may have it (RFC 1047)
};

class ClientConnection {
 public:
  // `hostname` is what EHLO says.
  ClientConnection(std::unique_ptr<net::Stream> stream, std::string hostname);

  // Reads the greeting and says EHLO (HELO if that is refused; LHLO with `lmtp`). An error's message holds the server's
  // words; kDenied: a 5xx greeting, kUnavailable: 4xx.
  Task<Result<void>> hello(bool lmtp = false);
  // RFC 3207; forgets the extensions and says EHLO again. An error leaves the connection unusable.
  Task<Result<void>> starttls(net::TlsClientOptions options);
  // For a smarthost (RFC 4954), by the best that is offered: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN; the last
  // two only under TLS or to the loopback. kUnsupported: nothing usable is offered; kDenied: 5xx, or the server could
  // not prove that it knows the password; kUnavailable: 4xx. `random` must outlive the task.
  Task<Result<void>> authenticate(std::string user, std::string password, Random& random);
  Task<SendResult> send(Outgoing message);
  Task<void> quit();  // and closes

  const Extensions& extensions() const { return extensions_; }
  net::Stream& stream() { return *stream_; }
  bool usable() const {  // for another message
    return usable_ && (extensions_.max_messages == 0 || messages_ < extensions_.max_messages);
  }

 private:
  Task<Result<ServerReply>> read_reply(Duration patience);
  Task<Result<void>> write(std::string text);
  Task<Result<ServerReply>> ask(std::string command, Duration patience);
  Task<Result<ServerReply>> step(std::string command, Duration patience);
  Task<Result<void>> ehlo();
  Task<Result<void>> scram(bool plus, std::string user, std::string password, std::string nonce);
  Task<void> reset();
  Task<std::optional<Error>> envelope(const Outgoing& message, std::vector<ServerReply>& recipients, bool& go_ahead);
  Task<std::optional<Error>> content(const Outgoing& message, std::vector<ServerReply>& recipients);
  std::optional<Error> cannot_carry(const Outgoing& message) const;

  std::unique_ptr<net::Stream> stream_;
  std::string hostname_;
  Extensions extensions_;
  std::string in_;
  size_t messages_ = 0;
  bool lmtp_ = false, usable_ = true, in_doubt_ = false;
};

// CRLF line ends throughout and dots doubled (RFC 5321 §4.5.2), with the final dot: what goes out after DATA. Bare CRs
// and LFs become CRLF: none is ever sent.
std::string to_data(std::string_view content);
// Content that to_data changes so, as it will arrive: what is signed must be that. nullopt: its lines end in CRLF.
std::optional<std::string> without_bare_line_ends(std::string_view content);

}  // namespace pabal::smtp
