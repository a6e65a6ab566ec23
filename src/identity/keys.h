// identity's keys. Names are in lower case; domains in A-labels.
//   I d DOMAIN               domain record
//   I a account:u32          account record
//   I n DOMAIN NUL LOCAL     account id (u32)
//   I l DOMAIN NUL LOCAL     alias record
//   I s account:u32          secrets: Argon2id string, SCRAM salt, stored key, server key, iterations
//   I t account:u32 hash     token record; the hash is SHA-256 of what was given out. With expiry
//   I w account:u32          written when the account may do less or other than before; account 0: any may
//   I c                      last account id given
//   I k                      random key of this server, for made-up SCRAM salts
#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"
#include "message/address.h"
#include "store/store.h"

namespace pabal::identity::keys {

inline std::string domain(std::string_view name) { return Encoder().raw("Id").raw(name).take(); }
inline std::string account(uint32_t id) { return Encoder().raw("Ia").u32(id).take(); }
inline std::string secrets(uint32_t id) { return Encoder().raw("Is").u32(id).take(); }
inline constexpr std::string_view kTokens = "It";
inline std::string token(uint32_t account, std::string_view hash) {
  return Encoder().raw(kTokens).u32(account).raw(hash).take();
}
inline std::string standing(uint32_t account) { return Encoder().raw("Iw").u32(account).take(); }
inline void note_standing(store::Transaction& t, uint32_t id) { t.put(standing(id), ""); }
inline std::string named(char kind, const message::Address& a) {
  return Encoder().raw("I").u8(static_cast<uint8_t>(kind)).raw(a.domain).u8(0).raw(a.local).take();
}
inline std::string named_in(char kind, std::string_view domain) {
  Encoder out;
  out.raw("I").u8(static_cast<uint8_t>(kind));
  if (!domain.empty()) out.raw(domain).u8(0);
  return out.take();
}
inline constexpr std::string_view kCounter = "Ic";
inline constexpr std::string_view kServerKey = "Ik";

}  // namespace pabal::identity::keys
