// What goes to a push service: the message encrypted so that only the browser can read it (RFC 8291, with the coding
// aes128gcm of RFC 8188), and the proof of who sends it (VAPID, RFC 8292).
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "push/ec_key.h"

namespace pabal::push {

constexpr size_t kAuthSecret = 16, kSalt = 16;  // octets
constexpr size_t kMaxPushPayload = 3'000;       // octets; push services take 4,096 of body (RFC 8030 §7.2)
constexpr hours kVapidLifetime{12};             // RFC 8292 §2: at most 24 hours

struct PushKeys {  // of a browser, raw
  std::string p256dh, auth;
  friend bool operator==(const PushKeys&, const PushKeys&) = default;
};

// One record. With zeros behind the message up to `pad_to` octets, so that its length says nothing. kInvalid: the keys
// are not good. kLimit: the message is too long.
Result<std::string> encrypt_push(std::string_view message, const PushKeys& keys, size_t pad_to, const EcKey& ephemeral,
                                 std::string_view salt);
Result<std::string> encrypt_push(std::string_view message, const PushKeys& keys, size_t pad_to, Random& random);

// RFC 8188 with a key of 16 octets, one record, no key id.
std::string encrypt_content(std::string_view message, std::string_view key, std::string_view salt,
                            std::string_view key_id, size_t pad_to);

// The value of Authorization for a push service. `origin`: "https://push.example:444"; `contact`: "mailto:..." of
// whoever runs this server.
std::string vapid(const EcKey& key, std::string_view origin, std::string_view contact, Time now);

}  // namespace pabal::push
