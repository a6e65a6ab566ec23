#include "oauth/signing.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/codec.h"
#include "base/text.h"

namespace pabal::oauth {
namespace {

constexpr std::string_view kKey = "Ok";
constexpr int kBits = 2'048;

template <auto Free>
struct Freer {
  void operator()(auto* p) const { Free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;

std::string content(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

// A number of the key, as RFC 7518 §2 writes it.
std::string base64url_number(EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return "";
  const Number number(raw);
  std::string octets(static_cast<size_t>(BN_num_bytes(raw)), '\0');
  BN_bn2bin(raw, reinterpret_cast<unsigned char*>(octets.data()));
  return text::base64url(octets);
}

class RsaKey final : public SigningKey {
 public:
  RsaKey(Key key, std::string n, std::string e, std::string pem)
      : key_(std::move(key)), n_(std::move(n)), e_(std::move(e)), pem_(std::move(pem)) {
    // RFC 7638 §3: the required members in lexical order.
    id_ = text::base64url(sha256("{\"e\":\"" + e_ + "\",\"kty\":\"RSA\",\"n\":\"" + n_ + "\"}"));
  }
  std::string id() const override { return id_; }
  std::string public_pem() const override { return pem_; }
  std::string jwk() const override {
    return "{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"" + id_ + "\",\"n\":\"" + n_ + "\",\"e\":\"" +
           e_ + "\"}";
  }
  Result<std::string> sign(std::string_view claims) const override {
    const std::string head = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"" + id_ + "\"}";
    const std::string input = text::base64url(head) + "." + text::base64url(claims);
    const Digest digest(EVP_MD_CTX_new());
    const auto* data = reinterpret_cast<const unsigned char*>(input.data());
    size_t size = 0;
    std::string signature;
    const bool good = digest && EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                      EVP_DigestSign(digest.get(), nullptr, &size, data, input.size()) == 1;
    if (good) signature.resize(size);
    if (!good || EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                                input.size()) != 1)
      return Error{Code::kInternal, "an identity token could not be signed"};
    signature.resize(size);
    return input + "." + text::base64url(signature);
  }

 private:
  const Key key_;
  const std::string n_, e_, pem_;
  std::string id_;
};

}  // namespace

Result<std::unique_ptr<SigningKey>> read_signing_key(const std::string& private_pem) {
  const Error broken{Code::kCorrupt, "the key for identity tokens is damaged; run pabal verify"};
  const Bio in(BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())));
  Key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return broken;
  std::string n = base64url_number(key.get(), OSSL_PKEY_PARAM_RSA_N),
              e = base64url_number(key.get(), OSSL_PKEY_PARAM_RSA_E);
  const Bio out(BIO_new(BIO_s_mem()));
  if (n.empty() || e.empty() || !out || PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) return broken;
  return std::unique_ptr<SigningKey>(
      std::make_unique<RsaKey>(std::move(key), std::move(n), std::move(e), content(out.get())));
}

Result<std::string> make_signing_key() {
  const Key key(EVP_RSA_gen(kBits));
  const Bio out(BIO_new(BIO_s_mem()));
  if (!key || !out || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error{Code::kInternal, "no key could be made for identity tokens"};
  return content(out.get());
}

Result<std::shared_ptr<const SigningKey>> KeyHolder::find_or_make() {
  auto kept = store_.get(kKey);
  if (!kept) return kept.error();
  std::string pem = kept->value_or("");
  if (pem.empty()) {
    auto made = make_signing_key();
    if (!made) return made.error();
    pem = *made;
    // Two that come at once make two; the first one stays.
    const auto done = store_.transact_and_wait([&pem](store::Transaction& t) -> Result<void> {
      const auto there = t.get(kKey);
      if (!there) return there.error();
      if (*there)
        pem = **there;
      else
        t.put(kKey, pem);
      return {};
    });
    if (!done) return done.error();
  }
  auto key = read_signing_key(pem);
  if (!key) return key.error();
  std::shared_ptr<const SigningKey> shared = std::move(*key);
  std::lock_guard lock(mutex_);
  key_ = shared;
  return shared;
}

Task<Result<std::shared_ptr<const SigningKey>>> KeyHolder::get(net::Loop& loop) {
  {
    std::lock_guard lock(mutex_);
    if (key_) co_return key_;
  }
  using Found = std::shared_ptr<const SigningKey>;
  std::function<Result<Found>()> work = [this] { return find_or_make(); };
  Task<Result<Found>> working = net::run_on<Found>(pool_, loop, work);
  co_return co_await working;
}

}  // namespace pabal::oauth
