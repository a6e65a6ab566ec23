#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <map>
#include <mutex>

#include "net/io_internal.h"

namespace pabal::net {
namespace {

std::shared_ptr<SSL_CTX> own(SSL_CTX* context) { return {context, SSL_CTX_free}; }

class PemServer final : public TlsServer {
 public:
  PemServer(std::string chain, std::string key, const std::vector<std::string>& protocols)
      : chain_(std::move(chain)), key_(std::move(key)), protocols_(alpn_list(protocols)) {}

  Result<void> reload() override {
    auto context = own(SSL_CTX_new(TLS_server_method()));
    if (!context) return Error{Code::kInternal, tls_error()};
    // RFC 8996: nothing below TLS 1.2. RFC 9325: forward secrecy only, our order, no compression, no renegotiation.
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_NO_RENEGOTIATION | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context.get(), 1);  // a record in one system call, not its five octets of header first
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets resume without memory of ours
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context.get(), chain_.c_str()) != 1)
      return Error{Code::kInvalid, "cannot use the certificate " + chain_ + ": " + tls_error()};
    if (SSL_CTX_use_PrivateKey_file(context.get(), key_.c_str(), SSL_FILETYPE_PEM) != 1)
      return Error{Code::kInvalid, "cannot use the key " + key_ + ": " + tls_error()};
    // Whoever shakes hands holds this object until the handshake is done.
    if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context.get(), choose, this);
    std::lock_guard lock(mutex_);
    context_ = std::move(context);
    return {};
  }
  std::shared_ptr<SSL_CTX> context() const {
    std::lock_guard lock(mutex_);
    return context_;
  }

 private:
  // RFC 7301 §3.2: by our order; no_application_protocol when there is none in common.
  static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned length,
                    void* self) {
    const std::string& ours = static_cast<PemServer*>(self)->protocols_;
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned>(ours.size()), offered, length);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  const std::string chain_, key_, protocols_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  if (code == 0) return {};
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

std::string alpn_list(const std::vector<std::string>& protocols) {
  std::string out;
  for (const std::string& one : protocols) (out += static_cast<char>(one.size())) += one;
  return out;
}

std::shared_ptr<SSL_CTX> server_context(TlsServer& server) { return static_cast<PemServer&>(server).context(); }

Result<std::shared_ptr<SSL_CTX>> client_context(const std::string& ca_file) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<SSL_CTX>> made;  // one for each root store in use
  std::lock_guard lock(mutex);
  if (const auto found = made.find(ca_file); found != made.end()) return found->second;
  auto context = own(SSL_CTX_new(TLS_client_method()));
  if (!context) return Error{Code::kInternal, tls_error()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
  if (loaded != 1) return Error{Code::kInvalid, "cannot read the root certificates " + ca_file + ": " + tls_error()};
  made[ca_file] = context;
  return context;
}

Result<std::shared_ptr<TlsServer>> make_tls_server(std::string chain_file, std::string key_file,
                                                   std::vector<std::string> protocols) {
  auto server = std::make_shared<PemServer>(std::move(chain_file), std::move(key_file), protocols);
  if (const auto loaded = server->reload(); !loaded) return loaded.error();
  return std::shared_ptr<TlsServer>(std::move(server));
}

Result<SelfSigned> make_self_signed(const std::vector<std::string>& names, Time not_before, days lifetime) {
  const Error failed{Code::kInternal, "OpenSSL could not make a certificate"};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
  if (!key || !cert || names.empty()) return failed;
  X509_set_version(cert.get(), 2);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(BN_new(), BN_free);
  BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(cert.get()));
  ASN1_TIME_set(X509_getm_notBefore(cert.get()), to_unix(not_before));
  ASN1_TIME_set(X509_getm_notAfter(cert.get()), to_unix(not_before + lifetime));
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(names.front().c_str()),
                             -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  std::string alternatives;
  for (const std::string& one : names) {
    const bool ip = parse_address(one + ":1").ok() || one.find(':') != one.npos;
    alternatives += (alternatives.empty() ? "" : ",") + std::string(ip ? "IP:" : "DNS:") + one;
  }
  for (const auto& [id, value] : {std::pair(NID_subject_alt_name, alternatives),
                                  std::pair(NID_basic_constraints, std::string("critical,CA:FALSE"))}) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()), X509_EXTENSION_free);
    if (!extension || X509_add_ext(cert.get(), extension.get(), -1) != 1) return failed;
  }
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) return failed;

  const auto pem = [](auto write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    char* data = nullptr;
    if (!out || write(out.get()) != 1) return std::string();
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<size_t>(size));
  };
  SelfSigned made;
  made.certificate_pem = pem([&](BIO* out) { return PEM_write_bio_X509(out, cert.get()); });
  made.key_pem = pem(
      [&](BIO* out) { return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  if (made.certificate_pem.empty() || made.key_pem.empty()) return failed;
  return made;
}

}  // namespace pabal::net
