// relay: the MTA. inbound: what it decides when other servers bring mail (port 25), or an existing Postfix does by
// LMTP: only for local domains, only for people there are, and (not by LMTP: Postfix has done it) only what its domain
// does not disown (trust/); one commit, then the 250.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "mailbox/local_delivery.h"
#include "message/received.h"
#include "queue/queue.h"
#include "smtp/server.h"
#include "trust/authenticate.h"
#include "watch/trace.h"

namespace pabal::relay {

struct InboundServices {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  mailbox::LocalDelivery& local;
  queue::Queue& queue;
  const watch::Trace& trace;
  net::Pool& pool;
  IdSource& ids;
  const Clock& clock;
  std::string hostname;
  dns::Resolver* resolver = nullptr;  // null: who sends is not checked
};

constexpr size_t kUnknownUsersBeforeWait = 5;  // then each further guess waits: harvesting addresses is slow
constexpr seconds kUnknownUserWait{2};
constexpr days kRetryLifetime{5};  // RFC 5321 §4.5.4.1, of what could be filed for some only

class Inbound final : public smtp::ServerPolicy {
 public:
  Inbound(InboundServices& services, net::Loop& loop) : services_(services), loop_(loop) {}

  Task<smtp::Reply> on_connect(smtp::ClientInfo info) override;
  Task<smtp::Reply> on_mail(smtp::ClientInfo info, smtp::MailParams mail) override;
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo info, smtp::RcptParams rcpt) override;
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo info, std::string content) override;
  void on_reset() override;

 private:
  // What the checks of the sender come to.
  struct Checked {
    trust::Verdict verdict;
    trust::Disposition disposition;
    std::string fields;   // to put before the message
    std::string results;  // mailbox::Details::results
  };
  Task<Checked> check(smtp::ClientInfo info, std::shared_ptr<const std::string> message);
  void note_refusal(const smtp::ClientInfo& info, const std::string& recipient, const smtp::Reply& reply) const;
  watch::Event event(const smtp::ClientInfo& info) const;
  message::ReceivedInfo received_info(const smtp::ClientInfo& info, const std::string& id) const;

  InboundServices& services_;
  net::Loop& loop_;
  smtp::MailParams mail_;
  std::vector<smtp::RcptParams> recipients_;
  size_t unknown_users_ = 0;
};

}  // namespace pabal::relay
