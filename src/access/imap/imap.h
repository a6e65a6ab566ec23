// access/imap: an IMAP server, IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051), over the mail model. parse, view and
// fetch_format are pure; the session carries octets and runs one command at a time.
//
// With LITERAL+, SASL-IR, ID, ENABLE, IDLE, NAMESPACE, UNSELECT, UIDPLUS, MOVE, CHILDREN, LIST-EXTENDED, LIST-STATUS,
// SPECIAL-USE, CREATE-SPECIAL-USE, ESEARCH, SEARCHRES, BINARY (fetching), CONDSTORE, PREVIEW, STATUS=SIZE, APPENDLIMIT.
#pragma once

#include <memory>
#include <string>

#include "identity/login.h"
#include "mailbox/mailbox.h"
#include "net/stream.h"
#include "store/store.h"
#include "watch/trace.h"

namespace pabal::access::imap {

struct Options {
  std::string hostname;
  std::shared_ptr<net::TlsServer> tls;  // null: no STARTTLS
  bool implicit_tls = false;            // TLS before the greeting (imaps)
  bool allow_plain_auth = false;        // log in without TLS: ever only from the loopback
  uint64_t append_limit = 50ull << 20;  // octets of one message (RFC 7889)
};

// All must outlive every session.
struct Services {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  identity::Login& login;
  const watch::Trace& trace;
  net::Pool& pool;
};

// Speaks with one client until it ends.
Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services services);

}  // namespace pabal::access::imap
