#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <map>
#include <mutex>

#include "base/log.h"
#include "net/io_internal.h"
#include "net/io_loop.h"

namespace pabal::net {
namespace {

union AnyAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un unix_name;
  sockaddr_storage storage;
};

// Size 0: not an address.
socklen_t fill(AnyAddress& out, const std::string& ip, uint16_t port) {
  std::memset(&out, 0, sizeof out);
  if (inet_pton(AF_INET, ip.c_str(), &out.v4.sin_addr) == 1) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(port);
    return sizeof out.v4;
  }
  if (inet_pton(AF_INET6, ip.c_str(), &out.v6.sin6_addr) == 1) {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(port);
    return sizeof out.v6;
  }
  return 0;
}

Error system_error(const std::string& what) {
  const int number = errno;
  const Code code = number == EADDRINUSE ? Code::kExists
                    : number == EACCES   ? Code::kDenied
                    : number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH || number == ENOENT
                        ? Code::kUnavailable
                        : Code::kIo;
  return {code, what + ": " + std::strerror(number) +
                    (number == EACCES ? "; ports below 1024 need CAP_NET_BIND_SERVICE" : "") +
                    (number == EADDRINUSE ? "; another program has it" : "")};
}

constexpr seconds kEndPatience{5};  // for a loop that is stuck

int new_socket(int family) { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Whom the limit by address counts together.
std::string neighbourhood_of(const std::string& ip) {
  in6_addr address;
  if (inet_pton(AF_INET6, ip.c_str(), &address) != 1) return ip;
  return std::string(reinterpret_cast<const char*>(address.s6_addr), 8);
}

// Counts of one listener; streams hold it after the listener has gone.
struct Counts {
  std::mutex mutex;
  size_t all = 0;
  std::map<std::string, size_t> per_ip;
};

// Accepts on one loop and deals the connections out over all.
class Acceptor final : public Listener, public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(IoLoops& loops, int fd, ListenOptions options, Network::OnStream on_stream)
      : loops_(loops),
        home_(static_cast<IoLoop&>(loops.loop(0))),
        descriptor_(home_.context(), fd),
        options_(std::move(options)),
        on_stream_(std::move(on_stream)) {}

  void start() {
    home_.post([self = shared_from_this()] { self->wait(); });
  }
  Address local() const override { return options_.address; }

  void end() {
    if (std::exchange(ended_, true) || home_.context().stopped()) return;
    if (home_.here()) return close();
    pass(home_, [self = shared_from_this()] { self->close(); });
    // What was accepted before is on its way to its loop, behind which this waits: then no `on_stream` runs any more.
    for (size_t i = 0; i < loops_.size(); ++i) pass(static_cast<IoLoop&>(loops_.loop(i)), [] {});
  }

 private:
  // Runs `f` on another loop and waits for it.
  static void pass(IoLoop& loop, std::function<void()> f) {
    if (loop.here()) return;
    auto passed = std::make_shared<std::promise<void>>();
    loop.post([passed, f] {
      f();
      passed->set_value();
    });
    passed->get_future().wait_for(kEndPatience);
  }

  void close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
    pause_.reset();
  }

  void wait() {
    if (!descriptor_.is_open()) return;
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                             if (error) return;
                             self->take();
                           });
  }

  void take() {
    for (int i = 0; i < 64; ++i) {
      AnyAddress peer;
      socklen_t size = sizeof peer;
      const int fd = ::accept4(descriptor_.native_handle(), &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
          log::warn("net", "cannot accept on " + options_.address.text() + ": " + std::strerror(errno) +
                               "; raise LimitNOFILE");
          pause_ = home_.at(home_.now() + milliseconds(100), [self = shared_from_this()] { self->wait(); });
          return;
        }
        break;
      }
      admit(fd);
    }
    wait();
  }

  void admit(int fd) {
    const Address remote = address_of(fd, true);
    const std::string neighbourhood = neighbourhood_of(remote.ip);
    {
      std::lock_guard lock(counts_->mutex);
      size_t& of_ip = counts_->per_ip[neighbourhood];
      if (counts_->all >= options_.max_streams ||
          (of_ip >= options_.max_streams_per_ip && !remote.loopback() && !remote.ip.empty())) {
        if (of_ip == 0) counts_->per_ip.erase(neighbourhood);
        ::close(fd);
        return;
      }
      ++counts_->all;
      ++of_ip;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& loop = static_cast<IoLoop&>(loops_.loop(next_++ % loops_.size()));
    loop.post([&loop, fd, remote, neighbourhood, counts = counts_, call = on_stream_] {
      call(std::make_unique<IoStream>(loop, fd, address_of(fd, false), remote, [counts, neighbourhood] {
        std::lock_guard lock(counts->mutex);
        --counts->all;
        if (--counts->per_ip[neighbourhood] == 0) counts->per_ip.erase(neighbourhood);
      }));
    });
  }

  IoLoops& loops_;
  IoLoop& home_;
  boost::asio::posix::stream_descriptor descriptor_;
  ListenOptions options_;
  Network::OnStream on_stream_;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  std::unique_ptr<Loop::Timer> pause_;
  size_t next_ = 0;
  bool ended_ = false;
};

// What callers hold: ends the acceptor, whose handlers may still be on their way.
class Held final : public Listener {
 public:
  Held(std::shared_ptr<Acceptor> acceptor, std::string unlink)
      : acceptor_(std::move(acceptor)), unlink_(std::move(unlink)) {}
  ~Held() override {
    acceptor_->end();
    if (!unlink_.empty()) ::unlink(unlink_.c_str());
  }
  Address local() const override { return acceptor_->local(); }

 private:
  std::shared_ptr<Acceptor> acceptor_;
  std::string unlink_;
};

Task<Result<std::unique_ptr<Stream>>> finish_connect(IoLoop& loop, int fd, bool pending, std::string name,
                                                     Time deadline) {
  auto stream = std::make_unique<IoStream>(loop, fd, Address{}, Address{}, nullptr);
  if (pending) {
    Task<Result<void>> waiting = stream->ready(true, deadline);
    if (const Result<void> done = co_await waiting; !done)
      co_return Error{done.code(), done.code() == Code::kTimeout ? "no answer from " + name : done.error().message};
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      errno = error;
      co_return system_error("cannot connect to " + name);
    }
  }
  stream->learn_addresses();
  co_return std::unique_ptr<Stream>(std::move(stream));
}

class IoNetwork final : public Network {
 public:
  explicit IoNetwork(IoLoops& loops) : loops_(loops) {}

  Result<std::unique_ptr<Listener>> listen(ListenOptions options, OnStream on_stream) override {
    AnyAddress address;
    const socklen_t size = fill(address, options.address.ip, options.address.port);
    const std::string name = options.address.text();
    if (size == 0) return Error{Code::kInvalid, name + " is not an address"};
    const int fd = new_socket(address.any.sa_family);
    if (fd < 0) return system_error("cannot listen on " + name);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.any.sa_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(fd, &address.any, size) != 0 || ::listen(fd, 1024) != 0) {
      const Error error = system_error("cannot listen on " + name);
      ::close(fd);
      return error;
    }
    options.address = address_of(fd, false);
    auto acceptor = std::make_shared<Acceptor>(loops_, fd, std::move(options), std::move(on_stream));
    acceptor->start();
    return std::unique_ptr<Listener>(std::make_unique<Held>(std::move(acceptor), ""));
  }

  Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, std::string source_ip, Time deadline) override {
    AnyAddress address, source;
    const socklen_t size = fill(address, to.ip, to.port);
    if (size == 0) co_return Error{Code::kInvalid, to.text() + " is not an address"};
    const int fd = new_socket(address.any.sa_family);
    if (fd < 0) co_return system_error("cannot connect to " + to.text());
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!source_ip.empty()) {
      const socklen_t source_size = fill(source, source_ip, 0);
      if (source_size > 0 && source.any.sa_family == address.any.sa_family &&
          ::bind(fd, &source.any, source_size) != 0) {
        const Error error = system_error("cannot send from " + source_ip);
        ::close(fd);
        co_return error;
      }
    }
    const int done = ::connect(fd, &address.any, size);
    if (done != 0 && errno != EINPROGRESS) {
      const Error error = system_error("cannot connect to " + to.text());
      ::close(fd);
      co_return error;
    }
    Task<Result<std::unique_ptr<Stream>>> finishing =
        finish_connect(static_cast<IoLoop&>(loop), fd, done != 0, to.text(), deadline);
    co_return co_await finishing;
  }

 private:
  IoLoops& loops_;
};

}  // namespace

Address address_of(int fd, bool peer) {
  AnyAddress address;
  socklen_t size = sizeof address;
  std::memset(&address, 0, sizeof address);
  if ((peer ? ::getpeername(fd, &address.any, &size) : ::getsockname(fd, &address.any, &size)) != 0) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
    return {text, ntohs(address.v4.sin_port)};
  }
  if (address.any.sa_family == AF_INET6) {
    const auto* raw = address.v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr))
      inet_ntop(AF_INET, raw + 12, text, sizeof text);
    else
      inet_ntop(AF_INET6, raw, text, sizeof text);
    return {text, ntohs(address.v6.sin6_port)};
  }
  return {};  // Unix
}

void IoStream::learn_addresses() {
  local_ = address_of(descriptor_.native_handle(), false);
  remote_ = address_of(descriptor_.native_handle(), true);
}

std::unique_ptr<Network> make_io_network(IoLoops& loops) { return std::make_unique<IoNetwork>(loops); }

Result<std::unique_ptr<Listener>> listen_unix(IoLoops& loops, std::string path, Network::OnStream on_stream) {
  AnyAddress address;
  std::memset(&address, 0, sizeof address);
  address.unix_name.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.unix_name.sun_path)
    return Error{Code::kInvalid, path + " is too long for a socket; choose a shorter data folder"};
  path.copy(address.unix_name.sun_path, path.size());
  const int fd = new_socket(AF_UNIX);
  if (fd < 0) return system_error("cannot make a socket");
  ::unlink(path.c_str());  // of a server that was killed: the store's lock says that none runs
  const mode_t before = ::umask(0177);
  const int bound = ::bind(fd, &address.any, sizeof address.unix_name);
  ::umask(before);
  if (bound != 0 || ::listen(fd, 64) != 0) {
    const Error error = system_error("cannot listen on " + path);
    ::close(fd);
    return error;
  }
  auto acceptor = std::make_shared<Acceptor>(loops, fd, ListenOptions{}, std::move(on_stream));
  acceptor->start();
  return std::unique_ptr<Listener>(std::make_unique<Held>(std::move(acceptor), std::move(path)));
}

}  // namespace pabal::net
