// What the Asio-facing sources of this room share. Not for other rooms.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "net/loop.h"
#include "net/stream.h"

namespace pabal::net {

class IoStream;

// One thread and its io_context. Streams and timers register here, so that stop() can end whoever waits on them.
class IoLoop final : public Loop {
 public:
  IoLoop();
  ~IoLoop() override;

  Time now() const override { return clock_.now(); }
  void post(std::function<void()> f) override;
  std::unique_ptr<Timer> at(Time when, std::function<void()> f) override;

  boost::asio::io_context& context() { return context_; }
  std::set<IoStream*>& streams() { return streams_; }  // loop thread only
  bool stopping() const { return stopping_; }          // loop thread only
  bool here() { return context_.get_executor().running_in_this_thread(); }

  void begin_stop();   // closes streams, fires timers, lets tasks end; any thread
  void finish_stop();  // waits for the tasks (at most 3 s), then ends the thread

 private:
  class IoTimer;
  void started() override { ++tasks_; }
  void ended() override { --tasks_; }

  SystemClock clock_;
  std::set<IoStream*> streams_;
  std::set<IoTimer*> timers_;
  std::atomic<int> tasks_{0};
  bool stopping_ = false;  // loop thread only
  // Below what its handlers use: those that never ran are destroyed with it, and take their streams and timers along.
  boost::asio::io_context context_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::thread thread_;
};

// A connected non-blocking socket, TCP or Unix, in clear or with TLS straight on the descriptor.
class IoStream final : public Stream {
 public:
  // Owns `fd`. Loop thread only. `on_gone` runs when it is destroyed (connection counts).
  IoStream(IoLoop& loop, int fd, Address local, Address remote, std::function<void()> on_gone);
  ~IoStream() override;

  Task<Result<size_t>> read(std::span<char> buffer, Time deadline) override;
  Task<Result<void>> write(std::string_view data, Time deadline) override;
  Task<Result<void>> tls_accept(std::shared_ptr<TlsServer> server, Time deadline) override;
  Task<Result<void>> tls_connect(TlsClientOptions options, Time deadline) override;
  void close() override;
  const TlsInfo* tls() const override { return tls_ ? &info_ : nullptr; }
  Address local() const override { return local_; }
  Address remote() const override { return remote_; }
  Loop& loop() override { return loop_; }

  void learn_addresses();  // after a connect

  // Waits until the descriptor can be read or written; errors kTimeout and kClosed.
  Task<Result<void>> ready(bool to_write, Time deadline);

 private:
  Task<Result<void>> handshake(Time deadline);
  void learn_tls(bool client);

  IoLoop& loop_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer read_timer_, write_timer_;
  Address local_, remote_;
  std::function<void()> on_gone_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  TlsInfo info_;
  bool tls_ = false;  // the handshake is done
  bool closed_ = false;
  unsigned eager_ = 0;  // reads in a row that did not have to wait
};

// tls.cc
std::shared_ptr<SSL_CTX> server_context(TlsServer& server);
Result<std::shared_ptr<SSL_CTX>> client_context(const std::string& ca_file);
std::string alpn_list(const std::vector<std::string>& protocols);  // RFC 7301 §3.1: each with its length before it
std::string tls_error();                                           // the last OpenSSL error in words

// listen.cc
Address address_of(int fd, bool peer);

}  // namespace pabal::net
