// pop3: a server of POP3 (RFC 1939) over the inbox of an account. The maildrop is what the inbox held at login; what
// IMAP does beside it is seen when a message is asked for that is gone. It never parses a message and writes nothing
// but the removals of QUIT: a message fetched by POP3 is not \Seen for that, a program has fetched it and nobody has
// read it yet.
//
// Pure pieces, each tested alone: command (octets to commands), stuffing (messages to lines with dots). session carries
// octets between them, the client and the store, one command at a time. A new command is a line in the table of
// session.cc.
//
// Offered: CAPA, STLS, SASL, USER, TOP, UIDL, PIPELINING, RESP-CODES, AUTH-RESP-CODE, UTF8, LANG, EXPIRE,
// IMPLEMENTATION.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "identity/login.h"
#include "mailbox/mailbox.h"
#include "net/stream.h"
#include "watch/trace.h"

namespace pabal::access::pop3 {

// Who has a maildrop open: one session at a time (RFC 1939 §4). Thread-safe; must outlive what it gives.
class Locks {
 public:
  class Lock {  // released when dropped
   public:
    Lock(Locks& locks, mailbox::AccountId account) : locks_(locks), account_(account) {}
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    Locks& locks_;
    const mailbox::AccountId account_;
  };
  std::unique_ptr<Lock> take(mailbox::AccountId account);  // null: another session has it

 private:
  std::mutex mutex_;
  std::set<mailbox::AccountId> held_;
};

struct Services {  // must outlive every session
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  identity::Login& login;
  const watch::Trace& trace;
  net::Pool& pool;
  Locks& locks;
  std::string hostname;
};

struct Options {
  std::shared_ptr<net::TlsServer> tls;  // null: no STLS
  bool implicit_tls = false;            // TLS before the greeting (pop3s)
};

// Speaks with one client until it ends. Without TLS nobody logs in, except from the loopback.
Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services);

}  // namespace pabal::access::pop3
