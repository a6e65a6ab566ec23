// room: dns
// RDATA from the network: read or refused, and never a name that breaks a line.
#include "base/check.h"
#include "dns/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pabal::dns;
  if (size == 0) return 0;
  constexpr Type kTypes[] = {Type::kA,   Type::kNs,   Type::kCname, Type::kPtr, Type::kMx,
                             Type::kTxt, Type::kAaaa, Type::kTlsa,  Type::kCaa, Type::kSrv};
  const Type type = kTypes[data[0] % std::size(kTypes)];
  const auto record = record_from_wire(type, {reinterpret_cast<const char*>(data) + 1, size - 1});
  if (record && type != Type::kTxt && type != Type::kTlsa && type != Type::kCaa)
    for (const char c : record->data) PABAL_CHECK(static_cast<unsigned char>(c) > ' ' && c != 0x7F);
  return 0;
}
