#include "trust/dkim_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "base/text.h"

namespace pabal::trust {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Result<std::string> txt_of(EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) {
    // RFC 8463 §4.2: the raw 32 octets, not a SubjectPublicKeyInfo.
    unsigned char raw[32];
    size_t size = sizeof raw;
    if (EVP_PKEY_get_raw_public_key(key, raw, &size) != 1) return Error{Code::kInternal, "OpenSSL gave no public key"};
    return "v=DKIM1; k=ed25519; p=" + text::base64({reinterpret_cast<char*>(raw), size});
  }
  if (EVP_PKEY_id(key) != EVP_PKEY_RSA) return Error{Code::kCorrupt, "a DKIM key must be RSA or Ed25519"};
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return Error{Code::kInternal, "OpenSSL gave no public key"};
  std::string out = "v=DKIM1; k=rsa; p=" + text::base64({reinterpret_cast<char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return out;
}

}  // namespace

Result<NewDkimKey> make_dkim_key(DkimAlgorithm algorithm) {
  const Key key(
      algorithm == DkimAlgorithm::kEd25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519") : EVP_RSA_gen(2048),
      EVP_PKEY_free);
  if (!key) return Error{Code::kInternal, "OpenSSL could not make a key"};
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error{Code::kInternal, "OpenSSL could not write the key"};
  char* pem = nullptr;
  const long size = BIO_get_mem_data(out.get(), &pem);
  auto txt = txt_of(key.get());
  if (!txt) return txt.error();
  return NewDkimKey{std::string(pem, static_cast<size_t>(size)), std::move(*txt)};
}

Result<std::string> dkim_txt(const std::string& private_pem) {
  const Bio in(BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())), BIO_free);
  const Key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr, EVP_PKEY_free);
  if (!key) return Error{Code::kCorrupt, "this is not a private key in PEM form"};
  return txt_of(key.get());
}

}  // namespace pabal::trust
