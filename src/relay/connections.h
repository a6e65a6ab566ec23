// What is known of each destination while mail is under way to it: connections kept warm for the next message, how many
// are in use, who waits for one, and whether it has just proved unreachable. Memory only: losing it costs nothing but a
// few connections.
#pragma once

#include <coroutine>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/task.h"
#include "base/time.h"
#include "net/loop.h"
#include "smtp/client.h"

namespace pabal::relay {

constexpr seconds kKeepWarm{5};  // a connection waits this long for the next message
constexpr minutes kFailureShared{
    1};  // so long what nobody could reach is not tried by those who would have to wait for a connection
constexpr size_t kMessagesPerConnection = 100;

struct Connection {
  std::unique_ptr<smtp::ClientConnection> client;
  std::string name;     // of the host, in A-labels
  std::string host;     // "mx1.example.org [192.0.2.1]", for the trace and for reports
  std::string tls;      // how it is protected, in words
  bool proven = false;  // all that REQUIRETLS asks of a connection (RFC 8689 §4.2.1) is there
  size_t messages = 0;
  Time idle_since;
};

// All on one loop. It must outlive the Turns.
class Connections {
 public:
  explicit Connections(net::Loop& loop) : loop_(loop) {}

  // The right to use one connection to a destination; given back when it is dropped.
  class Turn {
   public:
    Turn(Connections& owner, std::string destination) : owner_(&owner), destination_(std::move(destination)) {}
    explicit Turn(std::string failure) : failure_(std::move(failure)) {}
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();
    explicit operator bool() const { return owner_ != nullptr; }
    const std::string& failure() const { return failure_; }

   private:
    Connections* owner_ = nullptr;
    std::string destination_, failure_;
  };

  // Waits while `limit` others have a turn. Whoever would wait shares the failure of those before him: a host that
  // answers nobody costs 10,000 messages one connection time-out, not 10,000.
  Task<Turn> take_turn(std::string destination, size_t limit);
  void failed(const std::string& destination, const std::string& why);  // no host of it answered
  bool lately_failed(const std::string& destination) const;

  // A warm connection, the one used last first. `proven`: only such a one.
  std::optional<Connection> warm(const std::string& destination, bool proven);
  void keep(const std::string& destination, Connection connection);
  void dismiss(Connection connection);  // says QUIT; nobody waits for it

  void stop();  // those who wait are sent away, warm connections closed
  bool stopping() const { return stopping_; }
  size_t warm_count() const;
  size_t destinations() const { return destinations_.size(); }

 private:
  struct Waiter {
    std::coroutine_handle<> coroutine;
    std::optional<std::string> failure;
  };
  struct WaitAwaiter;
  struct Destination {
    size_t in_use = 0;
    std::list<Connection> idle;  // the longest idle first
    std::list<Waiter*> waiting;
    std::optional<Time> failed_at;
    std::string failure;
  };

  bool lately_failed(const Destination& d) const { return d.failed_at && loop_.now() - *d.failed_at < kFailureShared; }
  void leave(const std::string& destination);
  void send_away(Destination& d, const std::string& why);
  void plan_sweep();
  void sweep();

  net::Loop& loop_;
  std::map<std::string, Destination> destinations_;
  std::unique_ptr<net::Loop::Timer> sweeper_;
  bool stopping_ = false;
};

}  // namespace pabal::relay
