#include "trust/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>

#include "base/recent.h"
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

// Takes an element of DER with this tag off the front; its contents. Lengths up to 65,535 (X.690 §8.1.3).
std::optional<std::string_view> take(std::string_view& der, unsigned char tag) {
  const auto octet = [&](size_t at) { return at < der.size() ? static_cast<unsigned char>(der[at]) : 0u; };
  if (octet(0) != tag) return {};
  const unsigned lengths = octet(1) < 0x80 ? 0 : octet(1) - 0x80;
  if (lengths > 2) return {};
  const size_t begin = 2 + lengths;
  const size_t size = lengths == 0 ? octet(1) : lengths == 1 ? octet(2) : octet(2) << 8 | octet(3);
  if (begin > der.size() || size > der.size() - begin) return {};
  const std::string_view contents = der.substr(begin, size);
  der.remove_prefix(begin + size);
  return contents;
}

// The RSAPublicKey in a SubjectPublicKeyInfo (RFC 8017 §A.1), or `der` itself: RFC 6376 says the first and shows the
// second, and both are published. By hand, as OpenSSL 3 takes 130 µs to look into the outer one, and 1 µs for the
// inner.
std::string_view rsa_public_key(std::string_view der) {
  constexpr std::string_view kRsaEncryption("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 11);
  std::string_view rest = der;
  auto info = take(rest, 0x30);
  const auto algorithm = info ? take(*info, 0x30) : std::nullopt;
  if (!algorithm || !algorithm->starts_with(kRsaEncryption)) return der;
  const auto bits = take(*info, 0x03);
  return bits && bits->starts_with('\0') ? bits->substr(1) : der;
}

Key rsa_key(std::string_view der) {
  const std::string_view inner = rsa_public_key(der);
  const unsigned char* at = octets(inner);
  Key key = owned(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(inner.size())));
  ERR_clear_error();
  return key;
}

// OpenSSL checks with any exponent, one as long as the modulus too: a thousand times the work of the usual ones.
bool has_small_exponent(EVP_PKEY* key) {
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
  const bool small = BN_num_bits(exponent) <= 64;
  BN_free(exponent);
  return small;
}

Result<PublicKey> checked_rsa(std::string_view der) {
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

// OpenSSL takes longer to read a key than to check a signature with it, and a few keys sign most mail.
Result<PublicKey> read_rsa(const std::string& der) {
  static Recent<PublicKey> known(1'000);
  if (auto key = known.find(der)) return std::move(*key);
  auto key = checked_rsa(der);
  if (key) known.put(der, *key);
  return key;
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
