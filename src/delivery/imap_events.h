// Scripts that run when IMAP clients bring a message into a mailbox or change its flags (RFC 6785): the one that the
// annotation /shared/imapsieve/script of the mailbox, or else of the server, names among those of the mailbox's owner;
// of the server's annotation also one of the server's own.
//
// They run behind the client's command, one message at a time on the pool, accounts taking turns. The message stays
// where it is; what a script does instead of keeping it marks it \Deleted. What cannot be done leaves it as it was: the
// trace says why, and the owner gets a notice as for mail. Events that wait when the server stops are forgotten.
#pragma once

#include <deque>
#include <mutex>

#include "delivery/delivery.h"
#include "mailbox/mail_events.h"
#include "net/loop.h"

namespace pabal::delivery {

constexpr size_t kMaxEventMessages = 20'000;  // that wait in the whole server; those of more are left as they are

class ImapEvents final : public mailbox::MailEvents {
 public:
  // `delivery` and `pool` must outlive it; the pool must have ended, or never been given work, before it goes.
  ImapEvents(Services services, Delivery& delivery, net::Pool& pool)
      : services_(std::move(services)), delivery_(delivery), pool_(pool) {}

  bool listens(mailbox::AccountId owner, mailbox::MailboxId mailbox) const override;
  void happened(Event event) override;

 private:
  struct Named {
    std::string script;
    bool by_server = false;  // the server's annotation
  };
  struct Job {
    Event event;
    Named named;
    size_t next = 0;  // of its messages
  };
  struct Run;

  Result<Named> script_for(mailbox::AccountId owner, mailbox::MailboxId box) const;
  void start();  // with the lock held: has the pool work, if there is any
  void work();
  Result<void> handle(const Job& job, const Affected& affected);
  Result<void> carry_out(const Run& run);

  const Services services_;
  Delivery& delivery_;
  net::Pool& pool_;
  std::mutex mutex_;
  std::deque<Job> jobs_;
  size_t waiting_ = 0;  // messages
  bool working_ = false;
};

}  // namespace pabal::delivery
