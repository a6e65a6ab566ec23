// For tests of whole POP3 sessions, with IMAP sessions beside them: the world of access/imap/session_testing.h.
#pragma once

#include <list>
#include <string>
#include <utility>

#include "access/imap/session_testing.h"
#include "access/pop3/pop3.h"

namespace pabal::access::pop3::testing {

using imap::testing::crlf;
using imap::testing::kPassword;

class Client : private imap::testing::Client {
 public:
  using Base = imap::testing::Client;
  using Base::Base, Base::closed, Base::hang_up, Base::pause, Base::send, Base::wait_closed;

  // Sends a line and gives the line that comes; of multi-line answers only the first, see more().
  std::string talk(const std::string& line) {
    send(line + "\r\n");
    return answer();
  }
  std::string answer() {
    const size_t end = find("\r\n");
    return end == kept_.npos ? take() : cut(end + 2);
  }
  // The lines up to the one that is a dot; all there is when none comes.
  std::string more() {
    if (find("\r\n") != kept_.npos && kept_.starts_with(".\r\n")) return cut(3), "";
    const size_t end = find("\r\n.\r\n");
    if (end == kept_.npos) return take();
    std::string out = cut(end + 2);
    cut(3);
    return out;
  }
  std::string talk_more(const std::string& line) {
    std::string first = talk(line);
    return first.starts_with("+OK") ? first + more() : first;
  }
  std::string take() {
    kept_ += Base::take();
    return std::exchange(kept_, {});
  }

 private:
  size_t find(const std::string& end) {
    for (;;) {
      kept_ += Base::take();
      if (const size_t at = kept_.find(end); at != kept_.npos) return at;
      if (!wait_for("\n") && received().empty()) return kept_.npos;
    }
  }
  std::string cut(size_t at) {
    std::string out = kept_.substr(0, at);
    kept_.erase(0, at);
    return out;
  }

  std::string kept_;
};

class World : public imap::testing::World {
 public:
  World() : services_{*store, *mailboxes, services->login, *trace, services->pool, locks, "mx.example.com"} {}
  ~World() {  // sessions end before what they use
    for (Client& client : pop3_clients_) client.hang_up();
    loop.run_for(hours(1));
  }

  // Over the loopback.
  Client& pop3(Options options = {}) {
    net::StreamPair pair = net::make_stream_pair(loop);
    loop.spawn(serve(std::move(pair.server), std::move(options), services_));
    return pop3_clients_.emplace_back(loop, std::move(pair.client));
  }
  Client& pop3_greeted(Options options = {}) {
    Client& client = pop3(std::move(options));
    client.answer();
    return client;
  }
  Client& pop3_logged_in() {
    Client& client = pop3_greeted();
    client.talk("USER alice@example.com");
    client.talk(std::string("PASS ") + kPassword);
    return client;
  }
  void forget_pop3_clients() { pop3_clients_.clear(); }  // those that have hung up

  Locks locks;
  Services& pop3_services() { return services_; }

 private:
  Services services_;
  std::list<Client> pop3_clients_;
};

}  // namespace pabal::access::pop3::testing
