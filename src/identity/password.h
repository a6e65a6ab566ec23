// Password hashing: Argon2id (RFC 9106) for logins in clear under TLS, SCRAM-SHA-256 secrets (RFC 5802, RFC 7677).
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace pabal::identity {

constexpr size_t kMinPassword = 8;  // octets
constexpr size_t kMaxPassword = 1'000;
constexpr uint32_t kArgonMemoryKib = 19 * 1024;  // OWASP's minimum for Argon2id with two passes
constexpr uint32_t kArgonPasses = 2;
constexpr uint32_t kScramIterations = 10'000;  // RFC 7677 §4 asks for 4,096 at least

struct ScramSecret {
  std::string salt, stored_key, server_key;
  uint32_t iterations = 0;
};

Result<std::string> argon2_hash(std::string_view password, Random& random);  // encoded with its salt and parameters
// A hash of the same cost that no password has.
std::string argon2_of_nobody(Random& random);
bool argon2_verify(std::string_view encoded, std::string_view password);  // tens of milliseconds
ScramSecret make_scram(std::string_view password, std::string salt, uint32_t iterations);

// RFC 5802 §3: ClientProof XOR HMAC(StoredKey, AuthMessage) is the ClientKey, whose hash is the StoredKey.
bool scram_proves(const ScramSecret& secret, std::string_view auth_message, std::string_view proof);

std::string hmac_sha256(std::string_view key, std::string_view data);

}  // namespace pabal::identity
