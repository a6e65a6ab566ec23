// Keys: the records that signers publish (RFC 6376 §3.6.1), and the two operations done with keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace pabal::trust {

enum class Algorithm : uint8_t { kRsaSha256, kEd25519Sha256 };
std::string_view algorithm_name(Algorithm algorithm);  // "rsa-sha256"

inline constexpr unsigned kMinRsaBits = 1024;          // RFC 8301 §3.2
inline constexpr unsigned kMaxRsaBits = 8192;          // it asks for 4096; the work grows with the square
inline constexpr size_t kMaxKeyRecordBytes = 8 << 10;  // 8192 bits are 1,400 digits

struct PublicKey {
  std::shared_ptr<evp_pkey_st> key;
  unsigned bits = 0;
  bool testing = false;  // t=y
  bool strict = false;   // t=s: i= must have the very domain of d=
};

// `text`: of the TXT record at <selector>._domainkey.<domain>. kInvalid: it is no key for mail and this algorithm, or
// too weak, or revoked; the message says which, as in "the key record ...".
Result<PublicKey> read_key_record(std::string_view text, Algorithm algorithm);

// Signatures are over the SHA-256 hash (32 octets) of what is signed, of Ed25519 too (RFC 8463 §3).
bool verify_hash(const PublicKey& key, Algorithm algorithm, std::string_view hash, std::string_view signature);
Result<std::string> sign_hash(evp_pkey_st* key, Algorithm algorithm, std::string_view hash);

}  // namespace pabal::trust
