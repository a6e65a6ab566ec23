#include "identity/password.h"

#include <argon2.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/codec.h"
#include "base/text.h"

namespace pabal::identity {

Result<std::string> argon2_hash(std::string_view password, Random& random) {
  const std::string salt = random.bytes(16);
  char encoded[256];
  const int done = argon2id_hash_encoded(kArgonPasses, kArgonMemoryKib, 1, password.data(), password.size(),
                                         salt.data(), salt.size(), 32, encoded, sizeof encoded);
  if (done != ARGON2_OK) return Error{Code::kInternal, argon2_error_message(done)};
  return std::string(encoded);
}

std::string argon2_of_nobody(Random& random) {
  const auto base64 = [&](size_t octets) {  // without padding, as the encoded form has it
    std::string out = text::base64(random.bytes(octets));
    while (out.ends_with('=')) out.pop_back();
    return out;
  };
  return "$argon2id$v=19$m=" + std::to_string(kArgonMemoryKib) + ",t=" + std::to_string(kArgonPasses) + ",p=1$" +
         base64(16) + "$" + base64(32);
}

bool argon2_verify(std::string_view encoded, std::string_view password) {
  return argon2id_verify(std::string(encoded).c_str(), password.data(), password.size()) == ARGON2_OK;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(32, '\0');
  unsigned size = 32;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

ScramSecret make_scram(std::string_view password, std::string salt, uint32_t iterations) {
  // RFC 5802 §3
  std::string salted(32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                    static_cast<int>(iterations), EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
  ScramSecret secret;
  secret.stored_key = sha256(hmac_sha256(salted, "Client Key"));
  secret.server_key = hmac_sha256(salted, "Server Key");
  secret.salt = std::move(salt);
  secret.iterations = iterations;
  return secret;
}

bool scram_proves(const ScramSecret& secret, std::string_view auth_message, std::string_view proof) {
  const std::string signature = hmac_sha256(secret.stored_key, auth_message);
  if (proof.size() != signature.size()) return false;
  std::string client_key(proof);
  for (size_t i = 0; i < client_key.size(); ++i) client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
  return text::same_secret(sha256(client_key), secret.stored_key);
}

}  // namespace pabal::identity
