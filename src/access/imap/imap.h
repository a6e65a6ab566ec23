// access: the MAA, where mail programs read mail. imap: a server of IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) over
// the mail model. It never parses a message: structures are stored with them; and it delivers nothing but what APPEND
// brings.
//
// Pure pieces, each tested alone: command_reader (octets to commands), words (commands to words), sequence_set, names,
// list, fetch_request and fetch_format, search_key, view (what the client has been told). session carries octets
// between them, the client and the store, one command at a time. A new command is a line in the table of session.cc.
//
// What is offered: kCapabilities in session.cc.
#pragma once

#include <memory>
#include <string>

#include "identity/login.h"
#include "mailbox/headlines.h"
#include "mailbox/mail_events.h"
#include "net/stream.h"
#include "watch/trace.h"

namespace pabal::access::imap {

struct Services {  // must outlive every session
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  identity::Login& login;
  const watch::Trace& trace;
  net::Pool& pool;
  std::string hostname;
  uint64_t max_message = 50ull << 20;     // octets of one message (RFC 7889)
  mailbox::MailEvents* events = nullptr;  // null: nobody wants to know
  std::string sieve_url{};                // RFC 6785 §2.1: "sieve://mail.example.com"; "": no scripts for events
  std::shared_ptr<mailbox::HeadlineCache> headlines = std::make_shared<mailbox::HeadlineCache>();
};

struct Options {
  std::shared_ptr<net::TlsServer> tls;  // null: no STARTTLS
  bool implicit_tls = false;            // TLS before the greeting (imaps)
};

// Speaks with one client until it ends. Without TLS nobody logs in, except from the loopback.
Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services);

}  // namespace pabal::access::imap
