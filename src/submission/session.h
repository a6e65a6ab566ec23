// submission::Session: what the MSA decides in an SMTP session (RFC 6409): authentication first, own addresses only,
// complete headers, one commit for local delivery and queue.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "identity/login.h"
#include "mailbox/local_delivery.h"
#include "queue/queue.h"
#include "smtp/server.h"
#include "watch/trace.h"

namespace pabal::submission {

struct Services {
  store::Store& store;
  identity::Login& login;
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  net::Pool& pool;
  IdSource& ids;
  Random& random;
  const Clock& clock;
  std::string hostname;
};

constexpr days kQueueLifetime{5};        // RFC 5321 §4.5.4.1
constexpr size_t kParseHere = 32 << 10;  // octets: smaller messages are parsed on the loop, larger ones on the pool

class Session final : public smtp::ServerPolicy {
 public:
  Session(Services& services, net::Loop& loop) : services_(services), loop_(loop) {}

  Task<smtp::Reply> on_connect(smtp::ClientInfo info) override;
  Task<smtp::Reply> on_mail(smtp::ClientInfo info, smtp::MailParams mail) override;
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo info, smtp::RcptParams rcpt) override;
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo info, std::string content) override;
  void on_reset() override;
  std::vector<std::string> auth_mechanisms(const smtp::ClientInfo& info) override;
  Task<smtp::AuthStep> auth_start(smtp::ClientInfo info, std::string mechanism,
                                  std::optional<std::string> initial) override;
  Task<smtp::AuthStep> auth_continue(std::string data) override;

 private:
  struct Rcpt {
    smtp::RcptParams params;
    bool local = false;
  };
  smtp::AuthStep taken(identity::SaslStep step);
  std::optional<smtp::Reply> check_authors(const std::vector<std::string>& authors) const;
  smtp::Reply refused(const smtp::ClientInfo& info, const std::string& recipient,
                      smtp::Reply reply) const;  // traced, and given back
  watch::Event event(const smtp::ClientInfo& info) const;
  std::vector<mailbox::LocalDelivery::Recipient> local_recipients() const;
  Result<void> commit(store::Transaction& t, const mailbox::Prepared& prepared,
                      const mailbox::LocalDelivery::Mail& mail, uint64_t queue_id, const smtp::ClientInfo& info) const;

  Services& services_;
  net::Loop& loop_;
  std::optional<identity::Account> account_;
  std::unique_ptr<identity::SaslExchange> exchange_;
  smtp::MailParams mail_;
  std::vector<Rcpt> recipients_;
};

}  // namespace pabal::submission
