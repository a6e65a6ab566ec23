// room: trust
// A record that is read keeps within its limits; an address of a URI is one that can be sent to.
#include <string>

#include "base/check.h"
#include "message/address.h"
#include "trust/dmarc_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace t = pabal::trust;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string address = t::mailto_address(bytes);
  PABAL_CHECK(address.empty() || pabal::message::parse_addr_spec(address, true));
  for (const std::string& text : {std::string(bytes), "v=DMARC1;" + std::string(bytes)}) {
    const auto record = t::parse_dmarc_record(text);
    if (!record) continue;
    PABAL_CHECK(record->rua.size() <= t::kMaxDmarcUris && record->ruf.size() <= t::kMaxDmarcUris);
    for (const std::string& uri : record->rua) PABAL_CHECK(uri.find_first_of(" \r\n\"<,;!") == uri.npos);
  }
  PABAL_CHECK(t::parse_dmarc_record("v=DMARC1;" + std::string(bytes)));
  return 0;
}
