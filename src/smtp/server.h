// smtp: the SMTP and LMTP protocol, both sides. It knows the rules of the wire and no policy: who may send what to whom
// is asked of a ServerPolicy. The cores (parser.h) know no sockets; serve() carries octets to them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "net/stream.h"
#include "smtp/limits.h"
#include "smtp/parser.h"

namespace pabal::smtp {

struct Reply {
  int code = 250;
  std::string enhanced;  // "2.1.5" (RFC 2034), or empty for replies that have none
  std::string text;      // may hold \n: a multi-line reply
  bool close = false;    // and close the connection
  bool ok() const { return code < 400; }
};
std::string to_wire(const Reply& reply);

struct ClientInfo {
  net::Address remote, local;
  std::string helo;    // the name given; empty before
  bool esmtp = false;  // EHLO or LHLO
  bool lmtp = false;
  const net::TlsInfo* tls = nullptr;  // null: in clear
  std::string auth_user;              // empty: not authenticated
  // For "with" in Received. RFC 3848: SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP ...; RFC 6531 §4.3: UTF8SMTP, UTF8LMTPS ...
  std::string protocol(bool smtputf8 = false) const;
};

// One step of a SASL exchange; `data` are raw octets, the driver does base64.
struct AuthStep {
  enum class Kind { kChallenge, kSuccess, kFailure } kind = Kind::kFailure;
  std::string data;  // challenge, or additional data with success
  std::string user;  // kSuccess
  Reply failure;     // kFailure
};

// One object a session. Nothing is called again before the task of the call before has ended.
class ServerPolicy {
 public:
  virtual ~ServerPolicy() = default;
  virtual Task<Reply> on_connect(ClientInfo info) = 0;  // 220 greeting (without the host name), 554 or 421 with `close`
  virtual Task<Reply> on_mail(ClientInfo info, MailParams mail) = 0;
  virtual Task<Reply> on_rcpt(ClientInfo info, RcptParams rcpt) = 0;
  // The whole message, CRLF line ends, dots undone. One reply; in LMTP one for each accepted recipient, in order.
  virtual Task<std::vector<Reply>> on_message(ClientInfo info, std::string content) = 0;
  virtual void on_reset() {}  // the transaction is over or given up

  virtual std::vector<std::string> auth_mechanisms(const ClientInfo&) { return {}; }
  virtual Task<AuthStep> auth_start(ClientInfo info, std::string mechanism, std::optional<std::string> initial);
  virtual Task<AuthStep> auth_continue(std::string data);
};

struct ServerOptions {
  std::string hostname;
  bool lmtp = false;
  std::shared_ptr<net::TlsServer> tls;  // null: no STARTTLS
  bool implicit_tls = false;            // TLS before the greeting (submissions)
  bool auth_in_clear = false;           // offer AUTH without TLS: for the loopback only
  uint64_t max_size = 50ull << 20;      // octets of a message
  size_t max_recipients = kMaxRecipients;
  seconds max_hold{0};  // RFC 4865; 0: not offered
};

// Octets of messages being received by all sessions of the process; over it new messages are put off with 452.
// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t octets) : left_(static_cast<int64_t>(octets)) {}
  int64_t left() const { return left_; }

  // One session's part, given back when it ends.
  class Share {
   public:
    explicit Share(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}
    ~Share() { release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    bool grow_to(size_t octets);  // false: the budget is spent, and the share is as it was. Never shrinks
    void release();

   private:
    std::shared_ptr<MemoryBudget> budget_;
    size_t held_ = 0;
  };

 private:
  std::atomic<int64_t> left_;
};

// Speaks with one client until it ends.
Task<void> serve(std::unique_ptr<net::Stream> stream, ServerOptions options, std::shared_ptr<ServerPolicy> policy,
                 std::shared_ptr<MemoryBudget> budget);

}  // namespace pabal::smtp
