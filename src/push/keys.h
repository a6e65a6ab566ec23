// push's keys.
//   P o account:u32 id:u64   outlet record
//   P c                      written whenever outlets come, go or are set anew: what the sender watches
//   P v                      private key for VAPID, 32 octets
//   P t NAME                 topic record: where what Gmail's watch names leads to
#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"

namespace pabal::push::keys {

inline constexpr std::string_view kOutlets = "Po", kTopics = "Pt", kChanged = "Pc", kVapid = "Pv";
inline std::string outlets(uint32_t account) { return Encoder().raw(kOutlets).u32(account).take(); }
inline std::string outlet(uint32_t account, uint64_t id) { return Encoder().raw(kOutlets).u32(account).u64(id).take(); }
inline std::string topic(std::string_view name) { return Encoder().raw(kTopics).raw(name).take(); }

}  // namespace pabal::push::keys
