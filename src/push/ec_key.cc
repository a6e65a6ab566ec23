#include "push/ec_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace pabal::push {
namespace {

template <auto Free>
struct Freed {
  void operator()(auto* p) const { Free(p); }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

using Number = Owned<BIGNUM, BN_free>;
using Signature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* octets(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

const EC_GROUP& curve() {
  static const EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  PABAL_CHECK(group);
  return *group;
}

// `scalar` null: a public key.
std::shared_ptr<EVP_PKEY> make_key(std::string_view point, const BIGNUM* scalar) {
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  if (scalar) OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar);
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return {made, EVP_PKEY_free};
}

std::shared_ptr<EVP_PKEY> public_key(std::string_view point) {
  if (point.size() != kPoint || point.front() != '\x04') return nullptr;
  const Owned<EC_POINT, EC_POINT_free> parsed(EC_POINT_new(&curve()));
  // Checks that it is on the curve: another one would tell of our private key.
  if (EC_POINT_oct2point(&curve(), parsed.get(), octets(point), point.size(), nullptr) != 1) return nullptr;
  return make_key(point, nullptr);
}

}  // namespace

Result<EcKey> EcKey::from_private(std::string_view scalar) {
  const Number number(BN_bin2bn(octets(scalar), static_cast<int>(scalar.size()), nullptr));
  if (scalar.size() != kScalar || BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(&curve())) >= 0)
    return Error{Code::kInvalid, "not a private key of P-256"};
  const Owned<EC_POINT, EC_POINT_free> point(EC_POINT_new(&curve()));
  EC_POINT_mul(&curve(), point.get(), number.get(), nullptr, nullptr, nullptr);
  unsigned char out[kPoint];
  EC_POINT_point2oct(&curve(), point.get(), POINT_CONVERSION_UNCOMPRESSED, out, sizeof out, nullptr);
  EcKey key;
  key.scalar_ = scalar;
  key.point_.assign(reinterpret_cast<const char*>(out), sizeof out);
  key.key_ = make_key(key.point_, number.get());
  if (!key.key_) return Error{Code::kInternal, "OpenSSL does not take a key of P-256"};
  return key;
}

EcKey EcKey::generate(Random& random) {
  for (;;)
    if (Result<EcKey> key = from_private(random.bytes(kScalar))) return std::move(*key);
}

Result<std::string> EcKey::agree(std::string_view point) const {
  const std::shared_ptr<EVP_PKEY> other = public_key(point);
  if (!other) return Error{Code::kInvalid, "not a public key of P-256"};
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  std::string out(kScalar, '\0');
  size_t size = out.size();
  if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size) != 1 || size != kScalar)
    return Error{Code::kInvalid, "no secret can be agreed on with this key"};
  return out;
}

std::string EcKey::sign(std::string_view message) const {
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  unsigned char der[128];
  size_t size = sizeof der;
  PABAL_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  PABAL_CHECK(EVP_DigestSign(context.get(), der, &size, octets(message), message.size()) == 1);
  const unsigned char* at = der;
  const Signature parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  unsigned char both[2 * kScalar];
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), both, kScalar);
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), both + kScalar, kScalar);
  return {reinterpret_cast<const char*>(both), sizeof both};
}

bool is_public_key(std::string_view point) { return public_key(point) != nullptr; }

bool verify_es256(std::string_view point, std::string_view message, std::string_view signature) {
  const std::shared_ptr<EVP_PKEY> key = public_key(point);
  if (!key || signature.size() != 2 * kScalar) return false;
  const Signature made(ECDSA_SIG_new());
  ECDSA_SIG_set0(made.get(), BN_bin2bn(octets(signature), kScalar, nullptr),
                 BN_bin2bn(octets(signature) + kScalar, kScalar, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(made.get(), &der);
  if (size <= 0) return false;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<size_t>(size), octets(message), message.size()) == 1;
  OPENSSL_free(der);
  return good;
}

}  // namespace pabal::push
