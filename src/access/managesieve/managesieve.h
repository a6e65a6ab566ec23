// managesieve: where mail programs keep their owner's Sieve scripts (RFC 5804). Pure pieces: reader (octets to
// commands). session carries octets between the client, the compiler of sieve/ and the store, one command at a time.
#pragma once

#include <memory>
#include <string>

#include "identity/login.h"
#include "net/stream.h"
#include "sieve/scripts.h"

namespace pabal::access::managesieve {

struct Services {  // must outlive every session
  store::Store& store;
  const sieve::Scripts& scripts;
  identity::Login& login;
  net::Pool& pool;
  std::string hostname;
};

struct Options {
  std::shared_ptr<net::TlsServer> tls;  // null: no STARTTLS
};

// Speaks with one client until it ends. Without TLS nobody logs in, except from the loopback.
Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services);

}  // namespace pabal::access::managesieve
