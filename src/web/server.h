// The HTTP server on one connection: HTTP/2 where ALPN chose it, HTTP/1.1 (and 1.0) everywhere else. HTTP/2 in clear is
// not spoken.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "net/stream.h"
#include "web/budget.h"
#include "web/http.h"
#include "web/proxies.h"

namespace pabal::web {

// The connections of one server, for its end. Thread-safe; outlives them.
class Connections {
 public:
  explicit Connections(size_t gathered = kMaxGathered) : budget_(gathered) {}
  Budget& budget() { return budget_; }

  // One connection's part. `drain` runs on its loop.
  class Member {
   public:
    Member(Connections& all, net::Loop& loop, std::function<void()> drain);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   private:
    struct Place;
    Connections& all_;
    std::shared_ptr<Place> place_;
    friend class Connections;
  };
  // Tells all clients to ask nothing more here: HTTP/2 by GOAWAY, HTTP/1.1 by closing after the answer under way.
  void drain();

 private:
  Budget budget_;
  std::mutex mutex_;
  std::map<Member*, std::shared_ptr<Member::Place>> members_;
};

struct Services {  // outlives every session
  Handler& handler;
  Connections& connections;
  Networks trusted_proxies{};
};

struct Options {
  std::shared_ptr<net::TlsServer> tls;  // null: in clear. Made with protocols {"h2", "http/1.1", "http/1.0"}
};

// Speaks with one client until it ends.
Task<void> serve(std::unique_ptr<net::Stream> stream, Options options, Services& services);

// The protocols themselves, behind the handshake. `stream` outlives the task.
Task<void> serve_http1(net::Stream& stream, Services& services);
Task<void> serve_http2(net::Stream& stream, Services& services);

}  // namespace pabal::web
