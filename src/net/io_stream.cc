#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "net/io_internal.h"

namespace pabal::net {
namespace {

constexpr unsigned kMaxEagerReads = 32;  // then others on the loop get their turn
constexpr size_t kMaxUnread = 1 << 20;   // octets thrown away at close

// Waits for the descriptor or the deadline, whichever comes first. The state outlives both handlers.
struct ReadyAwaiter {
  struct State {
    std::coroutine_handle<> waiting;
    bool done = false, timed_out = false, aborted = false;
  };
  boost::asio::posix::stream_descriptor& descriptor;
  boost::asio::steady_timer& timer;
  bool to_write;
  Duration left;
  std::shared_ptr<State> state = std::make_shared<State>();

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    state->waiting = waiting;
    using Descriptor = boost::asio::posix::stream_descriptor;
    descriptor.async_wait(to_write ? Descriptor::wait_write : Descriptor::wait_read,
                          [s = state, &t = timer](const boost::system::error_code& error) {
                            if (std::exchange(s->done, true)) return;
                            s->aborted = bool(error);
                            t.cancel();
                            s->waiting.resume();
                          });
    timer.expires_after(std::max(left, Duration(0)));
    timer.async_wait([s = state](const boost::system::error_code& error) {
      if (error || std::exchange(s->done, true)) return;
      s->timed_out = true;
      s->waiting.resume();
    });
  }
  void await_resume() const noexcept {}
};

struct YieldAwaiter {
  Loop& loop;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    loop.post([waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}
};

Error closed_here() { return {Code::kClosed, "the connection was closed here"}; }
Error broken(int number) { return {Code::kIo, std::string("the connection broke: ") + std::strerror(number)}; }

}  // namespace

IoStream::IoStream(IoLoop& loop, int fd, Address local, Address remote, std::function<void()> on_gone)
    : loop_(loop),
      descriptor_(loop.context(), fd),
      read_timer_(loop.context()),
      write_timer_(loop.context()),
      local_(std::move(local)),
      remote_(std::move(remote)),
      on_gone_(std::move(on_gone)) {
  loop_.streams().insert(this);
  if (loop_.stopping()) close();  // who comes now would not be told to go
}

IoStream::~IoStream() {
  close();
  loop_.streams().erase(this);
  if (on_gone_) on_gone_();
}

void IoStream::close() {
  if (std::exchange(closed_, true)) return;
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // one way: sends close_notify where the socket takes it
  }
  // A close with octets unread resets the connection, and the peer may lose our last words ("421 ... goodbye"): take
  // what is there.
  ::shutdown(descriptor_.native_handle(), SHUT_WR);
  char unread[16 * 1024];
  for (size_t taken = 0; taken < kMaxUnread;) {
    const ssize_t n = ::recv(descriptor_.native_handle(), unread, sizeof unread, MSG_DONTWAIT);
    if (n <= 0) break;
    taken += static_cast<size_t>(n);
  }
  boost::system::error_code ignored;
  descriptor_.close(ignored);  // ends waits with operation_aborted
}

Task<Result<void>> IoStream::ready(bool to_write, Time deadline) {
  if (closed_) co_return closed_here();
  ReadyAwaiter awaiter{descriptor_, to_write ? write_timer_ : read_timer_, to_write, deadline - loop_.now()};
  const std::shared_ptr<ReadyAwaiter::State> state = awaiter.state;
  co_await awaiter;
  if (state->timed_out) co_return Error{Code::kTimeout, "the other side was silent too long"};
  if (closed_ || state->aborted) co_return closed_here();
  co_return Result<void>();
}

Task<Result<size_t>> IoStream::read(std::span<char> buffer, Time deadline) {
  if (++eager_ > kMaxEagerReads) {
    eager_ = 0;
    YieldAwaiter yield{loop_};
    co_await yield;
  }
  for (;;) {
    if (closed_) co_return closed_here();
    bool to_write = false;
    if (tls_) {
      ERR_clear_error();
      const int n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(std::min<size_t>(buffer.size(), 1 << 20)));
      if (n > 0) co_return static_cast<size_t>(n);
      const int error = SSL_get_error(ssl_.get(), n);
      if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
      to_write = error == SSL_ERROR_WANT_WRITE;
      if (error != SSL_ERROR_WANT_READ && !to_write) {
        // A peer that drops TCP without close_notify: its own protocol says whether something is missing.
        if (error == SSL_ERROR_SYSCALL && (errno == 0 || errno == ECONNRESET)) co_return size_t{0};
        const std::string why = tls_error();
        if (why.find("unexpected eof") != why.npos) co_return size_t{0};
        co_return Error{Code::kIo, "TLS failed: " + why};
      }
    } else {
      const ssize_t n = ::recv(descriptor_.native_handle(), buffer.data(), buffer.size(), 0);
      if (n >= 0) co_return static_cast<size_t>(n);
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return broken(errno);
    }
    eager_ = 0;
    Task<Result<void>> waiting = ready(to_write, deadline);
    const Result<void> done = co_await waiting;
    if (!done) co_return done.error();
  }
}

Task<Result<void>> IoStream::write(std::string_view data, Time deadline) {
  while (!data.empty()) {
    if (closed_) co_return closed_here();
    bool to_read = false;
    if (tls_) {
      ERR_clear_error();
      const int n = SSL_write(ssl_.get(), data.data(), static_cast<int>(std::min<size_t>(data.size(), 1 << 20)));
      if (n > 0) {
        data.remove_prefix(static_cast<size_t>(n));
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), n);
      to_read = error == SSL_ERROR_WANT_READ;
      if (error != SSL_ERROR_WANT_WRITE && !to_read) co_return Error{Code::kIo, "TLS failed: " + tls_error()};
    } else {
      const ssize_t n = ::send(descriptor_.native_handle(), data.data(), data.size(), MSG_NOSIGNAL);
      if (n > 0) {
        data.remove_prefix(static_cast<size_t>(n));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return broken(errno);
    }
    Task<Result<void>> waiting = ready(!to_read, deadline);
    if (const Result<void> done = co_await waiting; !done) co_return done;
  }
  co_return Result<void>();
}

Task<Result<void>> IoStream::handshake(Time deadline) {
  SSL_set_fd(ssl_.get(), descriptor_.native_handle());
  for (;;) {
    if (closed_) co_return closed_here();
    ERR_clear_error();
    const int n = SSL_do_handshake(ssl_.get());
    if (n == 1) co_return Result<void>();
    const int error = SSL_get_error(ssl_.get(), n);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const std::string why = tls_error();
      co_return Error{Code::kIo,
                      "the TLS handshake failed: " + (why.empty() ? "the other side closed the connection" : why)};
    }
    Task<Result<void>> waiting = ready(error == SSL_ERROR_WANT_WRITE, deadline);
    if (const Result<void> done = co_await waiting; !done) co_return done;
  }
}

Task<Result<void>> IoStream::tls_accept(std::shared_ptr<TlsServer> server, Time deadline) {
  if (ssl_) co_return Error{Code::kInvalid, "TLS is on already"};
  const std::shared_ptr<SSL_CTX> context = server_context(*server);
  ssl_.reset(SSL_new(context.get()));
  if (!ssl_) co_return Error{Code::kInternal, tls_error()};
  SSL_set_accept_state(ssl_.get());
  Task<Result<void>> shaking = handshake(deadline);
  if (const Result<void> done = co_await shaking; !done) co_return done;
  learn_tls(false);
  co_return Result<void>();
}

Task<Result<void>> IoStream::tls_connect(TlsClientOptions options, Time deadline) {
  if (ssl_) co_return Error{Code::kInvalid, "TLS is on already"};
  const Result<std::shared_ptr<SSL_CTX>> context = client_context(options.ca_file);
  if (!context) co_return context.error();
  ssl_.reset(SSL_new(context->get()));
  if (!ssl_) co_return Error{Code::kInternal, tls_error()};
  SSL_set_connect_state(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), options.server_name.c_str()) == 1) {
    // An address: the certificate must have it, and SNI is for names only (RFC 6066 §3).
  } else if (!options.server_name.empty()) {
    SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    SSL_set1_host(ssl_.get(), options.server_name.c_str());
  }
  const std::string offered = alpn_list(options.protocols);
  SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                      static_cast<unsigned>(offered.size()));
  // Opportunistic: the handshake goes through, and TlsInfo says what the check found.
  SSL_set_verify(ssl_.get(), options.require_verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  Task<Result<void>> shaking = handshake(deadline);
  if (const Result<void> done = co_await shaking; !done) co_return done;
  learn_tls(true);
  info_.server_name = options.server_name;
  co_return Result<void>();
}

void IoStream::learn_tls(bool client) {
  tls_ = true;
  info_.version = SSL_get_version(ssl_.get());
  info_.cipher = SSL_get_cipher_name(ssl_.get());
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) info_.server_name = name;
  const unsigned char* protocol = nullptr;
  unsigned protocol_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &protocol_size);
  if (protocol) info_.protocol.assign(reinterpret_cast<const char*>(protocol), protocol_size);
  X509* certificate = client ? SSL_get0_peer_certificate(ssl_.get()) : SSL_get_certificate(ssl_.get());
  if (client) {
    const long verdict = SSL_get_verify_result(ssl_.get());
    info_.verified = certificate && verdict == X509_V_OK;
    if (!info_.verified) info_.verify_error = X509_verify_cert_error_string(verdict);
  }
  // RFC 9266: 32 octets exported under this label; §4.2: of TLS 1.2 only with the extended master secret.
  const bool unique = SSL_version(ssl_.get()) >= TLS1_3_VERSION || SSL_get_extms_support(ssl_.get()) == 1;
  unsigned char exported[32];
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  if (unique && SSL_export_keying_material(ssl_.get(), exported, sizeof exported, kLabel.data(), kLabel.size(), nullptr,
                                           0, 1) == 1)
    info_.channel_binding.assign(reinterpret_cast<char*>(exported), sizeof exported);
  // RFC 5929 §4.1: the certificate's hash by its own signature's hash, SHA-256 in place of MD5 and SHA-1.
  int hash = NID_undef;
  if (certificate && X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) == 1) {
    const EVP_MD* digest =
        hash == NID_md5 || hash == NID_sha1 || hash == NID_undef ? EVP_sha256() : EVP_get_digestbynid(hash);
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (digest && X509_digest(certificate, digest, out, &size) == 1)
      info_.endpoint_binding.assign(reinterpret_cast<char*>(out), size);
  }
}

}  // namespace pabal::net
