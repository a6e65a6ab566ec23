#include "trust/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/text.h"
#include "trust/tag_list.h"

namespace pabal::trust {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

const unsigned char* octets(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

Error bad(std::string why) { return {Code::kInvalid, "the key record " + std::move(why)}; }

bool lists(std::string_view list, std::string_view wanted) {
  const auto words = text::split(list, ':');
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text::trim(word) == wanted; });
}

Key owned(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

// RFC 6376 says RSAPublicKey and shows SubjectPublicKeyInfo; both are published.
Key rsa_key(std::string_view der) {
  const unsigned char* at = octets(der);
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
  if (!key) {
    at = octets(der);
    key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size()));
  }
  ERR_clear_error();
  return owned(key);
}

// OpenSSL checks with any exponent, one as long as the modulus too: a thousand times the work of the usual ones.
bool has_small_exponent(EVP_PKEY* key) {
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
  const bool small = BN_num_bits(exponent) <= 64;
  BN_free(exponent);
  return small;
}

Result<PublicKey> read_rsa(std::string_view der) {
  PublicKey out;
  out.key = rsa_key(der);
  if (!out.key || EVP_PKEY_get_base_id(out.key.get()) != EVP_PKEY_RSA) return bad("has no RSA key in p=");
  out.bits = static_cast<unsigned>(EVP_PKEY_get_bits(out.key.get()));
  const std::string bits = std::to_string(out.bits) + " bits";
  if (out.bits < kMinRsaBits) return bad("has an RSA key of " + bits + "; below 1024 nothing is proved (RFC 8301)");
  if (out.bits > kMaxRsaBits) return bad("has an RSA key of " + bits + ", more than are taken here");
  if (!has_small_exponent(out.key.get())) return bad("has an RSA key whose exponent is too large");
  return out;
}

// RFC 8463 §4.2: the bare 32 octets.
Result<PublicKey> read_ed25519(std::string_view raw) {
  if (raw.size() != 32) return bad("has no Ed25519 key of 32 octets in p=");
  PublicKey out;
  out.key = owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(raw), raw.size()));
  if (!out.key) return bad("has no Ed25519 key in p=");
  out.bits = 256;
  return out;
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) {
  return algorithm == Algorithm::kRsaSha256 ? "rsa-sha256" : "ed25519-sha256";
}

Result<PublicKey> read_key_record(std::string_view record, Algorithm algorithm) {
  if (record.size() > kMaxKeyRecordBytes) return bad("is too long");
  const auto tags = TagList::parse(record);
  if (!tags) return bad("is malformed: " + tags.error().message);
  if (const Tag* version = tags->find("v"); version && (version != tags->tags().data() || version->value != "DKIM1"))
    return bad("is of another version than DKIM1");
  const auto key = tags->value("p");
  if (!key) return bad("has no p=");
  if (key->empty()) return bad("has an empty p=: the key has been revoked");
  const std::string_view kind = tags->value("k").value_or("rsa");
  const std::string_view wanted = algorithm == Algorithm::kRsaSha256 ? "rsa" : "ed25519";
  if (kind != wanted)
    return bad("is for k=" + text::printable(kind, 20) + ", the signature for " + std::string(wanted));
  if (const auto hashes = tags->value("h"); hashes && !lists(*hashes, "sha256"))
    return bad("does not allow SHA-256 (h=)");
  if (const auto services = tags->value("s"); services && !lists(*services, "*") && !lists(*services, "email"))
    return bad("is not for mail (s=)");
  const auto bytes = folded_base64(*key);
  if (!bytes) return bad("has no base64 in p=");
  auto out = algorithm == Algorithm::kRsaSha256 ? read_rsa(*bytes) : read_ed25519(*bytes);
  if (!out) return out;
  const std::string_view flags = tags->value("t").value_or("");
  out->testing = lists(flags, "y");
  out->strict = lists(flags, "s");
  return out;
}

bool verify_hash(const PublicKey& key, Algorithm algorithm, std::string_view hash, std::string_view signature) {
  bool good = false;
  if (algorithm == Algorithm::kEd25519Sha256) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    good = context && EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key.key.get()) == 1 &&
           EVP_DigestVerify(context, octets(signature), signature.size(), octets(hash), hash.size()) == 1;
    EVP_MD_CTX_free(context);
  } else {
    const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.key.get(), nullptr), EVP_PKEY_CTX_free);
    good = context && EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_verify(context.get(), octets(signature), signature.size(), octets(hash), hash.size()) == 1;
  }
  if (!good) ERR_clear_error();
  return good;
}

Result<std::string> sign_hash(EVP_PKEY* key, Algorithm algorithm, std::string_view hash) {
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(key));
  std::string out(size, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  bool good = false;
  if (algorithm == Algorithm::kEd25519Sha256) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    good = context && EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestSign(context, to, &size, octets(hash), hash.size()) == 1;
    EVP_MD_CTX_free(context);
  } else {
    const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), EVP_PKEY_CTX_free);
    good = context && EVP_PKEY_sign_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_sign(context.get(), to, &size, octets(hash), hash.size()) == 1;
  }
  if (!good) {
    ERR_clear_error();
    return Error{Code::kInternal, "OpenSSL could not sign"};
  }
  out.resize(size);
  return out;
}

}  // namespace pabal::trust
