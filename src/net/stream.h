// Stream: a connection of octets, plain or TLS, real (tcp) or simulated. Listener and Network: where streams come from.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "net/loop.h"

namespace pabal::net {

struct Address {
  std::string ip;  // canonical text, IPv4 or IPv6 (v4-mapped addresses are given as IPv4)
  uint16_t port = 0;
  std::string text() const;  // 192.0.2.1:25 or [2001:db8::1]:25
  bool loopback() const;     // 127.0.0.0/8 or ::1
  friend bool operator==(const Address&, const Address&) = default;
};
Result<Address> parse_address(std::string_view text);  // "127.0.0.1:25", "[::1]:25"

// What the trace and Received lines say of a TLS session.
struct TlsInfo {
  std::string version;           // "TLSv1.3"
  std::string cipher;            // "TLS_AES_256_GCM_SHA384"
  std::string server_name;       // SNI
  std::string protocol;          // chosen by ALPN (RFC 7301): "h2"; empty: the client asked for none
  bool verified = false;         // client side: chain and name are good
  std::string verify_error;      // why not
  std::string channel_binding;   // tls-exporter (RFC 9266) octets for SCRAM -PLUS; empty when there is none
  std::string endpoint_binding;  // tls-server-end-point (RFC 5929) octets: hash of the server's certificate
};

// A server's certificates; reload() swaps them for later handshakes (SIGHUP). Thread-safe.
class TlsServer {
 public:
  virtual ~TlsServer() = default;
  virtual Result<void> reload() = 0;
};
// PEM files: certificate chain and key. TLS 1.2 and 1.3 only. `protocols`: what is spoken here, the best first; a
// client that names others only is refused (RFC 7301 §3.2). Empty: ALPN is not looked at.
Result<std::shared_ptr<TlsServer>> make_tls_server(std::string chain_file, std::string key_file,
                                                   std::vector<std::string> protocols = {});
// A fresh P-256 certificate for `names` (DNS names or IP texts), signed by itself. For the demo, tests and first
// starts.
struct SelfSigned {
  std::string certificate_pem, key_pem;
};
Result<SelfSigned> make_self_signed(const std::vector<std::string>& names, Time not_before, days lifetime);

struct TlsClientOptions {
  std::string server_name;               // SNI and the name checked
  std::string ca_file;                   // empty: the system's roots
  bool require_verified = false;         // false: opportunistic; TlsInfo says what the check found
  std::vector<std::string> protocols{};  // to offer by ALPN
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes at once; no read, write or handshake may be running

  // Reads 1 to buffer.size() octets. 0: the peer closed cleanly. kTimeout when `deadline` passes; kClosed after
  // close().
  virtual Task<Result<size_t>> read(std::span<char> buffer, Time deadline) = 0;
  // Writes all of `data`, which must live until the task ends. One write at a time; a read may run beside it.
  virtual Task<Result<void>> write(std::string_view data, Time deadline) = 0;
  // Server and client sides of STARTTLS / implicit TLS. No read may be running. Octets that came before the handshake
  // in clear and were not read are the caller's to refuse (RFC 3207 §4.2): this reads straight from the socket.
  virtual Task<Result<void>> tls_accept(std::shared_ptr<TlsServer> server, Time deadline) = 0;
  virtual Task<Result<void>> tls_connect(TlsClientOptions options, Time deadline) = 0;
  // Sends close_notify when TLS is on and shuts down. Ends a running read with kClosed. Loop thread only.
  virtual void close() = 0;

  virtual const TlsInfo* tls() const = 0;  // null: in clear
  virtual Address local() const = 0;
  virtual Address remote() const = 0;
  virtual Loop& loop() = 0;
};

// Listens until dropped. `on_stream` runs on the stream's loop.
class Listener {
 public:
  // Stops accepting; streams handed out live on. Dropped from outside the loops it waits until no `on_stream` runs any
  // more.
  virtual ~Listener() = default;
  virtual Address local() const = 0;
};

struct ListenOptions {
  Address address;
  size_t max_streams = 10'000;  // over it: accepted and closed at once
  size_t max_streams_per_ip =
      1'000;  // likewise; loopback is exempt. Of IPv6 the /64, which one host may have to itself
};

class Network {
 public:
  virtual ~Network() = default;
  using OnStream = std::function<void(std::unique_ptr<Stream>)>;
  virtual Result<std::unique_ptr<Listener>> listen(ListenOptions options, OnStream on_stream) = 0;
  // Connects from `source_ip` (empty: any). The stream lives on `loop`.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, std::string source_ip,
                                                        Time deadline) = 0;
};

}  // namespace pabal::net
