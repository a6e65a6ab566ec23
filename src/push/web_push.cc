#include "push/web_push.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "web/http.h"

namespace pabal::push {
namespace {

constexpr size_t kTag = 16, kKey = 16, kNonce = 12;
constexpr uint32_t kRecordSize = 4'096;

using namespace std::string_view_literals;

std::string hmac(std::string_view key, std::string_view message) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

// RFC 5869 for at most 32 octets.
std::string hkdf(std::string_view salt, std::string_view secret, std::string_view info, size_t size) {
  return hmac(hmac(salt, secret), std::string(info) + '\x01').substr(0, size);
}

std::string aes128gcm(std::string_view key, std::string_view nonce, std::string_view plain) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
  std::string out(plain.size() + kTag, '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  int size = 0, rest = 0;
  const auto octets = [](std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  PABAL_CHECK(EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, octets(key), octets(nonce)) == 1);
  PABAL_CHECK(EVP_EncryptUpdate(context.get(), at, &size, octets(plain), static_cast<int>(plain.size())) == 1);
  PABAL_CHECK(EVP_EncryptFinal_ex(context.get(), at + size, &rest) == 1);
  PABAL_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, at + plain.size()) == 1);
  return out;
}

}  // namespace

std::string encrypt_content(std::string_view message, std::string_view key, std::string_view salt,
                            std::string_view key_id, size_t pad_to) {
  std::string plain(message);
  plain += '\x02';  // RFC 8188 §2: the last record, then padding
  plain.resize(std::max(plain.size(), pad_to + 1), '\0');
  const std::string content_key = hkdf(salt, key, "Content-Encoding: aes128gcm\0"sv, kKey);
  const std::string nonce = hkdf(salt, key, "Content-Encoding: nonce\0"sv, kNonce);
  Encoder out;
  out.raw(salt).u32(kRecordSize).u8(static_cast<uint8_t>(key_id.size())).raw(key_id);
  return out.raw(aes128gcm(content_key, nonce, plain)).take();
}

Result<std::string> encrypt_push(std::string_view message, const PushKeys& keys, size_t pad_to, const EcKey& ephemeral,
                                 std::string_view salt) {
  if (message.size() > kMaxPushPayload) return Error{Code::kLimit, "the message is too long to be pushed"};
  if (keys.auth.size() != kAuthSecret) return Error{Code::kInvalid, "auth is to be 16 octets"};
  const Result<std::string> secret = ephemeral.agree(keys.p256dh);
  if (!secret) return secret.error();
  // RFC 8291 §3.4.
  const std::string info = std::string("WebPush: info\0"sv) + keys.p256dh + ephemeral.point();
  const std::string key = hkdf(keys.auth, *secret, info, 32);
  return encrypt_content(message, key, salt, ephemeral.point(), std::min(pad_to, kMaxPushPayload));
}

Result<std::string> encrypt_push(std::string_view message, const PushKeys& keys, size_t pad_to, Random& random) {
  return encrypt_push(message, keys, pad_to, EcKey::generate(random), random.bytes(kSalt));
}

std::string vapid(const EcKey& key, std::string_view origin, std::string_view contact, Time now) {
  const std::string claims = "{\"aud\":" + web::json_string(origin) +
                             ",\"exp\":" + std::to_string(to_unix(now + kVapidLifetime)) +
                             ",\"sub\":" + web::json_string(contact) + "}";
  const std::string signed_part = text::base64url(R"({"typ":"JWT","alg":"ES256"})") + "." + text::base64url(claims);
  return "vapid t=" + signed_part + "." + text::base64url(key.sign(signed_part)) +
         ", k=" + text::base64url(key.point());
}

}  // namespace pabal::push
