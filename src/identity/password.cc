#include "identity/password.h"

#include <argon2.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"

namespace pabal::identity {

Result<std::string> argon2_hash(std::string_view password, Random& random) {
  const std::string salt = random.bytes(16);
  char encoded[256];
  const int done = argon2id_hash_encoded(kArgonPasses, kArgonMemoryKib, 1, password.data(), password.size(), salt.data(),
                                         salt.size(), 32, encoded, sizeof encoded);
  if (done != ARGON2_OK) return Error{Code::kInternal, argon2_error_message(done)};
  return std::string(encoded);
}

bool argon2_verify(std::string_view encoded, std::string_view password) {
  return argon2id_verify(std::string(encoded).c_str(), password.data(), password.size()) == ARGON2_OK;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(32, '\0');
  unsigned size = 32;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()), data.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

ScramSecret make_scram(std::string_view password, std::string salt, uint32_t iterations) {
  // RFC 5802 §3
  std::string salted(32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(), 32,
                    reinterpret_cast<unsigned char*>(salted.data()));
  ScramSecret secret;
  secret.stored_key = sha256(hmac_sha256(salted, "Client Key"));
  secret.server_key = hmac_sha256(salted, "Server Key");
  secret.salt = std::move(salt);
  secret.iterations = iterations;
  return secret;
}

}  // namespace pabal::identity
